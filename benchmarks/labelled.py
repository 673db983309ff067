"""Labels: next baskets that are known of some members, and candidates whose sources know those of others.

What is said of a member may use labels of other folds only: a statistic that includes the member's own label, or leaves
out only that, gives the answer away.
"""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Candidates, Pairs, renumbered
from membership.recommend.products import small, times
from membership.recommend.sources import (
    NEAREST,
    SHRINK,
    Source,
    Sources,
    Taste,
    nearest,
    pool,
    transitions,
    unit,
    weights,
)

FOLDS = 5
UNLABELLED = -1
NEIGHBOUR = 0.3  # members count by what they bought next whose cosine is at least this share of the highest one


@dataclass(frozen=True)
class Labels:
    """Next baskets `matrix` (M, I) of some members, in FOLDS folds; row m is empty where `fold[m]` is UNLABELLED."""

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


class LabelledCandidates(Candidates):
    """Candidates of members of `baskets`, some of whom have `labels`, which is not empty."""

    def __init__(self, baskets: Baskets, labels: Labels, extra: int):
        super().__init__(baskets, extra)
        given = replace(labels, matrix=labels.matrix[:, self._items])
        learned = LabelledSources(self._learned, renumbered(baskets, self._items), given)
        self._fold, self._parts = labels.fold, {}
        for fold in np.unique(labels.fold):
            self._of_all = learned.of(fold)
            self._parts[fold] = copy(self)

    def of(self, rows: np.ndarray) -> Pairs:
        """Return the same as without labels, each member by the sources of its fold."""
        parts = [super(LabelledCandidates, part).of(rows[self._fold[rows] == f]) for f, part in self._parts.items()]
        columns = ("member", "item", "own", "scores")
        found = Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns), parts[0].names)
        return found.keep(np.lexsort((found.item, found.member)))

    def _sources(self, histories: Baskets, rows: np.ndarray) -> list[Source]:
        """Return the sources of this fold, which are made for all members, asked for `rows`."""
        return [replace(source, scores=lambda at, of=source.scores: of(rows[at])) for source in self._of_all]


class LabelledSources:
    """What histories and labels say of items; `plain` is made of the same histories."""

    def __init__(self, plain: Sources, baskets: Baskets, labels: Labels):
        self._plain, self._labels, self._taste = plain, labels, Taste(baskets)
        self._follow, self._unit = transitions(baskets), unit(self._taste.vectors)
        bought = baskets.matrix().sign()
        members = labels.by_others(sparse.csr_array(np.ones((len(labels.fold), 1))))
        next_, had, again = (labels.by_others(matrix) for matrix in (labels.matrix, bought, bought * labels.matrix))
        self._popular, self._rebuy = next_ / np.maximum(members, 1), again / (had + SHRINK / 2)

    def of(self, fold: int) -> list[Source]:
        """Return the sources for members of `fold`; `next_popular` is P(item in the next basket).

        `next_rebuy` is the same among members who bought it before, shrunk towards 0.
        """
        return [
            self._plain.alike(self._taste),
            Source(("follow_last",), lambda rows: (times(self._taste.last[rows], self._follow),)),
            self._next_near(fold),
            Source(("next_popular",), lambda _: (self._popular[fold],)),
            Source(("next_rebuy",), lambda _: (self._rebuy[fold],), proposes=False),
        ]

    def _next_near(self, fold: int) -> Source:
        """Score by what the labelled members with the highest cosines bought next, and by their TIFU vectors."""
        others = pool(self._labels.others(fold))
        candidates, bought = small(self._unit[others].T), small(self._labels.matrix[others])
        held = self._taste.vectors[others]

        def scores(rows):
            near = nearest(times(self._unit[rows], candidates), NEIGHBOUR)
            return times(weights(near), bought), times(weights(nearest(near, NEAREST)), held)

        return Source(("next_near", "near"), scores)
