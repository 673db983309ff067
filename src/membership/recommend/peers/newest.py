"""Newest: what came in last, and of what came in on one day, what sells now."""

import numpy as np

from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, peer
from membership.recommend.ranking import ranked
from membership.recommend.reasons import LATELY
from membership.settings.section import Section


@peer(reason=LATELY)
def newest(known: Baskets, _settings: Section, _context: Context) -> Fitted:
    """Rank items by how lately they came in, the same for everybody.

    An item came in when it was first bought, or, with `recommend.cold`, when it was first heard of.
    """
    now = np.bincount(known.item, 0.5**known.age, len(known.items))  # a day halves what a purchase says
    since = _first_bought(known) if known.since is None else np.nan_to_num(known.since, nan=np.inf)  # unknown: never
    lately = now / (1 + now.max()) - since
    return lambda _asked: ranked(lambda rows: np.tile(lately, (len(rows), 1)))


def _first_bought(known: Baskets) -> np.ndarray:
    """Return for how long each item has been bought, (I,), in days, or in baskets where dates are not known."""
    oldest = np.zeros(len(known.items))
    np.maximum.at(oldest, known.item, known.age)
    return oldest
