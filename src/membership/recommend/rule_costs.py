"""What rules of the business cost: how well lists fare with each of them alone, and with all."""

from dataclasses import replace
from datetime import date

import pandas as pd

from membership.recommend import metrics
from membership.recommend.baskets import Targets
from membership.recommend.policy import Recommender
from membership.recommend.rules import NOTHING, Beside, ruled
from membership.settings.recommend import Rules

MARGIN = "margin"  # column of table `items`, where known: what a purchase of it leaves, in whatever unit


def costs(
    recommender: Recommender,
    rules: Rules,
    items: pd.DataFrame,
    day: date,
    targets: Targets,
    k: int,
    beside: Beside = NOTHING,
) -> pd.DataFrame:
    """Return what each rule costs alone, and all of them, on next baskets that `recommender` has not learned from.

    Rows of table `item_rules` are one rule by what they say: `items available`, `items blocked` and so on.

    Columns: rule, recall and ndcg (means over members), changed (share of listed items that are others), and the mean
    over listed items of MARGIN, where `items` has it as a number, and of each column that `rules.favour` names. No row
    where there are no rules.
    """
    set_ = [name for name in Rules.model_fields if getattr(rules, name) != getattr(Rules(), name)]
    if not set_ and beside.rows.empty:
        return pd.DataFrame()
    without = replace(beside, item_rules=None)
    parts = {"none": (Rules(), without)}
    parts |= {name: (Rules(**{name: getattr(rules, name)}), without) for name in set_}
    parts |= {
        f"items {said}": (Rules(), replace(beside, item_rules=each)) for said, each in beside.rows.groupby("rule")
    }
    parts["all"] = rules, beside
    before, _ = recommender.recommend(targets.members, k)
    described, rows = items.drop_duplicates("item_id").set_index("item_id"), []
    known = MARGIN in items and pd.api.types.is_numeric_dtype(items[MARGIN])
    worth = list(dict.fromkeys([*[MARGIN] * known, *rules.favour]))
    for name, (part, its) in parts.items():
        ids, _ = ruled(recommender, part, items, day, its).recommend(targets.members, k)
        means = metrics.per_member(ids, targets, recommender.baskets, k)[[f"recall_at_{k}", f"ndcg_at_{k}"]].mean()
        same = (ids[:, :, None] == before[:, None, :]).any(axis=2)
        listed = described.reindex(ids[ids != ""])[worth].mean()
        row = {"rule": name, "recall": means.iloc[0], "ndcg": means.iloc[1], "changed": 1 - same.mean()}
        rows.append(row | listed.to_dict())
    return pd.DataFrame(rows)
