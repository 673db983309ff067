"""Metrics of a recommended list against the basket that was bought next, one row a member."""

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets, Targets
from membership.stats import resample


def per_member(ids: np.ndarray, targets: Targets, baskets: Baskets, k: int) -> pd.DataFrame:
    """Judge the first `k` of `ids` (n, at least k) for the n members of `targets`; "" counts as no item.

    With T the target and H the hits among the k: recall is |H| / |T|; NDCG is the sum of 1 / log2(rank + 1) over
    hits, divided by the same sum over ranks 1 to |T| (all of |T|, not min(k, |T|), as in Li et al., TOIS 2023); hit
    is any(H); repeat and explore recall are recall on the part of T that is in the member's history or not, NaN
    where that part is empty. Items of T that no history holds count in |T|. Columns: member_id, then recall_at_10,
    ... for k = 10.
    """
    hits = held(targets.matrix, baskets.columns(ids[:, :k]))
    known, repeats, size = baskets.rows(targets.members), np.zeros(len(hits)), targets.sizes
    has_history = known >= 0
    history = baskets.matrix()[known[has_history]].sign()
    repeats[has_history] = targets.matrix[has_history].multiply(history).sum(axis=1)
    repeat_hits = (hits & baskets.bought(targets.members, ids[:, :k])).sum(axis=1)
    frame = {
        "recall": hits.sum(axis=1) / size,
        "ndcg": ndcg(hits, size),
        "hit": hits.any(axis=1).astype(float),
        "repeat_recall": share(repeat_hits, repeats),
        "explore_recall": share(hits.sum(axis=1) - repeat_hits, size - repeats),
    }
    named = {f"{name}_at_{k}": values for name, values in frame.items()}
    return pd.DataFrame({"member_id": targets.members, **named})


def ndcg(hits: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return NDCG, (n,), as in `per_member`, of `hits` (n, k) in the order of the list and targets of `size` (n,)."""
    discount = 1 / np.log2(np.arange(2, max(hits.shape[1], size.max(initial=1)) + 2))
    return hits @ discount[: hits.shape[1]] / np.cumsum(discount)[size - 1]


def composition(ids: np.ndarray, targets: Targets, baskets: Baskets, k: int) -> pd.DataFrame:
    """Return how much of the first `k` of `ids` (n, at least k) is new to the n members of `targets`.

    Columns: member_id; explore_share_at_10 (k = 10), the share of the listed items that are not in the member's
    history; explore_hit_share_at_10, the same of the listed items that were bought, NaN where none was.
    """
    listed, hits = ids[:, :k] != "", held(targets.matrix, baskets.columns(ids[:, :k]))
    new = listed & ~baskets.bought(targets.members, ids[:, :k])
    frame = {"explore_share": (new, listed), "explore_hit_share": (new & hits, hits)}
    named = {f"{name}_at_{k}": share(part.sum(axis=1), of.sum(axis=1)) for name, (part, of) in frame.items()}
    return pd.DataFrame({"member_id": targets.members, **named})


def coverage(ids: np.ndarray, baskets: Baskets) -> float:
    """Return the share of the items of `baskets`, those that can be recommended, that is in any of the lists `ids`."""
    return len(np.setdiff1d(ids, [""])) / len(baskets.items)


def reliability(predicted: np.ndarray, bought: np.ndarray, bins: int = 10, confidence: float = 0.95) -> pd.DataFrame:
    """Return how often what was `predicted` (n,) probabilities came true, `bought` (n,) bool: a row a bin.

    The bins hold equal sums of probabilities, that is, equal numbers of expected purchases, since most items are
    improbable. Columns: predicted (mean), observed (share), low and high (Wilson's interval of `observed`, which
    takes pairs as independent), pairs.
    """
    order = np.argsort(predicted, kind="stable")
    total = np.cumsum(predicted[order])
    place = np.floor(bins * (total - predicted[order] / 2) / max(total[-1:].sum(), 1e-300)).astype(int)
    frame = pd.DataFrame({"predicted": predicted[order], "observed": bought[order].astype(float), "pairs": 1})
    binned = frame.groupby(place).agg({"predicted": "mean", "observed": "mean", "pairs": "sum"}).reset_index(drop=True)
    low, high = resample.wilson(binned["observed"] * binned["pairs"], binned["pairs"], confidence)
    return binned.assign(low=low, high=high)


def calibration_error(reliable: pd.DataFrame) -> float:
    """Return the expected calibration error of `reliable`, as from `reliability`: the mean over pairs of how far the
    observed share of their bin is from the predicted one (Naeini et al., AAAI 2015).
    """
    gap = (reliable["observed"] - reliable["predicted"]).abs()
    return float((gap * reliable["pairs"]).sum() / max(reliable["pairs"].sum(), 1))


def held(matrix, columns: np.ndarray) -> np.ndarray:
    """Say of `columns` (n, k) whether row n of `matrix` holds them; -1 is held by nobody."""
    width = matrix.shape[1]
    row, column = matrix.nonzero()
    asked = np.arange(len(columns))[:, None] * width + columns
    return (columns >= 0) & np.isin(asked, row.astype(np.int64) * width + column)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return `part` / `whole`, both (n,), NaN where there is nothing of the whole."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
