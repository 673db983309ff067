"""Metrics of a recommended list against the basket that was bought next, one row a member."""

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets, Targets


def per_member(ids: np.ndarray, targets: Targets, baskets: Baskets, k: int) -> pd.DataFrame:
    """Judge the first `k` of `ids` (n, at least k) for the n members of `targets`; "" counts as no item.

    With T the target and H the hits among the k: recall is |H| / |T|; NDCG is the sum of 1 / log2(rank + 1) over
    hits, divided by the same sum over ranks 1 to |T| (all of |T|, not min(k, |T|), as in Li et al., TOIS 2023); hit
    is any(H); repeat and explore recall are recall on the part of T that is in the member's history or not, NaN
    where that part is empty. Items of T that no history holds count in |T|. Columns: member_id, then recall_at_10,
    ... for k = 10.
    """
    columns = baskets.columns(ids[:, :k])
    hits = _held(targets.matrix, columns)
    known, repeats = baskets.rows(targets.members), np.zeros(len(columns))
    has_history = known >= 0
    history = baskets.matrix()[known[has_history]].sign()
    repeats[has_history] = targets.matrix[has_history].multiply(history).sum(axis=1)
    repeat_hits = np.zeros(len(columns))
    repeat_hits[has_history] = (hits[has_history] & _held(history, columns[has_history])).sum(axis=1)
    size = targets.sizes
    discount = 1 / np.log2(np.arange(2, max(k, size.max(initial=1)) + 2))
    frame = {
        "recall": hits.sum(axis=1) / size,
        "ndcg": hits @ discount[: hits.shape[1]] / np.cumsum(discount)[size - 1],
        "hit": hits.any(axis=1).astype(float),
        "repeat_recall": _share(repeat_hits, repeats),
        "explore_recall": _share(hits.sum(axis=1) - repeat_hits, size - repeats),
    }
    named = {f"{name}_at_{k}": values for name, values in frame.items()}
    return pd.DataFrame({"member_id": targets.members, **named})


def _held(matrix, columns: np.ndarray) -> np.ndarray:
    """Say of `columns` (n, k) whether row n of `matrix` holds them; -1 is held by nobody."""
    width = matrix.shape[1]
    row, column = matrix.nonzero()
    asked = np.arange(len(columns))[:, None] * width + columns
    return (columns >= 0) & np.isin(asked, row.astype(np.int64) * width + column)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
