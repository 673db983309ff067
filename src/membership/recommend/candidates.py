"""Candidates: the pairs (member, item) that are worth a probability."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from membership.recommend.baselines import BATCH, Ranker
from membership.recommend.baskets import Baskets
from membership.recommend.labels import Labels
from membership.recommend.sources import Source, sources


@dataclass(frozen=True)
class Pairs:
    """Rows of `Baskets.members` and `Baskets.items`, sorted, (n,) each, and what the sources `names` say of them.

    `scores` is (n, sources), float32.
    """

    member: np.ndarray
    item: np.ndarray
    scores: np.ndarray
    names: list[str]

    def keep(self, chosen: np.ndarray) -> "Pairs":
        """Return the pairs for which the mask `chosen` (n,) holds."""
        return Pairs(self.member[chosen], self.item[chosen], self.scores[chosen], self.names)

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


def candidates(baskets: Baskets, labels: Labels, extra: int, rows: np.ndarray) -> Pairs:
    """Return the own items of the members `rows` (sorted), and the `extra` others that each source puts first."""
    own, found, batches = baskets.matrix(), sources(baskets, labels), []
    for fold in np.unique(labels.fold[rows]):
        inside = rows[labels.fold[rows] == fold]
        for start in range(0, len(inside), BATCH):
            some = inside[start : start + BATCH]
            batches.append(_batch(found, own[some].toarray() > 0, some, fold, extra))
    member, item, scores = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    order = np.argsort(member, kind="stable")  # a member's items are sorted already
    return Pairs(member[order], item[order], scores[order], [name for source in found for name in source.names])


def _batch(
    found: list[Source], own: np.ndarray, rows: np.ndarray, fold: int, extra: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, chosen = [], own.copy()
    extra = min(extra, own.shape[1])
    for source in found:
        given = [score.toarray() if sparse.issparse(score) else score for score in source.scores(rows, fold)]
        scores += given
        if source.proposes and extra:
            np.put_along_axis(chosen, _first(np.where(own, -1, given[0]), extra), True, axis=1)
    row, item = np.nonzero(chosen)
    values = np.empty((len(row), len(scores)), dtype=np.float32)
    for number, score in enumerate(scores):
        values[:, number] = score[item] if score.ndim == 1 else score[row, item]
    return rows[row], item, values


def _first(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the columns (n, k) of the highest of each row of `scores`, in no order."""
    return torch.from_numpy(scores).topk(k, dim=1, sorted=False).indices.numpy()
