"""Metrics of a recommended list against the basket that was bought next, one row a member."""

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets, Targets


def per_member(ids: np.ndarray, targets: Targets, baskets: Baskets, k: int) -> pd.DataFrame:
    """Judge the first `k` of `ids` (n, at least k) for the n members of `targets`; "" counts as no item.

    With T the target and H the hits among the k: recall is |H| / |T|; NDCG is the sum of 1 / log2(rank + 1) over
    hits, divided by the same sum over ranks 1 to |T| (all of |T|, not min(k, |T|), as in Li et al., TOIS 2023); hit
    is any(H); repeat and explore recall are recall on the part of T that is in the member's history or not, NaN
    where that part is empty. Columns: member_id, then recall_at_10, ... for k = 10.
    """
    columns = baskets.columns(ids[:, :k])
    rows = np.arange(len(columns))[:, None]
    wanted = targets.matrix.astype(bool).toarray()
    hits = wanted[rows, columns] & (columns >= 0)
    repeat = baskets.matrix()[baskets.rows(targets.members)].astype(bool).toarray()
    old = repeat[rows, columns]
    discount = 1 / np.log2(np.arange(2, max(k, wanted.shape[1]) + 2))
    size, repeats = wanted.sum(axis=1), (wanted & repeat).sum(axis=1)
    frame = {
        "recall": hits.sum(axis=1) / size,
        "ndcg": hits @ discount[: hits.shape[1]] / np.cumsum(discount)[size - 1],
        "hit": hits.any(axis=1).astype(float),
        "repeat_recall": _share((hits & old).sum(axis=1), repeats),
        "explore_recall": _share((hits & ~old).sum(axis=1), size - repeats),
    }
    named = {f"{name}_at_{k}": values for name, values in frame.items()}
    return pd.DataFrame({"member_id": targets.members, **named})


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
