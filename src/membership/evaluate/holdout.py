"""What each policy recommends to every member, and how that fares on the basket they bought next."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.recommend import metrics
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.policy import Recommender


@dataclass(frozen=True)
class Judged:
    """Tables `recommendations` (every member) and `outcomes` (every member with a next basket), by policy."""

    recommendations: pd.DataFrame
    outcomes: pd.DataFrame


def judge(
    policies: Mapping[str, Recommender], tiers: pd.DataFrame, targets: Targets, baskets: Baskets, k: int
) -> Judged:
    """Let each of `policies` recommend `k` items to every member of table `tiers` and judge them on `targets`."""
    members = np.sort(tiers["member_id"].to_numpy(dtype=str))
    strangers = np.setdiff1d(targets.members, members)
    if len(strangers):
        raise DataError(
            f"table 'tiers': {len(strangers)} members who bought in the holdout are missing, e.g. {strangers[0]!r}; "
            "run stage tiers again."
        )
    judged = np.searchsorted(members, targets.members)
    lists, outcomes = [], []
    for policy, recommender in policies.items():
        ids, scores = recommender.recommend(members, k)
        lists.append(_rows(members, ids, scores, baskets).assign(policy=policy))
        outcomes.append(metrics.per_member(ids[judged], targets, baskets, k).assign(policy=policy))
    tier = tiers[["member_id", "tier"]]
    return Judged(pd.concat(lists), pd.concat(outcomes).merge(tier, on="member_id", validate="many_to_one"))


def describe(tiers: pd.DataFrame, baskets: Baskets, targets: Targets) -> pd.DataFrame:
    """Return how many members, items and target baskets there are, one row each."""
    counts = {
        "members": len(tiers),
        "with enough history": len(baskets.members),
        "of these, with a next basket": len(targets.members),
        "items that can be recommended": len(baskets.items),
        "items in a next basket, mean": round(targets.matrix.sum() / max(len(targets.members), 1), 1),
    }
    return pd.Series(counts, name="number").to_frame()


def _rows(members: np.ndarray, ids: np.ndarray, scores: np.ndarray, baskets: Baskets) -> pd.DataFrame:
    repeat = baskets.bought(members, ids)
    frame = pd.DataFrame(
        {
            "member_id": np.repeat(members, ids.shape[1]),
            "rank": np.tile(np.arange(1, ids.shape[1] + 1), len(members)),
            "item_id": ids.ravel(),
            "score": scores.ravel(),
            "source": np.where(repeat.ravel(), "repeat", "explore"),
        }
    )
    return frame[frame["item_id"] != ""]
