"""GP-TopFreq: what the member itself buys most, and then what everybody buys."""

from membership.recommend.baskets import Baskets
from membership.recommend.peers.p_topfreq import SPACE, Settings, own_first
from membership.recommend.peers.peer import Context, Fitted, peer
from membership.recommend.ranking import popularity
from membership.recommend.reasons import POPULAR


@peer(Settings, reason=POPULAR, space=SPACE)
def gp_topfreq(known: Baskets, settings: Settings, _context: Context) -> Fitted:
    """Rank items as `p_topfreq` does, and after them those that the member never bought by popularity."""
    return own_first(known, settings, popularity(known) / 1e4)
