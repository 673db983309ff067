"""Prices: which items are sold at a discount now, which are so usually, and who buys only then."""

import numpy as np

from membership.recommend.baskets import Baskets
from membership.recommend.rhythm import Rhythm

RECENT_DAYS = (7, 28)  # over which what is sold now is measured
PRIOR_USUAL = 5  # strength of the prior that shrinks an item's usual discount to that of all, in purchases
PRIOR_RECENT = 2  # the same for its recent discount to its usual one, and for a pair's to its member's


def of_items(baskets: Baskets) -> dict[str, np.ndarray]:
    """Return of each item, (I,): `sale`, the share of purchases at a discount, `depth`, the mean discount as a share of
    the list price, and how far both are off that in the last days (`sale_7`, ...).
    """
    found = {}
    for name, value in (("sale", baskets.discount > 0), ("depth", baskets.discount)):
        usual = found[name] = _mean(value, baskets.item, np.full(baskets.shape[1], value.mean()), PRIOR_USUAL)
        for days in RECENT_DAYS:
            now = baskets.age <= days
            found[f"{name}_{days}"] = _mean(value[now], baskets.item[now], usual, PRIOR_RECENT) - usual
    return found


def of_members(baskets: Baskets) -> np.ndarray:
    """Return the share of each member's purchases that were at a discount, (M,)."""
    sold = np.bincount(baskets.member, baskets.discount > 0)
    return sold / np.bincount(baskets.member)


def of_pairs(baskets: Baskets, own: Rhythm) -> np.ndarray:
    """Return how far off that each pair in `own` is, and a last 0 for what was never bought, (pairs + 1,)."""
    usual = of_members(baskets)[own.key // own.things]
    return np.append(_mean(baskets.discount > 0, own.at(baskets.member, baskets.item), usual, PRIOR_RECENT) - usual, 0)


def _mean(value: np.ndarray, group: np.ndarray, prior: np.ndarray, strength: float) -> np.ndarray:
    total, count = (np.bincount(group, weights, len(prior)) for weights in (value, None))
    return (total + strength * prior) / (count + strength)
