"""UP-CF@r: the popularity of items with similar members (Faggioli, Polato and Aiolli, UMAP 2020)."""

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import nearest, ranked
from membership.recommend.reasons import MEMBERS
from membership.recommend.rhythm import changes
from membership.settings.section import Count, NotNegative, Section, Share

SPACE = {
    "recency": Range(1, 50, log=True),
    "alpha": Range(0.0, 1.0),
    "locality": Range(0.5, 20.0, log=True),
    "neighbours": Range(20, 1000, log=True),
    "shrink": Range(1.0, 1000.0, log=True),
}
DATED = {"day_decay": Range(0.9, 1.0)}


class Settings(Section):
    """Settings chosen on Complete Journey."""

    recency: Count = 25  # last baskets of a member whose items count
    alpha: Share = 0.25  # of the cosine: 0.5 is the symmetric one
    locality: NotNegative = 5.0  # power of the similarity
    neighbours: Count = 100  # members
    shrink: NotNegative = 1000.0  # added to the denominator of the cosine
    day_decay: Share = 1.0  # a day, of what a basket counts in a member's own popularity


@peer(Settings, reason=MEMBERS, space=SPACE, dated=DATED)
def upcf(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Score items by their popularity with similar members and the member itself.

    A member's own popularity of an item is its share of the last `recency` baskets, a basket counting `day_decay`^(days
    before the member's last one). Members u, v are similar by the
    asymmetric cosine u.v / (|u|^2a |v|^2(1-a) + `shrink`) of their counts, with a = `alpha`, to the power `locality`;
    only the `neighbours` most similar count. A member is similar to itself by 1. Counts, neighbours and shrinkage are
    as in the code of Li et al., TOIS 2023; the paper has none of the three, and no decay.
    """
    counts, own = known.matrix(), _recent(known, settings)
    size = _squares(counts) ** (1 - settings.alpha)

    def of(asked):
        theirs, recent, itself = asked.matrix(), _recent(asked, settings), known.rows(asked.members)
        norm = _squares(theirs) ** settings.alpha

        def score(rows):
            similar = (theirs[rows] @ counts.T).toarray() / (norm[rows, None] * size[None, :] + settings.shrink)
            near = nearest(similar, settings.neighbours, itself[rows], never=-1)  # itself comes on top of them
            near.data = np.where(near.data < 0, 0, np.abs(near.data) ** settings.locality)
            return (recent[rows] + near @ own).toarray()

        return ranked(score)

    return of


def _recent(baskets: Baskets, settings: Settings) -> sparse.csr_array:
    """Return the share of each member's last `recency` baskets, as they count, that hold an item, (M, I)."""
    counts = (baskets.basket < settings.recency) * settings.day_decay**baskets.days_before_last
    opens = changes(baskets.member) | changes(baskets.basket)
    total = np.bincount(baskets.member[opens], counts[opens])
    return baskets.matrix(counts / total[baskets.member])


def _squares(counts: sparse.csr_array) -> np.ndarray:
    return counts.multiply(counts).sum(axis=1)
