"""Who comes back: spells and rates by hand, cohorts and retention by hand, intervals, and what the data cannot tell."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from meaning import meant

from membership.profile import repurchase
from membership.profile.repurchase import BEFORE
from membership.settings.windows import Windows
from membership.stats import resample

WINDOWS = Windows(
    start=date(2020, 1, 1),
    calibration_end=date(2020, 6, 1),
    validation_end=date(2020, 7, 1),
    holdout_end=date(2020, 8, 1),
)
FOLLOW_FROM, AS_OF = date(2020, 5, 1), date(2020, 7, 1)


def events(purchases):
    rows = [(member, pd.Timestamp(day) + pd.Timedelta(hours=23)) for member, days in purchases.items() for day in days]
    frame = pd.DataFrame(rows, columns=["member_id", "local_at"]).astype({"member_id": "str"})
    frame["local_at"] = frame["local_at"].astype("datetime64[us]")
    return ibis.memtable(meant(frame.assign(kind="purchase")))


def members(joined):
    return pd.DataFrame({"member_id": list(joined), "joined_at": pd.to_datetime(list(joined.values()))})


FOUND = repurchase.spells(
    events(
        {
            "back": ["2020-03-01", "2020-04-21", "2020-05-10"],  # ten days before the start; day 10 of follow-up
            "same day": ["2020-04-30", "2020-05-01"],
            "gone": ["2020-04-01"],
            "later": ["2020-05-20"],  # unknown when follow-up starts
            "too late": ["2020-04-30", "2020-07-01"],  # not seen: the day of scoring
        }
    ),
    FOLLOW_FROM,
    AS_OF,
)


def test_each_member_who_had_bought_has_one_spell_counted_in_days():
    assert FOUND.index.tolist() == ["back", "gone", "same day", "too late"]
    assert FOUND.loc["back"].tolist() == [9, 19, True, 10]
    assert FOUND.loc["same day"].tolist() == [0, 1, True, 1]
    assert FOUND.loc["gone"].tolist() == [29, 90, False, 61]  # 61 days from 1 May to 30 June
    assert FOUND.loc["too late"].tolist() == [0, 61, False, 61]
    assert (FOUND["entry"] < FOUND["exit"]).all()


def test_the_repurchase_rate_is_the_share_back_within_the_days():
    groups = pd.Series({"back": "a", "same day": "a", "gone": "b", "too late": "a", "later": "b"})
    rates = repurchase.rates(FOUND, groups, 10, 0.95)
    assert rates.loc["a", ["members", "rate"]].tolist() == [3, pytest.approx(2 / 3)]
    assert rates.loc["b", ["members", "rate"]].tolist() == [1, 0]
    assert repurchase.rates(FOUND, groups, 9, 0.95).loc["a", "rate"] == pytest.approx(1 / 3)


def test_a_rate_over_more_days_than_were_followed_is_unknown():
    unknown = repurchase.rates(FOUND, pd.Series("all", FOUND.index), 62, 0.95)
    assert unknown[["rate", "low", "high"]].isna().all().all() and unknown["members"].sum() == len(FOUND)


def test_wilson_is_scipys():
    low, high = resample.wilson([0, 3, 10, 0], [10, 10, 10, 0], 0.9)
    for count, ends in zip((0, 3, 10), zip(low, high, strict=True), strict=False):
        theirs = scipy.stats.binomtest(count, 10).proportion_ci(0.9, "wilson")
        assert ends == pytest.approx((theirs.low, theirs.high))
    assert (low[3], high[3]) == (0, 1)


def market(seed, size=600):
    rng = np.random.default_rng(seed)
    entry, gap = rng.integers(0, 15, size), rng.geometric(0.1, size)
    ended = gap <= 60
    waited = np.where(ended, gap, 60)
    frame = pd.DataFrame({"entry": entry, "exit": entry + waited, "ended": ended, "waited": waited})
    return frame.set_axis([f"m{number}" for number in range(size)])


def test_the_curve_and_the_rate_say_the_same():
    found = market(1)
    groups = pd.Series(np.where(np.arange(len(found)) % 3, "b", "a"), found.index)
    curves = repurchase.curves(found, groups, 0.95)
    assert list(curves) == ["b", "a"]  # the largest first
    for name, rate in repurchase.rates(found, groups, 14, 0.95)["rate"].items():
        assert 1 - curves[name].at(14).value == pytest.approx(rate)


def test_both_clocks_recover_a_rhythm_without_memory():
    found = market(2)
    groups = pd.Series("all", found.index)
    for clock in ("member", "gap"):
        share = repurchase.curves(found, groups, 0.99, clock)["all"].at(10)
        assert share.low <= 0.9**10 <= share.high


def test_groups_too_small_for_a_curve_are_left_out_and_null_in_the_comparison():
    found = market(3)
    groups = pd.Series(["few"] * 19 + ["many"] * (len(found) - 19), found.index)
    assert list(repurchase.curves(found, groups, 0.95)) == ["many"]
    table = repurchase.compare(found, groups, 14, 60, 0.95)
    assert table.loc["few", ["median", "mean"]].isna().all()
    assert table.loc["few", "members"] == 19
    assert table.loc["many", "mean"] == pytest.approx(found["waited"][19:].mean())  # nobody is lost before day 60


def test_a_group_whose_gaps_all_began_earlier_has_no_curve_of_gaps():
    found = market(4)
    assert repurchase.curves(found[found["entry"] > 0], pd.Series("all", found.index), 0.95, "gap") == {}


def test_groups_that_differ_are_told_apart_and_equal_ones_are_not():
    found = market(5)
    half = pd.Series(np.where(np.arange(len(found)) % 2, "a", "b"), found.index)
    assert repurchase.difference(found, half) > 0.01
    assert repurchase.difference(found, (found["waited"] > 5).map(str)) < 1e-6
    assert repurchase.difference(found, pd.Series("all", found.index)) == 1


def test_follow_up_starts_at_the_last_month_start_that_leaves_enough_days():
    assert repurchase.follow_from(WINDOWS, 30) == date(2020, 6, 1)
    assert repurchase.follow_from(WINDOWS, 31) == date(2020, 5, 1)
    assert repurchase.follow_from(WINDOWS, 1000) == date(2020, 2, 1)
    short = WINDOWS.model_copy(update={"validation_end": date(2020, 1, 20), "as_of": date(2020, 1, 20)})
    assert repurchase.follow_from(short, 30) == date(2020, 1, 11)  # no month begins: the middle of history


PURCHASES = {
    "old": ["2020-01-10", "2020-03-05"],  # may have bought before the data began
    "joined": ["2020-01-20", "2020-02-02"],  # is known to have joined within them
    "first day": ["2020-01-20"],
    "newcomer": ["2020-05-03", "2020-05-09", "2020-06-01"],  # 90 days without a purchase came first
    "of july": ["2020-07-01"],  # not before the day of scoring
}
JOINED = dict.fromkeys(PURCHASES) | {"joined": "2020-01-20 09:00", "first day": "2020-01-01 05:00"}


def cohorts():
    return repurchase.cohorts(events(PURCHASES), members(JOINED), WINDOWS, 90)


def test_a_cohort_is_the_month_of_the_first_purchase_where_that_is_known():
    assert cohorts().to_dict() == {
        "old": BEFORE, "first day": BEFORE, "joined": "2020-01", "newcomer": "2020-05",
    }  # fmt: skip


def test_retention_counts_whole_months_since_the_cohorts_first():
    table = repurchase.retention(events(PURCHASES), cohorts(), WINDOWS, 0.95).set_index(["cohort", "month"])
    assert table.loc["2020-01", "bought"].tolist() == [1, 1, 0, 0, 0, 0]  # January to June
    assert table.loc["2020-05", "share"].tolist() == [1, 1]
    assert table.loc[BEFORE, "share"].tolist() == [1, 0, 0.5, 0, 0, 0]
    assert (table["members"] == [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]).all()


def test_the_month_that_scoring_breaks_off_is_left_out():
    mid = WINDOWS.model_copy(update={"validation_end": date(2020, 6, 15), "as_of": date(2020, 6, 15)})
    cohort = repurchase.cohorts(events(PURCHASES), members(JOINED), mid, 90)
    table = repurchase.retention(events(PURCHASES), cohort, mid, 0.95)
    assert table[table["cohort"] == "2020-05"]["month"].tolist() == [0]


def test_pooled_retention_leaves_out_who_came_before_the_data():
    pooled = repurchase.pooled(repurchase.retention(events(PURCHASES), cohorts(), WINDOWS, 0.95), 0.95)
    assert pooled["month"].tolist() == [1, 2, 3, 4, 5]
    assert pooled["members"].tolist() == [2, 1, 1, 1, 1]
    assert pooled["share"].tolist() == [1, 0, 0, 0, 0]


def test_without_any_purchase_everything_is_empty():
    none = events({"m": []})
    assert repurchase.spells(none, FOLLOW_FROM, AS_OF).empty
    cohort = repurchase.cohorts(none, members({"m": None}), WINDOWS, 90)
    assert cohort.empty
    retained = repurchase.retention(none, cohort, WINDOWS, 0.95)
    assert retained.empty
    assert repurchase.pooled(retained, 0.95).empty
    assert repurchase.compare(repurchase.spells(none, FOLLOW_FROM, AS_OF), cohort, 14, 30, 0.95).empty


def test_the_extremes_are_the_lowest_and_the_highest_rate_of_groups_that_are_large_enough():
    rates = pd.DataFrame({"members": [30, 19, 25, 40], "rate": [0.5, 0.9, 0.2, 0.5]}, index=list("dcba"))
    assert repurchase.extremes(rates).index.tolist() == ["b", "d"]
    assert repurchase.extremes(rates.iloc[:2]).empty
