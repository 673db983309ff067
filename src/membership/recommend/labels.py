"""Labels: next baskets that are known and may be learned from, kept from those whom they belong to."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets, Targets

FOLDS = 5
UNLABELLED = -1


@dataclass(frozen=True)
class Labels:
    """The next baskets `matrix` (M, I) of some members; row m is empty where `fold[m]` is UNLABELLED.

    Members with a label lie in FOLDS folds. What is said of a member may use labels of other folds only: a statistic
    that includes the member's own label, or leaves out only that, gives the answer away.
    """

    fold: np.ndarray
    matrix: sparse.csr_array

    def others(self, fold: int) -> np.ndarray:
        """Return the rows of members whose labels may be used for `fold`."""
        return np.flatnonzero((self.fold != UNLABELLED) & (self.fold != fold))

    def by_others(self, values: sparse.csr_array) -> np.ndarray:
        """Return the sum of `values` (M, columns) over those members, (FOLDS + 1, columns): row f is for fold f.

        The last row, which is also row UNLABELLED, is the sum over all members with a label.
        """
        known = np.flatnonzero(self.fold != UNLABELLED)
        lines = np.ones(len(known)), (self.fold[known], known)
        own = (sparse.coo_array(lines, shape=(FOLDS + 1, len(self.fold))).tocsr() @ values).toarray()
        return own.sum(axis=0) - own


def none(baskets: Baskets) -> Labels:
    """Return no labels."""
    return Labels(np.full(baskets.shape[0], UNLABELLED), sparse.csr_array(baskets.shape, dtype=np.float32))


def folded(baskets: Baskets, targets: Targets, rng: np.random.Generator) -> Labels:
    """Return the labels `targets` of members of `baskets`, in folds of equal size, drawn with `rng`."""
    rows = baskets.rows(targets.members)
    known = rows >= 0
    held = targets.matrix[known].tocoo()
    coordinates = rows[known][held.row], held.col
    fold = np.full(baskets.shape[0], UNLABELLED)
    fold[rows[known]] = rng.permutation(np.arange(known.sum()) % FOLDS)
    matrix = sparse.coo_array((np.ones(held.nnz, dtype=np.float32), coordinates), shape=baskets.shape)
    return Labels(fold, matrix.tocsr())
