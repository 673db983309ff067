"""The loop on a tiny market: ours between nothing and the oracle, and the same numbers for the same seed."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import loop, loop_market, loop_policies

MEMBERS, MONTHS, WORKS, NULL = 800, 7, 1001, 1004


@pytest.fixture(scope="module")
def lived():
    return loop.one(WORKS, MEMBERS, ("nothing", "today", "ours", "oracle"), MONTHS)


def test_ours_lies_between_nothing_and_the_oracle_who_is_best(lived):
    net = pd.DataFrame(lived["rows"]).groupby("policy")["net"].sum()
    assert net["nothing"] == 0
    assert 0 < net["ours"] < net["oracle"] == net.max()


def test_no_plan_costs_much_more_than_the_budget(lived):
    spent = pd.DataFrame(lived["rows"]).groupby("policy")["cost"].mean() / lived["budget"]
    assert spent.max() < 1.1


def test_the_same_seed_gives_the_same_numbers(lived):
    again = loop.one(WORKS, MEMBERS, ("oracle", "ours"), months=2)
    rows = pd.DataFrame(lived["rows"])
    for name in ("oracle", "ours"):
        before = rows.loc[rows["policy"] == name, "net"].head(2).tolist()
        assert [row["net"] for row in again["rows"] if row["policy"] == name] == before


def test_where_nothing_works_a_benefit_costs_what_it_costs():
    market = loop_market.draw(MEMBERS, NULL)
    world = loop_market.World.begin(market)
    found = world.step(np.full(MEMBERS, 1))
    assert found["orders"] == pytest.approx(0, abs=1e-9)
    assert found["net"] == pytest.approx(-found["cost"]) and found["cost"] > 0
    assert market.history(world.came, loop_market.BEFORE + 1).days.max() < loop_market.BEGINS + 480


def test_members_are_the_same_whatever_is_done():
    market = loop_market.draw(MEMBERS, WORKS)
    left, given = (loop_market.World.begin(market) for _ in range(2))
    left.step(np.full(MEMBERS, -1))
    given.step(np.zeros(MEMBERS, dtype=int))
    helped = market.shift[:, 0] > 0
    month = loop_market.BEFORE
    assert (left.came[helped, month] <= given.came[helped, month]).all()
    assert (left.came[~helped, month] >= given.came[~helped, month]).all()


def test_what_a_benefit_had_of_late_does_less():
    market = loop_market.draw(MEMBERS, WORKS)
    fresh, used = (market.odds(loop_market.BEFORE, np.full(market.shift.shape, had)) for had in (0.0, 1.0))
    assert (np.abs(used) < np.abs(fresh)).all()


def test_goals_are_counted_by_market(lived):
    null = loop.one(NULL, 300, ("nothing", "today", "ours", "oracle"), months=2)
    told = {row["goal"]: row for row in loop.targets(loop.table([lived, null]))}
    share = told[f"net of ours over the oracle's, months {loop.SETTLED + 1} on, mean"]["found"]
    rows = pd.DataFrame(lived["rows"]).query("month > @loop.SETTLED").groupby("policy")["net"].sum()
    assert share == pytest.approx(rows["ours"] / rows["oracle"])
    assert loop.regret(loop.table([lived]))["oracle"].eq(0).all()


def test_a_policy_that_cannot_see_the_market_asks_for_the_forecast_alone():
    world = loop_market.World.begin(loop_market.draw(MEMBERS, WORKS))
    facts = loop_policies.Policy(1.0, 1).known(world)
    assert facts["chance"].between(0, 1).all()
    assert np.corrcoef(facts["chance"], world.market.chance[:, world.month])[0, 1] > 0.6


@pytest.mark.parametrize("name", loop_policies.POLICIES)
def test_every_policy_spends_about_its_budget_at_most(name):
    lived = loop.one(WORKS, 400, (name,), months=2)
    spent = [row["cost"] / lived["budget"] for row in lived["rows"]]
    assert max(spent) < 2 and min(spent) >= 0  # forecasts of so few members are rough
