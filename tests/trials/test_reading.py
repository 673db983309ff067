"""Effects and readings: hand-computed cases, known truth, and what follows."""

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from meaning import meant
from trials_market import DAY, happened, members, trial

from membership.base.errors import DataError, ParamError
from membership.repurchase import holdout
from membership.settings.trials import Trials
from membership.stats import power
from membership.trials import assign, effects, gates, log, other_policy, outcomes, plan, reading, rehearsal
from membership.trials.reading import Cost, Verdict

SETTINGS = Trials(aa_salts=20, aa_periods=3)


def read(lift=0.0, number=4000, exposures=None, **changed):
    one = trial(**changed)
    rows = assign.assign(one, members(number), DAY)
    shown = log.empty() if exposures is None else exposures(rows)
    return reading.read("spring", one, rows, happened(rows, lift), shown, SETTINGS, 0.25)


def test_the_plain_contrast_is_the_t_test_of_sums_over_units():
    rng = np.random.default_rng(1)
    y, treated = rng.normal(size=60), np.arange(60) % 2 == 0
    found = effects.contrast(y, treated, 0.95)
    above, below = y[treated], y[~treated]
    assert found.difference == pytest.approx(above.mean() - below.mean())
    assert found.error == pytest.approx(np.sqrt(above.var(ddof=1) / 30 + below.var(ddof=1) / 30))
    test = scipy.stats.ttest_ind(above, below)  # equal arms: Welch's error is the pooled one
    assert found.p_value == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval(0.95)))


def test_members_of_one_unit_who_do_the_same_count_once():
    y, treated = np.array([1.0, 0, 1, 0, 0, 1]), np.array([True, True, True, False, False, False])
    alone = effects.contrast(y, treated, 0.95)
    four = effects.contrast(np.repeat(y, 4), np.repeat(treated, 4), 0.95, unit=np.repeat(np.arange(6), 4))
    assert (four.difference, four.error, four.p_value) == pytest.approx((alone.difference, alone.error, alone.p_value))
    assert four.members == 24 and four.units == 6


def test_cuped_takes_off_what_the_forecast_knew_and_moves_no_mean():
    arm = np.array([True, False] * 500)
    forecast = np.random.default_rng(2).random(1000)
    adjusted = effects.adjust(3 * forecast + arm, forecast, arm)
    assert adjusted.mean() == pytest.approx((3 * forecast + arm).mean())
    found = effects.contrast(3 * forecast + arm, arm, 0.95, forecast=forecast)
    assert found.difference == pytest.approx(1.0)
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_compare_has_a_defined_answer():
    nobody = effects.contrast(np.array([1.0, 0.0]), np.array([True, True]), 0.95)
    assert (nobody.low, nobody.high, nobody.p_value) == (-np.inf, np.inf, 1.0)
    same = effects.contrast(np.ones(10), np.arange(10) < 5, 0.95)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_the_interval_holds_a_known_effect_as_often_as_it_says():
    covered, opened = 0, 0
    for seed in range(60):
        one = trial(salt=str(seed))
        rows = assign.assign(one, members(1500, seed), DAY)
        chance = rows["forecast"]
        truth = (np.minimum(chance * 1.2, 1) - chance).mean()
        done = happened(rows, 0.2, seed)
        treated = (done["arm"] == "treatment").to_numpy()
        found = effects.contrast(done["ordered"].to_numpy(), treated, 0.95, forecast=chance.to_numpy())
        covered += found.low <= truth <= found.high
        opened += gates.chance(rows, "control", 0.001).open
    assert 52 <= covered <= 60
    assert opened >= 59


def test_an_effect_is_read_though_more_come_back():
    found = read(lift=0.25, number=20_000)
    assert found.open
    assert found.verdicts == {"treatment": Verdict.ADOPT}
    row = found.of("treatment")
    assert row["low"] < 0.25 * 0.4 < row["high"] + 0.02 and row["p_value"] < 1e-6
    assert len(found.observed) == 20_000 and found.waiting == 0
    assert reading.variance_cut(found) == pytest.approx(0.25, abs=0.06)  # the share that Beta(1.2, 1.8) chances explain


def test_nothing_is_undecided_and_a_loss_is_rejected():
    assert read().verdicts["treatment"] == Verdict.UNDECIDED
    assert read(lift=-0.3, number=20_000).verdicts["treatment"] == Verdict.REJECT


def test_what_a_benefit_costs_those_who_would_have_come_counts():
    one = trial(what="benefit", gives={"treatment": "points"})
    rows = assign.assign(one, members(20_000), DAY)
    done = happened(rows, 0.1)
    costly = reading.read("spring", one, rows, done, log.empty(), SETTINGS, 0.25, {"treatment": Cost(share=0.2)})
    assert costly.of("treatment")["difference"] > 0
    assert costly.verdicts["treatment"] == Verdict.REJECT
    treated = costly.observed[costly.observed["arm"] == "treatment"]
    assert treated["net"].to_numpy() == pytest.approx(0.05 * treated["spend"].to_numpy())


def test_cost_is_fixed_and_of_spend_and_of_orders():
    done = pd.DataFrame({"spend": [0, 1000], "orders": [0, 2]})
    assert Cost(5, 0.1, 40).of(done).tolist() == [5, 185]


def test_a_shut_gate_withholds_every_effect():
    def lost(rows):
        kept = rows[(rows["arm"] == "control") | (np.arange(len(rows)) % 3 > 0)]
        return kept[["member_id", "trial", "arm", "at"]]

    found = read(lift=0.3, exposures=lost)
    assert not found.open
    assert found.verdicts == {"treatment": Verdict.WITHHELD}
    assert found.effects.empty and found.groups.empty and found.watched.empty
    assert "treatment_difference" not in reading.flat(found)


def test_several_arms_pay_for_each_other():
    found = read(lift=0.0, arms={"control": 0.4, "treatment": 0.3, "other": 0.3})
    rows = found.effects[found.effects["outcome"] == "ordered"]
    assert set(rows["arm"]) == {"treatment", "other"}
    assert rows["p_all"].to_numpy() == pytest.approx(np.minimum(2 * rows["p_value"].to_numpy(), 1))


def test_who_takes_no_part_is_not_read():
    found = read(arms={"control": 0.2, "treatment": 0.2})
    assert set(found.observed["arm"]) == {"control", "treatment"}
    assert found.sizes["assigned"].sum() == len(found.observed)


def test_an_effect_in_one_subgroup_is_found_there_alone():
    rows = assign.assign(trial(), members(12_000), DAY)
    done = happened(rows, 0.0)
    gold = (done["tier"] == "Gold") & (done["arm"] == "treatment")
    done.loc[gold, "ordered"] = np.maximum(done["ordered"], np.random.default_rng(1).random(12_000) < 0.2)[gold]
    found = effects.subgroups(done, "control", ("tier", "stage"), 0.95, False).set_index(["by", "subgroup"])
    assert found.loc[("tier", "Gold"), "q_value"] < 0.001
    assert found.loc[("tier", "Member"), "q_value"] > 0.05
    assert found.loc[("tier", "Gold"), "differs_p"] < 0.001
    assert (found.loc["stage", "differs_p"] > 0.01).all()


def test_a_trial_may_be_watched_and_the_band_is_wider_than_the_interval():
    one = trial()
    rows = assign.assign(one, members(6000), DAY)
    rows["at"] += pd.to_timedelta(np.arange(6000) % 5 * 7, unit="D")
    found = reading.read("spring", one, rows, happened(rows, 0.1), log.empty(), SETTINGS, 0.25)
    assert len(found.watched) == 5
    last, row = found.watched.iloc[-1], found.of("treatment")
    assert last["difference"] == pytest.approx(row["difference"])
    assert last["low"] < row["low"] and last["high"] > row["high"]


def test_the_plan_says_how_many_members_the_effect_takes():
    one = trial(worth=0.05)
    rows = assign.assign(one, members(3000), DAY)
    found = plan.plan(rows, one, SETTINGS).rows.set_index("method")
    rate = rows["forecast"].mean()
    needed = power.members_per_arm(0.05 * rate / np.sqrt(rate * (1 - rate)), 0.8, 0.95)
    assert found.loc["plain", "needed"] == np.ceil(needed)
    assert found.loc["CUPED", "needed"] < found.loc["plain", "needed"]
    assert found.loc["CUPED", "detectable_relative"] > 0.05  # 1,500 an arm are too few


def orders(days: dict[str, list[int]]):
    rows = [
        {"member_id": member, "local_at": f"{DAY + timedelta(days=day)} 12:00", "kind": kind, "amount": amount}
        for member, found in days.items() for day, kind, amount in found
    ]  # fmt: skip
    frame = pd.DataFrame(rows).assign(order_id=None)
    return ibis.memtable(
        meant(frame).astype({"member_id": "str", "kind": "str", "order_id": "str", "local_at": "datetime64[us]"})
    )


def test_the_window_is_half_open_and_who_never_came_counts():
    events = orders({"a": [(-1, "purchase", 900), (0, "purchase", 500), (13, "purchase", 300), (14, "purchase", 70)],
                     "b": [(14, "purchase", 900)], "c": [(3, "return", -200)]})  # fmt: skip
    rows = pd.DataFrame({"member_id": list("abcd"), "unit": list("abcd"), "at": pd.Timestamp(DAY)})
    done = outcomes.observe(events, rows, 14, DAY + timedelta(days=20), "spring").set_index("member_id")
    assert done["ordered"].to_dict() == {"a": 1, "b": 0, "c": 0, "d": 0}
    assert done["orders"].tolist() == [2, 0, 0, 0]
    assert done["spend"].tolist() == [800, 0, -200, 0]
    assert done["returned"].tolist() == [0, 0, 200, 0]


def test_the_forecast_is_judged_by_what_each_member_of_a_group_did():
    rows = {"member_id": list("abc"), "at": pd.Timestamp(DAY), "forecast": [0.9, 0.4, 0.2], "ordered": [1, 0, 0]}
    found = outcomes.judged(pd.DataFrame(rows), 14)
    groups = pd.Series({"a": "Gold", "b": "Gold", "c": "Member", "x": "Member"})
    by = holdout.by_group(found, "forecast", groups, 0.95)
    assert by[["members", "predicted", "actual"]].loc["Gold"].tolist() == pytest.approx([2, 0.65, 0.5])
    assert by.loc["Member", "members"] == 1 and by.loc["Member", "log_loss"] == pytest.approx(-np.log(0.8))


def test_outcomes_that_end_before_the_window_are_not_read():
    events = orders({"a": [(0, "purchase", 500)]})
    late = pd.Timestamp(DAY) + pd.Timedelta(days=3)
    rows = pd.DataFrame({"member_id": ["a", "b"], "unit": ["a", "b"], "at": [pd.Timestamp(DAY), late]})
    assert outcomes.observe(events, rows, 14, DAY + timedelta(days=14), "spring")["member_id"].tolist() == ["a"]
    with pytest.raises(
        DataError, match="'spring': outcomes are known up to 2024-03-14, but the first window of 14 days"
    ):
        outcomes.observe(events, rows, 14, DAY + timedelta(days=13), "spring")


def test_another_policy_is_worth_what_its_arm_brought():
    rows = assign.assign(trial(arms={"control": 0.3, "treatment": 0.5}), members(6000), DAY)
    done = happened(rows, 0.3)
    rng = np.random.default_rng(1)
    for estimate in other_policy.value(done, ["control", "treatment"], {"treatment": 1.0}, "ordered", 0.95, 200, rng):
        mean = done.loc[done["arm"] == "treatment", "ordered"].mean()
        assert estimate.low < mean < estimate.high
    snips, _ = other_policy.value(done, ["control", "treatment"], {"control": 1.0}, "ordered", 0.95, 200, rng)
    assert snips.value == pytest.approx(done.loc[done["arm"] == "control", "ordered"].mean())
    with pytest.raises(ParamError, match="magic: no arm of the trial"):
        other_policy.value(done, ["control", "treatment"], {"magic": 1.0}, "ordered", 0.95, 200, rng)


def test_trials_of_nothing_find_something_as_seldom_as_they_say():
    known = members(1000)
    done = happened(assign.assign(trial(), known, DAY))
    found = rehearsal.salts(trial(start=None), known, done, SETTINGS)
    assert found.passed and len(found.rows) == 20
    events = orders({member: [(-7 - 14 * back, "purchase", 100) for back in range(number % 9)]
                     for number, member in enumerate(known["member_id"].head(300))})  # fmt: skip
    past = rehearsal.periods(events, trial(start=None), known.head(300), DAY, 14, SETTINGS)
    assert past.rows["day"].tolist() == [DAY - timedelta(days=14 * back) for back in (1, 2, 3)]
    assert past.passed


def test_without_a_declared_rehearsal_an_even_one_is_rehearsed():
    assert rehearsal.chosen(Trials()).arms == {"control": 0.5, "treatment": 0.5}
    assert rehearsal.chosen(Trials(declared=[trial(), trial(name="dry", start=None)])).name == "dry"
