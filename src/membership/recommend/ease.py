"""EASE: one regression of every item on all others, in closed form (Steck, WWW 2019)."""

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from membership.base.errors import ParamError
from membership.recommend.baselines import Scorer
from membership.recommend.baskets import Baskets

LARGEST = 20_000  # items: 1.6 GB for the weights, and minutes to find them


def ease(baskets: Baskets, most_bought: int, penalty: float, decay: float, own: float) -> Scorer:
    """Score items by what a member bought, times the weights of EASE, plus `own` times how often it bought the item.

    Weights are between the `most_bought` items in most baskets and come from what each member ever bought, with L2
    `penalty`; other items score by the member's own purchases alone. A basket weighs `decay`^(baskets after it).
    Raises ParamError above 20,000 items, whose weights would not fit into memory.
    """
    if most_bought > LARGEST:
        raise ParamError(
            f"ease: most_bought = {most_bought}: the weights of more than {LARGEST:,} items do not fit into memory; "
            f"allowed: 1 to {LARGEST:,}. For a larger catalogue take item_knn."
        )
    history = baskets.matrix((decay**baskets.basket).astype(np.float32))
    chosen = np.sort(np.argsort(-np.bincount(baskets.item, minlength=baskets.shape[1]), kind="stable")[:most_bought])
    weights = _weights(baskets.matrix()[:, chosen].sign().astype(np.float32), penalty)
    known = history[:, chosen]

    def score(rows):
        scores = own * history[rows].toarray()
        scores[:, chosen] += known[rows] @ weights
        return scores

    return score


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
