"""Which candidate to use: the best at the judged origins, or a simpler one that is not clearly worse.

1. Every candidate is ranked by every metric of `value.choose_by` at every judged origin. Equals share their rank.
2. The best mean rank wins, unless an earlier candidate of `value.candidates`, which go from simple to rich, is not
   clearly worse than the winner. The first such candidate is used instead.
3. A candidate is clearly worse where the paired difference in at least one metric of `value.choose_by` has its whole
   interval on the worse side of 0. Whole members are resampled, with all their origins, `value.bootstrap` times.

So the choice does not depend on last digits: where two candidates cannot be distinguished, the simpler one is used. The
lifetime model is chosen by the same rule among the lifetime models. Candidates that predict the same for everybody are
never chosen, nor those that could not be fitted at every judged origin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.settings.value import Value
from membership.value.accuracy import LOWER_IS_BETTER, METRICS, ranked
from membership.value.candidate_models import LIFETIME, NAIVE, SAY_NOTHING
from membership.value.origins import Rolled
from membership.value.panel import OUTCOMES, outcome
from membership.value.validate import Resampled, clearly_worse, compare

MAIN = "spend_rmse"  # the metric whose differences are shown, whatever the rule
_DIGITS = 6  # that count when metrics are ranked


@dataclass(frozen=True)
class Choice:
    """What the rule chose, and the numbers behind it.

    `table`: every candidate that was judged, the best first: `mean_rank` (null for what cannot be chosen), and each
    metric as a mean over the judged origins. `differences`: how those that can be chosen differ from the chosen one
    there, in `MAIN` and the metrics of the rule, as `validate.Resampled.against`.
    """

    name: str
    best_ranked: str  # has the best mean rank; another than `name` where that is simpler and not clearly worse
    lifetime: str | None  # chosen among the lifetime models by the same rule; None where all refused
    table: pd.DataFrame
    differences: pd.DataFrame
    judged: tuple  # the origins
    refusals: dict[str, str]  # who could not be fitted, and why

    @property
    def naive(self) -> str | None:
        """The naive rule with the best mean rank, of those that distinguish members."""
        return next((name for name in self.table.index if name in NAIVE and name not in SAY_NOTHING), None)

    @property
    def contenders(self) -> list[str]:
        """The few candidates that a figure can show: the chosen one, the best lifetime model, the best naive rule."""
        return [name for name in dict.fromkeys((self.name, self.lifetime, self.naive)) if name]

    @property
    def rivals(self) -> pd.DataFrame:
        """The best ranked other candidate and the best naive rule: how the spend RMSE of the chosen one compares.

        Columns: `mean_rank`, and `change`, the chosen one's over the rival's less 1, with its interval `low`, `high`.
        """
        main = self.differences[self.differences.index.isin([MAIN], level="metric")].droplevel("metric")
        names = [name for name in self.table["mean_rank"].dropna().index if name != self.name]
        rows = main.loc[list(dict.fromkeys([*names[:1], *[name for name in names if name in NAIVE][:1]]))]
        changes = -rows[["difference", "high", "low"]].div(rows["value"].where(rows["value"] > 0), axis=0)
        changes = changes.set_axis(["change", "low", "high"], axis=1)
        return changes.join(self.table["mean_rank"])


def choose(
    rolled: Rolled, settings: Value, rng: np.random.Generator, refused: Mapping[str, str] | None = None
) -> Choice:
    """Apply the rule to all but those who `refused`, by name and why, when they were to be used (`Fitted.refusals`).

    Raises DataError where no candidate distinguishes members.
    """
    metrics, refused = judged_metrics(rolled), refused or {}
    ranks = mean_ranks(metrics, settings).drop(index=list(refused), errors="ignore")
    if ranks.empty:
        raise DataError(
            f"value.candidates = {settings.candidates}: none of them both distinguishes members and could be fitted at "
            "every judged origin. Add same_rate, which always can."
        )
    drawn = _resampled(rolled, list(ranks.index), settings, rng)
    name = _simplest(list(ranks.index), drawn, settings)
    table = metrics.groupby("candidate", sort=False).mean()
    table.insert(0, "mean_rank", ranks.reindex(table.index))
    return Choice(
        name,
        ranks.index[0],
        _simplest([one for one in ranks.index if one in LIFETIME], drawn, settings),
        table.sort_values("mean_rank", kind="stable"),
        drawn.against(name, settings.confidence),
        tuple(metrics.index.unique("origin")),
        _left_out(rolled) | dict(refused),
    )


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
    kept = kept.map(lambda value: float(f"{value:.{_DIGITS}g}"))
    kept = kept * [1 if name.endswith(LOWER_IS_BETTER) else -1 for name in kept]
    ranks = kept.groupby("origin").rank().mean(axis=1).groupby("candidate").mean()
    return ranks.reindex(able).sort_values(kind="stable").rename("mean_rank")


def _resampled(rolled: Rolled, names: list[str], settings: Value, rng: np.random.Generator) -> Resampled:
    """Return `MAIN` and the metrics of the rule, means over the judged origins, on draws of members.

    A member counts as often at each origin at which it is there; who had left before one is not.
    """
    metrics = list(dict.fromkeys([MAIN, *settings.choose_by]))
    members = pd.Index(np.unique(rolled.judged["member_id"].to_numpy()))
    windows = {what: [] for what in OUTCOMES}
    for _, part in rolled.judged.groupby("origin"):
        for what, seen in windows.items():
            actual, predicted = (table.droplevel("origin") for table in outcome(part, what))
            seen.append((members.get_indexer(actual.index), ranked(actual, predicted[names])))

    def measure(weights: np.ndarray) -> np.ndarray:
        rows = []
        for what, metric in (name.split("_", 1) for name in metrics):
            rows.append(
                [[METRICS[metric](one, weights[there]) for one in seen.values()] for there, seen in windows[what]]
            )
        return np.mean(rows, axis=1)

    return Resampled.of(measure, metrics, names, len(members), settings.bootstrap, rng)


def _simplest(names: Sequence[str], drawn: Resampled, settings: Value) -> str | None:
    """Return the first of `settings.candidates` among `names`, best ranked first, not clearly worse than the best."""
    if not names:
        return None
    against = drawn.against(names[0], settings.confidence)
    worse = clearly_worse(against[against.index.isin(settings.choose_by, level="metric")])
    return next(name for name in settings.candidates if name in names and name not in worse)


def _left_out(rolled: Rolled) -> dict[str, str]:
    """Return who was missing at a judged origin, and why."""
    late = rolled.refusals[rolled.refusals["origin"] > rolled.predictions["origin"].min()]
    return dict(zip(late["candidate"], late["message"], strict=True))
