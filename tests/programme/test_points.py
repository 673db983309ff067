"""Points: the books balance, oldest points go first, and nobody owes any."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.programme_knobs import Tier, Tiers
from membership.programme import points

SETTINGS = Tiers(
    levels=[Tier(name="Base", share=0.5, points_multiplier=1), Tier(name="Top", share=0.5, points_multiplier=2)],
    qualifying_days=90,
    grace_share=0.2,
    points_per_unit=1.0,
    points_expire_days=60,
)
AMOUNTS = st.lists(st.integers(0, 300), min_size=8, max_size=8)


def books(earned, claimed, days=60):
    months = pd.date_range("2020-02-01", periods=len(earned), freq="MS")
    frames = [pd.DataFrame([amounts], index=["m"], columns=months) for amounts in (earned, claimed)]
    return points.ledger(*frames, days)


def row(frame):
    return frame.loc["m"].tolist()


def test_books_by_hand():
    # earned 1 Feb, 1 Mar, 1 Apr ...; 60 days after 1 Feb is 1 Apr, after 1 Mar is 30 Apr
    found = books([100, 50, 10, 0, 0], [0, 30, 0, 200, 0])
    assert row(found.expired) == [0, 0, 70, 50, 0]  # of the 100, 30 were used first
    assert row(found.redeemed) == [0, 30, 0, 10, 0]  # no more than there are
    assert row(found.balance) == [100, 120, 60, 0, 0]


@given(AMOUNTS, AMOUNTS, st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_books_balance_and_agree_with_a_queue_of_lots(earned, claimed, days):
    found = books(earned, claimed, days)
    months = found.earned.columns
    lots, balances = [], []
    for month, new, asked in zip(months, earned, claimed, strict=True):
        claim = asked
        lots = [[day, left] for day, left in lots if day + pd.Timedelta(days=days) > month] + [[month, new]]
        for lot in lots:
            taken = min(lot[1], claim)
            lot[1], claim = lot[1] - taken, claim - taken
        balances.append(sum(left for _, left in lots))
    assert row(found.balance) == balances
    assert (found.balance.to_numpy() >= 0).all()
    assert (found.expired.to_numpy() >= 0).all()
    assert (found.redeemed.to_numpy() <= np.array([claimed])).all()
    total = found.earned - found.expired - found.redeemed
    assert total.sum(axis=1).tolist() == [balances[-1]]


def test_spend_earns_at_the_tier_in_which_the_month_began_and_returns_take_points_back():
    months = pd.date_range("2020-02-01", periods=3, freq="MS")
    spend = pd.DataFrame([[1050, 1050, -550]], index=["m"], columns=months)
    ranks = pd.DataFrame([[1, 1, 0]], index=["m"], columns=months)
    assert row(points.points_on(spend, ranks, SETTINGS)) == [10, 21, -11]
    assert row(points.replay(spend, ranks, SETTINGS).balance) == [10, 31, 10]  # 10 expire, 11 are taken back


def test_points_for_a_returned_order_are_taken_back_only_as_far_as_there_are_any():
    months = pd.date_range("2020-02-01", periods=2, freq="MS")
    spend = pd.DataFrame([[500, -90000]], index=["m"], columns=months)
    assert row(points.replay(spend, spend * 0, SETTINGS).balance) == [5, 0]
