"""Windows and day counts that fit the data: from their length and the usual gap between a member's orders.

      start              calibration_end   validation_end (as of)   holdout_end
        |------- the rest -------)|------ w ------)|------ w ------)|
Seven windows of `w` days are enough for all that learns: value takes five origins, and repurchase four days apart by
`repurchase_days`, before the day of scoring. Five are the least, since repurchase is learned, chosen and judged one
period after another. What history is too short for is shortened, and the reason says so. Windows longer than half a
year are whole years: of one and a half, every other one would hold the season twice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from membership.base.errors import DataError
from membership.settings.decide import Guardrail

LEAST_DAYS = 5  # of history; below it nothing can be learned and judged
_LENGTHS = (1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365, 730)  # days, as people count
_ENOUGH, _LEAST = 7, 5  # windows in the history
_SHORTEST = 7  # days: a habit has weekdays
_MONTH = 30
_YEAR, _NEAR = 365, 0.1  # days; a usual gap that near to a year, relative, is a year
_QUARTER = 3  # windows of a value
_MOSTLY = 0.5  # of what members come back for: from there on what they know goes first
_SILENT = 3  # usual gaps without an order that end a membership's activity


@dataclass(frozen=True)
class Suggestion:
    """A value for a dotted key of `params.yaml`, such as a date or a number of days, and why: a comment beside it."""

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Suggested:
    """What fits the data, in the order of `params.yaml`, and what they are too short for (one sentence each)."""

    suggestions: tuple[Suggestion, ...]
    not_possible: tuple[str, ...] = ()

    @property
    def changes(self) -> dict[str, Any]:
        """Dotted key -> value, as `params.override` takes them."""
        return {one.key: one.value for one in self.suggestions}


def suggest(first_day: date, last_day: date, usual_gap_days: float | None) -> Suggested:
    """Return windows and day counts for data whose events go from `first_day` to `last_day`, local days, both in.

    `usual_gap_days` is the median over members of their median days between two days of coming back; None where
    nobody came back. Keys: the four dates of `windows`, `economics.repurchase_days`, `value.horizon_days`,
    `lifecycle.lapsed_days`, `train.origin_step_days`. With fewer than `LEAST_DAYS` days the windows begin before the
    data, so that they are in order, and `not_possible` says that nothing can be learned. Raises DataError for a last
    day before the first, or a gap that is not above 0.
    """
    if last_day < first_day:
        raise DataError(f"windows: the last day {last_day} is before the first, {first_day}; give the later one last.")
    if usual_gap_days is not None and not (0 < usual_gap_days < math.inf):
        raise DataError(
            f"windows: usual gap = {usual_gap_days} days; allowed: above 0, or None where nobody came back."
        )
    days = (last_day - first_day).days + 1
    repurchase, why = _repurchase(days, usual_gap_days)
    window = max(repurchase, min(_MONTH, days // _ENOUGH))
    end = last_day + timedelta(days=1)
    as_of, chosen = end - timedelta(days=window), end - timedelta(days=2 * window)
    start = min(first_day, chosen - timedelta(days=1))
    horizon, far = _horizon((as_of - start).days // window, window)
    lapsed = _at_least(max(90.0, _SILENT * (usual_gap_days or 0)))
    found = (
        Suggestion("windows.start", start, _began(start, first_day)),
        Suggestion("windows.calibration_end", chosen, f"{window} days before validation_end, as long as the holdout"),
        Suggestion("windows.validation_end", as_of, f"{window} days before holdout_end: {_held(window, repurchase)}"),
        Suggestion("windows.holdout_end", end, f"the day after the last event, {last_day}"),
        Suggestion("economics.repurchase_days", repurchase, why),
        Suggestion("value.horizon_days", horizon, far),
        Suggestion("lifecycle.lapsed_days", lapsed, _silence(usual_gap_days)),
        Suggestion("train.origin_step_days", window, "as long as the validation"),
    )
    return Suggested(found, tuple(_lacking(days, usual_gap_days, repurchase)))


def shorter_lists(items: int, k: int, primary: str, guardrails: Sequence[Guardrail]) -> tuple[Suggestion, ...]:
    """Return lists of half of the `items` that come back, where `k` are more; also in the names of the metrics.

    `primary` and `guardrails` are evaluate.primary_metric and decide.guardrails. Nothing where there are no items.
    """
    length = max(items // 2, 1)
    if not items or k <= length:
        return ()

    def renamed(metric: str) -> str:
        return f"{metric.removesuffix(f'_at_{k}')}_at_{length}" if metric.endswith(f"_at_{k}") else metric

    kept = [one.model_dump(exclude_none=True) | {"metric": renamed(one.metric)} for one in guardrails]
    why = f"{items} items come back: a list of more than half of them is right whatever is on it"
    return (
        Suggestion("recommend.k", length, why),
        Suggestion("evaluate.primary_metric", renamed(primary), "as long as recommend.k"),
        Suggestion("decide.guardrails", kept, "as long as recommend.k"),
    )


def known_again(share: float | None, explore: float, k: int, primary: str) -> tuple[Suggestion, ...]:
    """Return lists that put nothing new first where members mostly come back for what they had before.

    `share` (0 to 1) is that of what members came back for after their first day that they had had on an earlier day;
    None where no event names an item. `explore`, `k` and `primary` are recommend.explore, recommend.k and
    evaluate.primary_metric. Nothing where the lists do so already.
    """
    if share is None or share < _MOSTLY or not explore:
        return ()
    why = f"{share:.0%} of what members came back for they had had before, in the first half of the days"
    recall = f"recall_at_{k}"
    judged = (Suggestion("evaluate.primary_metric", recall, "as recommend.explore"),) if primary != recall else ()
    return (Suggestion("recommend.explore", 0.0, why), *judged)


def shorter_than_usual(days: int, usual: int, history: int, least: int) -> str:
    """Return a sentence on a field whose measure is of `usual` days where a `history` of days leaves only `days`."""
    return (
        f"the measure of this field, who comes back within {_days(usual)}: it would need a history of "
        f"{_days(least)}, and there are {history}. It is told for {_days(days)} instead (economics.repurchase_days)."
    )


def _repurchase(days: int, gap: float | None) -> tuple[int, str]:
    """Return the least natural length of one and a half usual gaps, or the longest that the history leaves, and why."""
    enough, least = max(days // _ENOUGH, 1), max(days // _LEAST, 1)
    if gap is None:
        length = min(_MONTH, _at_most(enough))
        return length, f"nobody came back yet, so no gap is known: {_days(length)} of a history of {_days(days)}"
    asked = _at_least(max(1.5 * gap, _SHORTEST))
    said = f"members usually come back after {gap:g} days"
    if _once_a_year(gap) and _at_most(least) >= _YEAR:
        return _YEAR, f"{said}, about a year: each window holds every season once"
    if asked <= enough:
        return asked, f"{said}; within one and a half of that about two thirds do"
    length = _at_most(enough) if gap <= _at_most(enough) else min(_at_least(gap), _at_most(least))
    return length, f"{said}, which asks for {_days(asked)}; the history of {_days(days)} leaves {length}"


def _horizon(windows: int, window: int) -> tuple[int, str]:
    """Return the days of a value where `windows` of `window` days lie before the day of scoring, and why."""
    most = max((windows - _QUARTER) // 2, 1)  # twice that many pass after two origins have learned
    number = min(_QUARTER, most)
    told = "three windows" if number == _QUARTER else f"{number} of the {windows} windows before validation_end"
    return (
        number * window,
        f"{told} of {_days(window)}: longer ones could not be judged twice" if number < _QUARTER else told,
    )


def _lacking(days: int, gap: float | None, repurchase: int):
    if days < LEAST_DAYS:
        yield (
            f"a history of {_days(days)}: at least {LEAST_DAYS} are needed to learn, choose and judge; "
            "counts and habits can be shown, forecasts cannot."
        )
    elif gap is None:
        yield f"nobody came back in {_days(days)}, so when members come back cannot be learned."
    elif gap > repurchase and not (_once_a_year(gap) and repurchase == _YEAR):
        yield (
            f"the usual gap of {gap:g} days is longer than the {_days(repurchase)} that a history of {_days(days)} "
            f"leaves for repurchase_days: a member who comes back as usual counts as not coming back. "
            f"{_days(math.ceil(gap) * _LEAST)} of history would do."
        )


def _once_a_year(gap: float) -> bool:
    return abs(gap - _YEAR) <= _NEAR * _YEAR


def _began(start: date, first_day: date) -> str:
    return "the day of the first event" if start == first_day else f"before the first event, {first_day}: too few days"


def _held(window: int, repurchase: int) -> str:
    return "repurchase_days" if window == repurchase else f"about a month, and at least {_days(repurchase)}"


def _silence(gap: float | None) -> str:
    return "a quarter of a year" if gap is None or _SILENT * gap <= 90 else f"{_SILENT} usual gaps of {gap:g} days"


def _at_least(days: float) -> int:
    return next((length for length in _LENGTHS if length >= days), math.ceil(days))


def _at_most(days: int) -> int:
    return max(length for length in _LENGTHS if length <= days)


def _days(number: int) -> str:
    return f"{number} day" if number == 1 else f"{number} days"
