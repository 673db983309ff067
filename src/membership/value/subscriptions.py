"""What contracts bring and how long they last: recurring revenue, retention by cohort and by plan, changes of plan."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.data.standing import Book
from membership.lifetimes.renewals import Renewals
from membership.lifetimes.subscription import kaplan_meier
from membership.settings.windows import Windows

MONTH = 365.25 / 12  # days, on average


@dataclass(frozen=True)
class Subscriptions:
    """The contracts of all members as of a day; money in cents.

    `revenue`: monthly recurring revenue (what running contracts cost a month), rows month starts, columns plans.
    `cohorts`: share of the members whose first paid contract began in a quarter (rows) who pay after 0, 1, ... months,
    null where that is to come. `retention`: plan, period, observed (Kaplan-Meier), expected (of the plan's model).
    `changes`: plan, next, members, and `up`: whether the next plan costs more a day. `plans`: by plan, members whose
    contract runs, and `renews`, the share expected to make the next payment.
    """

    revenue: pd.DataFrame
    cohorts: pd.DataFrame
    retention: pd.DataFrame
    changes: pd.DataFrame
    plans: pd.DataFrame


def of(book: Book | None, model: Renewals | None, windows: Windows) -> Subscriptions | None:
    """Return how subscriptions stand as of `windows.as_of`; None where nobody has a contract or `model` (as fitted)."""
    if book is None or model is None:
        return None
    day = pd.Timestamp(windows.as_of)
    lives, members = book.lives(day), pd.Index(sorted(book.rows["member_id"].unique()), name="member_id")
    months = pd.date_range(max(book.rows["starts_at"].min(), pd.Timestamp(windows.start)), day, freq="MS")
    months = months if len(months) else pd.DatetimeIndex([day])  # less than a month of history
    standing = {month: book.standing(month, members) for month in [*months, day]}
    worth = {month: (known["price"] * MONTH / known["period_days"]) for month, known in standing.items()}
    revenue = {month: worth[month].groupby(known["plan"]).sum() for month, known in standing.items()}
    now = standing[day]
    renews = pd.Series(model.chance(now), members).groupby(now["plan"]).mean()
    return Subscriptions(
        pd.DataFrame(revenue).T.fillna(0.0).rename_axis("month"),
        _cohorts(pd.DataFrame({month: worth[month] > 0 for month in months}, index=members)),
        _retention(lives, model),
        _changes(lives),
        pd.DataFrame({"members": now["plan"].value_counts(), "renews": renews}).rename_axis("plan"),
    )


def _cohorts(paying: pd.DataFrame) -> pd.DataFrame:
    """Return `Subscriptions.cohorts` of who was `paying` (bool) at each month start (columns)."""
    seen = paying.to_numpy()
    bought = seen.any(axis=1)
    first, known = seen.argmax(axis=1)[bought], seen[bought]
    quarter = paying.columns.to_period("Q")[first]
    later = first[:, None] + np.arange(seen.shape[1])
    inside = later < seen.shape[1]
    still = np.take_along_axis(known, np.minimum(later, seen.shape[1] - 1), axis=1).astype(float)
    after = pd.DataFrame(np.where(inside, still, np.nan)).groupby(quarter.astype(str)).mean()
    return after.rename_axis("quarter").rename_axis("month", axis=1)


def _retention(lives: pd.DataFrame, model: Renewals) -> pd.DataFrame:
    parts = []
    for plan, rows in lives.groupby("plan"):
        seen = kaplan_meier(rows[["tenure", "churned"]])
        expected = model.plans[plan].model.survival(seen.index.to_numpy())
        parts.append(
            pd.DataFrame({"plan": plan, "period": seen.index, "observed": seen["survival"], "expected": expected})
        )
    return pd.concat(parts, ignore_index=True)


def _changes(lives: pd.DataFrame) -> pd.DataFrame:
    daily = (lives["price"] / lives["period_days"]).groupby(lives["plan"]).last()
    found = lives.dropna(subset=["next"]).groupby(["plan", "next"]).size().rename("members").reset_index()
    return found.assign(up=found["next"].map(daily) > found["plan"].map(daily))
