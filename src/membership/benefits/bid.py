"""Bid prices: the shadow prices of the last allocation, for members who turn up before the next one.

A set of benefits is worth giving where its worth is above what its cost takes from others: the price of a cent for the
member's tier and groups times the cost, and the tolls of its places (Talluri and van Ryzin, 1998). Members of the
allocation itself are given the same again, except for those who are decided at the margin.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from membership.benefits import shadow_prices
from membership.benefits.allocation import Allocation
from membership.benefits.limits import Limits
from membership.benefits.options import NOTHING, Options


@dataclass(frozen=True)
class BidPrices:
    """What a cent and a place cost, in cents of worth."""

    cent: float  # for everybody
    tiers: Mapping[str, float]  # rank of the tier -> what a cent in it costs on top; below 0 where it has too little
    groups: Mapping[str, Mapping[str, float]]  # attribute -> group -> the same
    places: Mapping[str, float]  # benefit -> what one of its places costs

    def of(self, facts: pd.DataFrame) -> np.ndarray:
        """Return the price of a cent for each member of `facts`; a tier or group that is unknown adds nothing."""
        found = np.full(len(facts), self.cent) + facts["tier_rank"].astype(str).map(dict(self.tiers)).fillna(0.0)
        for attribute, groups in self.groups.items():
            found = found + facts[attribute].map(dict(groups)).fillna(0.0).to_numpy()
        return found.to_numpy(dtype=float)

    def to_json(self) -> dict:
        """Return the prices as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping) -> "BidPrices":
        """Return what `to_json` gave."""
        return cls(**plain)


def prices(found: Allocation) -> BidPrices:
    """Return the bid prices that an allocation leaves; all 0 where nothing pays."""
    if found.within is None:
        return BidPrices(0.0, {}, {}, {})
    within, price = found.within, found.prices
    ranks = np.unique(within.cells[:, 0])
    tiers = {str(rank): -float(one) for rank, one in zip(ranks, price[1:], strict=False)}
    tolls = zip(within.capped, price[len(within.upper) :], strict=True)
    return BidPrices(
        cent=float(price[0]),
        tiers=tiers,
        groups=_groups(within, price[1 + len(ranks) :]),
        places={found.options.benefits[at]: float(toll) for at, toll in tolls},
    )


def worth_it(bid: BidPrices, options: Options, facts: pd.DataFrame) -> np.ndarray:
    """Return what each member of `facts`, whose options these are, is worth giving at these prices: a choice."""
    capped = np.array([at for at, name in enumerate(options.benefits) if name in bid.places], dtype=int)
    toll = np.array([bid.places[options.benefits[at]] for at in capped])
    cell = np.zeros(len(facts), dtype=int)
    known = shadow_prices.Ways(shadow_prices.worths(options, options.pays), options.cost, cell, options.sets, capped)
    return known.choose(bid.of(facts), toll)


def again(found: Allocation, facts: pd.DataFrame, among: np.ndarray) -> pd.DataFrame:
    """Return what the prices alone would give the members `among` (members,) of bool, beside what `found` gives them.

    Rows allocation and prices; columns members (who get anything), cost (cents), share (of members given the same).
    """
    priced = worth_it(prices(found), found.options, facts)
    rows = {"allocation": found.choice, "prices": priced}
    told = {
        name: (
            int((choice != NOTHING)[among].sum()),
            float(found.options.taken(found.options.cost, choice)[among].sum()),
            float((choice == found.choice)[among].mean()) if among.any() else np.nan,
        )
        for name, choice in rows.items()
    }
    return pd.DataFrame.from_dict(told, orient="index", columns=["members", "cost", "share"])


def _groups(within: Limits, price: np.ndarray) -> dict[str, dict[str, float]]:
    found, at = {}, 0
    for (attribute, inside, _), words in zip(within.groups, within.words, strict=True):
        count = len(inside)
        net = price[at : at + count] - price[at + count : at + 2 * count]
        found[attribute] = dict(zip(words, net.tolist(), strict=True))
        at += 2 * count
    return found
