"""What each policy recommends to every member, and how that fares on the basket they bought next."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.evaluate import metrics
from membership.evaluate.metrics import Basis, Lists
from membership.recommend import policy
from membership.recommend.baskets import Baskets, Targets


@dataclass(frozen=True)
class Holdout:
    """Tables `recommendations` (every member) and `outcomes` (every member with a next basket), by policy."""

    recommendations: pd.DataFrame
    outcomes: pd.DataFrame


def judge(
    policies: Mapping[str, policy.Recommender], items: pd.DataFrame, tiers: pd.DataFrame, basis: Basis
) -> Holdout:
    """Let each of `policies` recommend `basis.k` of `items` to every member of table `tiers`; judge them on `basis`.

    Raises DataError where a member to be judged has no tier.
    """
    judged = basis.targets.members
    strangers = np.setdiff1d(judged, tiers["member_id"]).tolist()
    if strangers:
        raise DataError(
            f"table 'tiers': {len(strangers)} members who bought in the holdout are missing, e.g. {strangers[0]!r}; "
            "run stage tiers again."
        )
    members = np.sort(tiers["member_id"].to_numpy(dtype=str))
    lists, outcomes = [], []
    for name, recommender in policies.items():
        lists.append(policy.listed(recommender, items, members, basis.k).assign(policy=name))
        ids, _ = recommender.recommend(judged, basis.k)
        outcomes.append(metrics.per_member(Lists(ids, basis)).assign(policy=name))
    tier = tiers[["member_id", "tier"]]
    return Holdout(pd.concat(lists), pd.concat(outcomes).merge(tier, on="member_id", validate="many_to_one"))


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
