"""TIFUKNN: a member's item frequencies blended with those of its nearest neighbours (Hu et al., SIGIR 2020)."""

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import nearest, ranked
from membership.recommend.reasons import MEMBERS
from membership.recommend.tifu import dated_vectors, tifu_vectors
from membership.settings.section import Count, Section, Share

SPACE = {
    "neighbours": Range(50, 1500, log=True),
    "within_decay": Range(0.3, 1.0),
    "group_decay": Range(0.3, 1.0),
    "alpha": Range(0.0, 1.0),
    "groups": Range(1, 25, log=True),
}
DATED = {"group_days": Range(1, 365), "log_days": [True, False]}


class Settings(Section):
    """Settings chosen on Complete Journey."""

    neighbours: Count = 300  # members
    within_decay: Share = 0.95  # a basket
    group_decay: Share = 0.9  # a group of baskets
    alpha: Share = 0.5  # weight of the member's own vector
    groups: Count = 3  # into which a member's baskets are cut
    group_days: Count | None = None  # of a group, in place of `groups`: then decays count days and groups without any
    log_days: bool = True  # whether `within_decay` is raised to log(1 + days), or to days


@peer(Settings, reason=MEMBERS, space=SPACE, dated=DATED)
def tifuknn(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Score items by `alpha` times a member's own vector plus 1 - alpha times the mean of its nearest `neighbours`.

    The nearest are those by Euclidean distance. With `group_days` this is TIFUKNN-TA (Romanov et al., RecSys 2023).
    """
    vectors = _vectors(known, settings)
    norms = vectors.multiply(vectors).sum(axis=1)

    def of(asked):
        own, itself = _vectors(asked, settings), known.rows(asked.members)

        def score(rows):
            nearness = 2 * (own[rows] @ vectors.T).toarray() - norms
            near = nearest(nearness, settings.neighbours, itself[rows], never=-np.inf)
            counts = np.isfinite(near.data).reshape(len(rows), -1)
            near.data = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).ravel()
            return settings.alpha * own[rows].toarray() + (1 - settings.alpha) * (near @ vectors).toarray()

        return ranked(score)

    return of


def _vectors(baskets: Baskets, settings: Settings) -> sparse.csr_array:
    decays = settings.within_decay, settings.group_decay
    if settings.group_days is None:
        return tifu_vectors(baskets, *decays, settings.groups)
    return dated_vectors(baskets, *decays, settings.group_days, settings.log_days)
