import numpy as np
import pandas as pd
import pytest
from steady_buyers import QUICK

from membership.repurchase import candidates, choose, holdout, judge
from membership.repurchase.judge import Judged
from membership.repurchase.purchase_days import PurchaseDays


@pytest.fixture(scope="module")
def rolled(steady):
    return judge.roll(steady.history, steady.end - 30, 14, QUICK, seed=1)


def judged(**chances: list[float]) -> Judged:
    index = pd.MultiIndex.from_product([[1, 2], list("ab")], names=["day", "member_id"])
    came = pd.Series([True, False, True, True], index)
    return Judged(14, pd.DataFrame(chances, index), came)


def test_scores_are_those_computed_by_hand():
    row = judge.scores(judged(x=[0.8, 0.4, 0.5, 0.9]).came, pd.Series([0.8, 0.4, 0.5, 0.9]), 0.95)
    assert row["log_loss"] == pytest.approx(-np.log([0.8, 0.6, 0.5, 0.9]).mean())
    assert row["brier"] == pytest.approx(np.mean([0.04, 0.16, 0.25, 0.01])) and row["auc"] == 1


def test_the_interval_of_a_difference_has_members_as_clusters():
    one = judged(x=[0.8, 0.4, 0.5, 0.9], y=[0.5] * 4)
    loss = -np.log([0.8, 0.6, 0.5, 0.9]) + np.log(0.5)
    a, b = loss[[0, 2]] - loss.mean(), loss[[1, 3]] - loss.mean()
    spread = np.sqrt((a.sum() ** 2 + b.sum() ** 2) * 2) / 4
    row = judge.differences(one, "y", 0.95).loc["x"]
    assert row["difference"] == pytest.approx(loss.mean())
    assert row["high"] - row["difference"] == pytest.approx(12.706 * spread, rel=1e-3)  # t with one degree of freedom


def test_doubling_every_member_within_a_cluster_does_not_narrow_the_interval():
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product([[1], range(400)], names=["day", "member_id"])
    chances = pd.DataFrame({"x": rng.uniform(0.2, 0.8, 400), "y": 0.5}, index)
    once = Judged(14, chances, pd.Series(rng.random(400) < chances["x"], index))
    later = chances.set_axis(index.set_levels([2], level="day"))
    twice = Judged(14, pd.concat([chances, later]), pd.concat([once.came, once.came.set_axis(later.index)]))
    widths = [judge.differences(one, "y", 0.95).eval("high - low").item() for one in (once, twice)]
    assert widths[0] == pytest.approx(widths[1], rel=1e-6)


def test_each_origin_is_judged_by_what_followed_it_and_the_oldest_only_teaches(rolled, steady):
    days = rolled.judged.chances.index.get_level_values("day").unique()
    assert days.tolist() == [steady.end - 58, steady.end - 44]
    assert rolled.every.chances.index.get_level_values("day").min() == steady.end - 72
    waited = steady.history.since(steady.end - 44)
    assert rolled.judged.came.loc[steady.end - 44].tolist() == ((waited >= 0) & (waited < 14)).tolist()
    assert list(rolled.judged.chances) == list(QUICK.candidates)


def test_what_happens_on_or_after_the_day_of_scoring_changes_nothing(rolled, steady):
    again = judge.roll(steady.history.until(steady.end - 30), steady.end - 30, 14, QUICK, seed=1)
    pd.testing.assert_frame_equal(again.judged.chances, rolled.judged.chances)


def test_the_first_candidate_that_is_not_clearly_worse_is_used():
    rng = np.random.default_rng(3)
    index = pd.MultiIndex.from_product([[1], range(2000)], names=["day", "member_id"])
    truth = rng.uniform(0.1, 0.9, 2000)
    near = np.clip(truth + rng.normal(0, 0.005, 2000), 0.01, 0.99)
    one = Judged(14, pd.DataFrame({"flat": 0.5, "near": near, "truth": truth}, index),
                 pd.Series(rng.random(2000) < truth, index))  # fmt: skip
    found = choose.choose(one, ["flat", "near", "truth"], 0.95)
    assert found.name == "near" and found.best in ("near", "truth")
    assert choose.choose(one, ["truth"], 0.95).name == "truth"  # what could not be fitted now is not used


def by_loss(**chances: np.ndarray) -> Judged:
    index = pd.MultiIndex.from_product([[1], range(1000)], names=["day", "member_id"])
    return Judged(14, pd.DataFrame(chances, index), pd.Series(np.arange(1000) < 600, index))


def test_a_baseline_is_used_only_where_no_model_comes_to_its_log_loss():
    sure, rate, wrong = np.where(np.arange(1000) < 600, 0.7, 0.4), np.full(1000, 0.6), np.full(1000, 0.3)
    names = ["own_rate", "base_rate", "hazard"]
    behind = choose.choose(by_loss(own_rate=wrong, base_rate=rate, hazard=wrong), names, 0.95)
    assert behind.name == "base_rate" and behind.is_baseline
    ahead = choose.choose(by_loss(own_rate=wrong, base_rate=rate, hazard=sure), names, 0.95)
    assert ahead.name == "hazard" and not ahead.is_baseline
    assert choose.choose(by_loss(own_rate=rate, base_rate=rate), names[:2], 0.95).name == "own_rate"  # it comes to it


def test_a_simple_model_behind_a_baseline_is_passed_over_though_it_is_not_clearly_worse_than_the_best():
    rng = np.random.default_rng(7)
    noisy = np.clip(0.6 + rng.normal(0, 0.1, 1000), 0.05, 0.95)
    one = by_loss(own_rate=noisy, base_rate=np.full(1000, 0.6), logistic=np.where(np.arange(1000) < 600, 0.62, 0.59))
    assert choose.choose(one, list(one.chances), 0.95).name == "logistic"


def test_a_history_too_short_to_judge_leaves_the_simplest(steady):
    rolled = judge.roll(steady.history, int(steady.history.joined.min()) + 50, 14, QUICK, seed=1)
    assert rolled.judged.chances.empty
    assert choose.choose(rolled.judged, ["own_rate", "hazard"], 0.95).name == "own_rate"
    assert choose.choose(rolled.judged, ["own_rate", "base_rate", "hazard"], 0.95).name == "base_rate"


def test_the_holdout_shows_every_candidate_the_curve_and_the_gain_over_the_floor(rolled, steady):
    day = steady.end - 30
    fitted = candidates.stacked(candidates.fit(steady.history, day, QUICK, 1), QUICK, rolled.every.past)
    choice = choose.choose(rolled.judged, list(fitted.candidates), 0.95)
    held = holdout.Holdout.of(fitted, choice, steady.history, steady.end, 14, QUICK)
    assert set(held.judged) == {7, 14, 30} and held.curves.shape == (600, 30)
    curve = held.next_order(14)
    by_hand = ((held.waited >= 0) & (held.waited < 30)).mean()
    last = curve[curve["day"] == 30]
    assert np.average(last["actual"], weights=last["members"]) == pytest.approx(by_hand)
    assert (curve.groupby("group")["predicted"].diff().dropna() >= 0).all()
    assert set(held.reliability(choice.name, 0.95)["days"]) == {7, 14, 30}


def test_the_table_is_compared_with_what_followed_its_day(steady):
    table = pd.DataFrame({"member_id": steady.history.members[::-1], "p_repurchase": 0.3})
    seen = holdout.observed(table, steady.history, steady.end - 20, 14)
    waited = steady.history.since(steady.end - 20)[::-1]
    assert seen.came.tolist() == ((waited >= 0) & (waited < 14)).tolist() and (seen.chances == 0.3).all(axis=None)


def test_groups_are_scored_apart():
    rows = holdout.by_group(judged(x=[0.8, 0.4, 0.5, 0.9]), "x", pd.Series({"a": "one", "b": "two"}), 0.95)
    assert rows["members"].tolist() == [2, 2] and rows["actual"].tolist() == [1.0, 0.5]
    assert rows["predicted"].tolist() == pytest.approx([0.65, 0.65])


def test_who_bought_first_on_a_judged_day_had_never_bought_before_it():
    """a has bought for 70 days; b buys first on the second of the judged days, c never."""
    joined, starts = np.zeros(3, int), np.array([0, 2, 3, 3])
    history = PurchaseDays(pd.Index(["a", "b", "c"]), joined, starts, np.array([30, 110, 114]), np.full(3, 100))
    index = pd.MultiIndex.from_product([[100, 114], ["a", "b", "c"]], names=["day", "member_id"])
    seen = Judged(14, pd.DataFrame({"x": 0.5}, index), pd.Series([True, False, False, False, True, False], index))
    since = holdout.tenure(history, seen)
    assert since.tolist() == ["60 to 180 days", "never bought", "never bought"] * 2
    rows = holdout.by_group(seen, "x", since, 0.95)
    assert rows.loc["never bought", ["members", "actual"]].tolist() == [4, 0.25]


def test_members_who_all_began_to_buy_yesterday_leave_nothing_to_judge_but_valid_tables(steady):
    """History is long, but nobody had bought on any day from which candidates could have learned."""
    began = int(np.median(steady.history.days))
    late = steady.history.rows(slice(0, 50))
    late = PurchaseDays(late.members, late.joined, np.arange(51), np.full(50, began), np.full(50, 500))
    rolled = judge.roll(late, began + 1, 14, QUICK, seed=1)
    choice = choose.choose(rolled.judged, ["own_rate"], 0.95)
    assert (choice.name, choice.best, len(rolled.every.came)) == ("own_rate", None, 0)
    assert list(choice.table) == judge.SCORES and list(choice.differences) == ["difference", "low", "high"]
    for groups in (pd.Series("all", late.members), holdout.tenure(late, rolled.judged)):
        assert holdout.by_group(rolled.judged, "own_rate", groups, 0.95).empty
