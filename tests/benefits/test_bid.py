"""Bid prices: members priced one by one get what the allocation gave them, but for those at the margin."""

import json

import numpy as np
import pandas as pd
import pytest
from unsure_market import setting

from membership.benefits import allocation, bid
from membership.benefits.bid import BidPrices


def test_the_members_of_an_allocation_are_given_the_same_again_but_for_those_at_the_margin():
    ours = setting(members=1500, budget=20_000.0)
    options = ours.options()
    found = allocation.allocate(options, ours.facts, ours.settings)
    told = bid.again(found, ours.facts, np.ones(1500, dtype=bool))
    assert told["share"].tolist() == [1.0, pytest.approx(1, abs=0.03)]
    assert told.loc["prices", "cost"] == pytest.approx(found.cost, rel=0.05)
    assert told.loc["allocation", "members"] == (found.choice >= 0).sum()


def test_a_cent_costs_what_the_member_s_tier_and_groups_make_of_it():
    prices = BidPrices(0.5, {"0": 0.0, "1": -0.2}, {"age": {"old": 0.1, "young": -0.3}}, {})
    facts = pd.DataFrame({"tier_rank": [0, 1, 1, 7], "age": ["old", "young", "unknown", "new"]})
    assert prices.of(facts) == pytest.approx([0.6, 0.0, 0.3, 0.5])


def test_prices_of_cells_are_those_of_the_allocation_and_outlive_storing():
    ours = setting(members=300, budget=3000.0)
    found = allocation.allocate(ours.options(), ours.facts, ours.settings)
    prices = BidPrices.from_json(json.loads(json.dumps(bid.prices(found).to_json())))
    assert prices.of(ours.facts) == pytest.approx(found.within.split(found.prices)[0][found.within.cell])
    assert set(prices.places) == {"gift"}


def test_where_nothing_pays_prices_are_nil():
    ours = setting(members=20)
    options = ours.options()
    nothing = allocation.Allocation(options, np.full(20, -1), 0.0, 0.0)
    assert bid.prices(nothing) == BidPrices(0.0, {}, {}, {})
