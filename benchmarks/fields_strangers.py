"""Data sets as strangers would bring them, made up: nine fields, some 200 members each, in the layouts of their trades.

Names of columns, formats of times and of money are those of people's exports; nothing in them is made to fit. Each
maker writes its files into a folder; the counts are of the files as they lie there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fields_data import Case, Run, text

MEMBERS = 200
Maker = Callable[[Path, np.random.Generator], None]


def _times(rng: np.random.Generator, first: pd.Timestamp, end: pd.Timestamp, gap: float) -> Iterator[pd.Timestamp]:
    """Moments from `first` on, `gap` days apart on average, before `end`."""
    at = first
    while at < end:
        yield at.floor("min")
        at += pd.Timedelta(days=float(rng.exponential(gap)) + 0.3)


def _day(start: str, days: float) -> pd.Timestamp:
    return pd.Timestamp(start) + pd.Timedelta(days=days)


def _over(
    rng: np.random.Generator, share: float, start: pd.Timestamp, days: tuple[int, int], end: pd.Timestamp
) -> pd.Timestamp | None:
    """Return the day on which that `share` of what began on `start` is over; None for the others, and after `end`."""
    over = start + pd.Timedelta(days=int(rng.integers(*days))) if rng.random() < share else None
    return over if over is not None and over <= end else None


def _text(day: pd.Timestamp | None) -> str:
    return "" if day is None else str(day.date())


def _education(to: Path, rng: np.random.Generator) -> None:
    """Visits of courses, and students who graduate."""
    end, visits, students = pd.Timestamp("2025-12-31"), [], []
    courses = [f"CRS-{number}" for number in range(25)]
    for number in range(MEMBERS):
        student, joined = f"S{10000 + number}", _day("2024-01-01", int(rng.integers(0, 500)))
        done = _over(rng, 0.3, joined, (120, 500), end)
        students.append((student, _text(joined), _text(done), rng.choice(["evening", "online"])))
        for at in _times(rng, joined, done or end, rng.gamma(2, 5)):
            course = int(rng.integers(0, len(courses)))
            topic = ("Python", "Statistics", "Design", "Languages")[course % 4]
            visits.append((student, courses[course], topic, f"{at:%Y-%m-%d %H:%M}", int(rng.integers(10, 120))))
    _csv(to / "visits.csv", visits, "student_id,course_id,topic,visited_at,minutes")
    _csv(to / "students.csv", students, "student_id,enrolled_on,graduated_on,programme")


def _health(to: Path, rng: np.random.Generator) -> None:
    """Appointments, some of them missed, of a practice that writes dates and fees as in Germany."""
    rows = []
    for number in range(MEMBERS):
        first = _day("2023-06-01", rng.uniform(0, 200))
        for at in _times(rng, first, pd.Timestamp("2025-06-30"), 2 + rng.gamma(3, 20)):
            status = rng.choice(["attended", "no-show", "cancelled by patient"], p=[0.8, 0.12, 0.08])
            fee = f"{rng.choice([25, 40, 80, 120])},00" if status == "attended" else ""
            clock = f"{rng.integers(8, 18):02}:{rng.choice(['00', '15', '30', '45'])}"
            ward = rng.choice(["GP", "Physio", "Dentist", "Eyes"])
            rows.append((at, str(7000000 + number * 37), f"{at:%d.%m.%Y}", clock, ward, status, fee))
    rows = [row[1:] for row in sorted(rows)]
    _csv(to / "appointments.csv", rows, "Patient,Date,Time,Department,Status,Fee", sep=";")


def _bank(to: Path, rng: np.random.Generator) -> None:
    """Balances at the ends of months, and customers who close."""
    months, balances, customers = pd.date_range("2023-01-31", "2025-06-30", freq="ME"), [], []
    for number in range(MEMBERS):
        customer, first = f"C{number:05}", int(rng.integers(0, 18))
        closed = int(rng.integers(first + 6, 40)) if rng.random() < 0.25 else len(months)
        held = rng.choice(["current account", "savings", "card", "loan", "broker"], int(rng.integers(1, 4)), False)
        left = months[closed] if closed < len(months) else None
        customers.append((customer, _text(months[first]), _text(left), rng.choice(["retail", "premium"])))
        opened = {product: first + (place and int(rng.integers(1, 24))) for place, product in enumerate(held)}
        for at in range(first, min(closed, len(months))):
            there = [product for product, since in opened.items() if since <= at]
            balances += [(customer, _text(months[at]), product, round(rng.gamma(2, 900), 2)) for product in there]
    _csv(to / "balances.csv", balances, "customer_no,month_end,product,balance_eur")
    _csv(to / "customers.csv", customers, "customer_no,opened,closed,segment")


def _gym(to: Path, rng: np.random.Generator) -> None:
    """Contracts by the month and the year, and check-ins as seconds since 1970."""
    end, contracts, checkins = pd.Timestamp("2025-10-31"), [], []
    plans = [("Flex", "29.90", "month"), ("Year", "299.00", "year"), ("Student", "19.90", "month")]
    for number in range(MEMBERS):
        member, start = f"G-{number:04}", _day("2024-01-01", int(rng.integers(0, 500)))
        plan, price, period = plans[rng.integers(0, 3)]
        over = _over(rng, 0.4, start, (60, 600), end)
        renews = "yes" if period == "month" else "no"
        contracts.append((member, plan, _text(start), _text(over), price, period, renews))
        for at in _times(rng, start, over or end, rng.gamma(2, 3) + 0.5):
            club, lesson = rng.choice(["North", "South"]), rng.choice(["weights", "yoga", "spin", "pool"])
            checkins.append((member, int(at.timestamp()), club, lesson))
    _csv(to / "contracts.csv", contracts, "member,plan,contract_start,contract_end,price,billing_period,auto_renew")
    _csv(to / "checkins.csv", checkins, "member,checkin_ts,club,class")


def _streaming(to: Path, rng: np.random.Generator) -> None:
    """Plays with minutes, as JSON lines."""
    rows = []
    for number in range(MEMBERS):
        first = _day("2025-01-01", rng.uniform(0, 90))
        for at in _times(rng, first, pd.Timestamp("2025-07-31"), rng.gamma(1.5, 2)):
            title = f"tt{int(rng.zipf(1.3)) % 120:04}"
            genre = ("drama", "comedy", "news", "kids")[int(title[2:]) % 4]
            what = {"title_id": title, "genre": genre, "minutes_watched": round(rng.gamma(2, 20), 1)}
            rows.append({"user_id": f"u_{number:x}", "played_at": f"{at.isoformat()}Z"} | what)
    (to / "plays.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _hotel(to: Path, rng: np.random.Generator) -> None:
    """Bookings with three dates, of which some were cancelled, and signs of currency at the prices."""
    rows = []
    for number in range(MEMBERS):
        first = _day("2022-01-10", rng.uniform(0, 300))
        for at in _times(rng, first, pd.Timestamp("2025-09-01"), 10 + rng.gamma(3, 40)):
            nights, rate = int(rng.integers(1, 8)), float(rng.choice([89, 120, 155, 240]))
            booked, out = at - pd.Timedelta(days=int(rng.integers(1, 60))), at + pd.Timedelta(days=nights)
            where = (rng.choice(["Lisbon", "Porto", "Faro"]), rng.choice(["standard", "suite"]))
            stay = (_text(booked), _text(at), _text(out), nights, *where, f"€{nights * rate:,.2f}")
            rows.append((f"guest{number:03}", f"B{len(rows) + 1}", *stay, "yes" if rng.random() < 0.08 else "no"))
    names = "guest_id,booking_no,booked_on,check_in,check_out,nights,hotel,room_type,total_price,cancelled"
    _csv(to / "bookings.csv", rows, names)


def _charity(to: Path, rng: np.random.Generator) -> None:
    """Gifts over ten years, most of them once a year before Christmas."""
    rows = []
    for number in range(MEMBERS):
        usual, kept = float(rng.choice([20, 50, 100, 250])), rng.uniform(0.3, 0.95)
        for year in range(int(rng.integers(2016, 2024)), 2026):
            for _ in range(int(rng.random() < kept) + int(rng.random() < 0.1)):
                late = rng.random() < 0.7
                day = _day(f"{year}-11-15" if late else f"{year}-01-01", rng.uniform(0, 45 if late else 320))
                fund = rng.choice(["Water", "Schools", "Where needed most"], p=[0.3, 0.2, 0.5])
                means = rng.choice(["card", "cheque", "direct debit"])
                rows.append((f"{day:%m/%d/%Y}", f"D-{number:04}", fund, f"{usual * rng.choice([1, 1, 2]):,.2f}", means))
    _csv(to / "gifts.csv", rows, "Gift Date,Donor ID,Fund,Gift Amount (USD),Payment Method")


def _telecom(to: Path, rng: np.random.Generator) -> None:
    """A row a change of plan, with its monthly fee, and the bills of each month."""
    end, changes, bills = pd.Timestamp("2025-09-30"), [], []
    fees = {"Prepaid S": 9.99, "Postpaid M": 24.99, "Postpaid L": 39.99}
    for number in range(MEMBERS):
        line, at = f"+4915{10000000 + number * 7919}", _day("2023-01-01", int(rng.integers(0, 600)))
        plan, over = str(rng.choice(list(fees))), at + pd.Timedelta(days=int(rng.integers(60, 1500)))
        moves = {at: plan}
        if rng.random() < 0.35:
            moves[at + pd.Timedelta(days=int(rng.integers(40, 300)))] = str(rng.choice(list(fees)))
        moves = {day: one for day, one in moves.items() if day < min(over, end)}
        changes += [(line, one, _text(day), fees[one]) for day, one in moves.items()]
        if over < end:
            changes.append((line, "terminated", _text(over), ""))
        for month in pd.date_range(at, min(over, end), freq="MS"):
            now = [one for day, one in moves.items() if day <= month]
            used = round(fees[now[-1]] + float(rng.exponential(3)), 2)
            bills.append((f"INV{len(bills) + 1}", line, _text(month), used, round(rng.gamma(2, 4), 1)))
    _csv(to / "plan_changes.csv", changes, "msisdn,plan_name,valid_from,monthly_fee")
    _csv(to / "bills.csv", bills, "invoice_no,msisdn,bill_date,amount_due,data_gb")


def _marketplace(to: Path, rng: np.random.Generator) -> None:
    """Order lines of many sellers in two currencies, and the rates of the days."""
    days, lines = pd.date_range("2024-01-01", "2025-06-30"), []
    for number in range(MEMBERS):
        money = str(rng.choice(["EUR", "GBP"], p=[0.7, 0.3]))
        for at in _times(rng, _day("2024-01-01", rng.uniform(0, 200)), days[-1], 1 + rng.gamma(2, 12)):
            order = f"MP-{len(lines):06}"
            for item in rng.choice(60, int(rng.integers(1, 4)), replace=False):
                line = (f"SKU{item:03}", f"seller_{item % 9}", int(rng.integers(1, 4)), round(rng.gamma(2, 8) + 1, 2))
                lines.append((order, f"b{number:04}", f"{at:%Y-%m-%d %H:%M:%S}", *line, money))
    rates = [(_text(day), "GBP", round(1.17 + 0.03 * np.sin(place / 40), 5)) for place, day in enumerate(days)]
    names = "order_id,buyer_id,ordered_at,sku,seller_id,qty,unit_price,currency"
    _csv(to / "order_lines.csv", lines, names)
    _csv(to / "fx_rates.csv", rates, "date,currency,rate_to_eur")


def _csv(path: Path, rows: list[tuple], names: str, sep: str = ",") -> None:
    pd.DataFrame(rows, columns=names.split(",")).to_csv(path, index=False, sep=sep)


def _counted(
    members: tuple[str, str],
    back: tuple[str, Callable[[pd.DataFrame], pd.Series] | None] | None = None,
    left: tuple[str, str] | None = None,
    sep: str = ",",
) -> Callable[[Path, Run], Mapping[str, float]]:
    """Return the counts of a case: `members` of a file and column, rows that came `back`, who `left` by a column."""

    def facts(root: Path, run: Run) -> dict[str, float]:
        found: dict[str, float] = {"members": text(root / members[0], sep)[members[1]].nunique()}
        if back is not None:
            rows = text(root / back[0], sep)
            found["returns"] = len(rows) if back[1] is None else int(back[1](rows).sum())
        if left is not None:
            days = pd.to_datetime(text(root / left[0], sep)[left[1]].replace("", None))
            found["left"] = int((days < run.as_of).sum())
        return found

    return facts


def _plays(root: Path, run: Run) -> dict[str, float]:
    rows = pd.read_json(root / "plays.jsonl", lines=True)
    return {"members": rows["user_id"].nunique(), "returns": len(rows)}


def _orders(root: Path, run: Run) -> dict[str, float]:
    """Spend in EUR cents: each line at the rate of its day."""
    rows, rates = text(root / "order_lines.csv"), text(root / "fx_rates.csv")
    rate = rates.set_index(["date", "currency"])["rate_to_eur"].astype(float)
    days = pd.MultiIndex.from_arrays([rows["ordered_at"].str[:10], rows["currency"]])
    own = rows["qty"].astype(int) * rows["unit_price"].astype(float)
    cents = np.floor(100 * own * rate.reindex(days).fillna(1.0).to_numpy() + 0.5)
    return {"members": rows["buyer_id"].nunique(), "returns": len(rows), "cents": cents.sum()}


CASES: dict[str, Case] = {
    "education": Case(
        ("visits.csv", "students.csv"), "content", "back",
        _counted(("students.csv", "student_id"), ("visits.csv", None), ("students.csv", "graduated_on")), _education,
    ),
    "health": Case(
        ("appointments.csv",), "service", "back",
        _counted(
            ("appointments.csv", "Patient"), ("appointments.csv", lambda rows: rows["Status"] == "attended"), sep=";"
        ),
        _health,
    ),
    "bank": Case(
        ("balances.csv", "customers.csv"), "finance", "new_lists",
        _counted(("customers.csv", "customer_no"), ("balances.csv", None), ("customers.csv", "closed")), _bank,
    ),
    "gym": Case(
        ("contracts.csv", "checkins.csv"), "subscription", "back", _counted(("contracts.csv", "member")), _gym,
    ),
    "streaming": Case(("plays.jsonl",), "content", "new_lists", _plays, _streaming),
    "hotel": Case(
        ("bookings.csv",), "travel", "back",
        _counted(("bookings.csv", "guest_id"), ("bookings.csv", lambda rows: rows["cancelled"] == "no")), _hotel,
    ),
    "charity": Case(
        ("gifts.csv",), "shop", "back", _counted(("gifts.csv", "Donor ID"), ("gifts.csv", None)), _charity,
    ),
    "telecom": Case(
        ("plan_changes.csv", "bills.csv"), "subscription", "back", _counted(("plan_changes.csv", "msisdn")), _telecom,
    ),
    "marketplace": Case(
        ("order_lines.csv", "fx_rates.csv"), "shop", "back", _orders, _marketplace,
    ),
}  # fmt: skip
