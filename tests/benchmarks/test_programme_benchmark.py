"""The benchmark of the programme: every part runs at a tiny size, and what it says of itself holds."""

import json
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks import (
    fresh,
    goals,
    programme,
    programme_journey,
    programme_market,
    programme_optimiser,
    programme_oracle,
    programme_speed,
)
from membership.settings import params
from membership.settings.tiers import Pull, Tier
from membership.tiers import rules
from membership.tiers.worth import Terms


@pytest.fixture(scope="module")
def p():
    return params.parse(params.read())


@pytest.fixture(scope="module")
def told(p):
    """A small market with few campaigns, what ours and the oracle believe of it, and the rules of the grid."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(programme_oracle, "CAMPAIGNS", 1)
        assumed = {benefit.name: (benefit.uplift, benefit.uplift_sd) for benefit in p.benefits.catalogue}
        market = programme_market.draw(1200, 24, assumed, 1, seed=5)
        shared = programme_oracle._shared(p, market)
        ours = programme_oracle.seen(p, market, shared, 5)
        truth = programme_oracle.known(p, market, shared, 5)
        return market, shared, ours, truth, programme_oracle.one(p, 1200, 5)


def test_small_allocations_and_thresholds_meet_the_best_by_brute_force():
    found = programme_optimiser.run(1, allocations=60, searches=8)
    assert all(goal["reached"] for goal in found["goals"])
    assert found["allocations"]["judged"] > 50 and found["searches"]["judged"] > 4


def test_brute_force_sees_a_limit_that_is_broken(p):
    rng = np.random.default_rng(2)
    options, facts, limits = programme_optimiser.small_case(p.benefits, rng)
    everything = np.ones((1, options.allowed.size), dtype=bool)
    assert not programme_optimiser._keeping(everything, options, facts, limits)[0]


def test_one_member_rises_at_once_and_falls_when_grace_is_over(p):
    settings = p.tiers.model_copy(update={"grace_share": 0.2, "grace_months": 1})
    ranks = programme_optimiser.one_member([0, 100, 85, 79, 79, 250, 159, 159], (100, 200), settings)
    assert ranks == [0, 1, 1, 1, 0, 2, 2, 1]


def test_nobody_beats_the_oracle_and_the_grid_keeps_the_limits_of_ours(told):
    _, shared, ours, _, found = told
    assert max(found["ours"], found["grid"], found["oracle_search"]) <= found["oracle"] * (1 + 1e-9)
    assert found["planned_cost"] <= 1
    kept = [rule for rule in programme_oracle.grid(shared, ours) if programme_oracle.keeps(rule, ours, shared)]
    assert len(kept) == found["grid_rules"] > 0


def test_all_policies_are_judged_by_the_markets_parameters_written_out(told):
    """The judge's sum for a grid rule, worked out anew: extra margin at the true uplifts less what is due."""
    _, shared, ours, truth, _ = told
    rule = programme_oracle.grid(shared, ours)[2]
    policy = programme_oracle.plan(rule, ours, shared)
    terms, spend = truth.terms, truth.facts["expected_spend"].to_numpy()
    levels, pull = terms.settings.levels, terms.settings.pull
    last = shared.amounts.iloc[:, -1].to_numpy()
    rank = rules.replay(shared.amounts, rule).iloc[:, -1].to_numpy()
    nearest = np.append(rule.thresholds[1:], np.inf)[rank]
    extra = np.array([level.uplift for level in levels])[rank] + pull.uplift * (last >= (1 - pull.reach) * nearest)
    multiplier = np.array([level.points_multiplier for level in levels])[rank]
    points = spend / 100 * (multiplier * (1 + extra) - 1) * terms.point_cost
    lasting = np.array([level.cost for level in levels])[rank] * terms.horizon_days / (365.25 / 12)
    net = (terms.margin_rate * extra * spend - points - lasting).sum()
    response = truth.uplifts.query("tier == 'Member'").set_index(["benefit", "persona"])["uplift"]
    given = programme_oracle._options(rule, truth, shared)[1].given(policy.choice)
    for at, benefit in enumerate(shared.benefits.catalogue):
        who = given[:, at]
        uplift = truth.facts["persona"].map(response[benefit.name]).to_numpy()[who]
        share = benefit.cost_share + ((benefit.multiplier or 1) - 1) * terms.point_cost / 100
        orders = truth.facts["expected_orders"].to_numpy()[who]
        due = benefit.cost + (share * spend[who] + benefit.cost_per_order * orders) * (1 + uplift)
        net += (terms.margin_rate * uplift * spend[who] - np.ceil(np.round(due, 6))).sum()
    assert programme_oracle.worth_of(policy, truth, shared) == pytest.approx(net)


def test_ours_sees_nothing_of_the_truth(told, p):
    market, shared, ours, _, _ = told
    hidden = market.truth.assign(rate=0.0, amount=0.0, active=False, leaving=1.0)
    blind = replace(market, truth=hidden, response=market.response * 0)
    again = programme_oracle.seen(p, blind, shared, 5)
    pd.testing.assert_frame_equal(again.uplifts, ours.uplifts)
    pd.testing.assert_frame_equal(again.facts, ours.facts)


def test_a_market_spends_what_its_members_parameters_say():
    market = programme_market.draw(20_000, 24, {"a": (0.0, 0.0)}, 0, seed=1)
    staying = market.truth["active"].to_numpy()
    last = market.monthly.to_numpy()[staying, -3:].sum()
    assert last == pytest.approx(market.expected_spend(90)[staying].sum(), rel=0.05)
    assert (market.expected_spend(90)[~staying] == 0).all()


def test_a_campaign_adds_its_true_uplift_to_those_it_treats_and_to_no_others():
    plain, lifted = (programme_market.draw(300, 24, {"a": (mean, 0.0)}, 2, seed=3) for mean in (0.0, 0.5))
    ratio = lifted.orders["amount"] / plain.orders["amount"]
    month = (lifted.orders["day"] // programme_market.DAYS_A_MONTH).astype(int)
    treated = np.zeros(len(ratio), dtype=bool)
    for number, campaign in lifted.campaigns.iterrows():
        treated |= (month == campaign["month"]) & lifted.arms[number, lifted.orders["member"]]
    assert ratio[treated].to_numpy() == pytest.approx(1.5) and ratio[~treated].to_numpy() == pytest.approx(1.0)


def test_thresholds_are_chosen_on_nothing_after_the_date_and_judged_after_it(p):
    months = pd.date_range("2017-02-01", periods=11, freq="MS")
    rng = np.random.default_rng(4)
    spend = rng.lognormal(9, 1, (150, 1)) * rng.lognormal(0, 0.4, (150, len(months)))
    spend = pd.DataFrame(np.rint(spend).astype("int64"), [f"m{i:03d}" for i in range(150)], months)
    amounts = spend.T.rolling(6, min_periods=1).sum().T.astype("int64")
    limits = p.tiers.search.model_copy(update={"budget": 1e6, "max_moves_per_year": 20.0})
    terms = Terms(p.tiers.model_copy(update={"search": limits}), 0.25, 90, 0.2)
    at, start = date(2017, 9, 1), p.windows.start
    found = programme_journey.compared(at, amounts, spend, terms, start, seed=1, draws=200)
    assert {row["grid"] for row in found} == {"best at the date", "best in hindsight"}
    assert all(row["low"] <= row["difference"] <= row["high"] for row in found)
    after = amounts.columns > pd.Timestamp(at)
    later = (amounts.mask(np.broadcast_to(after, amounts.shape), amounts * 2)).astype("int64")
    again = programme_journey.compared(at, later, spend, terms, start, seed=1, draws=200)
    assert again[0]["thresholds"] == found[0]["thresholds"] and again[0]["ours"] != found[0]["ours"]
    rule = rules.rule(terms.settings, found[0]["thresholds"])
    assert found[0]["ours"] == pytest.approx(programme_journey.backtest(rule, amounts, spend, terms, at)["net"].sum())


def test_a_rule_is_judged_on_the_spend_that_came_by_hand(p):
    days = pd.to_datetime(["2020-02-01", "2020-03-01", "2020-04-01"])
    amounts = pd.DataFrame([[100, 0, 0], [95, 95, 200]], index=["a", "b"], columns=days)
    spend = pd.DataFrame([[9, 1000, 400], [9, 2000, 600]], index=["a", "b"], columns=days)
    base = Tier(name="Base", points_multiplier=1, cost=0, uplift=0, uplift_sd=0)
    levels = [base, Tier(name="Mid", points_multiplier=1.5, cost=30, uplift=0.03, uplift_sd=0.01)]
    pull = Pull(reach=0.1, uplift=0.02, uplift_sd=0.01)
    knobs = {"levels": levels, "pull": pull, "points_per_unit": 1.0, "point_value": 0.5}
    settings = p.tiers.model_copy(update=knobs | {"grace_share": 0.2, "grace_months": 1})
    rule, known = rules.rule(settings, [100]), Terms(settings, 0.25, 90, 0.2)
    found = programme_journey.backtest(rule, amounts, spend, known, date(2020, 2, 1))
    month = 365.25 / 12
    rate = 0.5 * 0.8 / 100 * (1.5 * 1.03 - 1)
    # a is in Mid in February and, by grace, in March; b is pulled in both and rises at the end
    assert found.loc["a", "gain"] == pytest.approx(0.25 * 0.03 * 1400)
    assert found.loc["a", "cost"] == pytest.approx(30 * 60 / month + rate * 1400)
    assert found.loc["b", "gain"] == pytest.approx(0.25 * 0.02 * 2600)
    assert found["moves"].tolist() == [1, 1]  # a falls on 1 April
    later = programme_journey.backtest(rule, amounts, spend, known, date(2020, 2, 2))
    assert later.loc["b", "gain"] == pytest.approx(0.25 * 0.02 * 600)
    assert (found["net"] == found["gain"] - found["cost"]).all()


def test_monthly_totals_are_multiplied_by_the_tier_in_which_the_month_began(p):
    months = pd.date_range("2020-02-01", periods=3, freq="MS")
    base, ranks = (pd.DataFrame([row], index=["m"], columns=months) for row in ([9, 9, 9], [1, 3, 0]))
    rate = [level.points_multiplier for level in p.tiers.levels]
    found = programme_speed.multiplied(base, ranks, p.tiers)
    assert found.loc["m"].tolist() == [9, int(9 * rate[1]), int(9 * rate[3])]


def test_replay_and_allocation_are_measured_in_a_process_of_their_own():
    row = fresh.measure("benchmarks.programme_speed", 3000, 1)
    assert row["members"] == 3000 and row["peak_mib"] > 50 and row["found"]["cost_over_budget"] <= 1
    assert row["cpu_s"] == pytest.approx(sum(row["steps"].values()))
    assert programme_speed.targets([row]) == []
    judged = programme_speed.targets([row | {"members": programme_speed.JUDGED, "wall_s": 61.0, "peak_mib": 100.0}])
    assert [goal["reached"] for goal in judged] == [False, True]


def test_rolling_sums_are_those_of_pandas():
    spend = pd.DataFrame(np.random.default_rng(1).integers(0, 100, (5, 9)))
    expected = spend.T.rolling(4, min_periods=1).sum().T.astype("int64")
    pd.testing.assert_frame_equal(programme_speed.rolling(spend, 4), expected)


def test_growth_is_drawn_with_every_step(tmp_path):
    steps = {"replay": 0.1, "allocation": 0.2}
    rows = [{"members": n, "cpu_s": 0.3, "peak_mib": 100.0, "steps": steps} for n in (1000, 10_000)]
    programme_speed.figure(rows, tmp_path / "growth.svg")
    assert all(word in (tmp_path / "growth.svg").read_text() for word in ("replay", "allocation", "peak memory"))


def test_a_part_that_is_not_asked_for_stays_in_the_json_and_the_table_names_every_goal(tmp_path, monkeypatch, capsys):
    out = tmp_path / "programme.json"
    kept = {"goals": [goals.at_most("kept as it was", 2, 1)], "command": "-", "versions": {}}
    out.write_text(json.dumps({"speed": kept}))
    monkeypatch.setitem(programme.PARTS, "optimiser", lambda seed: programme_optimiser.run(seed, 5, 1))
    monkeypatch.setattr(sys, "argv", ["programme", "--out", str(out), "--only", "optimiser"])
    programme.main()
    found = json.loads(out.read_text())
    assert found["speed"] == kept
    assert found["optimiser"]["versions"]["numpy"] == np.__version__
    assert found["optimiser"]["command"] == "python -m benchmarks.programme --only optimiser --out JSON"
    said = capsys.readouterr().out
    assert all(goal["goal"] in said for goal in found["optimiser"]["goals"])
    assert "missed" in said.split("kept as it was")[1].splitlines()[0]
