"""The interval of value over its horizon: learned from forecasts whose horizon has passed, judged by later ones.

     teach      origin                 origin                 as of
      |---)        |------ horizon ------)|------ horizon ------)|
The errors at the earlier origin make a band, and those at the later one say how often it holds: nothing that it is
judged by was known when it was made. The band in use is that of the later origin, the latest errors there are. So no
law of growth from short windows to the horizon is assumed: on the default data errors grow more slowly than time, and
a band of 30 days drawn out to 90 holds 97.5 % where 95 % are promised.

Candidates are fitted again at the two origins, except where `origins.roll` has done so, and, where the stack is used,
at one origin before them that teaches it. Who is used was chosen with all origins up to as of; the holdout takes no
part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.data import purchases
from membership.settings.value import Value
from membership.value import diagnostics, learned, origins
from membership.value.candidate_models import Candidate
from membership.value.choose import Choice
from membership.value.origins import Rolled
from membership.value.panel import Panel
from membership.value.score import band
from membership.value.validate import ErrorBand

Spent = Callable[[date], pd.Series]


@dataclass(frozen=True)
class Interval:
    """The band of value, and what is known of it.

    `learned`: the origin whose errors it holds; None where history is too short for one: it then is that of the judged
    windows, drawn out in proportion to time. `judged`: the origin at which a band, made at `judged_from` in the same
    way, was judged, and `covered` what that showed, as `diagnostics.coverage`; None where history is too short for two.
    """

    errors: ErrorBand
    days: int
    learned: date | None = None
    judged: date | None = None
    judged_from: date | None = None
    covered: pd.DataFrame | None = None

    @property
    def share(self) -> float | None:
        """The share of members who spent within their interval over the horizon; None where that is not known."""
        if self.covered is None:
            return None
        return float((self.covered["within"] * self.covered["members"]).sum() / self.covered["members"].sum())


def spent(events: ir.Table, days: int) -> Spent:
    """Return a function of a day: what each member spent (cents, net of returns) in the `days` from it on."""

    def since(day: date) -> pd.Series:
        paid = engine.before(events, day + timedelta(days=days)).filter(purchases.is_paid)
        paid = paid.filter(paid.local_at >= ibis.timestamp(day.isoformat()))
        found = paid.group_by("member_id").agg(spend=paid.amount.sum()).to_pandas()
        return found.set_index("member_id")["spend"].astype(float)

    return since


def learn(known: Panel, rolled: Rolled, choice: Choice, spent: Spent, settings: Value, seed: int) -> Interval:
    """Return the interval of the chosen candidate over `settings.horizon_days`; `spent` is as of `spent`."""
    days, seen = settings.horizon_days, []
    for origin, one in _refitted(known, rolled, choice, settings, seed):
        features = known.snapshots[origin]
        predicted = pd.Series(one.spend(features, days), features.index)
        seen.append((origin, spent(origin).reindex(features.index, fill_value=0.0), predicted))
    if not seen:
        return Interval(band(rolled, choice, known.days, settings), days)
    bands = [ErrorBand.fit(actual, predicted, days, settings.confidence) for _, actual, predicted in seen]
    if len(seen) == 1:
        return Interval(bands[0], days, seen[0][0])
    origin, actual, predicted = seen[-1]
    covered = diagnostics.coverage(actual, predicted, bands[0].around(predicted, days))
    return Interval(bands[-1], days, origin, origin, seen[0][0], covered)


def _refitted(
    known: Panel, rolled: Rolled, choice: Choice, settings: Value, seed: int
) -> Iterator[tuple[date, Candidate]]:
    """Return the origins whose horizon has passed, oldest first, and the chosen candidate as fitted there.

    An origin at which it could not be fitted is left out.
    """
    passed = origins.passed(known, settings)
    stacked, past = choice.name == "stack", pd.DataFrame()
    before = known.cutoffs[: known.cutoffs.index(passed[0])][-1:] if passed and stacked else []
    needed = settings.model_copy(update={"candidates": _needed(choice, settings)})
    for origin in [*before, *passed]:
        fitted = rolled.fitted.get(origin) or origins.fit(known.until(origin), past, needed, seed)
        parts = {name: one for name, one in fitted.candidates.items() if name != "stack"}
        try:
            one = learned.stack(past, parts) if stacked else parts.get(choice.name)
        except DataError:  # nothing to learn its weights from
            one = None
        if one and origin in passed:
            yield origin, one
        if stacked:
            past = pd.concat([past, *(origins.predicted(name, one, origin, known) for name, one in parts.items())])


def _needed(choice: Choice, settings: Value) -> list[str]:
    """Return who is to be fitted again: the chosen one, or all that the stack may take."""
    return [name for name in settings.candidates if name != "stack"] if choice.name == "stack" else [choice.name]
