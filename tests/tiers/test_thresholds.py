"""Thresholds by search: no rule on the grid is better, no limit is broken, and what cannot be had is said."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from membership.base.errors import DataError, ParamError
from membership.settings import params
from membership.settings.tiers import Pull, Tier
from membership.tiers import beliefs, risk, rules, thresholds, worth

KNOBS = params.parse(params.read()).tiers
LEVELS = [
    Tier(name="Base", points_multiplier=1, cost=0, uplift=0, uplift_sd=0),
    Tier(name="Mid", points_multiplier=1.5, cost=30, uplift=0.03, uplift_sd=0.01),
    Tier(name="Top", points_multiplier=2, cost=90, uplift=0.06, uplift_sd=0.02),
]


def knobs(levels=LEVELS, pull=(0.1, 0.02, 0.01), **search):
    limits = {"budget": 1e12, "max_moves_per_year": 1e6, "min_share": 0.02, "candidates": 7, "round_to": 10, **search}
    return KNOBS.model_copy(
        update={
            "levels": levels,
            "pull": Pull(reach=pull[0], uplift=pull[1], uplift_sd=pull[2]),
            "thresholds": None,
            "qualify_by": "spend",
            "grace_share": 0.2,
            "grace_months": 1,
            "search": KNOBS.search.model_copy(update=limits),
        }
    )


def market(seed, members=60, months=8):
    """Return what qualifies by month, and what is expected of each member."""
    random = np.random.default_rng(seed)
    level = random.lognormal(6, 1, members)
    values = (level[:, None] * random.uniform(0.5, 1.5, (members, months))).astype("int64")
    index = pd.Index([f"m{i:03d}" for i in range(members)], name="member_id")
    value = pd.DataFrame(
        {"member_id": index, "expected_spend": level * random.uniform(2, 60, members), "expected_orders": 3.0}
    )
    return pd.DataFrame(values, index=index, columns=pd.date_range("2020-02-01", periods=months, freq="MS")), value


def every_rule(amounts, value, least):
    """Return the appraisal of every rule on the grid with at least so many members in each tier."""
    pairs = combinations(thresholds.candidates(amounts, knobs()), 2)
    apart = [pair for pair in pairs if pair[0] <= 0.9 * pair[1]]
    every = [worth.appraise(rules.rule(knobs(), pair), amounts, value, terms(knobs())) for pair in apart]
    return [found for found in every if found.levels["members"].iloc[1:].min() >= least]


def more(level):
    return level.model_copy(update={"uplift": level.uplift + level.uplift_sd})


def terms(settings):
    return worth.Terms(settings, margin_rate=0.25, horizon_days=90, breakage=0.2)


def brute_force(amounts, value, known):
    """Return net, thresholds and appraisal of the best of all rules on the grid, member by member."""
    limits, best = known.settings.search, None
    for pair in combinations(thresholds.candidates(amounts, known.settings), len(known.settings.levels) - 1):
        if any(low > (1 - known.settings.pull.reach) * high for low, high in pairwise(pair)):
            continue
        found = worth.appraise(rules.rule(known.settings, pair), amounts, value, known)
        held = found.levels["members"].iloc[1:].min() >= np.ceil(limits.min_share * len(amounts))
        kept = found.cost <= limits.budget and found.moves <= limits.max_moves_per_year
        if held and kept and (best is None or found.net > best.net):
            best = found
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_search_equals_brute_force_within_every_limit(seed):
    amounts, value = market(seed)
    free = brute_force(amounts, value, terms(knobs()))
    for limits in ({}, {"budget": free.cost * 0.6}, {"max_moves_per_year": free.moves * 0.9}, {"min_share": 0.2}):
        known = terms(knobs(**limits))
        best = brute_force(amounts, value, known)
        found = thresholds.search(amounts, value, known)
        assert bool(found.limits.gave_way) == (best is None)
        if best is None:
            continue
        assert found.appraisal.net == pytest.approx(best.net)
        assert found.bound == pytest.approx(best.net, rel=1e-6)
        assert found.gap <= 1e-6
        assert found.appraisal.cost <= limits.get("budget", np.inf)
        assert found.appraisal.moves <= limits.get("max_moves_per_year", np.inf)


@given(st.integers(0, 10_000), st.integers(0, 3), st.sampled_from([0.0, 0.15]), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_what_a_rule_brings_is_the_sum_of_what_its_thresholds_bring(seed, grace_months, reach, settled):
    amounts, value = market(seed)
    known = terms(knobs(pull=(reach, 0.02, 0.01)).model_copy(update={"grace_months": grace_months}))
    low, high = 300, 300 + 400 * (1 + seed % 4)
    rule = rules.rule(known.settings, [low, high])
    curve = thresholds.curve(amounts, value, np.array([low, high]), known, settled)
    choices = thresholds.Choices(curve, known, len(amounts))
    found = worth.appraise(rule, amounts, value, known, settled)
    assert found.gain == pytest.approx(np.trace(choices.gain))
    assert found.cost == pytest.approx(np.trace(choices.cost))
    assert found.moves == pytest.approx(curve["moves"].sum())
    assert found.levels["members"].iloc[::-1].cumsum().iloc[:-1].tolist() == curve["members"].tolist()[::-1]
    assert choices.sd(np.array([0, 1])) == pytest.approx(np.sqrt((found.spread**2).sum()))


def test_what_a_rule_brings_by_hand():
    amounts = pd.DataFrame({"2020-02-01": [0, 95, 150]}, index=["a", "b", "c"]).rename(columns=pd.Timestamp)
    value = pd.DataFrame({"member_id": ["c", "b"], "expected_spend": [8000.0, 4000.0], "expected_orders": 2.0})
    known = terms(
        knobs(LEVELS[:2]).model_copy(update={"points_per_unit": 2.0, "points_per_order": 5, "point_value": 0.5})
    )
    found = worth.appraise(rules.rule(known.settings, [100]), amounts, value, known)
    months = 90 / (365.25 / 12)
    cents = 0.5 * 0.8
    pulled = cents * 90 * 0.02  # b: 80 points on spend, 10 on orders; nothing is expected of a, who is not in value
    inside = 30 * months + cents * 170 * (1.5 * 1.03 - 1)
    assert found.levels["gain"].tolist() == pytest.approx([0.25 * 4000 * 0.02, 0.25 * 8000 * 0.03])
    assert found.levels["cost"].tolist() == pytest.approx([pulled, inside])
    assert found.levels["members"].tolist() == [2, 1]
    own = (0.25 * 8000 - cents * 170 * 1.5) * 0.01  # c, in the tier; b is pulled
    pull = (0.25 * 4000 - cents * 90) * 0.01
    assert found.spread.tolist() == pytest.approx([0, own, pull])
    half = norm.ppf(0.975) * np.hypot(own, pull)
    assert found.range(0.95) == pytest.approx((found.net - half, found.net + half))
    ends = found.by_level(0.95)[["net_low", "net_high"]]
    assert (ends["net_high"] - ends["net_low"]).tolist() == pytest.approx(
        [2 * norm.ppf(0.975) * x for x in (pull, own)]
    )


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_spread_of_a_net_is_what_one_standard_deviation_more_of_each_uplift_brings(seed):
    amounts, value = market(seed)
    known = terms(knobs())
    rule = rules.rule(known.settings, [300, 900])
    found = worth.appraise(rule, amounts, value, known)
    settings_of = [knobs([more(level) if at == up else level for at, level in enumerate(LEVELS)]) for up in range(3)]
    settings_of.append(knobs(pull=(0.1, 0.03, 0.01)))
    moved = [worth.appraise(rule, amounts, value, terms(one)).net - found.net for one in settings_of]
    assert found.spread.tolist() == pytest.approx(moved, abs=1e-6)
    low, high = found.range(0.9)
    assert low <= found.net <= high
    levels = found.by_level(0.9)
    assert (levels["net_low"] <= levels["net"]).all() and (levels["net"] <= levels["net_high"]).all()


def test_a_net_whose_uplifts_are_certain_is_a_point():
    amounts, value = market(1)
    sure = [level.model_copy(update={"uplift_sd": 0.0}) for level in LEVELS]
    known = terms(knobs(sure, pull=(0.1, 0.02, 0.0)))
    found = worth.appraise(rules.rule(known.settings, [300, 900]), amounts, value, known)
    assert found.range(0.95) == (found.net, found.net)
    assert found.p_pays == float(found.net > 0)
    assert found.by_level(0.95)["net_low"].equals(found.levels["net"].rename("net_low"))


def test_of_rules_that_bring_the_same_the_lowest_thresholds_are_taken():
    idle = [level.model_copy(update={"cost": 0, "uplift": 0, "points_multiplier": 1}) for level in LEVELS]
    amounts, value = market(3)
    known = terms(knobs(idle, pull=(0.0, 0.0, 0.0)))
    found = thresholds.search(amounts, value, known)
    assert found.rule.thresholds[1:] == tuple(thresholds.candidates(amounts, known.settings)[:2])


def test_a_budget_of_zero_gives_way_to_the_cheapest_tiers_or_leaves_every_tier_empty():
    amounts, value = market(1)
    found = thresholds.search(amounts, value, terms(knobs(budget=0)))
    assert found.limits.gave_way == ("budget",)
    assert found.appraisal.cost == pytest.approx(found.limits.budget)
    cheapest = min(every_rule(amounts, value, 2), key=lambda rule: rule.cost)
    assert found.appraisal.cost == pytest.approx(cheapest.cost)
    found = thresholds.search(amounts, value, terms(knobs(budget=0, min_share=0)))
    assert found.limits.gave_way == ()
    assert found.appraisal.levels["members"].tolist() == [60, 0, 0]
    assert (found.appraisal.cost, found.appraisal.net, found.appraisal.moves) == (0, 0, 0)


def test_a_limit_of_moves_that_no_rule_keeps_gives_way_to_the_calmest_tiers():
    amounts, value = market(1)
    found = thresholds.search(amounts, value, terms(knobs(max_moves_per_year=0.01)))
    calmest = min(every_rule(amounts, value, 2), key=lambda rule: rule.moves)
    assert found.limits.gave_way == ("moves",)
    assert found.appraisal.moves == pytest.approx(calmest.moves)
    assert found.limits.moves == pytest.approx(calmest.moves)


def test_a_share_that_no_tiers_hold_gives_way_to_the_largest_that_they_do():
    amounts, value = market(1)
    found = thresholds.search(amounts, value, terms(knobs(min_share=0.6)))
    most = max(rule.levels["members"].iloc[1:].min() for rule in every_rule(amounts, value, 0))
    assert found.limits.gave_way == ("min_share",)
    assert found.limits.least == found.appraisal.levels["members"].iloc[1:].min() == most


def test_of_two_limits_that_cannot_be_kept_together_the_budget_gives_way():
    amounts, value = market(0)
    held = every_rule(amounts, value, 2)
    calmest = min(held, key=lambda found: found.moves)
    within = min(held, key=lambda found: found.cost).cost + 1
    assert calmest.cost > within  # each limit can be kept, but not both
    moves = calmest.moves * 1.0001
    found = thresholds.search(amounts, value, terms(knobs(budget=within, max_moves_per_year=moves)))
    assert found.limits.gave_way == ("budget",)
    assert found.appraisal.moves <= moves
    assert found.appraisal.cost == pytest.approx(min(rule.cost for rule in held if rule.moves <= moves))


def test_thresholds_that_are_all_in_each_others_reach_are_refused():
    amounts, value = market(1)
    with pytest.raises(ParamError, match=r"tiers.pull.reach = 0.999: no thresholds of \d+ amounts"):
        thresholds.search(amounts, value, terms(knobs(pull=(0.999, 0.02, 0.01))))


def test_where_nobody_spends_everybody_stays_in_the_entry_tier_and_the_least_share_gives_way():
    amounts, value = market(1)
    found = thresholds.search(amounts * 0, value.assign(expected_spend=0.0), terms(knobs(budget=0.0)))
    assert found.appraisal.levels["members"].tolist() == [60, 0, 0]
    assert (found.limits.gave_way, found.appraisal.cost) == (("min_share",), 0.0)


def test_other_limits_are_tried_around_those_that_gave_way():
    amounts, value = market(1)
    found = thresholds.search(amounts, value, terms(knobs(budget=0.0)))
    assert found.limits.gave_way == ("budget",)
    table = thresholds.tradeoff(found, [0.5, 1.0, 2.0], 0.95)
    assert set(table.loc[table["limit"] == "budget", "at"]) == {found.limits.budget, 2 * found.limits.budget}


def test_more_tiers_than_members_are_refused():
    amounts, value = market(1, members=2)
    with pytest.raises(DataError, match="3 tiers for 2 members"):
        thresholds.search(amounts, value, terms(knobs()))


def test_candidates_are_round_rising_and_include_unreachable_ones_only_where_tiers_may_be_empty():
    amounts, _ = market(2)
    grid = thresholds.candidates(amounts, knobs())
    assert (grid % 10 == 0).all()
    assert (np.diff(grid) > 0).all()
    free = thresholds.candidates(amounts, knobs(min_share=0))
    assert free[: len(grid)].tolist() == grid.tolist()
    assert (0.9 * free[len(grid) :] > amounts.to_numpy().max()).all()


def test_listed_thresholds_are_appraised_as_they_are():
    amounts, value = market(2)
    found = thresholds.search(amounts, value, terms(knobs(budget=0).model_copy(update={"thresholds": [200, 900]})))
    assert found.rule.thresholds == (0, 200, 900)
    assert found.appraisal.cost > 0
    assert found.gap == 0


def test_looser_limits_never_bring_less():
    amounts, value = market(4)
    free = thresholds.search(amounts, value, terms(knobs())).appraisal
    limits = {"budget": free.cost, "max_moves_per_year": free.moves}
    table = thresholds.tradeoff(thresholds.search(amounts, value, terms(knobs(**limits))), [0.01, 0.5, 0.8, 1, 2], 0.95)
    assert (table["net_low"] < table["net"]).all() and (table["net"] < table["net_high"]).all()
    for _, part in table.groupby("limit"):
        assert (part["net"].diff().dropna() >= -1e-6).all()
        assert part["net"].iloc[-1] == pytest.approx(free.net)
    assert (table.loc[table["limit"] == "budget", "cost"] <= table.loc[table["limit"] == "budget", "at"]).all()
    assert 0.01 * free.cost not in table["at"].to_numpy()  # what cannot be had is left out


def test_higher_uplifts_bring_more_and_the_best_rule_for_them_no_less_than_the_rule_found():
    amounts, value = market(4)
    found = thresholds.search(amounts, value, terms(knobs()))
    table = risk.sensitivity(found, amounts, value)
    assert table["net"].is_monotonic_increasing
    assert (table["best_net"] >= table["net"] - 1e-6).all()
    assert table.loc["used"].iloc[:2].tolist() == pytest.approx([found.appraisal.net] * 2)


def test_on_growing_uplifts_the_terms_are_read_anew():
    known = terms(knobs())
    dearer = replace(known, breakage=0.0)
    assert dearer.point_cost == pytest.approx(known.point_cost / 0.8)
    assert known.months == pytest.approx(90 / 30.4375)


@given(st.integers(0, 10_000))
@settings(max_examples=3, deadline=None)
def test_a_net_is_the_average_over_draws_of_the_uplifts_and_so_are_its_interval_and_its_chance_to_pay(seed):
    amounts, value = market(seed)
    told = pd.DataFrame({"tier": ["Top"], "effect": [0.1], "sd": [0.02], "low": [0.0], "high": [0.2]})
    after = beliefs.learned(beliefs.assumed(knobs()), told)  # a step between two tiers ties their uplifts
    known = worth.believed(terms(knobs()), after.to_json())
    rule = rules.rule(known.settings, [300, 900])
    found = worth.appraise(rule, amounts, value, known)
    drawn = np.random.default_rng(seed).multivariate_normal(after.mean, after.cov, size=200, method="eigh")
    nets = [
        worth.appraise(
            rule, amounts, value, replace(known, settings=replace(after, mean=mean).used(known.settings))
        ).net
        for mean in drawn
    ]
    assert np.mean(nets) == pytest.approx(found.net, abs=4 * found.sd / np.sqrt(200) + 1e-6)
    assert np.std(nets) == pytest.approx(found.sd, rel=0.25)
    assert np.mean(np.array(nets) > 0) == pytest.approx(found.p_pays, abs=0.15)


def test_where_nothing_is_uncertain_the_search_finds_the_point_result_and_nothing_is_worth_knowing():
    amounts, value = market(4)
    sure = [level.model_copy(update={"uplift_sd": 0.0}) for level in LEVELS]
    known = knobs(sure, pull=(0.1, 0.02, 0.0))
    found, usual = (thresholds.search(amounts, value, terms(one)) for one in (known, knobs()))
    assert found.rule == usual.rule
    assert found.appraisal.net == usual.appraisal.net
    assert found.appraisal.sd == 0
    rng = np.random.default_rng(1)
    assert risk.value_of_knowing(found, beliefs.assumed(known), 5, rng) == 0


def test_knowing_what_tiers_change_is_worth_more_where_less_is_known():
    amounts, value = market(4)
    worths = []
    for times in (0.01, 1, 5):
        levels = [level.model_copy(update={"uplift_sd": times * level.uplift_sd}) for level in LEVELS]
        known = knobs(levels, pull=(0.1, 0.02, 0.0))
        found = thresholds.search(amounts, value, terms(known))
        worths.append(risk.value_of_knowing(found, beliefs.assumed(known), 30, np.random.default_rng(1)))
    assert 0 <= worths[0] < worths[1] < worths[2]


def test_a_listed_rule_is_compared_with_what_would_be_chosen_if_the_uplifts_were_known():
    amounts, value = market(2)
    known = knobs().model_copy(update={"thresholds": [201, 903]})
    found = thresholds.search(amounts, value, terms(known))
    assert risk.value_of_knowing(found, beliefs.assumed(known), 10, np.random.default_rng(1)) > 0
