"""How far lists lead members to something new: novelty, diversity, serendipity, freshness, popularity bias."""

import numpy as np
import pandas as pd

from membership.recommend import metrics
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.ranking import best, popularity

FRESH_DAYS = 30  # since its first purchase by anybody, in which an item is fresh


def per_member(
    ids: np.ndarray, targets: Targets, baskets: Baskets, k: int, items: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Judge the first `k` of `ids` (n, at least k) for the n members of `targets`; "" counts as no item.

    Columns: member_id, then, named with _at_10 (k = 10), means over the listed items, NaN for an empty list:

    novelty: log(members / buyers of the item) / log(members): 0 where everybody has bought it, 1 where one or nobody
    has (self-information as a share of its highest; Zhou et al., PNAS 2010).
    diversity: share of the pairs of listed items that are of two categories; of pairs with both in table `items`, NaN
    without (Ziegler et al., WWW 2005).
    serendipity: share that is bought next, new to the member, and not among the k that sell best (Ge et al., RecSys
    2010).
    freshness: share that nobody in `baskets` had bought until FRESH_DAYS before the cut-off; NaN without dates.
    popularity_bias: share of members who have bought the item, less the same mean over what the member has bought; NaN
    without a history (Abdollahpouri et al., RMSE 2019).
    """
    ids = ids[:, :k]
    columns, known = baskets.columns(ids), baskets.matrix().sign()
    buyers, members = known.sum(axis=0), max(len(baskets.members), 2)
    surprising = metrics.held(targets.matrix, columns) & ~baskets.bought(targets.members, ids)
    surprising &= ~np.isin(columns, best(popularity(baskets)[None, :], k)[0])
    of_items = {
        "novelty": 1 - np.log(np.maximum(buyers, 1)) / np.log(members),
        "freshness": _fresh(baskets),
        "popularity_bias": buyers / members,
    }
    found = {name: _mean(np.where(columns < 0, np.nan, values[columns])) for name, values in of_items.items()}
    found["popularity_bias"] -= _usual(buyers / members, known, baskets.rows(targets.members))
    found["serendipity"] = _mean(np.where(columns < 0, np.nan, surprising))
    found["diversity"] = _diversity(ids, items)
    return pd.DataFrame({"member_id": targets.members, **{f"{name}_at_{k}": each for name, each in found.items()}})


def _fresh(baskets: Baskets) -> np.ndarray:
    """Say of each item, (I,), 1 or 0, whether it is fresh; NaN where there are no dates."""
    if not baskets.dated:
        return np.full(len(baskets.items), np.nan)
    first = np.zeros(len(baskets.items))  # days before the cut-off
    np.maximum.at(first, baskets.item, baskets.age)
    return (first <= FRESH_DAYS) * 1.0


def _usual(of_items: np.ndarray, known, rows: np.ndarray) -> np.ndarray:
    """Return the mean of `of_items` (I,) over the items of each of `rows` of `known` (M, I), NaN for row -1."""
    total, many = known @ of_items, np.diff(known.indptr)
    return np.where(rows < 0, np.nan, (total / np.maximum(many, 1))[rows])


def _diversity(ids: np.ndarray, items: pd.DataFrame | None) -> np.ndarray:
    if items is None:
        return np.full(len(ids), np.nan)
    category = items.drop_duplicates("item_id").set_index("item_id")["category"]
    kind = pd.factorize(category.reindex(ids.ravel()))[0].reshape(ids.shape)
    one, other = np.triu_indices(ids.shape[1], 1)
    there = (kind[:, one] >= 0) & (kind[:, other] >= 0)
    return _mean(np.where(there, kind[:, one] != kind[:, other], np.nan))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row of `values` (n, m) without NaN; NaN where nothing else is there."""
    there = ~np.isnan(values)
    return metrics.share(np.where(there, values, 0).sum(axis=1), there.sum(axis=1))
