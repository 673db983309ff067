"""EASE: one regression of every item on all others, in closed form (Steck, WWW 2019)."""

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import ranked
from membership.recommend.reasons import LEAD
from membership.settings.section import NotNegative, Positive, Section, Share

SPACE = {
    "most_bought": [4000],  # its time grows with the cube of them
    "penalty": Range(10.0, 10000.0, log=True),
    "decay": Range(0.3, 1.0),
    "own": Range(0.02, 5.0, log=True),
}


class Settings(Section):
    """Settings chosen on Complete Journey. The weights of 20,000 items take 1.6 GB: for more of them take item_knn."""

    most_bought: Annotated[int, Field(ge=1, le=20_000)] = 4000  # items with weights: those in most baskets
    penalty: Positive = 140.0  # L2
    decay: Share = 0.96  # a basket
    own: NotNegative = 0.65  # weight of the member's own purchases


@peer(Settings, reason=LEAD, space=SPACE)
def ease(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Score items by what a member bought, X, times the weights B of EASE, plus `own` times how often it bought them.

    B = I - P / diag(P) with P the inverse of X'X + `penalty` I: weights between the `most_bought` items in most
    baskets, from what each member ever bought; other items score by the member's own purchases alone. A basket weighs
    `decay`^(baskets after it).
    """
    often = np.argsort(-np.bincount(known.item, minlength=known.shape[1]), kind="stable")
    chosen = np.sort(often[: settings.most_bought])
    weights = _weights(known.matrix()[:, chosen].sign().astype(np.float32), settings.penalty)

    def of(asked):
        history = asked.matrix((settings.decay**asked.basket).astype(np.float32))
        some = history[:, chosen]

        def score(rows):
            scores = settings.own * history[rows].toarray()
            scores[:, chosen] += some[rows] @ weights
            return scores

        return ranked(score)

    return of


def _weights(bought: sparse.csr_array, penalty: float) -> np.ndarray:
    """Return -P / diag(P) (items, items), 0 on the diagonal, with P the inverse of the Gram matrix."""
    gram = (bought.T @ bought).toarray(order="F")
    gram[np.diag_indices_from(gram)] += penalty
    lower, _ = lapack.spotrf(gram, lower=True, overwrite_a=True)
    half, _ = lapack.spotri(lower, lower=True, overwrite_c=True)
    inverse = np.tril(half)
    inverse += np.tril(half, -1).T
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    return weights
