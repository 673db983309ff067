"""A small market of subscribers whose truth is known: contracts by month and by year, and the payments they make."""

import numpy as np
import pandas as pd

from membership.data import contracts
from membership.data.standing import Book

START = pd.Timestamp("2020-01-01")
END = pd.Timestamp("2021-01-01")
MONTHLY, YEARLY = 1000, 9000  # cents


def table(members: int = 240, leaves: float = 0.12, seed: int = 3) -> pd.DataFrame:
    """Return table `contracts`: two of three pay by the month and leave with the chance `leaves`, one by the year."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(members):
        start = START + pd.Timedelta(days=int(rng.integers(0, 120)))
        yearly = number % 3 == 0
        months = int(rng.geometric(leaves))
        ends = pd.NaT if yearly else start + pd.DateOffset(months=months)
        plan = "yearly" if yearly else "monthly"
        rows.append((f"m{number:04d}", plan, start, ends if ends < END else pd.NaT, "year" if yearly else "month"))
    found = pd.DataFrame(rows, columns=["member_id", "plan", "starts_at", "ends_at", "period"])
    return contracts.checked(found.assign(price=found["plan"].map({"monthly": MONTHLY, "yearly": YEARLY})))


def book(**how) -> Book:
    """Return the book of `table`."""
    return Book.of(table(**how))


def payments(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the payments of the contracts `rows` up to END, as events."""
    made = contracts.payments(rows, END, "UTC", "EUR")
    return made[made["kind"] != "cancel"]
