"""Which candidate to believe: the rule of `value.choose_by`, applied to what each predicted at the judged origins.

Candidates are ranked by every metric at every judged origin, and the best mean rank wins; of equals, the one that comes
first in `value.candidates`, which goes from simple to rich. What says the same of everybody is never chosen, and what
could not be fitted at every judged origin takes no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.settings.value import Value
from membership.value.accuracy import LOWER_IS_BETTER
from membership.value.candidates import LIFETIME, NAIVE, NAMES, SAY_NOTHING
from membership.value.origins import Rolled
from membership.value.panel import OUTCOMES, outcome
from membership.value.validate import compare, differences


@dataclass(frozen=True)
class Choice:
    """What the rule chose and why.

    `table`: every candidate that was judged, the best first: `mean_rank` (null for what cannot be chosen), and each
    metric as a mean over the judged origins. `gains`: RMSE of spend of the chosen one less that of the runner-up and of
    the best naive rule (rows): `difference`, with its interval `low`, `high`, and `of`, the rival's RMSE; in cents.
    """

    name: str
    lifetime: str | None  # the best of the lifetime models by the same rule; None where all refused
    table: pd.DataFrame
    gains: pd.DataFrame
    reasons: tuple[str, ...]


def choose(
    rolled: Rolled, settings: Value, rng: np.random.Generator, refused: Mapping[str, str] | None = None
) -> Choice:
    """Apply the rule to all but those who `refused`, by name and why, when they were to be used (`Fitted.refusals`).

    Raises DataError where no candidate tells members apart.
    """
    metrics, refused = judged_metrics(rolled), refused or {}
    ranks = mean_ranks(metrics, settings).drop(index=list(refused), errors="ignore")
    if ranks.empty:
        raise DataError(
            f"value.candidates = {settings.candidates}: none of them tells members apart and could be fitted at every "
            "judged origin. Add same_rate, which always can."
        )
    name, *others = ranks.index
    rivals = dict.fromkeys([*others[:1], *[other for other in others if other in NAIVE][:1]])
    gains = _gains(rolled, name, list(rivals), settings, rng)
    table = metrics.groupby("candidate", sort=False).mean()
    table.insert(0, "mean_rank", ranks.reindex(table.index))
    table = table.sort_values("mean_rank", kind="stable")
    lifetime = next((one for one in ranks.index if one in LIFETIME), None)
    reasons = _reasons(ranks, gains, _left_out(rolled) | dict(refused), metrics.index.unique("origin"), settings)
    return Choice(name, lifetime, table, gains, reasons)


def judged_metrics(rolled: Rolled) -> pd.DataFrame:
    """Return every metric of `validate.compare`, `orders_` or `spend_` before it (columns), by origin and candidate."""
    found = {}
    for origin, part in rolled.judged.groupby("origin"):
        both = []
        for what in OUTCOMES:
            actual, predicted = (table.droplevel("origin") for table in outcome(part, what))
            both.append(compare(actual, predicted).add_prefix(f"{what}_"))
        found[origin] = pd.concat(both, axis=1)
    return pd.concat(found, names=["origin", "candidate"])


def mean_ranks(metrics: pd.DataFrame, settings: Value) -> pd.Series:
    """Return the mean rank (1 is best, equals share theirs) over `choose_by` and origins, the best first.

    `metrics` is as `judged_metrics` returns it; candidates that miss an origin are left out.
    """
    origins = metrics.index.unique("origin")
    times = metrics.groupby("candidate", sort=False).size()
    able = [n for n in settings.candidates if n not in SAY_NOTHING and times.get(n, 0) == len(origins)]
    kept = metrics[metrics.index.isin(able, level="candidate")][settings.choose_by]
    kept = kept * [1 if name.split("_", 1)[1] in LOWER_IS_BETTER else -1 for name in kept]
    ranks = kept.groupby("origin").rank().mean(axis=1).groupby("candidate").mean()
    return ranks.reindex(able).sort_values(kind="stable").rename("mean_rank")


def _gains(rolled: Rolled, name: str, rivals: Sequence[str], settings: Value, rng: np.random.Generator) -> pd.DataFrame:
    """Return the difference in RMSE of spend between `name` and each of `rivals`, resampling whole members.

    A member's errors at all judged origins are drawn together: they are not independent.
    """
    if not rivals:
        return pd.DataFrame(columns=["difference", "low", "high", "of"], dtype=float)
    actual, predicted = outcome(rolled.judged, "spend")
    squares = predicted[[name, *rivals]].sub(actual, axis=0) ** 2
    size = np.sqrt(squares.groupby("member_id").mean())  # its mean square is that of all errors
    nothing = pd.Series(0.0, size.index)
    found = differences(nothing, size, name, ["rmse"], settings.bootstrap, settings.confidence, rng).loc["rmse"]
    return pd.DataFrame(
        {"difference": -found["difference"], "low": -found["high"], "high": -found["low"], "of": found["value"]}
    )


def _left_out(rolled: Rolled) -> dict[str, str]:
    """Return who was missing at a judged origin, and why."""
    late = rolled.refusals[rolled.refusals["origin"] > rolled.predictions["origin"].min()]
    return dict(zip(late["candidate"], late["message"], strict=True))


def _reasons(
    ranks: pd.Series, gains: pd.DataFrame, left_out: Mapping[str, str], judged: pd.Index, settings: Value
) -> tuple[str, ...]:
    name = ranks.index[0]
    lines = [
        f"**{NAMES[name]}** has the best mean rank of {len(ranks)} candidates, {ranks.iloc[0]:.2f}, over "
        f"{', '.join(settings.choose_by)} in the windows after {', '.join(map(str, judged))}, which it had not seen."
    ]
    for rival, row in gains.iterrows():
        unsure = row["low"] <= 0 <= row["high"]
        lines.append(
            f"Its RMSE of spend there is {_percent(row['difference'], row['of'])} than that of {NAMES[rival]} (mean "
            f"rank {ranks[rival]:.2f}): difference {row['difference']:,.0f} cents, interval {row['low']:,.0f} to "
            f"{row['high']:,.0f}{': they cannot be told apart' if unsure else ''}."
        )
    lines += [f"Left out: {NAMES[candidate]}. {message}" for candidate, message in left_out.items()]
    return tuple(lines)


def _percent(difference: float, of: float) -> str:
    share = abs(difference) / of if of > 0 else 0.0
    return f"{share:.1%} {'larger' if difference > 0 else 'smaller'}"
