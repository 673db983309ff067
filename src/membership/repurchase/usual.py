"""How soon a member usually comes back: the share of their own days from which an order came within so many days."""

import numpy as np

from membership.repurchase.purchase_days import PurchaseDays

_PRIOR_DAYS = 20  # days of the mean member that are added to a member's own: one or two gaps decide little


def share(history: PurchaseDays, day: int, days: int, mean: float | None = None) -> np.ndarray:
    """Return for each member the usual chance of an order within `days`, from what was known on `day`, (members,).

    From a day within a gap of g days the next order comes within `days` with the share min(g, days) / g of its days, so
    that of a member is the sum of min(g, days) over the sum of g, with 20 days of the mean member's added; `mean` is
    the latter's share, that of all members in `history` unless given.
    """
    soon, all_days = _totals(history, day, days)
    mean = pooled(history, day, days) if mean is None else mean
    return (soon + _PRIOR_DAYS * mean) / (all_days + _PRIOR_DAYS)


def pooled(history: PurchaseDays, day: int, days: int) -> float:
    """Return the share of all members' days together; 1 where nobody has come back yet."""
    soon, all_days = _totals(history, day, days)
    return float(soon.sum() / all_days.sum()) if all_days.sum() else 1.0


def _totals(history: PurchaseDays, day: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the days within gaps that ended before `day`: those from which an order came soon, and all, (members,)."""
    gaps = np.diff(history.days, prepend=0)  # the first of each member spans two members, and is left out
    first, end = history.starts[:-1], history.before(day)
    begin = np.minimum(first + 1, end)

    def summed(values: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0], np.cumsum(values)])
        return total[end] - total[begin]

    return summed(np.minimum(gaps, days)), summed(gaps)
