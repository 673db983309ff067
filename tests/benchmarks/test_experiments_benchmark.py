"""The benchmark of experiments: every part runs at a tiny size, and what it says of itself holds."""

import sys

import numpy as np
import pytest

from benchmarks import (
    experiments,
    experiments_markets,
    experiments_members,
    experiments_offpolicy,
    experiments_speed,
    experiments_trust,
    goals,
)
from membership.base import files
from membership.evaluate import experiment
from membership.settings import params


@pytest.fixture(scope="module")
def p():
    found = params.parse(params.read())
    return found.model_copy(update={"evaluate": found.evaluate.model_copy(update=experiments_markets.SMALL)})


def test_the_lift_of_simulated_members_is_the_true_difference():
    a, b = experiments_members.draw(60_000, 0.05, np.random.default_rng(1))
    truth = experiments_members.truth(0.05)
    assert (b["recall"] - a["recall"]).mean() == pytest.approx(truth["recall"], rel=0.03)
    assert (b["spend_hit"] - a["spend_hit"]).mean() == pytest.approx(truth["spend_hit"], rel=0.08)
    for name, over, under in (("spend_hit_share", "spend_hit", "spend"), ("hits_per_listed", "hits", "listed")):
        change = b[over].sum() / b[under].sum() - a[over].sum() / a[under].sum()
        assert change == pytest.approx(truth[name], rel=0.08)


def test_baskets_of_a_member_are_alike_and_so_are_windows():
    a, _ = experiments_members.draw(5000, 0.0, np.random.default_rng(2))
    assert 0.3 < a["recall"].corr(a["recall_before"]) < 0.6
    assert np.log(a["spend"]).std() > 1


def test_under_no_difference_and_under_a_known_one_every_test_is_counted():
    null = experiments_trust.aa(1, runs=60, members=200)
    assert len(null["goals"]) == 2 * len(null["table"]) <= 24
    assert all(row["rejections"] <= 12 for row in null["table"])  # of 60 at .05; more come once in 20,000 times
    held = experiments_trust.coverage(1, runs=40, members=200)
    assert len(held["goals"]) == len(held["table"]) <= 30
    assert all(row["covered"] >= 28 for row in held["table"])


def test_nothing_is_shipped_of_null_markets_and_nearly_all_of_a_huge_effect(p):
    null, lifted = (
        [experiments_markets.decided(p, 1500, lift, seed)[0].verdict for seed in range(6)] for lift in (0.0, 0.08)
    )
    assert null.count("promote") <= 1
    assert lifted.count("promote") >= 4


def test_the_solved_lift_has_the_power_that_is_asked(p, monkeypatch):
    monkeypatch.setattr(experiments_markets, "MANY", 20_000)
    lift = experiments_markets.solve(p, 2000, 4)
    assert experiments_markets.joint(p, lift, 2000, 4) == pytest.approx(experiments_markets.POWER, abs=0.03)
    assert experiments_markets.joint(p, 0.0, 2000, 4) < 0.05


def test_the_lift_of_a_market_costs_no_discount():
    who = experiments_markets.people(40_000, np.random.default_rng(4))
    champion, challenger = experiment.arms(experiments_markets.outcomes(who, 0.1, np.random.default_rng(5)))
    change = (challenger[experiments_markets.COUNTED] - champion[experiments_markets.COUNTED]).mean()
    assert abs(change["discount_per_item_at_10"]) < 0.5 < change["margin_at_10"]
    assert change["recall_at_10"] == pytest.approx(0.1 * 0.5 * 0.7, rel=0.05)  # repeat items, of these the lifted


def test_a_paired_analysis_is_measured_in_a_process_of_its_own():
    found = experiments_speed.run(1, members=3000)
    measured = found["measured"]
    assert set(measured["found"]) == {"recall", "hit", "margin"} == set(measured["steps"])
    assert 50 < measured["peak_mib"] < 2048
    for difference, low, high, low_again, high_again in measured["found"].values():
        assert low < difference < high
        assert (low_again, high_again) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_a_goal_of_the_server_is_reached_only_without_failed_requests():
    row = {"task": "known ids", "figure": "p99_ms", "found": 50.0, "at most": 100.0, "met": False}
    assert experiments._served(row)["reached"] is False
    assert experiments._served(row | {"met": True})["reached"] is True


def test_a_part_that_is_not_asked_for_stays_in_the_json_and_the_table_names_every_goal(tmp_path, monkeypatch, capsys):
    path = tmp_path / "found.json"
    kept = {"goals": [goals.at_most("kept as it was", 2, 1)], "command": "-", "versions": {}}
    files.write_json(path, {"speed": kept})
    monkeypatch.setattr(sys, "argv", ["experiments", "--out", str(path), "--only", "textbook"])
    experiments.main()
    found, said = files.read_json(path), capsys.readouterr().out
    assert found["speed"] == kept and "missed" in said
    assert set(found["textbook"]["versions"]) == {"python", *experiments.LIBRARIES}
    assert all(goal["goal"] in said for goal in found["textbook"]["goals"])
    assert found["textbook"]["goals"] == experiments_offpolicy.textbook(params.parse(params.read()).seed)["goals"]
