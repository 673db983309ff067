"""Twenty-two more small inputs, as `first_look_files` has them: written before the guesses were looked at again.

Other trades, other shapes (nested objects, a workbook, a database, quarters as columns) and other languages.
"""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.first_look_files import END, MEMBERS, START, Maker, Truth, _cents, _csv, _has, _moments, _money


def _bought(rows: list[tuple]) -> dict[str, int]:
    return {"purchase": len(rows)}


def _last(rows: list[tuple]) -> int:
    """The sum of the last column in cents."""
    return _cents([row[-1] for row in rows])


def _clinic(to: Path, rng: np.random.Generator) -> Truth:
    """Appointments of a clinic; some were not kept, some cancelled; nobody pays."""
    rows = []
    for member, at in _moments(rng, 25):
        status = str(rng.choice(["Attended", "No-show", "Cancelled"], p=[0.75, 0.15, 0.1]))
        booked = at - pd.Timedelta(days=int(rng.integers(1, 20)))
        clinic = str(rng.choice(["Cardiology", "Dermatology", "GP"]))
        rows.append((len(rows) + 1, f"P{member:05}", clinic, f"{booked:%Y-%m-%d}", f"{at:%Y-%m-%d %H:%M}", status))
    _csv(to / "appointments.csv", rows, "appointment_id,patient_id,clinic,booked_on,appointment_time,status")
    columns = {"events.at": ["appointment_time"], "events.member_id": ["patient_id"], "events.amount": [None]}
    kept = sum(row[-1] == "Attended" for row in rows)
    return Truth(["service"], _has("events"), columns, {"visit": kept}, 0, len({row[1] for row in rows}))


def _parking(to: Path, rng: np.random.Generator) -> Truth:
    """Parking sessions by number plate."""
    rows = []
    for member, at in _moments(rng, 12):
        minutes = int(rng.integers(20, 300))
        out = at + pd.Timedelta(minutes=minutes)
        fee = round(minutes * 0.03, 2)
        zone = f"Zone {rng.integers(5)}"
        rows.append(
            (f"S{len(rows):06}", f"KA{member:02}XY", zone, f"{at:%d.%m.%Y %H:%M}", f"{out:%d.%m.%Y %H:%M}", fee)
        )
    _csv(to / "parking_sessions.csv", rows, "session_id,plate,zone,entry_time,exit_time,fee", sep=";")
    columns = {"events.member_id": ["plate"], "events.at": ["entry_time"], "events.amount": ["fee"]}
    return Truth(["shop", "travel"], _has("events"), columns, None, _last(rows))


def _charging(to: Path, rng: np.random.Generator) -> Truth:
    """Charging of cars: seconds since 1970, kWh, what it cost."""
    rows = []
    for member, at in _moments(rng, 9):
        kwh = round(float(rng.uniform(5, 60)), 2)
        begun = int(at.timestamp())
        rows.append((f"04A{member:07X}", f"CP-{rng.integers(7):03}", begun, begun + 3600, kwh, round(kwh * 0.49, 2)))
    _csv(to / "cdr_export.csv", rows, "rfid_uid,charge_point,start_ts,stop_ts,energy_kwh,total_cost")
    columns = {"events.member_id": ["rfid_uid"], "events.at": ["start_ts"], "events.measure": ["energy_kwh"]}
    return Truth(["shop", "travel"], _has("events"), columns, None, _last(rows))


def _courses(to: Path, rng: np.random.Generator) -> Truth:
    """Enrolments of free courses, lectures watched and a catalogue."""
    catalogue = [(f"course-{n}", f"Course {n}", ["Maths", "Art", "Code"][n % 3], 4 + n) for n in range(9)]
    enrolled, watched = [], []
    for member, at in _moments(rng, 40):
        course = f"course-{rng.integers(9)}"
        enrolled.append((f"u{member:04}", course, f"{at:%Y-%m-%dT%H:%M:%SZ}", bool(rng.random() < 0.2)))
        for day in range(int(rng.integers(1, 8))):
            seen = at + pd.Timedelta(days=day, minutes=7)
            watched.append((f"u{member:04}", course, f"lec-{day}", f"{seen:%Y-%m-%dT%H:%M:%SZ}", "play_video"))
    _csv(to / "courses.csv", catalogue, "course_id,title,subject,weeks")
    _csv(to / "enrolments.csv", enrolled, "user_id,course_id,enrolled_at,certified")
    _csv(to / "activity.csv", watched, "user_id,course_id,lecture,timestamp,action")
    columns = {"items.category": ["subject"], "events.item_id": ["course_id", "item_id"]}
    return Truth(["content"], _has("events", "items"), columns)


def _game(to: Path, rng: np.random.Generator) -> Truth:
    """Events of a game as objects: sessions, levels, and purchases within it."""
    lines, paid = [], []
    for member, at in _moments(rng, 6):
        kind = str(rng.choice(["session_start", "level_up", "iap_purchase"], p=[0.7, 0.2, 0.1]))
        line = {"event": kind, "ts": int(at.timestamp() * 1000), "player": {"id": f"pl_{member:05}", "country": "SE"}}
        if kind == "iap_purchase":
            paid.append(float(rng.choice([0.99, 4.99, 9.99])))
            line |= {"product": f"gems_{int(paid[-1])}", "price_usd": paid[-1]}
        lines.append(json.dumps(line))
    (to / "game_events.jsonl").write_text("\n".join(lines) + "\n")
    kinds = pd.Series([json.loads(line)["event"] for line in lines]).value_counts()
    said = {"visit": int(kinds["session_start"]), "purchase": int(kinds["iap_purchase"])}
    columns = {"events.member_id": ["player.id", "player_id", "member_id"]}
    return Truth(["content", "shop"], _has("events"), columns, said, _cents(paid))


def _quarters(to: Path, rng: np.random.Generator) -> Truth:
    """Gifts of donors, a column a quarter."""
    names = [f"Q{1 + quarter % 4} {2023 + quarter // 4}" for quarter in range(8)]
    rows = [
        (f"D{member:04}", f"Town {member % 3}", *(_money(rng, 60) if rng.random() < 0.7 else None for _ in names))
        for member in range(MEMBERS)
    ]
    _csv(to / "donations_by_quarter.csv", rows, "donor_id,town," + ",".join(names))
    gifts = [gift for row in rows for gift in row[2:] if gift is not None]
    columns = {"events.amount": ["amount"]}
    return Truth(
        ["shop"],
        [frozenset({"events"}), frozenset({"events", "members"})],
        columns,
        {"purchase": len(gifts)},
        _cents(gifts),
    )


def _taxi(to: Path, rng: np.random.Generator) -> Truth:
    """Rides, with fare, tip and total."""
    rows = []
    for member, at in _moments(rng, 10):
        fare, tip = _money(rng, 14), round(float(rng.uniform(0, 4)), 2)
        off = at + pd.Timedelta(minutes=int(rng.integers(4, 50)))
        when = (f"{at:%m/%d/%Y %I:%M:%S %p}", f"{off:%m/%d/%Y %I:%M:%S %p}")
        rows.append((f"R{member:03}", *when, f"Z{rng.integers(9)}", f"Z{rng.integers(9)}", fare, tip, fare + tip))
    names = "rider_id,pickup_datetime,dropoff_datetime,pickup_zone,dropoff_zone,fare_amount,tip_amount,total_amount"
    _csv(to / "rides.csv", rows, names)
    columns = {"events.at": ["pickup_datetime"], "events.amount": ["total_amount"], "events.member_id": ["rider_id"]}
    return Truth(["travel"], _has("events"), columns, None, _last(rows))


def _calls(to: Path, rng: np.random.Generator) -> Truth:
    """Call records of a telephone company: no money, seconds."""
    rows = []
    for member, at in _moments(rng, 3):
        other = f"49151{rng.integers(10**6, 10**7)}"
        rows.append((f"49170{member:07}", other, f"{at:%Y%m%d%H%M%S}", int(rng.integers(5, 900)), "MOC"))
    _csv(to / "cdr.csv", rows, "calling_number,called_number,call_start,duration_sec,call_type", sep="|")
    columns = {"events.member_id": ["calling_number"], "events.measure": ["duration_sec"], "events.amount": [None]}
    return Truth(["service", "content"], _has("events"), columns)


def _podcast(to: Path, rng: np.random.Generator) -> Truth:
    """Plays of podcasts, with the listener's own offset from UTC."""
    rows = []
    for member, at in _moments(rng, 4):
        zone = ["+02:00", "-05:00", "+00:00"][member % 3]
        show = int(rng.integers(4))
        episode = f"ep{show}{rng.integers(20):02}"
        rows.append((f"l{member:04}", episode, f"Show {show}", f"{at:%Y-%m-%dT%H:%M:%S}{zone}", int(rng.integers(3e5))))
    _csv(to / "plays.csv", rows, "listener_id,episode_id,show,played_at,ms_played")
    columns = {"events.item_id": ["episode_id"], "events.measure": ["ms_played"], "events.at": ["played_at"]}
    return Truth(["content"], _has("events"), columns, {"play": len(rows)})


def _hotel(to: Path, rng: np.random.Generator) -> Truth:
    """Reservations of a hotel: booked, arrival, departure; some cancelled, some never came."""
    rows = []
    for member, at in _moments(rng, 60):
        nights, state = (
            int(rng.integers(1, 6)),
            str(rng.choice(["Checked Out", "Cancelled", "No Show"], p=[0.8, 0.15, 0.05])),
        )
        booked, gone = at - pd.Timedelta(days=20), at + pd.Timedelta(days=nights)
        days = (f"{booked:%Y-%m-%d}", f"{at:%Y-%m-%d}", f"{gone:%Y-%m-%d}")
        rows.append((f"RES{len(rows):05}", f"G{member:04}", *days, nights, "Double", state, round(nights * 89.5, 2)))
    _csv(to / "pms.csv", rows, "reservation_no,guest_no,booked_on,arrival,departure,nights,room_type,status,total_rate")
    good = [row for row in rows if row[-2] == "Checked Out"]
    columns = {"events.member_id": ["guest_no"], "events.measure": ["nights"]}
    return Truth(["travel"], _has("events"), columns, None, _last(good))


def _restaurant(to: Path, rng: np.random.Generator) -> Truth:
    """Lines of a restaurant's bills: who eats a dish twice has two equal lines."""
    rows = []
    for bill, (member, at) in enumerate(_moments(rng, 20)):
        dishes = [int(dish) for dish in rng.integers(0, 6, 3)]
        rows += [
            (9000 + bill, f"LC{member:03}", f"{at:%Y-%m-%d %H:%M}", f"Dish {d}", 7.5 + d) for d in [*dishes, dishes[0]]
        ]
    _csv(to / "pos_lines.csv", rows, "check_no,loyalty_card,opened_at,dish,price")
    columns = {"events.order_id": ["check_no"], "events.item_id": ["dish"], "events.amount": ["price"]}
    return Truth(["shop"], _has("events"), columns, _bought(rows), _last(rows))


def _stamps(to: Path, rng: np.random.Generator) -> Truth:
    """Stamps on coffee cards; ten are good for a cup."""
    rows, had = [], dict.fromkeys(range(MEMBERS), 0)
    for member, at in _moments(rng, 5):
        had[member] += 1
        rows.append((f"card-{member}", f"{at:%Y-%m-%d %H:%M}", "Harbour" if rng.random() < 0.5 else "Station", "stamp"))
        if had[member] % 10 == 0:
            rows.append((f"card-{member}", f"{at + pd.Timedelta(minutes=1):%Y-%m-%d %H:%M}", "Harbour", "free_coffee"))
    _csv(to / "stamps.csv", rows, "card,time,cafe,action")
    columns = {"events.member_id": ["card"], "events.amount": [None]}
    return Truth(["shop"], _has("events"), columns, None, 0)


def _seats(to: Path, rng: np.random.Generator) -> Truth:
    """What each account of a software had at each month's end: plan, seats, monthly revenue."""
    rows = []
    for member in range(MEMBERS):
        seats = int(rng.integers(2, 40))
        for month in pd.date_range(START, END, freq="MS")[: None if member % 4 else 7]:
            seats = max(1, seats + int(rng.integers(-1, 3)))
            rows.append(
                (f"acct_{member:03}", f"{month:%Y-%m}", "Team" if member % 2 else "Business", seats, 12.0 * seats)
            )
    _csv(to / "mrr_snapshot.csv", rows, "account_id,month,plan,seats,mrr")
    columns = {"events.member_id": ["account_id", None], "contracts.member_id": ["account_id", None]}
    either = [frozenset({"events"}), frozenset({"contracts"}), frozenset({"contracts", "events"})]
    return Truth(["subscription"], either, columns)


def _invoices(to: Path, rng: np.random.Generator) -> Truth:
    """Invoices and credit notes of a wholesaler, in German; what a credit note gives back has no sign."""
    rows, net = [], 0
    for n, (member, at) in enumerate(_moments(rng, 20)):
        credit, amount = rng.random() < 0.1, round(float(rng.gamma(3, 800)), 2)
        net += round(100 * amount) * (-1 if credit else 1)
        money = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
        rows.append(
            (f"RE-{n:05}", "Gutschrift" if credit else "Rechnung", f"{20000 + 137 * member}", f"{at:%d.%m.%Y}", money)
        )
    frame = pd.DataFrame(rows, columns=["Belegnr.", "Belegart", "Kundennr.", "Belegdatum", "Nettobetrag"])
    frame.to_csv(to / "Belege.csv", index=False, sep=";", encoding="cp1252")
    columns = {"events.member_id": ["Kundennr."], "events.order_id": ["Belegnr."], "events.at": ["Belegdatum"]}
    credits = sum(row[1] == "Gutschrift" for row in rows)
    return Truth(["shop"], _has("events"), columns, {"purchase": len(rows) - credits, "return": credits}, net)


def _french(to: Path, rng: np.random.Generator) -> Truth:
    """Receipts of a French chain of shops: accents, narrow blanks between thousands, euros behind."""
    rows, paid = [], []
    for member, at in _moments(rng, 20):
        paid.append(round(float(rng.gamma(2, 500)), 2))
        money = f"{paid[-1]:,.2f} €".replace(",", "\u202f").replace(".", ",")
        rows.append((f"{member:06}", f"{at:%d/%m/%Y}", f"Crème n°{rng.integers(8)}", int(rng.integers(1, 4)), money))
    frame = pd.DataFrame(rows, columns=["N° client", "Date d'achat", "Libellé produit", "Quantité", "Montant TTC"])
    frame.to_csv(to / "achats.csv", index=False, sep=";", encoding="utf-8-sig")
    columns = {
        "events.member_id": ["member_id"],
        "events.item_id": ["item_id"],
        "events.quantity": ["quantity"],
    }
    return Truth(["shop"], _has("events"), columns, _bought(rows), _cents(paid))


def _chinese(to: Path, rng: np.random.Generator) -> Truth:
    """Orders of a Chinese shop in GB 18030, some of them paid back."""
    rows, net = [], 0
    for n, (member, at) in enumerate(_moments(rng, 15)):
        amount, back = _money(rng, 90), rng.random() < 0.1
        net += 0 if back else round(100 * amount)
        rows.append(
            (
                f"VIP{member:04}",
                f"DD{n:06}",
                f"{at:%Y/%m/%d %H:%M:%S}",
                f"面霜{rng.integers(5)}号",
                1,
                amount,
                "已退款" if back else "已完成",
            )
        )
    names = ["会员编号", "订单号", "下单时间", "商品名称", "数量", "实付金额", "订单状态"]
    pd.DataFrame(rows, columns=names).to_csv(to / "订单.csv", index=False, encoding="gb18030")
    columns = {"events.member_id": ["会员编号"], "events.order_id": ["订单号"], "events.amount": ["实付金额"]}
    return Truth(["shop"], _has("events"), columns, None, net)


def _workbook(to: Path, rng: np.random.Generator) -> Truth:
    """A workbook: sheets of customers and of orders."""
    rows = [
        (n + 1, f"C-{member:03}", at, f"Tea {rng.integers(7)}", 1, _money(rng, 18))
        for n, (member, at) in enumerate(_moments(rng, 20))
    ]
    people = [(f"C-{n:03}", f"Person {n}", START - pd.Timedelta(days=100 + n), "NW") for n in range(MEMBERS)]
    with pd.ExcelWriter(to / "shop.xlsx") as book:
        pd.DataFrame(people, columns=["Customer", "Name", "Member since", "Region"]).to_excel(
            book, sheet_name="Customers", index=False
        )
        names = ["Order no", "Customer", "Ordered", "Product", "Qty", "Total"]
        pd.DataFrame(rows, columns=names).to_excel(book, sheet_name="Orders", index=False)
    columns = {"members.joined_at": ["joined_at"], "events.item_id": ["item_id"], "events.order_id": ["order_id"]}
    return Truth(["shop"], _has("events", "members"), columns, _bought(rows), _last(rows))


def _database(to: Path, rng: np.random.Generator) -> Truth:
    """A database of SQLite: customers, orders, and the orders' lines."""
    people = [(100 + n, f"p{n}@shop.se", f"{START:%Y-%m-%d}") for n in range(MEMBERS)]
    orders = [(n + 1, 100 + member, f"{at:%Y-%m-%d %H:%M:%S}") for n, (member, at) in enumerate(_moments(rng, 20))]
    lines = [
        (order[0], f"SKU-{rng.integers(9)}", int(rng.integers(1, 4)), 5.25 + n) for order in orders for n in range(2)
    ]
    with sqlite3.connect(to / "shop.db") as base:
        pd.DataFrame(people, columns=["id", "email", "created_at"]).to_sql("customers", base, index=False)
        pd.DataFrame(orders, columns=["id", "customer_id", "ordered_at"]).to_sql("orders", base, index=False)
        pd.DataFrame(lines, columns=["order_id", "sku", "quantity", "unit_price"]).to_sql(
            "order_lines", base, index=False
        )
    base.close()
    paid = sum(round(100 * line[3]) * line[2] for line in lines)
    return Truth(["shop"], _has("events", "members"), {"events.item_id": ["item_id"]}, {"purchase": len(lines)}, paid)


def _numbers(to: Path, rng: np.random.Generator) -> Truth:
    """Customers and articles whose numbers look like days of a spreadsheet (45,000 is one of 2023)."""
    rows = [
        (45000 + member, 38000 + int(rng.integers(9)), f"{at:%Y-%m-%d}", 1, _money(rng, 25))
        for member, at in _moments(rng, 15)
    ]
    _csv(to / "sales.csv", rows, "cust,art,dt,qty,amt")
    columns = {"events.member_id": ["cust"], "events.item_id": ["art"], "events.at": ["dt"], "events.amount": ["amt"]}
    return Truth(["shop"], _has("events"), columns, _bought(rows), _last(rows))


def _rules(to: Path, rng: np.random.Generator) -> Truth:
    """Sales, where and when each product can be had, and the members' shops."""
    rows = [
        (f"M{member:03}", f"P{rng.integers(9)}", f"Store {rng.integers(3)}", f"{at:%Y-%m-%d}", _money(rng, 25))
        for member, at in _moments(rng, 15)
    ]
    able = [
        (f"P{n}", f"Store {shop}", "2024-07-01", "2025-12-31") for n in range(9) for shop in range(3) if (n + shop) % 4
    ]
    _csv(to / "sales.csv", rows, "member_id,product_id,store,date,amount")
    _csv(to / "members.csv", [(f"M{n:03}", f"Store {n % 3}") for n in range(MEMBERS)], "member_id,store")
    _csv(to / "availability.csv", able, "product_id,store,available_from,available_until")
    parts = {"item_id": "product_id", "shop": "store", "starts_at": "available_from", "ends_at": "available_until"}
    columns = {f"item_rules.{part}": [column] for part, column in parts.items()}
    return Truth(["shop"], _has("events", "item_rules", "members"), columns, _bought(rows), _last(rows))


def _nested(to: Path, rng: np.random.Generator) -> Truth:
    """Orders as JSON lines, with the customer and the lines within."""
    lines, paid = [], 0
    for n, (member, at) in enumerate(_moments(rng, 20)):
        basket = [{"sku": f"S{rng.integers(9)}", "qty": 1 + i, "unit_price": 3.5 + i} for i in range(2)]
        paid += sum(round(100 * line["unit_price"]) * line["qty"] for line in basket)
        order = {"id": f"o{n}", "placed_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "currency": "SEK"}
        lines.append(json.dumps({"order": order, "customer": {"id": f"c{member}", "tier": "gold"}, "lines": basket}))
    (to / "orders.jsonl").write_text("\n".join(lines) + "\n")
    return Truth(
        ["shop"], [frozenset({"events"}), frozenset({"events", "members"})], {}, {"purchase": 2 * len(lines)}, paid
    )


def _claims(to: Path, rng: np.random.Generator) -> Truth:
    """Policies and claims: what a claim pays goes to the member."""
    term = (f"{START:%Y-%m-%d}", f"{END:%Y-%m-%d}")
    policies = [(f"POL{n:05}", f"H{n:04}", "Home", *term, 240.0 + n) for n in range(MEMBERS)]
    claims = [
        (f"CL{n:04}", f"POL{member:05}", f"{at:%Y-%m-%d}", "water", _money(rng, 900), "paid")
        for n, (member, at) in enumerate(_moments(rng, 150))
    ]
    _csv(to / "policies.csv", policies, "policy_no,holder_id,product,inception_date,expiry_date,annual_premium")
    _csv(to / "claims.csv", claims, "claim_no,policy_no,claim_date,cause,claim_amount,status")
    columns = {"contracts.member_id": ["holder_id"], "contracts.ends_at": ["expiry_date"]}
    kinds = {"contact": len(claims), "purchase": MEMBERS}  # a premium a year
    premiums = _cents([policy[-1] for policy in policies])
    return Truth(["subscription", "finance"], _has("contracts", "events"), columns, kinds, premiums, contracts=MEMBERS)


def _account(to: Path, rng: np.random.Generator) -> Truth:
    """Statements of accounts: what went out and what came in stand in columns of their own."""
    rows, balance = [], dict.fromkeys(range(MEMBERS), 1000.0)
    for member, at in _moments(rng, 5):
        amount, into = _money(rng, 60), rng.random() < 0.3
        balance[member] += amount if into else -amount
        sides = ("", amount) if into else (amount, "")
        rows.append((f"DE{member:010}", f"{at:%d %b %Y}", "Card payment", *sides, round(balance[member], 2)))
    _csv(to / "statement.csv", rows, "Account,Date,Description,Debit,Credit,Balance")
    columns = {"events.member_id": ["Account", "member_id"]}
    return Truth(["finance"], [frozenset({"events"}), frozenset({"events", "holdings"})], columns)


OTHERS: dict[str, Maker] = {
    "clinic": _clinic, "parking": _parking, "charging": _charging, "courses": _courses, "game": _game,
    "quarters": _quarters, "taxi": _taxi, "calls": _calls, "podcast": _podcast, "hotel_pms": _hotel,
    "restaurant": _restaurant, "stamps": _stamps, "seats": _seats, "invoices": _invoices, "french": _french,
    "chinese": _chinese, "workbook": _workbook, "database": _database, "numbers": _numbers, "rules": _rules,
    "nested": _nested, "claims": _claims, "account": _account,
}  # fmt: skip
