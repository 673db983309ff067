"""Newcomers: items that are too new, or too rare, for a model to learn from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from membership.base.errors import NotPossible
from membership.recommend.baskets import Baskets
from membership.recommend.peers.content import likeness
from membership.recommend.peers.peer import PEERS
from membership.recommend.policy import Recommender
from membership.recommend.ranking import ranked


def newcomers(known: Baskets, items: pd.DataFrame, settings: Mapping[str, Any]) -> Recommender:
    """Recommend those of `items` (the canonical table) that no history holds.

    They are ranked by how much they are like what a member buys, by peer `content` with `settings` over its defaults.
    Lists are empty where no item has an attribute.
    """
    everything = known.with_items(items["item_id"])
    new, why = known.columns(everything.items) < 0, PEERS["content"].reason
    try:
        alike = likeness(everything, PEERS["content"].checked(settings), items)(everything)
    except NotPossible:
        new, alike = np.zeros_like(new), lambda rows: np.zeros((len(rows), len(new)))
    return Recommender("content", everything, ranked(lambda rows: np.where(new, alike(rows), -np.inf)), why=why)
