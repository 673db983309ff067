"""What is given at random: at known rates, within all limits, and only where something is to be learned."""

from dataclasses import replace

import known_reaction
import numpy as np
import pandas as pd
import pytest
from unsure_market import CATALOGUE, setting

from membership.benefits import explore, sweeps

HELD = pd.DataFrame(
    {"held": [number % 5 == 0 for number in range(400)], "chance": 0.2}, [f"m{number:05d}" for number in range(400)]
)


@pytest.fixture(scope="module")
def found():
    return explore.allocate(setting(), 7, "june", HELD)


def test_all_limits_hold_for_what_is_really_given(found):
    assert 0 < found.allocation.cost <= 6000
    assert found.allocation.given[:, 0].sum() <= 60
    assert not found.allocation.given[found.held_out].any()
    assert not found.allocation.gave_way
    facts, cost = (
        setting().facts,
        found.allocation.options.taken(found.allocation.options.cost, found.allocation.choice),
    )
    each = pd.Series(cost).groupby(facts["age"]).mean().drop("unknown")
    assert each.min() >= 0.7 * each.max()


def test_who_is_held_out_gets_nothing_and_all_others_as_often_as_the_rest_of_the_rule_says(found):
    assert found.held_out.tolist() == HELD["held"].tolist()
    everybody = explore.allocate(setting(), 7, "june")
    assert not everybody.held_out.any() and everybody.propensity.max() > 0.8


def test_benefits_are_given_as_often_as_their_propensity_says():
    ours = setting(members=150, budget=2500.0)
    runs = [explore.allocate(ours, 7, f"period {number}", gap=1e-2) for number in range(15)]
    given = np.mean([run.allocation.given for run in runs], axis=0)
    expected = np.mean([run.propensity for run in runs], axis=0)
    assert given.sum() == pytest.approx(expected.sum(), rel=0.1)
    middle = (expected > 0.05) & (expected < 0.6)
    assert given[middle].mean() == pytest.approx(expected[middle].mean(), rel=0.25)


def test_rows_carry_propensity_and_who_explored(found):
    rows = found.chosen
    assert rows["propensity"].between(0, 0.8).all() and (rows["propensity"] > 0).all()
    assert 0 < rows["explored"].sum() < len(rows)
    planned = rows.loc[~rows["explored"], "propensity"]
    assert (planned >= 0.8 * 0.7 - 1e-12).all()  # not held out, and not exploring


def test_what_refusals_cost_is_what_the_limit_takes_away():
    ours = setting(members=150, budget=2500.0)
    nobody = replace(ours, facts=ours.facts.assign(refused=False))
    assert sweeps.consent(nobody, 0.95).empty
    some = replace(ours, facts=ours.facts.assign(refused=[number % 3 == 0 for number in range(150)]))
    cost = sweeps.consent(some, 0.95)
    assert cost["members"].tolist() == [50, 0] and cost["net"].iloc[0] < cost["net"].iloc[1]


def test_the_same_seed_and_period_give_the_same_and_another_period_others(found):
    again, other = (explore.allocate(setting(), 7, month, HELD) for month in ("june", "july"))
    assert (again.allocation.choice == found.allocation.choice).all()
    assert (again.exploring != other.exploring).any() and (again.held_out == other.held_out).all()


def test_exploring_costs_about_its_share_of_the_budget(found):
    options, choice = found.allocation.options, found.allocation.choice
    spent = options.taken(options.cost, choice)[found.exploring].sum()
    assert spent <= 2 * 0.3 * 6000
    assert spent == pytest.approx(0.3 * 6000, rel=0.35)


def test_where_nothing_is_unsure_nothing_is_tried_that_would_not_be_given_anyway():
    sure = replace(setting(explore_share=0.5), reaction=known_reaction.on_orders(CATALOGUE))
    rows = explore.allocate(sure, 7, "june").propensity
    tried = (rows - 0.5 * (rows > 0.5)) / 0.5  # shares of draws: all or none
    assert np.isclose(np.abs(tried - np.round(tried)), 0).mean() > 0.95


def test_without_budget_or_anything_that_pays_nobody_gets_anything():
    nothing = explore.allocate(setting(budget=0.0), 7, "june")
    assert nothing.chosen.empty and not nothing.exploring.any()
    useless = replace(setting(), reaction=known_reaction.on_spend(CATALOGUE, scale=0.0))
    assert explore.allocate(useless, 7, "june").chosen.empty


def test_two_members_are_enough():
    assert explore.allocate(setting(members=2, explore_share=0.5, budget=100.0), 7, "june").allocation.cost <= 100


def test_who_is_held_out_in_the_register_of_trials_gets_nothing_and_chances_follow_it():
    ours = setting(members=60)
    ids = ours.options().members
    drawn = pd.DataFrame({"held": [place < 10 for place in range(50)], "chance": 0.2}, ids[:50])
    free, held = explore.allocate(ours, 7, "june"), explore.allocate(ours, 7, "june", drawn)
    assert held.held_out.tolist() == [place < 10 for place in range(60)]
    assert not held.chosen["member_id"].isin(ids[:10]).any()
    assert held.propensity[:50].max() <= 0.8 + 1e-9 < free.propensity.max() + 1e-9
    assert held.propensity[50:].max() > 0.8
