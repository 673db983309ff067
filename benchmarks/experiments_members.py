"""Members of known truth: clustered baskets, heavy-tailed prices, two policies whose hits differ by a known lift.

A member has a taste q, .8 of a Beta(2, 6) and .1 more in the second of two groups, a price level lognormal(sigma .8),
1 + Poisson(2) baskets of 1 + Poisson(3) items, and an own price for each item, lognormal(sigma 1.2) on that level;
the log of a member's spend has a standard deviation of about 1.2. Baskets and items share what is the member's. A
list of policy A holds each item with probability q, one of policy B with probability q + lift, the same event for
four items in five. The window before is drawn the same way, with the same taste and level. All rows of a member
become one before any test.
"""

import numpy as np
import pandas as pd

RECALL, MARKED = "recall", "spend_hit"
AGREE = 0.8  # share of items that both policies' lists treat alike
LISTED = 10  # items on a list, one list a basket
LEVEL_SD, PRICE_SD = 0.8, 1.2
TIERS = (-0.4, 0.8)  # thresholds of the log price level between three tiers


def draw(members: int, lift: float, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (policy A, policy B), a row a member in random order: recall (mean of baskets), hits, listed, spend,
    spend_hit, the same with `_before`, tier (0, 1, 2) and group (0, 1: two halves, the second better served).

    The truth of the difference is `lift` of recall and of spend_hit / spend, and `truth` says the others.
    """
    group = rng.integers(2, size=members)
    taste = rng.beta(2, 6, members) * 0.8 + 0.1 * group
    level = rng.normal(0, LEVEL_SD, members)
    before, _ = _window(taste, level, 0.0, rng)
    tier = np.digitize(level, TIERS)
    own = {f"{name}_before": values for name, values in before.items()} | {"tier": tier, "group": group}
    return tuple(pd.DataFrame(window | own) for window in _window(taste, level, lift, rng))


def truth(lift: float) -> dict[str, float]:
    """Return the true difference of each outcome: of sums the lift times what is expected of a member."""
    items = (1 + 2) * (1 + 3)
    spend = items * np.exp((LEVEL_SD**2 + PRICE_SD**2) / 2)
    return {RECALL: lift, MARKED: lift * spend, "spend_hit_share": lift, "hits_per_listed": lift * (1 + 3) / LISTED}


def _window(taste: np.ndarray, level: np.ndarray, lift: float, rng: np.random.Generator) -> list[dict]:
    """Return the outcomes of policies A and B of one window, each name -> (members,)."""
    members = len(taste)
    baskets = 1 + rng.poisson(2, members)
    owner = np.repeat(np.arange(members), baskets)
    items = 1 + rng.poisson(3, len(owner))
    basket = np.repeat(np.arange(len(owner)), items)
    whose = owner[basket]
    price = np.exp(level[whose] + rng.normal(0, PRICE_SD, len(whose)))
    a = rng.random(len(whose)) < taste[whose]
    anew = rng.random(len(whose)) < taste[whose] + lift / (1 - AGREE)
    b = np.where(rng.random(len(whose)) < AGREE, a, anew)
    spend = np.bincount(whose, price, members)
    return [
        {
            RECALL: np.bincount(owner, np.bincount(basket, hit, len(owner)) / items, members) / baskets,
            "hits": np.bincount(whose, hit, members),
            "listed": LISTED * baskets.astype(float),
            "spend": spend,
            MARKED: np.bincount(whose, price * hit, members),
        }
        for hit in (a, b)
    ]
