"""The baselines that a model must beat, in sparse form: popularity, UP-CF@r and TIFUKNN.

A scorer takes row numbers of `Baskets` and returns dense scores (len(rows), I) of all items; -inf means never.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.rhythm import rhythm

Scorer = Callable[[np.ndarray], np.ndarray]
Ties = Literal["popularity", "first_bought"]
Ranker = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

BATCH = 512  # members scored together: bounds the memory


def ranked(scorer: Scorer) -> Ranker:
    """Return a function of (rows, k) to the k best columns and their scores, (len(rows), k), -1 and 0 where fewer."""

    def top(rows, k):
        columns, values = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), BATCH):
            scores = scorer(rows[start : start + BATCH])
            first = best(scores, k)
            value = np.take_along_axis(scores, first, axis=1)
            there = np.isfinite(value)
            batch = slice(start, start + len(scores)), slice(0, first.shape[1])
            columns[batch], values[batch] = np.where(there, first, -1), np.where(there, value, 0)
        return columns, values

    return top


def popularity(baskets: Baskets) -> np.ndarray:
    """Return the share of all baskets that hold each item, (I,)."""
    return np.bincount(baskets.item, minlength=len(baskets.items)) / baskets.sizes.sum()


def g_topfreq(baskets: Baskets, among: Baskets | None = None) -> Scorer:
    """Score items by their popularity (`among` others, if given), the same for everybody."""
    share = popularity(among or baskets)
    return lambda rows: np.tile(share, (len(rows), 1))


def p_topfreq(baskets: Baskets, ties: Ties = "popularity", among: Baskets | None = None) -> Scorer:
    """Score items by how many of the member's own baskets held them; what was never bought is never recommended.

    Equal counts go by popularity; `ties` "first_bought" puts the item first that was bought first, which is what the
    order of insertion does in the code of Li et al., TOIS 2023, and is weaker. `among` are the histories that say what
    is popular, `baskets` unless given.
    """
    return _own_first(baskets, ties, among or baskets, np.full(len(baskets.items), -np.inf))


def gp_topfreq(baskets: Baskets, ties: Ties = "popularity", among: Baskets | None = None) -> Scorer:
    """Score items as `p_topfreq` does, and after them what was never bought by popularity."""
    return _own_first(baskets, ties, among or baskets, popularity(among or baskets) / 1e4)


def _own_first(baskets: Baskets, ties: Ties, among: Baskets, others: np.ndarray) -> Scorer:
    counts = baskets.matrix()
    if ties == "popularity":
        counts.data += popularity(among)[counts.indices] / 2  # below 1
    else:
        own = rhythm(baskets, baskets.item, len(baskets.items))
        counts.data += own.first[:-1] / (own.first[:-1].max() + 1)

    def score(rows):
        mine = counts[rows].toarray()
        return np.where(mine > 0, mine, others)

    return score


def upcf(baskets: Baskets, recency: int, alpha: float, locality: float, neighbours: int, shrink: float = 0.0) -> Scorer:
    """UP-CF@r: the popularity of items with similar members (Faggioli, Polato and Aiolli, UMAP 2020).

    A member's own popularity of an item is its share of the last `recency` baskets. Members u, v are similar by the
    asymmetric cosine u.v / (|u|^2a |v|^2(1-a) + `shrink`) of their counts, with a = `alpha`, to the power `locality`;
    only the `neighbours` most similar count. A member is similar to itself by 1. Counts, neighbours and shrinkage are
    as in the code of Li et al., TOIS 2023; the paper has none of the three.
    """
    recent = np.minimum(baskets.sizes, recency)
    own = baskets.matrix((baskets.basket < recency) / recent[baskets.member])
    counts = baskets.matrix()
    size = counts.multiply(counts).sum(axis=1)
    neighbours = min(neighbours, len(size) - 1)

    def score(rows):
        overlap = (counts[rows] @ counts.T).toarray()
        similar = overlap / (size[rows, None] ** alpha * size[None, :] ** (1 - alpha) + shrink)
        similar[np.arange(len(rows)), rows] = -1  # itself comes on top of its neighbours
        near = nearest(similar, neighbours)
        near.data **= locality
        return (own[rows] + near @ own).toarray()

    return score


def tifu_vectors(baskets: Baskets, within_decay: float, group_decay: float, groups: int) -> sparse.csr_array:
    """Return TIFU's personalised item frequencies (M, I): Hu et al., SIGIR 2020, as in the authors' code.

    A basket weighs within_decay^(baskets after it). A member's baskets, oldest first, are cut into `groups` of equal
    size (later ones one longer where that does not divide; at most one for each basket); the mean of a group weighs
    group_decay^(groups after it), and the vector is the mean over groups. A member with fewer baskets than groups
    weighs group_decay^(groups - baskets) less, as if its last groups were empty. (The paper restarts the first decay
    in every group; the code does not, and is the better of the two.)
    """
    sizes = baskets.sizes
    many = np.minimum(sizes, groups)
    short, longer, many = (array[baskets.member] for array in (sizes // many, sizes % many, many))
    back, recent = baskets.basket, longer * (short + 1)  # the last `longer` groups hold one basket more
    group = np.where(back < recent, back // (short + 1), longer + (back - recent) // short)
    length = short + (back < recent)
    return baskets.matrix(within_decay**back * group_decay ** (group + groups - many) / length / many)


def tifuknn(
    baskets: Baskets, neighbours: int, within_decay: float, group_decay: float, alpha: float, groups: int
) -> Scorer:
    """TIFUKNN: `alpha` times a member's own vector plus 1 - alpha times the mean of its nearest `neighbours`."""
    vectors = tifu_vectors(baskets, within_decay, group_decay, groups)
    around = neighbourhood(vectors, neighbours)
    return lambda rows: alpha * vectors[rows].toarray() + (1 - alpha) * around(rows)


def neighbourhood(vectors: sparse.csr_array, neighbours: int) -> Scorer:
    """Return a function from rows to the mean vector, dense, of the other members nearest by Euclidean distance."""
    norms = vectors.multiply(vectors).sum(axis=1)
    neighbours = min(neighbours, len(norms) - 1)

    def mean(rows):
        nearness = 2 * (vectors[rows] @ vectors.T).toarray() - norms
        nearness[np.arange(len(rows)), rows] = -np.inf
        near = nearest(nearness, neighbours)
        near.data[:] = 1 / max(neighbours, 1)
        return (near @ vectors).toarray()

    return mean


def nearest(similar: np.ndarray, k: int) -> sparse.csr_array:
    """Keep the `k` highest of each row of `similar` (n, columns), ties by the lower column, and nothing else."""
    columns = best(similar, k)
    ends = np.arange(len(similar) + 1) * k
    return sparse.csr_array(
        (np.take_along_axis(similar, columns, axis=1).ravel(), columns.ravel(), ends), shape=similar.shape
    )


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the columns (n, min(k, columns)) of each row's highest scores, best first, ties by the lower column."""
    k = min(k, scores.shape[1])
    if k == 0:
        return np.zeros((len(scores), 0), dtype=np.int64)
    last = torch.from_numpy(scores).topk(k, dim=1).values[:, -1:].numpy()  # np.partition is ten times slower on ties
    above, equal = scores > last, scores == last
    chosen = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= k - above.sum(axis=1, keepdims=True)))
    columns = np.nonzero(chosen)[1].reshape(len(scores), k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
