"""The liability is what the books, run forward until today's points have expired, redeem of them: no more, no less."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from membership.settings import params
from membership.tiers import liability, points
from membership.tiers.qualifying import Earning

MONTHS = pd.date_range("2020-02-01", periods=4, freq="MS").as_unit("us")
KNOBS = params.parse(params.read()).tiers.model_copy(
    update={"redeem_at": 100, "points_expire_days": 60, "point_value": 0.5, "redeem_share": 0.8, "points_per_order": 0}
)
EARNED = st.lists(st.integers(0, 150), min_size=4, max_size=4)


def frame(rows):
    return pd.DataFrame(rows, columns=MONTHS, index=pd.Index([f"m{at}" for at in range(len(rows))], name="member_id"))


def books(earned, redeems, reversed_=None):
    taken = frame(earned) * 0 if reversed_ is None else frame(reversed_)
    return points.keep(frame(earned), taken, points.vouchers(redeems, KNOBS.redeem_at), KNOBS.points_expire_days)


def owed(earned, pace, redeems, confidence=0.95, reversed_=None):
    who = np.array(redeems)
    return liability.owed(books(earned, who, reversed_), np.array(pace, dtype=float), who, KNOBS, confidence)


def run_by_hand(earned, taken, pace, redeems):
    """Keep one member's lots in a queue, run it on until today's have expired; return what was redeemed of these."""
    months = pd.date_range(MONTHS[0], periods=12, freq="MS")
    earlier, lots, debt, used = 0, [], 0, 0
    for number, month in enumerate(months):
        late = number >= len(MONTHS)
        if late:
            total = int(np.floor(pace * (month - MONTHS[-1]).days + 1e-9))
            new, back, earlier = total - earlier, 0, total
        else:
            new, back = earned[number], taken[number]
        lots.append([month, new])
        debt += back
        debt, _ = take(lots, debt)
        if redeems:
            there = sum(left for _, left in lots)
            _, gone = take(lots, there // KNOBS.redeem_at * KNOBS.redeem_at)
            used += sum(left for day, left in gone if day <= MONTHS[-1]) if late else 0
        lots = [lot for lot in lots if lot[0] + pd.Timedelta(days=KNOBS.points_expire_days) > month]
    return used


def take(lots, wanted):
    """Take `wanted` points from `lots`, oldest first; return what could not be had, and what went of which lot."""
    gone = []
    for lot in lots:
        part = min(lot[1], wanted)
        lot[1], wanted = lot[1] - part, wanted - part
        gone.append((lot[0], part))
    return wanted, gone


def test_the_liability_by_hand():
    # both hold 70 points of 1 April and 20 of 1 May; 40 days' pace of 1 a day is needed, and 31 come by 1 June
    earned = [[0, 0, 70, 20], [0, 0, 70, 20], [0, 0, 70, 20]]
    found = owed(earned, [1.0, 1.0, 0.1], [True, False, True])
    assert found.cents == 0.5 * 90  # on 1 June 31 more make a voucher of 100; slowly, 3 more make none
    assert found.most == 0.5 * 180
    rows = found.by_lot.set_index(["lot", "holder"])
    april, may = MONTHS[2], MONTHS[3]
    assert rows.loc[(april, "redeems"), ["points", "redeemed", "breakage", "cost"]].tolist() == [140, 70, 0.5, 35]
    assert rows.loc[(may, "redeems"), ["points", "redeemed", "breakage", "cost"]].tolist() == [40, 20, 0.5, 10]
    assert rows.loc[(april, "never redeems"), ["points", "redeemed", "breakage", "cost"]].tolist() == [70, 0, 1, 0]
    assert rows["months"].tolist() == pytest.approx([m * 12 / 365.25 for m in (30, 30, 60, 60)])


def test_who_never_redeems_costs_nothing_however_many_points_there_are():
    found = owed([[0, 0, 5000, 5000]], [9.0], [False])
    assert (found.cents, found.low, found.high, found.most) == (0, 0, 0, 0)
    assert found.by_lot["points"].sum() == 10_000 and set(found.by_lot["breakage"]) == {1.0}


def test_without_further_earnings_no_voucher_is_filled_any_more():
    assert owed([[0, 0, 99, 0]], [0.0], [True]).cents == 0


@given(st.lists(st.tuples(EARNED, EARNED, st.floats(0, 6), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_running_the_ledger_forward_to_expiry_redeems_exactly_the_liability(members):
    earned, taken, pace, redeems = zip(*members, strict=True)
    found = owed(list(earned), pace, redeems, reversed_=list(taken))
    assert found.cents == pytest.approx(0.5 * sum(run_by_hand(*one) for one in members))
    assert found.by_lot["cost"].sum() == pytest.approx(found.cents)
    assert 0 <= found.low <= found.cents + 1e-9 and found.cents <= found.high + 1e-9 and found.high <= found.most
    assert (found.by_lot["low"] <= found.by_lot["breakage"] + 1e-9).all()
    assert (found.by_lot["breakage"] <= found.by_lot["high"] + 1e-9).all()


def test_running_on_leaves_what_was_as_it_was_and_ends_with_todays_points_expired():
    before = books([[70, 0, 20, 30]], np.array([True]))
    whole = liability.run_on(before, np.array([1.5]), points.vouchers(np.array([True]), 100), 60)
    for flow in points.FLOWS:
        pd.testing.assert_frame_equal(getattr(whole, flow)[list(MONTHS)], getattr(before, flow), check_freq=False)
    assert [str(day.date()) for day in whole.earned.columns[4:]] == ["2020-06-01", "2020-07-01"]  # 60 days from 1 May
    assert whole.earned.iloc[0, 4:].tolist() == [46, 45]  # 46.5 and 91.5 in all, whole


def test_the_interval_is_that_of_a_sum_over_members():
    found = owed([[0, 0, 0, 90], [0, 0, 0, 50]], [1.0, 2.0], [True, True], confidence=0.2)
    half = norm.ppf(0.6) * np.sqrt(2) * 10  # 45 and 25 cents: a standard deviation of 10
    assert found.cents == 70
    assert (found.low, found.high) == pytest.approx((70 - half, 70))  # never more than all points are worth


def test_the_interval_of_breakage_is_that_of_a_ratio_over_members():
    row = owed([[0, 0, 0, 90], [0, 0, 0, 90]], [1.0, 0.0], [True, True], confidence=0.2).by_lot.iloc[0]
    half = norm.ppf(0.6) * np.sqrt(2) * 45 / 180  # used less half of kept: 45 and -45
    assert (row["breakage"], row["low"], row["high"]) == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def earning(earned):
    """Points of one member, the same at every level, by month."""
    at = np.arange(len(MONTHS))
    each = np.repeat(np.array(earned)[:, None], len(KNOBS.levels), axis=1)
    return Earning(pd.Index(["m0"], name="member_id"), MONTHS, 0 * at, at, at, each, 0 * each)


@pytest.mark.parametrize(
    ("earned", "spend", "breakage"),
    [
        ([100, 100, 100, 100], 0.0, 0.2),  # every point is a voucher at once, for 80 % of members
        ([0, 0, 0, 99], 0.0, 1.0),  # never a voucher
        ([0, 0, 0, 99], 9000.0, 0.2),  # a point a day: a voucher the next month
        ([100, 0, 0, 60], 0.0, 1 - 0.8 * 100 / 160),
        ([0, 0, 0, 0], 9000.0, 0.2),  # nothing is earned, so vouchers are all that is known
    ],
)
def test_expected_breakage_holds_who_never_redeems_and_what_expires_of_the_others(earned, spend, breakage):
    value = pd.DataFrame({"member_id": ["m0"], "expected_spend": [spend], "expected_orders": [1.0]})
    assert liability.expected_breakage(earning(earned), value, KNOBS, 90) == pytest.approx(breakage)


def test_members_earn_on_at_the_pace_of_the_forecast_and_the_multiplier_of_their_tier():
    value = pd.DataFrame({"member_id": ["b", "a"], "expected_spend": [9000.0, 18_000.0], "expected_orders": [3.0, 0.0]})
    rank = pd.Series([2, 0, 0], index=pd.Index(["a", "b", "new"], name="member_id"))
    knobs = KNOBS.model_copy(update={"points_per_order": 30})
    assert liability.pace(value, rank, knobs, 90).tolist() == pytest.approx([2 * 1.5, 1 + 1, 0])
