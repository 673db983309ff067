"""P-TopFreq: what the member itself buys most."""

from typing import Literal

import numpy as np

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, peer
from membership.recommend.ranking import popularity, ranked
from membership.recommend.reasons import POPULAR
from membership.recommend.rhythm import NEVER, rhythm
from membership.settings.section import Section

SPACE = {"ties": ["popularity", "first_bought"]}


class Settings(Section):
    """`ties` says which of two items that the member bought equally often comes first."""

    ties: Literal["popularity", "first_bought"] = "popularity"


@peer(Settings, reason=POPULAR, space=SPACE)
def p_topfreq(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Rank items by how many of the member's own baskets held them; what was never bought is never recommended.

    Equal counts go by popularity; `ties` "first_bought" puts the item first that was bought first, which is what the
    order of insertion does in the code of Li et al., TOIS 2023, and is weaker.
    """
    return own_first(known, settings, np.full(len(known.items), -np.inf))


def own_first(known: Baskets, settings: Settings, others: np.ndarray) -> Fitted:
    """Rank by own counts, 1 and up, and items that the member never bought by their score in `others` (I,)."""
    share = popularity(known)

    def of(asked):
        counts = asked.matrix()
        if settings.ties == "popularity":
            counts.data += share[counts.indices] / 2  # below 1
        else:
            counts.data += rhythm(asked, asked.item, len(asked.items)).first[:-1] / (NEVER + 1)

        def score(rows):
            mine = counts[rows].toarray()
            return np.where(mine > 0, mine, others)

        return ranked(score)

    return of
