"""How far lists lead members to something new: novelty, diversity, serendipity, freshness, popularity bias."""

from dataclasses import dataclass

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
    columns, of_items = baskets.columns(ids), traits(baskets, k)
    surprising = metrics.held(targets.matrix, columns) & ~baskets.bought(targets.members, ids) & ~of_items.best[columns]
    of_each = {"novelty": of_items.novelty, "freshness": of_items.fresh, "popularity_bias": of_items.share}
    found = {name: mean(np.where(columns < 0, np.nan, values[columns])) for name, values in of_each.items()}
    found["popularity_bias"] -= usual(of_items.share, baskets)[baskets.rows(targets.members)]
    found["serendipity"] = mean(np.where(columns < 0, np.nan, surprising))
    found["diversity"] = np.full(len(ids), np.nan) if items is None else diversity(_kinds(ids, items))
    return pd.DataFrame({"member_id": targets.members, **{f"{name}_at_{k}": each for name, each in found.items()}})


@dataclass(frozen=True)
class Traits:
    """What is said of each item, (I,): its `novelty`; whether it is `fresh`, 1 or 0, NaN without dates; the `share` of
    members who have bought it; whether it is one of the `best` sellers, as many as a list is long.
    """

    novelty: np.ndarray
    fresh: np.ndarray
    share: np.ndarray
    best: np.ndarray


def traits(baskets: Baskets, k: int) -> Traits:
    """Return what `per_member` with lists of `k` says of each item of `baskets`."""
    buyers, members = baskets.buyers, max(len(baskets.members), 2)
    sellers = np.isin(np.arange(len(baskets.items)), best(popularity(baskets)[None, :], k)[0])
    return Traits(1 - np.log(np.maximum(buyers, 1)) / np.log(members), _fresh(baskets), buyers / members, sellers)


def _fresh(baskets: Baskets) -> np.ndarray:
    """Say of each item, (I,), 1 or 0, whether it is fresh; NaN where there are no dates."""
    if not baskets.dated:
        return np.full(len(baskets.items), np.nan)
    first = np.zeros(len(baskets.items))  # days before the cut-off
    np.maximum.at(first, baskets.item, baskets.age)
    return (first <= FRESH_DAYS) * 1.0


def usual(of_items: np.ndarray, baskets: Baskets) -> np.ndarray:
    """Return the mean of `of_items` (I,) over the items that each member has bought, (M + 1,); last NaN, of row -1."""
    known = baskets.matrix().sign()
    return np.append((known @ of_items) / np.maximum(np.diff(known.indptr), 1), np.nan)


def diversity(kind: np.ndarray) -> np.ndarray:
    """Return the share of pairs of each row of `kind` (n, k) that differ, of those known; -1 is unknown."""
    one, other = np.triu_indices(kind.shape[1], 1)
    there = (kind[:, one] >= 0) & (kind[:, other] >= 0)
    return mean(np.where(there, kind[:, one] != kind[:, other], np.nan))


def _kinds(ids: np.ndarray, items: pd.DataFrame) -> np.ndarray:
    category = items.drop_duplicates("item_id").set_index("item_id")["category"]
    return pd.factorize(category.reindex(ids.ravel()))[0].reshape(ids.shape)


def mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row of `values` (n, m) without NaN; NaN where nothing else is there."""
    there = ~np.isnan(values)
    return metrics.share(np.where(there, values, 0).sum(axis=1), there.sum(axis=1))
