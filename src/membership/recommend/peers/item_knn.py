"""Item-kNN in sparse form: items are near when the same members buy them; the catalogue is never laid out densely."""

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.products import highest
from membership.recommend.ranking import filled, popularity
from membership.recommend.reasons import LEAD
from membership.settings.section import Count, NotNegative, Section, Share

SPACE = {
    "neighbours": Range(10, 1000, log=True),
    "asymmetry": Range(0.0, 1.0),
    "shrink": Range(0.1, 1000.0, log=True),
    "decay": Range(0.3, 1.0),
    "own": Range(0.1, 100.0, log=True),
}


class Settings(Section):
    """Settings chosen on Complete Journey."""

    neighbours: Count = 150  # items
    asymmetry: Share = 0.7  # of the cosine: 0.5 is the symmetric one
    shrink: NotNegative = 30.0  # added to the squared norms of items
    decay: Share = 0.98  # a basket
    own: NotNegative = 35.0  # weight of the member's own purchases


@peer(Settings, reason=LEAD, space=SPACE)
def item_knn(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Rank items by the sum of their similarities to what the member bought (Deshpande and Karypis, TOIS 2004).

    Items i, j are similar by i.j / (N(i)^2a N(j)^2(1-a)), N(i)^2 = |i|^2 + `shrink`, a = `asymmetry`, of how often
    each member bought them; a = 1/2 without shrinkage is the cosine. An item passes on to its `neighbours` most
    similar others, and to itself by `own`. A basket weighs `decay`^(baskets after it). What no similarity leads to
    comes last, by popularity, with a score below 0.
    """
    item = _busiest_first(known.item, known.shape[1])
    similar = _similarities(_history(known, item, 1), settings)
    names, share = np.argsort(item), popularity(known)

    def of(asked):
        member, history = _busiest_first(asked.member, asked.shape[0]), _history(asked, item, settings.decay)
        return lambda rows, k: filled(*highest(history[member[rows]], similar, k, names), share)

    return of


def _busiest_first(lines: np.ndarray, many: int) -> np.ndarray:
    """Return new numbers (many,), those in most `lines` first: they lie together in the cache, which saves half."""
    return np.argsort(np.argsort(-np.bincount(lines, minlength=many), kind="stable")).astype(np.int32)


def _history(baskets: Baskets, item: np.ndarray, decay: float) -> sparse.csr_array:
    """Return the sum of `decay`^(baskets after it) of members and items, the busiest of both first."""
    values = (decay**baskets.basket).astype(np.float32)
    matrix = sparse.coo_array((values, (baskets.member, item[baskets.item])), shape=baskets.shape)
    busiest = np.argsort(-np.bincount(baskets.member, minlength=baskets.shape[0]), kind="stable")
    return matrix.tocsc().tocsr()[busiest]


def _similarities(counts: sparse.csr_array, settings: Settings) -> sparse.csr_array:
    items = np.arange(counts.shape[1], dtype=np.int32)
    norm = counts.multiply(counts).sum(axis=0).astype(float) + settings.shrink
    norm[norm == 0] = 1
    taking = counts.copy()
    taking.data *= (norm ** (settings.asymmetry - 1)).astype(np.float32)[taking.indices]
    column, value = highest(counts.tocsc().T, taking, min(settings.neighbours + 1, len(items)), items)
    other = (column >= 0) & (column != items[:, None])
    other &= np.cumsum(other, axis=1) <= settings.neighbours
    kept = np.insert(other, 0, True, axis=1)
    column = np.insert(column, 0, items, axis=1)[kept]
    value = np.insert(value * (norm**-settings.asymmetry).astype(np.float32)[:, None], 0, settings.own, axis=1)[kept]
    ends = np.insert(np.cumsum(kept.sum(axis=1)), 0, 0).astype(np.int32)
    similar = sparse.csr_array((value, column, ends), shape=(len(items), len(items)))
    similar.sort_indices()  # the product runs along them
    return similar
