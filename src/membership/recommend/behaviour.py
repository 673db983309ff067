"""Behaviour: how a policy does on next baskets that it has not learned from, by repeat and explore."""

import numpy as np
import pandas as pd

from membership.recommend import exploration, metrics, policy
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.policy import Recommender
from membership.recommend.train import Situation

EXPLORE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # log-odds
CONFIDENCE = 0.95  # of intervals
DEPTH = 100  # items of a member whose probabilities are checked, at most

MADE_UP = "a made-up member"


def made_up(known: Baskets, items: int = 8, weeks: int = 12) -> Baskets:
    """Return the history of a member who never was, to show what is recommended without showing anybody.

    `weeks` baskets, a week apart, of the `items` that most members of `known` bought: the first of them in every
    basket, the second in every other one, the n-th in every n-th. The catalogue is that of `known`.
    """
    pairs = np.unique(np.c_[known.item, known.member], axis=0)
    buyers = np.bincount(pairs[:, 0], minlength=len(known.items))
    favourites = np.argsort(-buyers, kind="stable")[: min(items, np.count_nonzero(buyers))]
    basket, place = np.nonzero(np.arange(weeks)[:, None] % (np.arange(len(favourites)) + 1) == 0)
    order = np.lexsort((favourites[place], basket))
    basket, item = (array[order].astype(np.int32) for array in (basket, favourites[place]))
    age = (basket if known.cutoff is None else 7 * basket) + 1
    saved = None if known.discount is None else np.zeros(len(item), dtype=np.float32)
    return Baskets(known.cutoff, np.array([MADE_UP]), known.items, np.zeros_like(item), item, basket, age, saved)


def frontier(
    now: Situation,
    probability: np.ndarray,
    targets: Targets,
    k: int,
    in_use: float = 0.0,
    items: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what lists of `k` are like at each of EXPLORE and at `in_use` as `recommend.explore`, one a row.

    `probability` (n,) is of the pairs of `now`, `targets` what was bought next. Columns: explore; recall,
    repeat_recall and explore_recall (means over members who have such items in the target); explore_share of the
    listed items, explore_hit_share of those that were bought; those of `exploration.per_member` that are known (of
    diversity, by table `items`); coverage of the catalogue.
    """
    rows = []
    for explore in sorted({*EXPLORE, in_use}):
        ids, _ = policy.of_pairs(now.baskets, now.pairs, probability, explore).recommend(targets.members, k)
        known = ids, targets, now.baskets, k
        explored = exploration.per_member(*known, items).dropna(axis=1, how="all")
        judged = metrics.per_member(*known).merge(metrics.composition(*known), on="member_id")
        judged = judged.merge(explored, on="member_id")
        means = judged.drop(columns="member_id").mean().rename(lambda name: name.removesuffix(f"_at_{k}"))
        rows.append({"explore": explore, **means, "coverage": metrics.coverage(ids, now.baskets)})
    return pd.DataFrame(rows).drop(columns=["ndcg", "hit"])


def reliability(recommender: Recommender, targets: Targets) -> pd.DataFrame:
    """Return how often the probabilities of `recommender` came true in `targets`: rows as from `metrics.reliability`.

    A column `source` says of what: all items, repeat, or explore. At most DEPTH items of a member are looked at.
    """
    ids, scores = recommender.recommend(targets.members, min(DEPTH, len(recommender.baskets.items)))
    columns = recommender.baskets.columns(ids)
    bought = metrics.held(targets.matrix, columns)
    repeat = recommender.baskets.bought(targets.members, ids)
    parts = {"all": columns >= 0, "repeat": repeat, "explore": (columns >= 0) & ~repeat}
    frames = [
        metrics.reliability(scores[part], bought[part], confidence=CONFIDENCE).assign(source=name)
        for name, part in parts.items()
        if part.any()
    ]
    return pd.concat(frames, ignore_index=True)


def calibration(reliable: pd.DataFrame, prefix: str) -> dict[str, float]:
    """Return `reliable`, as from `reliability`, as flat metrics whose names start with `prefix`.

    They are the expected calibration error, and the purchases that were expected for each that was made: of all
    items, of repeat and of explore.
    """
    expected, made = (reliable[column] * reliable["pairs"] for column in ("predicted", "observed"))
    sums = pd.DataFrame({"expected": expected, "made": made}).groupby(reliable["source"]).sum()
    ratio = (sums["expected"] / sums["made"].where(sums["made"] > 0)).rename({"all": "items"})
    return {
        f"{prefix}calibration_error": metrics.calibration_error(reliable[reliable["source"] == "all"]),
        **{f"{prefix}expected_over_bought_{name}": float(value) for name, value in ratio.items()},
    }
