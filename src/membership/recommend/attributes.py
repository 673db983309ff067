"""Attributes: what an item is, not who bought it, so that something is known of items that nobody bought yet."""

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.baskets import Baskets

ATTRIBUTES = ("category", "subcategory", "brand", "name")  # columns of `items` that are used where they are there


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
    return unit(sparse.hstack(parts).tocsr())


def unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return `rows` scaled to length 1, those of length 0 as they are."""
    norm = np.sqrt(rows.multiply(rows).sum(axis=1))
    return (sparse.diags_array(1 / np.where(norm > 0, norm, 1)) @ rows).tocsr()
