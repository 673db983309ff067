"""Rhythms, candidates and signals."""

from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pytest
from small_market import purchases

from membership.recommend import baskets, prices
from membership.recommend.candidates import Candidates
from membership.recommend.rhythm import NEVER, rhythm
from membership.recommend.signals import LEVELS, learn, prepare, signals

CUTOFF = date(2024, 2, 1)
ROWS = [
    ("ann", "milk", "2024-01-01"),
    ("ann", "milk", "2024-01-11"),
    ("ann", "bread", "2024-01-11"),
    ("ann", "milk", "2024-01-25"),
    ("bob", "bread", "2024-01-20"),
]


def every(known, extra):
    """Candidates of all members."""
    return Candidates(known, extra).of(np.arange(len(known.members)))


@pytest.fixture(scope="module")
def known(events, p):
    return baskets.history(events, date(2024, 6, 1), p.recommend)


def test_a_rhythm_by_hand(knobs):
    few = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)  # items: bread, milk
    found = rhythm(few, few.item, 2)
    assert found.key.tolist() == [0, 1, 2]  # ann bread, ann milk, bob bread
    assert found.count.tolist() == [1, 3, 1, 0]
    assert found.last.tolist() == [21, 7, 12, NEVER]
    assert found.first.tolist() == [21, 31, 12, NEVER]
    assert found.first_basket.tolist() == [1, 2, 0, 3]
    assert found.gap.tolist() == [NEVER, 12, NEVER, NEVER]
    assert found.last_gap.tolist() == [NEVER, 14, NEVER, NEVER]
    assert found.decayed[0].tolist() == [0.5, 1.75, 1, 0]
    assert found.at(np.array([1, 1, 0]), np.array([0, 1, 1])).tolist() == [2, 3, 1]


def test_a_group_is_bought_when_any_of_its_items_is(knobs):
    few = baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs)
    found = rhythm(few, np.zeros(len(few.item), dtype=int), 1)
    assert found.count.tolist() == [3, 1, 0]  # ann's milk and bread of one day are one visit to the group


def test_candidates_are_all_own_items_and_as_many_others_as_each_source_may_add(known):
    own = known.matrix().toarray() > 0
    for extra in (0, 5, 1000):
        pairs = every(known, extra)
        chosen = np.zeros(known.shape, dtype=bool)
        chosen[pairs.member, pairs.item] = True
        assert chosen.sum() == len(pairs.item)
        assert (chosen >= own).all()
        others = (chosen & ~own).sum(axis=1)
        assert (others >= np.minimum(extra, (~own).sum(axis=1))).all() and (others <= 4 * extra).all()  # four propose


def test_ranked_pairs_equal_a_full_sort(known):
    pairs = every(known, 3)
    scores = np.round(pairs.scores[:, 0], 2)  # many ties
    columns, values = pairs.ranked(scores)(np.array([7, 2]), 30)
    for row, member in enumerate((7, 2)):
        mine = np.flatnonzero(pairs.member == member)
        best = mine[np.lexsort((pairs.item[mine], -scores[mine]))][:30]
        assert columns[row, : len(best)].tolist() == pairs.item[best].tolist()
        assert (columns[row, len(best) :] == -1).all() and (values[row, len(best) :] == 0).all()


def test_signals_are_finite_named_and_equal_the_rhythm(known, items):
    pairs, tables = every(known, 5), prepare(known, learn(known, items))
    inputs, names = signals(pairs, tables)
    assert inputs.shape == (len(pairs.item), len(names)) and len(set(names)) == len(names)
    assert np.isfinite(inputs).all() and inputs.dtype == np.float32
    assert (inputs.std(axis=0) > 0).all()
    own = rhythm(known, known.item, len(known.items))
    gap = np.log1p(own.gap[own.at(pairs.member, pairs.item)])
    assert inputs[:, names.index("own_gap")] == pytest.approx(gap, rel=1e-5, abs=1e-5)


def test_signals_of_a_part_of_the_pairs_are_those_of_all(known, items):
    pairs, tables = every(known, 5), prepare(known, learn(known, items))
    some = np.random.default_rng(0).random(len(pairs.item)) < 0.3
    assert np.array_equal(signals(pairs.keep(some), tables)[0], signals(pairs, tables)[0][some])


def test_signals_need_no_groups(known, items):
    bare = items.assign(subcategory=None, name="thing")
    assert np.isfinite(signals(every(known, 5), prepare(known, learn(known, bare)))[0]).all()


def test_what_needs_items_dates_or_prices_is_left_out_without_them(known, items):
    ordered = replace(known, cutoff=None, age=known.basket + 1)
    prepared = {name: prepare(one, learn(one)) for name, one in {"dated": known, "ordered": ordered}.items()}
    named = {name: one.member.names + one.item.names for name, one in prepared.items()}
    assert set(named["dated"]) - set(named["ordered"]) == {"member_last", "member_gap", "item_trend"}
    assert not learn(known).groups and len(learn(known, items).groups) == len(LEVELS)
    assert not [name for name in named["dated"] if "sale" in name]


def test_the_intensity_is_a_signal_where_it_is_asked_for(known, items):
    pairs, plain = every(known, 5), signals(every(known, 5), prepare(known, learn(known, items)))
    inputs, names = signals(pairs, prepare(known, learn(known, items, excited=True)))
    more = [name for name in names if name not in plain[1]]
    assert more == ["intensity_all", "intensity_base", "intensity_own", "intensity_kind"]
    assert np.isfinite(inputs).all() and np.array_equal(inputs[:, [name not in more for name in names]], plain[0])
    parts = np.exp(inputs[:, [names.index(name) for name in more]].astype(float)) - 1e-4
    assert parts[:, 0] == pytest.approx(parts[:, 1:].sum(axis=1), rel=1e-3, abs=1e-6)


def test_prices_by_hand(knobs):
    """Bread and milk cost 200 cents; milk of ann is 50 off on the last day, and bread of bob."""
    events = purchases(ROWS).assign(amount=[200, 200, 200, 150, 150], discount=[0, 0, 0, 50, 50])
    few = baskets.history(ibis.memtable(events), CUTOFF, knobs)
    assert few.discount.tolist() == [0.25, 0, 0, 0, 0.25]  # ann's milk, bread, milk, milk, and bob's bread
    assert prices.of_members(few).tolist() == [0.25, 1]
    pair = prices.of_pairs(few, rhythm(few, few.item, 2))  # ann bread, ann milk, bob bread, never
    assert pair == pytest.approx([(2 * 0.25) / 3 - 0.25, (1 + 2 * 0.25) / 5 - 0.25, 0, 0])
    item = prices.of_items(few)
    usual = (1 + 5 * 0.4) / (3 + 5)  # milk: one of three, and two of all five
    assert item["sale"][1] == pytest.approx(usual)
    assert item["sale_7"] == pytest.approx([0, (1 + 2 * usual) / 3 - usual])
    assert item["depth"][1] == pytest.approx((0.25 + 5 * 0.1) / 8)


def test_a_discount_is_a_share_even_where_prices_are_odd(knobs):
    events = purchases(ROWS).assign(amount=[0, 100, 0, -50, 100], discount=[0, 300, 100, 0, -20])
    found = baskets.history(ibis.memtable(events), CUTOFF, knobs).discount
    assert ((found >= 0) & (found <= 1)).all()
