"""The content-based peer: it can recommend items that nobody has bought yet."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from membership.base.errors import NotPossible
from membership.recommend.attributes import ATTRIBUTES, attributes, unit
from membership.recommend.baskets import Baskets
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import Scorer, ranked
from membership.recommend.reasons import CATEGORY
from membership.settings.section import NotNegative, Section, Share

SPACE = {"decay": Range(0.3, 1.0), "popularity": Range(0.0, 1.0), "own": Range(0.02, 5.0, log=True)}


class Settings(Section):
    """Settings chosen on Complete Journey."""

    decay: Share = 0.96  # a basket
    popularity: Share = 0.9  # power of the popularity
    own: NotNegative = 0.1  # weight of the member's own purchases


@peer(Settings, reason=CATEGORY, space=SPACE)
def content(known: Baskets, settings: Settings, context: Context) -> Fitted:
    """Rank items by their `likeness` to what the member bought."""
    scores = likeness(known, settings, context.items)
    return lambda asked: ranked(scores(asked))


def likeness(known: Baskets, settings: Settings, items: pd.DataFrame | None) -> Callable[[Baskets], Scorer]:
    """Score items by how much they are like what the member bought, by attributes, times popularity^`popularity`.

    An item is the set of its `ATTRIBUTES`, weighted by how rare each is (TF-IDF); a member is the sum of what it
    bought, a basket weighing `decay`^(baskets after it); likeness is their cosine. Popularity is 1 + the number of
    baskets that held the item, so that new items count. On top come `own` times the member's own purchases. Raises
    NotPossible where no item has an attribute.
    """
    kinds = attributes(known, items)
    if not kinds.nnz:
        raise NotPossible(f"items have none of {', '.join(ATTRIBUTES)} that tells them apart.")
    weight = (1 + np.bincount(known.item, minlength=len(known.items))) ** settings.popularity
    likely, most = kinds.T.tocsr(), weight.max()

    def of(asked):
        history = asked.matrix(settings.decay**asked.basket)
        profile = unit(history @ kinds)
        return lambda rows: (profile[rows] @ likely).toarray() * weight / most + settings.own * history[rows].toarray()

    return of
