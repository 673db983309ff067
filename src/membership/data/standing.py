"""How members stand with their contracts on a day: what they pay, what is due next, how long they have stayed.

Everything is a function of what was known on the day (`contracts.known_at`), so that a forecast sees no later end.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from membership.base import tables
from membership.data import contracts

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Book:
    """The contracts of all members: `rows` are those of table `contracts`, sorted by member and start.

    `just_paid`: every running contract is taken to have been paid the day before, as if a period had just begun.
    """

    rows: pd.DataFrame
    just_paid: bool = False

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Book | None":
        """Return the book of the rows of table `contracts`; None where there are none."""
        return cls(rows.sort_values(["member_id", "starts_at"], ignore_index=True)) if len(rows) else None

    @classmethod
    def stored(cls) -> "Book | None":
        """Return the book of the stored table; None where nobody has a contract. Raises DataError as `tables.read`."""
        return cls.of(tables.read("contracts"))

    def paid_today(self) -> "Book":
        """Return the book as if every running contract had been paid the day before it is asked about."""
        return replace(self, just_paid=True)

    def standing(self, day: date | pd.Timestamp, members: pd.Index) -> pd.DataFrame:
        """Return how each of `members` stands on `day`, before anything that happens on it; indexed like `members`.

        Of the contract that runs, null where none does: plan, price (cents a period), period_days, paid (payments so
        far), due_in (days to the next due date, 0 on the day itself), elapsed (share of the period that has passed).
        ended_days: days since the last contract ended, null where one runs or none ever did.
        """
        day = pd.Timestamp(day)
        known = contracts.known_at(self.rows, day).groupby("member_id").tail(1)
        running = known["ends_at"].isna() | (known["ends_at"] >= day)
        now = known[running]
        number = contracts.dues_before(now, day) + self.just_paid
        last, due = contracts.due(now, number - 1), contracts.due(now, number)
        length = due - last
        if self.just_paid:
            last, due = day - _DAY, day - _DAY + length
        found = now[["plan", "price"]].assign(
            period_days=contracts.period_days(now),
            paid=number.astype(float),
            due_in=((due.dt.normalize() - day) // _DAY).astype(float),
            elapsed=((day - last) / length).clip(0, 1),
        )
        found = found.astype({"price": float}).set_axis(now["member_id"]).reindex(members)
        over = known[~running].set_index("member_id")["ends_at"]
        return found.assign(ended_days=(day - over).dt.days.astype(float).reindex(members))

    def running(self, day: date | pd.Timestamp, members: pd.Index) -> np.ndarray:
        """Return whether a contract of each of `members` runs on `day`, (members,)."""
        day = pd.Timestamp(day)
        known = contracts.known_at(self.rows, day)
        return members.isin(known.loc[known["ends_at"].isna() | (known["ends_at"] >= day), "member_id"])

    def due_at(self, day: date | pd.Timestamp, members: pd.Index) -> pd.Series:
        """Return the day on which the next payment of each of `members` falls due; null where no contract runs."""
        due_in = self.standing(day, members)["due_in"]
        return (pd.Timestamp(day) + pd.to_timedelta(due_in, unit="D")).astype("datetime64[us]").rename("due_at")

    def lives(self, day: date | pd.Timestamp) -> pd.DataFrame:
        """Return how long every contract that had begun by `day` has lasted, as models of renewal learn it.

        Columns: member_id, plan, price, period_days; tenure and churned as in `lifetimes.subscription` (a contract
        that ended within a paid period is judged on the day on which it would have been renewed, and is unasked until
        then); notice: the share of the paid period after which a member left, null where none did; next: the plan
        that it went over into, null where it did not; changed and moved: whether it did so within a period, or on a
        due date; days: how long it has run; back_days and away_days: days until the member came back after leaving
        (null: not yet), and away so far.
        """
        day = pd.Timestamp(day)
        known = contracts.known_at(self.rows, day).reset_index(drop=True)
        ended = known["ends_at"] < day
        until = known["ends_at"].where(ended, day)
        paid = contracts.dues_before(known, until)
        last, due = contracts.due(known, paid - 1), contracts.due(known, paid)
        goes_over = contracts.followed(known) & ended
        renewed = due.dt.normalize() <= until.dt.normalize()  # the change came on the due date itself: it was paid
        left = ended & ~goes_over
        churned = left & (due < day)
        same = known["member_id"].eq(known["member_id"].shift(-1))
        after = known["starts_at"].shift(-1).where(same)
        return known[["member_id", "plan", "price"]].assign(
            period_days=contracts.period_days(known),
            tenure=np.where(churned, paid, paid - 1 + (goes_over & renewed)),
            churned=churned,
            notice=((until - last) / (due - last)).where(churned),
            next=known["plan"].shift(-1).where(goes_over),
            changed=goes_over & ~renewed,
            moved=goes_over & renewed,
            days=(until - known["starts_at"]) / _DAY,
            back_days=((after - known["ends_at"]) / _DAY).where(left),
            away_days=((after.fillna(day) - known["ends_at"]) / _DAY).where(left),
        )
