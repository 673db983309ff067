"""G-TopFreq: what everybody buys."""

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, peer
from membership.recommend.ranking import popular
from membership.recommend.reasons import POPULAR
from membership.settings.section import Section


@peer(reason=POPULAR)
def g_topfreq(known: Baskets, _settings: Section, _context: Context) -> Fitted:
    """Rank items by the share of all baskets that hold them, the same for everybody."""
    top = popular(known)
    return lambda _asked: top
