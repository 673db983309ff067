"""What models learn from: members on earlier days, their rhythm then, and how long they waited for the next order."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.repurchase import rhythm
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.repurchase import Repurchase

_EARLIEST = 28  # days of history before the first cut-off that teaches
_FEWEST = 50  # orders that must have followed, and waits that must have gone on


@dataclass(frozen=True)
class Lessons:
    """Rows of members and cut-offs, oldest cut-off last; nothing of `until` or later enters."""

    rhythm: pd.DataFrame  # (n rows)
    day: np.ndarray  # (n,) cut-off, days since 1970
    waited: np.ndarray  # (n,) days from the cut-off to the next order, 0 on the day itself; -1: not seen
    seen: np.ndarray  # (n,) days for which the member was followed

    def rows(self, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that were followed for `days`, and of these who ordered within them."""
        rows = self.seen >= days
        return rows, (self.waited[rows] >= 0) & (self.waited[rows] < days)


def of(history: PurchaseDays, until: int, settings: Repurchase) -> Lessons:
    """Return the lessons of every `step_days`-th day before `until` (days since 1970), as many as `most_rows` allows.

    Where all members would fill it before the days reach back twice the longest horizon, each day has a part of them,
    evenly spread and another one each time: what is to be learned must have been followed. Members are seen only on
    days on which they had joined. Raises DataError where there is too little to learn from.
    """
    begins = int(history.joined.min()) + _EARLIEST
    cutoffs = list(range(until - 1, begins - 1, -settings.step_days))
    if not cutoffs:
        raise DataError(
            f"repurchase: {until - int(history.joined.min())} days of history; {_EARLIEST + 1} are needed to learn "
            "who comes back. Give an earlier windows.start."
        )
    needed = -(-2 * max(settings.horizons) // settings.step_days)
    cutoffs = cutoffs[: max(settings.most_rows // max(len(history.members), 1), needed)]
    found = lessons(history.until(until), cutoffs, until, settings.most_rows // len(cutoffs))
    came = int((found.waited >= 0).sum())
    if min(came, len(found.waited) - came) < _FEWEST:
        raise DataError(
            f"repurchase: {came} of {len(found.waited)} times an order followed; to learn who comes back, {_FEWEST} "
            "must have come back, and as many not. Give more members or a longer history."
        )
    return found


def lessons(history: PurchaseDays, cutoffs: list[int], until: int, most: int | None = None) -> Lessons:
    """Return what was known on each of `cutoffs`, of `most` members or all, and what followed before `until`."""
    parts = []
    for number, day in enumerate(cutoffs):
        seen = _part(history, number, most or len(history.members))
        here, waited = seen.present(day), seen.since(day)
        waited = np.where(day + waited < until, waited, -1)
        parts.append((rhythm.at(seen, day)[here], np.full(here.sum(), day), waited[here]))
    rows, days, waited = zip(*parts, strict=True)
    days = np.concatenate(days)
    return Lessons(pd.concat(rows), days, np.concatenate(waited), until - days)


def _part(history: PurchaseDays, number: int, most: int) -> PurchaseDays:
    """Return at most `most` members, evenly spread; the next `number` has others."""
    members = len(history.members)
    if members <= most:
        return history
    return history.only((np.arange(members) + number) * most % members < most)
