"""Candidates: the pairs (member, item) that are worth a probability."""

from dataclasses import dataclass

import numpy as np

from membership.recommend import baselines
from membership.recommend.baselines import BATCH, Ranker
from membership.recommend.baskets import Baskets

TIFU = {"within_decay": 0.95, "group_decay": 0.9, "groups": 3}
NEIGHBOURS = 300


@dataclass(frozen=True)
class Pairs:
    """Rows of `Baskets.members` and `Baskets.items`, sorted, and the member's TIFU score of the item: (n,) each.

    `own` is from the member's own baskets, `near` from those of the members nearest to it.
    """

    member: np.ndarray
    item: np.ndarray
    own: np.ndarray
    near: np.ndarray

    def keep(self, chosen: np.ndarray) -> "Pairs":
        """Return the pairs for which the mask `chosen` (n,) holds."""
        return Pairs(self.member[chosen], self.item[chosen], self.own[chosen], self.near[chosen])

    def ranked(self, scores: np.ndarray) -> Ranker:
        """Return a function of (rows, k) to the k best columns by `scores` (n,), and those; -1 and 0 where fewer.

        Ties go to the lower column.
        """
        order = np.lexsort((self.item, -scores, self.member))

        def top(rows, k):
            first, end = (np.searchsorted(self.member, rows, side=side) for side in ("left", "right"))
            place = first[:, None] + np.arange(k)
            there = place < end[:, None]
            pair = order[np.where(there, place, 0)]
            return np.where(there, self.item[pair], -1), np.where(there, scores[pair], 0.0)

        return top


def candidates(baskets: Baskets, extra: int) -> Pairs:
    """Return each member's own items and the `extra` others that the members nearest to it buy most."""
    vectors = baselines.tifu_vectors(baskets, **TIFU)
    around = baselines.neighbourhood(vectors, NEIGHBOURS)
    batches = []
    for start in range(0, len(baskets.members), BATCH):
        rows = np.arange(start, min(start + BATCH, len(baskets.members)))
        own, near = vectors[rows].toarray(), around(rows)
        chosen = own > 0
        new = baselines.best(np.where(chosen, -1, near), min(extra, own.shape[1]))
        np.put_along_axis(chosen, new, True, axis=1)
        row, item = np.nonzero(chosen)
        batches.append((rows[row], item, own[row, item], near[row, item]))
    return Pairs(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
