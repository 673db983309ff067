"""What the knobs of the reranker cost: the metric of each against recall, as it is turned."""

from dataclasses import replace

import numpy as np
import pandas as pd

from membership.recommend import exploration, metrics, rerank
from membership.recommend.baskets import Targets
from membership.recommend.policy import Recommender, order_chance
from membership.recommend.rerank import Candidates, Reranker
from membership.recommend.rules import depth
from membership.settings.recommend import Recommend
from membership.stats import resample

TURNED = (0.0, 0.3, 1.0, 3.0, 10.0)  # purchases
PRICED = 1.0  # at which it is said what a point costs


def frontiers(
    free: Recommender,
    targets: Targets,
    knobs: Recommend,
    items: pd.DataFrame,
    confidence: float = 0.95,
    turned: tuple[float, ...] = TURNED,
) -> pd.DataFrame:
    """Return what lists are like at each of `turned` for each knob of `knobs.rerank`, the others as they are set.

    `free`, whose scores are chances and who keeps no rules, has not learned from `targets`; members without a history
    are left out. Knobs that do nothing on these data have no row. Columns: knob; value; in_use; metric, the knob's own,
    mean over members (of popularity, popularity_bias), and recall; metric_gain and recall_gain against value 0, with
    the ends _low and _high of their paired intervals, NaN for coverage, which no member has alone.
    """
    after = targets.of(free.baskets.members)
    made, rows = rerank.of_catalogue(free.market, knobs, items), []
    of, hits = _candidates(free, after, made)
    for name in rerank.KNOBS:
        if name in made.lacking:
            continue
        used, before = getattr(knobs.rerank, name), None
        for value in sorted({*turned, 0.0, used}):
            now = replace(made, knobs=knobs.rerank.model_copy(update={name: value}))
            judged = _judged(name, now, of, hits, after.sizes)
            before = judged if before is None else before
            row = {"knob": name, "value": value, "in_use": value == used}
            rows.append(row | _compared(judged, before, confidence))
    return pd.DataFrame(rows)


def prices(turned: pd.DataFrame) -> pd.DataFrame:
    """Return what a point, 0.01, of its metric costs in recall where a knob is PRICED; `turned` as from `frontiers`.

    Columns: knob, price, and low and high, the ends of recall's interval by the same points. Knobs that move nothing
    there have no row.
    """
    at = turned[(turned["value"] == PRICED) & (turned["metric_gain"].abs() > 1e-12)]
    points = 100 * at["metric_gain"].abs()
    ends = {"price": "recall_gain", "low": "recall_high", "high": "recall_low"}
    return pd.DataFrame({"knob": at["knob"], **{name: -at[end] / points for name, end in ends.items()}})


def lacking(turned: pd.DataFrame) -> list[str]:
    """Return the knobs that do nothing on these data; `turned` as from `frontiers`."""
    return [name for name in rerank.KNOBS if name not in set(turned["knob"])]


def _candidates(free: Recommender, after: Targets, made: Reranker) -> tuple[Candidates, np.ndarray]:
    """Return the candidates of the members of `after`, and which of them were bought, (n, width)."""
    known, rows = free.baskets, free.baskets.rows(after.members)
    columns, scores = free.top(rows, depth(made.k, len(known.items)))
    own = known.holds(rows[:, None], columns)
    chances, usual = order_chance(scores, ~own, free.explore), exploration.usual(made.traits.share, known)[rows]
    return Candidates(columns, own, chances, usual), metrics.held(after.matrix, columns)


def _judged(name: str, made: Reranker, of: Candidates, hits: np.ndarray, sizes: np.ndarray) -> dict[str, np.ndarray]:
    """Return recall (n,) of the lists of `made`, and the metric of knob `name`, (n,) or, of coverage, (1,)."""
    places = made.places(of, made.k)
    columns, hit, own = (np.take_along_axis(each, places, axis=1) for each in (of.columns, hits, of.own))
    columns = np.where(places < 0, -1, columns)
    there, traits = columns >= 0, made.traits

    def over(values: np.ndarray) -> np.ndarray:
        return exploration.mean(np.where(there, values, np.nan))

    metric = {
        "novelty": lambda: over(traits.novelty[columns]),
        "freshness": lambda: over(traits.fresh[columns]),
        "serendipity": lambda: over(hit & ~own & ~traits.best[columns]),
        "popularity": lambda: over(traits.share[columns]) - of.usual,
        "diversity": lambda: exploration.diversity(np.where(there, made.kind[columns], -1)),
        "coverage": lambda: np.array([(np.bincount(columns[there], minlength=len(made.kind)) > 0).mean()]),
    }[name]()
    return {"metric": metric, "recall": (hit & there).sum(axis=1) / sizes}


def _compared(judged: dict[str, np.ndarray], before: dict[str, np.ndarray], confidence: float) -> dict[str, float]:
    found = {}
    for name, values in judged.items():
        both = ~np.isnan(values) & ~np.isnan(before[name])
        gain = values[both] - before[name][both]
        low, high = resample.student(gain, confidence)[:2] if len(values) > 1 else (np.nan, np.nan)
        of_gain = {f"{name}_gain": gain.mean(), f"{name}_low": low, f"{name}_high": high}
        found |= {name: np.nanmean(values), **of_gain}
    return found
