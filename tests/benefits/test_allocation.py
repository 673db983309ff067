"""Allocation: as good as trying everything, within every limit, with a bound and prices that hold."""

from dataclasses import replace
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from membership.base import tables
from membership.base.errors import DataError
from membership.benefits import allocation, shadow_prices, sweeps
from membership.benefits.limits import limits
from membership.benefits.options import additive
from membership.settings.benefits import Benefit, Benefits, Fairness

ANY = [Benefit(name="any", kind="discount", uplift=0, uplift_sd=0)]


def knobs(budget, per_member=2, tier=0.0, ratio=0.0, group=1, attributes=("age",)):
    fair = Fairness(attributes=list(attributes), min_ratio=ratio, min_group=group)
    return Benefits(budget=budget, max_per_member=per_member, min_tier_share=tier, fairness=fair, catalogue=ANY)


def market(costs, gains, tier=None, most=2, **attributes):
    """Return options and facts of a few members; costs and gains (members, benefits)."""
    cost, gain = np.asarray(costs, dtype=float), np.asarray(gains, dtype=float)
    ids = np.array([f"m{i:05d}" for i in range(len(cost))], dtype=object)
    rank = np.zeros(len(cost), dtype=int) if tier is None else np.asarray(tier)
    names = tuple(f"b{i}" for i in range(cost.shape[1]))
    facts = pd.DataFrame({"member_id": ids, "tier_rank": rank, "age": "unknown"} | attributes)
    allowed = np.ones(cost.shape, dtype=bool)
    return additive(ids, rank, names, allowed, cost, gain, most), facts


def random_market(seed, members, benefits=3, most=2):
    random = np.random.default_rng(seed)
    worth = random.lognormal(4, 1, (members, 1))
    cost = np.ceil(worth * random.uniform(0.1, 1, (members, benefits)))
    gain = worth * random.uniform(0.1, 3, (members, benefits))
    groups = np.array(["old", "young", "unknown"])[random.integers(0, 3, members)]
    return market(cost, gain, random.integers(0, 2, members), most, age=groups)


def alone(options, values):
    """Return `values` (members, sets) of the sets of one benefit: (members, benefits)."""
    return values[:, : len(options.benefits)]


def fits(options, facts, wanted, taken):
    """Whether `taken` keeps every limit, told from the words of the knobs rather than from the programme's rows."""
    single, pays = alone(options, options.cost), alone(options, options.pays)
    cost = np.where(taken, single, 0).sum(axis=1)
    if cost.sum() > wanted.budget or taken.sum(axis=1).max() > wanted.max_per_member:
        return False
    worth = np.where(pays, alone(options, options.gain) - single, 0)
    best = np.argsort(-worth, axis=1, kind="stable")[:, : wanted.max_per_member]
    useful = np.take_along_axis(np.where(pays, single, 0), best, axis=1).sum(axis=1)
    for rank in np.unique(options.tier_rank):
        those = options.tier_rank == rank
        if cost[those].sum() < min(wanted.min_tier_share * wanted.budget, useful[those].sum()) - 1e-9:
            return False
    known = facts[facts["age"] != "unknown"].groupby("age").size()
    known = known[known >= wanted.fairness.min_group].index
    each = [cost[facts["age"] == name].mean() for name in known]
    return len(each) < 2 or min(each) >= wanted.fairness.min_ratio * max(each) - 1e-9


def brute_force(options, facts, wanted):
    """Return the best net of everything that keeps the limits, None where nothing does."""
    count, net = len(options.benefits), alone(options, options.gain - options.cost)
    packages = [combo for size in range(wanted.max_per_member + 1) for combo in combinations(range(count), size)]
    choices = [[combo for combo in packages if all(row[list(combo)])] for row in alone(options, options.pays)]
    best = None
    for choice in product(*choices):
        taken = np.zeros(net.shape, dtype=bool)
        for member, combo in enumerate(choice):
            taken[member, list(combo)] = True
        total = net[taken].sum()
        if (best is None or total > best) and fits(options, facts, wanted, taken):
            best = total
    return best


@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.floats(0.05, 1.2),
    st.integers(1, 3),
    st.sampled_from([0, 0.2]),
    st.sampled_from([0, 0.5]),
)
@settings(max_examples=30, deadline=None)
def test_allocation_is_as_good_as_trying_everything(seed, members, part, per_member, tier, ratio):
    options, facts = random_market(seed, members, most=per_member)
    wanted = knobs(1 + part * alone(options, options.cost)[alone(options, options.pays)].sum(), per_member, tier, ratio)
    best, found = brute_force(options, facts, wanted), allocation.allocate(options, facts, wanted)
    assert found.cost <= wanted.budget
    assert (alone(options, options.gain) > alone(options, options.cost))[found.given].all()
    if found.gave_way:
        assert best is None or best == 0  # only by giving nobody anything
    else:
        assert fits(options, facts, wanted, found.given)
        assert found.net == pytest.approx(best, rel=2e-3, abs=1e-6)
        assert found.bound >= best - 1e-6


@given(st.integers(0, 10**6), st.floats(0.02, 1.5), st.sampled_from([0, 0.1]), st.sampled_from([0, 0.8, 0.95]))
@settings(max_examples=15, deadline=None)
def test_no_limit_is_ever_broken_and_little_is_left_to_gain(seed, part, tier, ratio):
    options, facts = random_market(seed, 300)
    wanted = knobs(part * alone(options, options.cost)[alone(options, options.pays)].sum(), 2, tier, ratio)
    found = allocation.allocate(options, facts, wanted)
    assert found.cost <= wanted.budget
    assert fits(options, facts, wanted, found.given)
    assert 0 <= found.gap < 0.01
    assert found.net <= found.bound


def test_the_same_input_gives_the_same_allocation_and_equal_members_are_served_by_id():
    options, facts = market(np.full((50, 1), 10), np.full((50, 1), 30))
    found = allocation.allocate(options, facts, knobs(200))
    assert found.chosen["member_id"].tolist() == [f"m{i:05d}" for i in range(20)]
    options, facts = random_market(3, 400)
    wanted = knobs(9_000, ratio=0.9)
    first, second = (allocation.allocate(options, facts, wanted).given for _ in range(2))
    assert (first == second).all()


def test_a_thousand_equal_members_are_shared_out_to_the_last_cent_that_fits():
    options, facts = market(np.full((1000, 2), [7, 9]), np.full((1000, 2), [20, 21]), most=1)
    found = allocation.allocate(options, facts, knobs(3_503, per_member=1))
    assert found.cost == 3_500
    assert found.net == 500 * 13


def one_programme_for_all(options, facts, wanted):
    """Return the best net by one integer programme over every member, with a row for each pair of groups."""
    single, pays = alone(options, options.cost), alone(options, options.pays)
    cost, net = single.ravel(), np.where(pays, alone(options, options.gain) - single, 0).ravel()
    member = np.repeat(np.arange(len(facts)), single.shape[1])
    share = {
        name: (facts["age"] == name).to_numpy()[member] / (facts["age"] == name).sum() for name in ("old", "young")
    }
    pairs = [wanted.fairness.min_ratio * share[one] - share[other] for one, other in permutations(share)]
    rows = np.vstack([cost, np.array(pairs) * cost, (member == np.arange(len(facts))[:, None]).astype(float)])
    upper = np.r_[wanted.budget, np.zeros(len(pairs)), np.full(len(facts), wanted.max_per_member)]
    found = milp(-net, integrality=1, bounds=Bounds(0, pays.ravel()), constraints=LinearConstraint(rows, ub=upper))
    return -found.fun


def test_cells_serve_members_almost_as_well_as_one_programme_that_decides_on_each():
    options, facts = random_market(11, 250)
    wanted = knobs(6_000, ratio=0.8)
    found, best = allocation.allocate(options, facts, wanted), one_programme_for_all(options, facts, wanted)
    assert found.net == pytest.approx(best, rel=1e-3)
    assert found.bound >= best - 1e-6


@pytest.mark.parametrize("ratio", [0.0, 0.8])
def test_shadow_price_is_what_one_more_unit_of_budget_brings(ratio):
    options, facts = random_market(5, 600)
    wanted = knobs(12_000, tier=0.2, ratio=ratio)
    price = allocation.allocate(options, facts, wanted).shadow_price
    table = sweeps.budget(options, facts, wanted, [1 - 1e-4, 1, 1 + 1e-4], 0.95)
    slopes = table["net"].diff().dropna() / table["budget"].diff().dropna()
    assert slopes.min() - 0.01 <= price <= slopes.max() + 0.01  # nets are good to 1e-7 of about 40,000
    assert price == pytest.approx(table["shadow_price"][1], abs=1e-3)


def test_shadow_price_by_hand():
    options, facts = market([[10], [10], [10]], [[40], [30], [15]])
    assert allocation.allocate(options, facts, knobs(15)).shadow_price == pytest.approx(2)  # 20 net for 10
    assert allocation.allocate(options, facts, knobs(25)).shadow_price == pytest.approx(0.5)
    assert allocation.allocate(options, facts, knobs(1000)).shadow_price == pytest.approx(0)


def test_a_budget_of_zero_gives_nobody_anything_and_says_what_the_first_cent_would_bring(workspace):
    options, facts = market([[10], [10]], [[40], [30]])
    found = allocation.allocate(options, facts, knobs(0))
    assert (found.cost, found.net, found.gap) == (0, 0, 0)
    assert found.shadow_price == pytest.approx(3)
    tables.write("allocations", found.chosen)
    assert tables.read("allocations").empty
    assert sweeps.budget(options, facts, knobs(0), [0.5, 1], 0.95).empty


def test_nothing_is_given_that_does_not_pay_for_itself():
    options, facts = market([[10], [10]], [[9], [10]])
    found = allocation.allocate(options, facts, knobs(100, tier=0.5, ratio=0.8))
    assert found.chosen.empty
    assert (found.bound, found.shadow_price) == (0, 0)


def test_one_member_gets_the_best_of_what_fits():
    options, facts = market([[10, 10, 95]], [[40, 30, 300]], most=1)
    assert allocation.allocate(options, facts, knobs(100, 1)).chosen["benefit"].tolist() == ["b2"]
    options, facts = market([[10, 10, 95]], [[40, 30, 300]])
    assert allocation.allocate(options, facts, knobs(30, 2)).chosen["benefit"].tolist() == ["b0", "b1"]
    assert allocation.allocate(options, facts, knobs(5)).chosen.empty


def test_every_tier_gets_its_share_or_all_that_it_can_use():
    cost, gain = np.full((13, 1), 10), np.r_[np.full(10, 100), np.full(3, 12)][:, None]
    options, facts = market(cost, gain, tier=[1] * 10 + [0] * 3)
    by_tier = [
        allocation.allocate(options, facts, knobs(100, tier=tier)).chosen.groupby("tier_rank")["cost"].sum().to_dict()
        for tier in (0, 0.2, 0.5)
    ]
    assert by_tier == [{1: 100}, {0: 20, 1: 80}, {0: 30, 1: 70}]


@pytest.mark.parametrize("ratio", [0.0, 0.6])
def test_a_small_tier_gets_all_that_it_can_use_to_the_cent_however_large_the_budget(ratio):
    random = np.random.default_rng(8)
    cost = random.integers(10**5, 10**7, (600, 2)).astype(float)
    age = np.array(["old", "young"])[random.integers(0, 2, 600)]
    gain = cost * random.uniform(1.1, 3, cost.shape)
    options, facts = market(cost, gain, tier=np.arange(600) < 4, most=1, age=age)
    found = allocation.allocate(options, facts, knobs(2.5e9 + 0.3, per_member=1, tier=0.1, ratio=ratio))
    spent = np.where(found.given, cost, 0).sum(axis=1)
    assert (spent[:4] == cost[np.arange(4), (gain - cost)[:4].argmax(axis=1)]).all()
    assert found.cost <= 2.5e9
    assert found.gap < 1e-3


def test_tier_shares_that_the_budget_cannot_give_are_lowered_as_little_as_it_takes():
    options, facts = market(np.full((40, 1), 10), np.full((40, 1), 100), tier=np.arange(40) % 2)
    found = allocation.allocate(options, facts, knobs(100, tier=0.6))
    assert found.chosen.groupby("tier_rank")["cost"].sum().tolist() == [50, 50]
    assert [(one.limit, one.asked) for one in found.gave_way] == [("min_tier_share", 0.6)]
    assert found.gave_way[0].given == pytest.approx(0.48)


def test_a_group_for_whom_nothing_pays_leaves_the_others_theirs_and_is_named():
    gain = np.r_[np.full(6, 30), np.full(6, 1)][:, None]
    options, facts = market(np.full((12, 1), 10), gain, age=np.repeat(["old", "young"], 6))
    found = allocation.allocate(options, facts, knobs(40, ratio=0.8))
    assert found.cost == 40
    assert [(one.limit, one.given) for one in found.gave_way] == [("min_ratio: age young", 0)]


def test_whole_benefits_that_cannot_be_shared_out_evenly_lower_the_ratio_rather_than_giving_nobody_anything():
    options, facts = market([[10], [10]], [[40], [30]], age=["old", "young"])
    found = allocation.allocate(options, facts, knobs(15, ratio=0.8))
    assert found.chosen["member_id"].tolist() == ["m00000"]
    assert [one.limit for one in found.gave_way] == ["min_ratio"]


def test_a_budget_below_the_cheapest_plan_gives_nothing_and_says_what_it_would_take():
    options, facts = market([[10], [12]], [[40], [30]])
    found = allocation.allocate(options, facts, knobs(5))
    assert found.chosen.empty
    assert found.gave_way == (allocation.GaveWay("budget", 5, 10),)


def places(count, **changed):
    """Return knobs by which the first benefit has `count` places."""
    catalogue = [Benefit(name="b0", kind="discount", uplift=0, uplift_sd=0, places=count)]
    return knobs(**changed).model_copy(update={"catalogue": catalogue})


def test_places_go_to_those_whom_they_bring_most_and_the_others_get_the_next_best():
    options, facts = market([[10, 10]] * 4, [[90, 20], [80, 70], [70, 15], [60, 20]], most=1)
    found = allocation.allocate(options, facts, places(2, budget=1000, per_member=1))
    assert found.chosen["benefit"].tolist() == ["b0", "b1", "b0", "b1"]


@given(st.integers(0, 10**6), st.integers(0, 60), st.floats(0.1, 1.2), st.sampled_from([0, 0.7]))
@settings(max_examples=10, deadline=None)
def test_places_are_never_exceeded_and_little_is_left_to_gain(seed, count, part, ratio):
    options, facts = random_market(seed, 200)
    wanted = places(count, budget=part * alone(options, options.cost).sum() / 2, ratio=ratio)
    found = allocation.allocate(options, facts, wanted)
    assert found.given[:, 0].sum() <= count
    assert found.cost <= wanted.budget
    assert 0 <= found.gap < 0.01


def test_what_some_have_already_counts_towards_the_budget_and_the_places():
    options, facts = market([[10]] * 5, [[90], [80], [70], [60], [50]])
    fixed = np.array([-1, -1, -1, 0, -1])
    found = allocation.allocate(options, facts, knobs(30), fixed=fixed)
    assert found.choice.tolist() == [0, 0, -1, 0, -1]
    assert found.cost == 30
    assert found.net == 80 + 70 + 50
    assert allocation.allocate(options, facts, places(2, budget=100), fixed=fixed).choice.tolist() == [0, -1, -1, 0, -1]


def test_an_order_that_counts_for_more_than_its_margin_is_paid_for():
    options, facts = market([[10], [10]], [[15], [8]])
    valued = replace(options, orders=np.array([[0.0], [0.1]]), order_worth=100.0)
    found = allocation.allocate(valued, facts, knobs(10))
    assert found.choice.tolist() == [-1, 0]
    assert (found.net, found.orders, found.worth) == (-2, 0.1, 8)


def test_a_tier_without_members_asks_for_nothing():
    options, facts = market([[10], [10]], [[40], [30]], tier=[0, 2])
    assert allocation.allocate(options, facts, knobs(20, tier=0.5)).cost == 20


def test_options_and_facts_of_other_members_are_refused():
    options, facts = market([[10], [10]], [[40], [30]])
    with pytest.raises(DataError, match="same members in the same order"):
        allocation.allocate(options, facts.iloc[::-1], knobs(20))


def test_more_budget_never_brings_less_and_each_cent_brings_less_than_the_last():
    options, facts = random_market(3, 200)
    table = sweeps.budget(options, facts, knobs(3_000), [0.25, 0.5, 1, 2, 4], 0.95)
    assert (
        table["net_low"].tolist() == table["net"].tolist() == table["net_high"].tolist()
    )  # responses are certain here
    assert table["budget"].tolist() == [750, 1500, 3000, 6000, 12000]
    assert (table["net"].diff().dropna() >= -1e-6).all()
    assert (table["shadow_price"].diff().dropna() <= 1e-6).all()


@given(st.integers(0, 10**6), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_members_choose_what_is_best_at_a_price_and_any_prices_bound_the_best(seed, most):
    options, facts = random_market(seed, 40, benefits=4, most=most)
    wanted = knobs(1_000, most, ratio=0.7)
    within = limits(options, facts, wanted)
    known = shadow_prices.ways(options, within)
    price = np.random.default_rng(seed).uniform(0, 2, len(within.cell))
    single, pays = alone(options, options.gain - options.cost), alone(options, options.pays)
    reduced = np.where(pays, single - price[:, None] * alone(options, options.cost), 0)
    best = np.sort(np.maximum(reduced, 0), axis=1)[:, -most:].sum()
    given = options.given(known.choose(price, np.zeros(0)))
    assert reduced[given].sum() == pytest.approx(best)
    asked = np.random.default_rng(seed + 1).exponential(1, len(within.upper))
    bound = within.bound(known.add(*within.split(asked)), asked)
    assert bound >= allocation.relaxed(options, facts, wanted, known)[2].net - 1e-6
