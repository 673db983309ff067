"""Small files of twenty trades, some hundred rows each, as people export them, and what is true of each.

Names of columns, formats of times and of money are those of the trades; each maker writes into a folder and says what
has to be read of it. What is not said may be read as one likes.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

MEMBERS, END = 12, pd.Timestamp("2025-06-30")
START = END - pd.DateOffset(years=1)


@dataclass(frozen=True)
class Truth:
    """What has to come out: `columns` (table.part -> any of these columns), `kinds` (count of events), cents paid."""

    field: Sequence[str]  # any of these
    tables: Sequence[frozenset[str]]  # any of these
    columns: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    kinds: Mapping[str, int] | None = None
    cents: int | None = None
    members: int = MEMBERS
    left: int | None = None
    contracts: int | None = None


Maker = Callable[[Path, np.random.Generator], Truth]


def _moments(
    rng: np.random.Generator, gap: float = 30.0, first: pd.Timestamp = START
) -> Iterator[tuple[int, pd.Timestamp]]:
    """Member and moment, each member every `gap` days or so."""
    for member in range(MEMBERS):
        at = first + pd.Timedelta(days=float(rng.uniform(0, gap)), hours=float(rng.uniform(8, 20)))
        while at < END:
            yield member, at.floor("min")
            at += pd.Timedelta(days=float(rng.exponential(gap)) + 0.5)


def _csv(path: Path, rows: list[tuple], names: str, sep: str = ",") -> None:
    pd.DataFrame(rows, columns=names.split(",")).to_csv(path, index=False, sep=sep)


def _money(rng: np.random.Generator, mean: float) -> float:
    return round(float(rng.gamma(3, mean / 3)) + 0.05, 2)


def _cents(values: Sequence[float]) -> int:
    return sum(round(100 * value) for value in values)


def _has(*tables: str) -> list[frozenset[str]]:
    return [frozenset(tables)]


def _households(to: Path, rng: np.random.Generator) -> Truth:
    """Receipts by card, and which cards are of one household."""
    rows = [
        (f"40{member:04}", f"{at:%Y-%m-%d %H:%M}", f"SKU{rng.integers(9)}", _money(rng, 20))
        for member, at in _moments(rng)
    ]
    _csv(to / "receipts.csv", rows, "card_no,purchased_at,sku,amount")
    _csv(to / "households.csv", [(f"40{n:04}", f"HH{n // 2}") for n in range(MEMBERS)], "card_no,household_id")
    columns = {"aliases.source_id": ["card_no"], "aliases.member_id": ["household_id"], "events.item_id": ["sku"]}
    return Truth(["shop"], _has("events", "aliases"), columns, {"purchase": len(rows)}, _cents([r[3] for r in rows]), 6)


def _merged(to: Path, rng: np.random.Generator) -> Truth:
    """Orders, and customer numbers that went over into others."""
    rows = [
        (f"C{1000 + member}", f"{at:%d/%m/%Y}", f"ORD{n}", _money(rng, 40))
        for n, (member, at) in enumerate(_moments(rng))
    ]
    _csv(to / "orders.csv", rows, "customer_id,order_date,order_id,total")
    _csv(to / "merged_customers.csv", [("C1001", "C1000"), ("C1005", "C1004")], "old_customer_id,new_customer_id")
    columns = {"aliases.source_id": ["old_customer_id"], "aliases.member_id": ["new_customer_id"]}
    return Truth(
        ["shop"], _has("events", "aliases"), columns, {"purchase": len(rows)}, _cents([r[3] for r in rows]), MEMBERS - 2
    )


def _currencies(to: Path, rng: np.random.Generator) -> Truth:
    """Orders in three currencies, and the central bank's rates: a column a currency, units of it for one euro."""
    days = pd.bdate_range(START - pd.Timedelta(days=7), END)
    gbp, usd = (np.round(mean + 0.02 * np.sin(np.arange(len(days)) / 30), 4) for mean in (0.85, 1.09))
    _csv(
        to / "eurofxref.csv", [(f"{d:%Y-%m-%d}", u, g) for d, u, g in zip(days, usd, gbp, strict=True)], "Date,USD,GBP"
    )
    rows = [
        (
            f"b{member}",
            f"{at:%Y-%m-%d %H:%M}",
            f"P{rng.integers(8)}",
            _money(rng, 50),
            str(rng.choice(["EUR", "EUR", "GBP", "USD"])),
        )
        for member, at in _moments(rng)
    ]
    _csv(to / "sales.csv", rows, "buyer_id,sold_at,product_id,amount,currency")
    worth = (
        pd.DataFrame({"USD": 1 / usd, "GBP": 1 / gbp, "EUR": 1.0}, index=days)
        .reindex(pd.date_range(days[0], END))
        .ffill()
    )
    cents = sum(
        int(np.floor(100 * paid * worth.loc[pd.Timestamp(at[:10]), code] + 0.5)) for _, at, _, paid, code in rows
    )
    return Truth(["shop"], _has("events", "rates"), {}, {"purchase": len(rows)}, cents)


def _music(to: Path, rng: np.random.Generator) -> Truth:
    """Transactions of a music service: each pays a plan of so many days; who cancels has a row of its own."""
    rows, last = [], {}
    for member in range(MEMBERS):
        at = START + pd.Timedelta(days=int(rng.integers(0, 30)))
        for _ in range(int(rng.integers(4, 11))):
            over = at + pd.Timedelta(days=30)
            rows.append((f"m{member:02}=", 41, 30, 149, 149, 1, f"{at:%Y%m%d}", f"{over:%Y%m%d}", 0))
            at = over
        if member % 3 == 0:
            day = at - pd.Timedelta(days=10)
            rows.append((f"m{member:02}=", 41, 30, 149, 149, 1, f"{day:%Y%m%d}", f"{day:%Y%m%d}", 1))
            last[member] = day
    names = "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    names += "transaction_date,membership_expire_date,is_cancel"
    _csv(to / "transactions.csv", rows, names)
    paid = sum(row[-1] == 0 for row in rows)
    columns = {"events.amount": ["actual_amount_paid"], "events.at": ["transaction_date"], "events.quantity": [None]}
    return Truth(
        ["subscription"], _has("events"), columns, {"purchase": paid, "cancel": len(last)}, 14900 * paid, left=len(last)
    )


def _insurance(to: Path, rng: np.random.Generator) -> Truth:
    """Policies with their yearly premium, several a customer at a time, some ended after a year."""
    rows, ends = [], []
    for member in range(MEMBERS):
        for product in rng.choice(["motor", "home", "travel"], int(rng.integers(1, 4)), replace=False):
            since = START - pd.DateOffset(years=1) + pd.Timedelta(days=int(rng.integers(0, 360)))
            over = since + pd.DateOffset(years=1) if rng.random() < 0.2 else None
            premium = _money(rng, 300)
            ends.append((since, over, premium))
            rows.append(
                (
                    f"P-{len(rows):05}",
                    f"K{member:03}",
                    product,
                    f"{since:%d.%m.%Y}",
                    "" if over is None else f"{over:%d.%m.%Y}",
                    f"{premium:.2f}".replace(".", ","),
                    "yearly",
                )
            )
    _csv(
        to / "policies.csv",
        rows,
        "policy_no,policyholder_no,product,inception_date,cancellation_date,annual_premium,payment_frequency",
        ";",
    )
    last = max(day for since, over, _ in ends for day in (since, over) if day is not None)
    again = [one for one in ends if one[1] is None and one[0] + pd.DateOffset(years=1) <= last]
    columns = {"events.item_id": ["item_id"], "events.member_id": ["member_id"]}
    cents = _cents([one[2] for one in (*ends, *again)])
    return Truth(["subscription"], _has("events"), columns, None, cents)


def _insurance_alone(to: Path, rng: np.random.Generator) -> Truth:
    """Motor policies, one a customer, paid by the month."""
    rows = []
    for member in range(MEMBERS * 4):
        since = START + pd.Timedelta(days=int(rng.integers(0, 300)))
        over = since + pd.Timedelta(days=int(rng.integers(40, 200))) if member % 4 == 0 else None
        rows.append(
            (
                f"PN{member:04}",
                f"K{member:03}",
                str(rng.choice(["Comprehensive", "Third party"])),
                f"{since:%Y-%m-%d}",
                "" if over is None or over > END else f"{over:%Y-%m-%d}",
                f"£{_money(rng, 40):.2f}",
                "monthly",
            )
        )
    _csv(
        to / "policies.csv",
        rows,
        "policy_number,customer_number,cover,policy_start,policy_end,premium,payment_frequency",
    )
    columns = {
        "contracts.plan": ["cover", "plan"],
        "contracts.price": ["premium", "price"],
        "contracts.starts_at": ["policy_start", "starts_at"],
    }
    return Truth(
        ["subscription"],
        _has("contracts"),
        columns,
        None,
        None,
        MEMBERS * 4,
        sum(row[4] != "" for row in rows),
        len(rows),
    )


def _broadband(to: Path, rng: np.random.Generator) -> Truth:
    """Contracts of broadband, and bills that name the tariff they are for."""
    deals, bills = [], []
    for member in range(MEMBERS):
        since = START + pd.Timedelta(days=int(rng.integers(0, 60)))
        tariff = str(rng.choice(["Fibre 50", "Fibre 250"]))
        deals.append((f"A{member:03}", tariff, f"{since:%Y-%m-%d}", "", 29.99, "month"))
        for number, at in enumerate(pd.date_range(since, END, freq="MS")):
            bills.append((f"B{member:03}{number:02}", f"A{member:03}", f"{at:%Y-%m-%d}", tariff, _money(rng, 31)))
    _csv(to / "contracts.csv", deals, "account_no,tariff,start_date,end_date,monthly_price,billing_period")
    _csv(to / "bills.csv", bills, "bill_no,account_no,billed_on,tariff,amount")
    columns = {"events.item_id": ["tariff"], "events.amount": ["amount"]}
    return Truth(
        ["subscription"],
        _has("contracts", "events"),
        columns,
        {"renewal": len(bills)},
        _cents([b[4] for b in bills]),
        contracts=MEMBERS,
    )


def _cars(to: Path, rng: np.random.Generator) -> Truth:
    """Trips of car sharing, from one station to another."""
    rows = []
    for member, at in _moments(rng):
        over = at + pd.Timedelta(minutes=int(rng.integers(10, 300)))
        rows.append(
            (
                len(rows) + 1,
                f"D{member:03}",
                f"{at:%Y-%m-%d %H:%M:%S}",
                f"{over:%Y-%m-%d %H:%M:%S}",
                f"Station {rng.integers(9)}",
                f"Station {rng.integers(9)}",
                "compact",
                round(float(rng.gamma(2, 8)), 1),
                _money(rng, 15),
            )
        )
    _csv(
        to / "trips.csv",
        rows,
        "trip_id,driver_id,start_time,end_time,start_station,end_station,vehicle_class,distance_km,fare_eur",
    )
    columns = {
        "events.amount": ["fare_eur"],
        "events.at": ["start_time"],
        "events.measure": ["distance_km"],
        "events.item_id": ["start_station", "vehicle_class", "end_station"],
    }
    return Truth(["travel"], _has("events"), columns, {"trip": len(rows)}, _cents([r[-1] for r in rows]))


def _pharmacy(to: Path, rng: np.random.Generator) -> Truth:
    """What a pharmacy handed out, with quantity, repeats left and the patient's share."""
    drugs = ["Metformin 500mg", "Ramipril 5mg", "Simvastatin 20mg", "Levothyroxin 50"]
    rows = []
    for member, at in _moments(rng, 35):
        price = _money(rng, 7)
        rows.append(
            (
                9000 + len(rows),
                100200 + member,
                f"{at:%d.%m.%Y}",
                str(rng.choice(drugs)),
                int(rng.choice([20, 50, 100])),
                int(rng.integers(0, 4)),
                f"{price:.2f} €".replace(".", ","),
                price,
            )
        )
    _csv(
        to / "prescriptions.csv",
        [r[:-1] for r in rows],
        "rx_no,patient_no,dispensed_on,drug,qty,repeats_left,copay",
        ";",
    )
    columns = {
        "events.item_id": ["drug", "item_id"],
        "events.quantity": ["qty", "quantity"],
        "events.member_id": ["patient_no", "member_id"],
    }
    return Truth(["shop"], _has("events"), columns, {"purchase": len(rows)}, _cents([r[-1] for r in rows]))


def _software(to: Path, rng: np.random.Generator) -> Truth:
    """Usage of software by workspace and person, and its invoices, some of them void."""
    usage = [
        (
            f"ws_{member:02}",
            f"u{rng.integers(4)}@ws{member}.io",
            str(rng.choice(["report_viewed", "dashboard_viewed", "login"])),
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
        )
        for member, at in _moments(rng, 20)
    ]
    bills = []
    for member in range(MEMBERS):
        for at in pd.date_range(START, END, freq="MS")[member % 4 :]:
            bills.append(
                (
                    f"in_{len(bills):04}",
                    f"ws_{member:02}",
                    "team",
                    f"{at:%Y-%m-%d}",
                    f"{at + pd.offsets.MonthEnd(0):%Y-%m-%d}",
                    49.0,
                    "void" if len(bills) % 10 == 9 else "paid",
                )
            )
    _csv(to / "usage_log.csv", usage, "workspace_id,user_email,event,timestamp")
    _csv(to / "invoices.csv", bills, "invoice_id,workspace_id,plan,period_start,period_end,amount_due,status")
    paid = [b for b in bills if b[6] == "paid"]
    return Truth(
        ["subscription"], _has("events"), {"events.member_id": ["workspace_id", "member_id"]}, None, 4900 * len(paid)
    )


def _library(to: Path, rng: np.random.Generator) -> Truth:
    """A library's desk: what was lent, renewed and brought back."""
    rows = []
    for member, at in _moments(rng, 40):
        code = f"B{rng.integers(20):05}"
        rows.append((f"L{member:04}", code, f"Title {code}", "Loan", f"{at:%Y-%m-%d %H:%M}"))
        if rng.random() < 0.2:
            rows.append(
                (f"L{member:04}", code, f"Title {code}", "Renewal", f"{at + pd.Timedelta(days=14):%Y-%m-%d %H:%M}")
            )
        rows.append((f"L{member:04}", code, f"Title {code}", "Return", f"{at + pd.Timedelta(days=20):%Y-%m-%d %H:%M}"))
    rows = [row for row in rows if pd.Timestamp(row[-1]) <= END]
    _csv(to / "circulation.csv", rows, "card_number,barcode,title,transaction_type,timestamp")
    counts = pd.Series([row[3] for row in rows]).value_counts()
    return Truth(
        ["content", "shop"],
        _has("events"),
        {"events.item_id": ["barcode"]},
        {"purchase": int(counts["Loan"]), "renewal": int(counts["Renewal"])},
    )


def _delivery(to: Path, rng: np.random.Generator) -> Truth:
    """Orders of food, whose basket is a list in one cell of a CSV file."""
    rows, lines, cents = [], 0, 0
    for member, at in _moments(rng):
        dishes = rng.choice(9, int(rng.integers(1, 4)), replace=False)
        basket = [{"dish": f"Dish {n}", "qty": int(rng.integers(1, 3)), "price": 6.5 + float(n)} for n in dishes]
        total = round(sum(one["qty"] * one["price"] for one in basket), 2)
        lines, cents = lines + len(basket), cents + round(100 * total)
        rows.append((f"fd-{len(rows)}", f"u{member}", f"{at:%Y-%m-%d %H:%M}", json.dumps(basket), total))
    _csv(to / "food_orders.csv", rows, "order_id,user_id,placed_at,basket,order_total")
    return Truth(["shop"], _has("events"), {"events.item_id": ["basket.dish", "item_id"]}, {"purchase": lines}, cents)


def _delivery_json(to: Path, rng: np.random.Generator) -> Truth:
    """The same as objects, whose basket is a list of names, and one total an order."""
    rows, lines, cents = [], 0, 0
    for member, at in _moments(rng):
        basket = [f"Dish {rng.integers(9)}" for _ in range(int(rng.integers(1, 4)))]
        total = _money(rng, 25)
        lines, cents = lines + len(set(basket)), cents + round(100 * total)
        rows.append(
            {
                "orderId": len(rows),
                "customer": {"id": f"u{member}"},
                "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}",
                "items": basket,
                "total": total,
            }
        )
    (to / "orders.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return Truth(["shop"], _has("events"), {}, {"purchase": lines}, cents)


def _meters(to: Path, rng: np.random.Generator) -> Truth:
    """Readings of electricity, a column a month."""
    months = pd.date_range(START, END, freq="MS")
    rows = [
        (f"MTR{member:05}", f"ZIP {member}", *(round(float(rng.gamma(4, 60)), 1) for _ in months))
        for member in range(MEMBERS)
    ]
    _csv(to / "kwh_by_month.csv", rows, "meter_id,area," + ",".join(f"{m:%Y-%m}" for m in months))
    columns = {"events.amount": [None], "events.measure": ["measure"]}
    return Truth(["shop", "service", "subscription"], _has("events"), columns, None, 0)


def _recharges(to: Path, rng: np.random.Generator) -> Truth:
    """Recharges of prepaid telephones, some of which failed."""
    rows = []
    for member, at in _moments(rng, 20):
        rows.append(
            (
                f"+2547{member:08}",
                f"{at:%d-%b-%Y %H:%M}",
                int(rng.choice([50, 100, 250])),
                str(rng.choice(["Daily 1GB", "Weekly 5GB", "Airtime"])),
                str(rng.choice(["USSD", "APP"])),
                "FAILED" if rng.random() < 0.1 else "SUCCESS",
            )
        )
    _csv(to / "recharges.csv", rows, "msisdn,recharge_date,recharge_amount,bundle,channel,status")
    good = [row for row in rows if row[-1] == "SUCCESS"]
    columns = {"events.item_id": ["bundle"], "events.amount": ["recharge_amount"]}
    return Truth(["shop"], _has("events"), columns, {"purchase": len(good)}, 100 * sum(row[2] for row in good))


def _ledger(to: Path, rng: np.random.Generator) -> Truth:
    """A ledger of points alone: earned, spent and run out, with their sign."""
    rows, earned = [], 0
    for member, at in _moments(rng, 25):
        kind = str(rng.choice(["EARN", "BURN", "EXPIRE"], p=[0.75, 0.2, 0.05]))
        earned += kind == "EARN"
        points = int(rng.integers(10, 200)) * (1 if kind == "EARN" else -1)
        rows.append((f"78{member:06}", f"{at:%Y-%m-%d}", kind, points, str(rng.choice(["Partner A", "Partner B"]))))
    _csv(to / "points_ledger.csv", rows, "member_no,posting_date,txn_type,points,partner")
    columns = {"events.amount": [None]}
    return Truth(["shop", "travel"], _has("events", "points"), columns, {"purchase": earned}, 0)


def _museum(to: Path, rng: np.random.Generator) -> Truth:
    """Passes of a museum, good for a year, and entries."""
    passes, entries = [], []
    for member in range(MEMBERS):
        since = START + pd.Timedelta(days=int(rng.integers(0, 100)))
        passes.append(
            (
                f"MP-{member:04}",
                str(rng.choice(["Single", "Family"])),
                f"{since:%Y-%m-%d}",
                f"{since + pd.DateOffset(years=1):%Y-%m-%d}",
                60.0,
            )
        )
    for member, at in _moments(rng, 30, START + pd.Timedelta(days=100)):
        entries.append(
            (f"MP-{member:04}", f"{at:%Y-%m-%d %H:%M}", str(rng.choice(["Old Masters", "Modern", "Design"])))
        )
    _csv(to / "passes.csv", passes, "pass_no,pass_type,valid_from,valid_to,price")
    _csv(to / "entries.csv", entries, "pass_no,entered_at,museum")
    columns = {"events.member_id": ["pass_no"], "events.item_id": ["museum"], "contracts.plan": ["pass_type"]}
    return Truth(
        ["subscription"],
        _has("events", "contracts"),
        columns,
        {"visit": len(entries), "purchase": MEMBERS},
        6000 * MEMBERS,
        contracts=MEMBERS,
    )


def _coworking(to: Path, rng: np.random.Generator) -> Truth:
    """Bookings of rooms, some of them cancelled."""
    rows = []
    for member, at in _moments(rng, 20):
        hours = int(rng.integers(1, 8))
        rows.append(
            (
                f"p{member}@mail.org",
                f"Room {rng.integers(6)}",
                f"{at:%m/%d/%Y %I:%M %p}",
                f"{at + pd.Timedelta(hours=hours):%m/%d/%Y %I:%M %p}",
                hours,
                f"${12.5 * hours:.2f}",
                "TRUE" if rng.random() < 0.1 else "FALSE",
            )
        )
    _csv(to / "bookings.csv", rows, "email,room,booked_from,booked_to,hours,price,cancelled")
    good = [row for row in rows if row[-1] == "FALSE"]
    columns = {"events.item_id": ["room", "item_id"], "events.member_id": ["email", "member_id"]}
    return Truth(
        ["travel", "shop"], _has("events"), columns, {"purchase": len(good)}, sum(1250 * row[4] for row in good)
    )


def _vet(to: Path, rng: np.random.Generator) -> Truth:
    """Visits of animals at a vet's; the owner pays."""
    rows = []
    for member, at in _moments(rng, 40):
        animal = int(rng.integers(0, 2))
        rows.append(
            (
                len(rows) + 1,
                f"A{member:03}{animal}",
                ["Rex", "Mia"][animal],
                ["dog", "cat"][animal],
                f"OW{member:03}",
                f"{at:%Y-%m-%d}",
                str(rng.choice(["vaccination", "dental", "check-up"])),
                f"Dr {rng.integers(3)}",
                _money(rng, 70),
            )
        )
    _csv(to / "vet_visits.csv", rows, "visit_id,animal_id,animal_name,species,owner_id,visit_date,treatment,vet,fee")
    columns = {"events.member_id": ["owner_id"], "events.item_id": ["treatment"], "events.amount": ["fee"]}
    return Truth(["shop", "service"], _has("events"), columns, None, _cents([r[-1] for r in rows]))


def _loans(to: Path, rng: np.random.Generator) -> Truth:
    """Instalments of loans, some of them open, and what is still owed."""
    rows = []
    for member in range(MEMBERS):
        owed = 5000.0
        for number, due in enumerate(pd.date_range(START, END, freq="MS")):
            paid = due + pd.Timedelta(days=int(rng.integers(0, 6))) if number < 9 + member % 4 else None
            owed -= 410.25 if paid is not None else 0
            rows.append(
                (
                    f"LN{member:04}",
                    f"BR{member:03}",
                    number + 1,
                    f"{due:%Y-%m-%d}",
                    "" if paid is None else f"{paid:%Y-%m-%d}",
                    410.25,
                    410.25 if paid is not None else 0,
                    round(owed, 2),
                )
            )
    _csv(
        to / "repayments.csv",
        rows,
        "loan_no,borrower_id,instalment_no,due_date,paid_date,amount_due,amount_paid,outstanding_balance",
    )
    good = sum(row[4] != "" for row in rows)
    columns = {"events.member_id": ["borrower_id"], "events.at": ["paid_date"], "events.amount": ["amount_paid"]}
    return Truth(["finance"], _has("events"), columns, {"purchase": good}, 41025 * good)


def _tickets(to: Path, rng: np.random.Generator) -> Truth:
    """Tickets of events, by the day they were bought."""
    rows = []
    for member, at in _moments(rng, 35):
        shows, number = at + pd.Timedelta(days=int(rng.integers(3, 60))), int(rng.integers(1, 5))
        rows.append(
            (
                f"TX{len(rows):05}",
                f"fan{member}@x.com",
                str(rng.choice(["Jazz night", "Opera gala", "Comedy club"])),
                f"{shows:%Y-%m-%d}",
                f"{at:%Y-%m-%d %H:%M}",
                "Stalls",
                number,
                35.5,
            )
        )
    _csv(
        to / "ticket_sales.csv",
        rows,
        "booking_ref,buyer_email,event_name,event_date,purchased_at,section,tickets,price_each",
    )
    columns = {
        "events.item_id": ["event_name"],
        "events.at": ["purchased_at"],
        "events.quantity": ["tickets"],
        "events.member_id": ["buyer_email"],
    }
    return Truth(["shop"], _has("events"), columns, {"purchase": len(rows)}, sum(3550 * row[6] for row in rows))


def _newspaper(to: Path, rng: np.random.Generator) -> Truth:
    """Subscriptions of a newspaper, and holidays in which it is not delivered."""
    subs, pauses = [], []
    for member in range(MEMBERS * 3):
        since = START + pd.Timedelta(days=int(rng.integers(0, 120)))
        over = since + pd.Timedelta(days=int(rng.integers(60, 200))) if member % 4 == 0 else None
        subs.append(
            (
                f"S{member:04}",
                str(rng.choice(["Weekend", "Daily"])),
                f"{since:%d/%m/%Y}",
                "" if over is None else f"{over:%d/%m/%Y}",
                22.5,
                "monthly",
            )
        )
        if member % 3 == 0:
            away = since + pd.Timedelta(days=30)
            pauses.append((f"S{member:04}", f"{away:%d/%m/%Y}", f"{away + pd.Timedelta(days=14):%d/%m/%Y}"))
    _csv(to / "subscriptions.csv", subs, "subscriber_no,edition,start_date,end_date,price,billing")
    _csv(to / "pauses.csv", pauses, "subscriber_no,pause_from,pause_to")
    columns = {"contracts.plan": ["edition", "plan"]}
    return Truth(
        ["subscription"], _has("contracts"), columns, None, None, MEMBERS * 3, sum(s[3] != "" for s in subs), len(subs)
    )


def _pledges(to: Path, rng: np.random.Generator) -> Truth:
    """What donors pledged, and what they gave."""
    pledges = [
        (
            f"PL{member:03}",
            f"DN{member:03}",
            f"{START:%Y-%m-%d}",
            120.0,
            "monthly",
            "active" if member % 4 else "lapsed",
        )
        for member in range(MEMBERS)
    ]
    gifts = [
        (f"PL{member:03}", f"DN{member:03}", f"{at:%Y-%m-%d}", _money(rng, 15), str(rng.choice(["card", "bank"])))
        for member, at in _moments(rng)
    ]
    _csv(to / "pledges.csv", pledges, "pledge_no,donor_no,pledge_date,pledged_amount,frequency,status")
    _csv(to / "gifts.csv", gifts, "pledge_no,donor_no,gift_date,gift_amount,method")
    columns = {"events.amount": ["gift_amount"], "events.member_id": ["donor_no"]}
    return Truth(
        ["shop", "subscription"],
        _has("events", "members"),
        columns,
        {"purchase": len(gifts)},
        _cents([g[3] for g in gifts]),
    )


CASES: dict[str, Maker] = {
    "households": _households, "merged": _merged, "currencies": _currencies, "music": _music,
    "insurance": _insurance, "motor": _insurance_alone, "broadband": _broadband, "cars": _cars, "pharmacy": _pharmacy,
    "software": _software, "library": _library, "delivery": _delivery, "delivery_json": _delivery_json,
    "meters": _meters, "recharges": _recharges, "ledger": _ledger, "museum": _museum, "coworking": _coworking,
    "vet": _vet, "loans": _loans, "tickets": _tickets, "newspaper": _newspaper, "pledges": _pledges,
}  # fmt: skip
