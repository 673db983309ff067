"""The content-based peer: what an item is, not who bought it, so that it can recommend items that nobody bought yet."""

import numpy as np
import pandas as pd
from scipy import sparse

from membership.base.errors import DataError
from membership.recommend.baselines import Scorer
from membership.recommend.baskets import Baskets

ATTRIBUTES = ("category", "subcategory", "brand", "name")  # columns of `items` that are used where they are there


def content(baskets: Baskets, decay: float, popularity: float, own: float, items: pd.DataFrame) -> Scorer:
    """Score items by how much they are like what the member bought, by attributes, times popularity^`popularity`.

    An item is the set of its attributes (`ATTRIBUTES`, columns of `items`), weighted by how rare each is (TF-IDF); a
    member is the sum of what it bought, a basket weighing `decay`^(baskets after it); likeness is their cosine.
    Popularity is 1 + the number of baskets that held the item, so that new items count. On top come `own` times the
    member's own purchases. Raises DataError where no item has an attribute.
    """
    kinds = attributes(baskets, items)
    if not kinds.nnz:
        raise DataError(f"content: items have none of {', '.join(ATTRIBUTES)}; without attributes take item_knn.")
    history = baskets.matrix(decay**baskets.basket)
    profile = _unit(history @ kinds)
    weight = (1 + np.bincount(baskets.item, minlength=len(baskets.items))) ** popularity
    likely = kinds.T.tocsr()
    return lambda rows: (profile[rows] @ likely).toarray() * weight / weight.max() + own * history[rows].toarray()


def attributes(baskets: Baskets, items: pd.DataFrame | None) -> sparse.csr_array:
    """Return the items' attributes (I, attributes), each row of length 1, or 0 for an item that has none."""
    there = [] if items is None else [name for name in ATTRIBUTES if name in items and items[name].notna().any()]
    if not there:
        return sparse.csr_array((len(baskets.items), 0))
    known = items.set_index("item_id").reindex(baskets.items)
    parts = []
    for name in there:
        code, values = pd.factorize(known[name])
        row = np.flatnonzero(code >= 0)
        has = sparse.coo_array((np.ones(len(row)), (row, code[row])), (len(code), len(values))).tocsr()
        parts.append(has * np.log(len(code) / has.sum(axis=0)))
    return _unit(sparse.hstack(parts).tocsr())


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    norm = np.sqrt(rows.multiply(rows).sum(axis=1))
    return (sparse.diags_array(1 / np.where(norm > 0, norm, 1)) @ rows).tocsr()
