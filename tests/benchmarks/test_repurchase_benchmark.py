"""The benchmark of the next order: what it draws obeys its truth, and what it says follows from the rows."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import repurchase_data, repurchase_market, repurchase_origins, repurchase_regularity, repurchase_speed
from benchmarks.repurchase_market import Buyers
from membership.base.errors import DataError
from membership.repurchase.judge import Judged


def test_gaps_of_a_market_are_as_regular_as_asked_and_its_members_stop():
    for k in (3.0, 1.0, 0.5):
        buyers = repurchase_market.draw(4000, k, 4000.0, np.random.default_rng(1))
        gaps = pd.Series(buyers.time).groupby(buyers.row).diff()
        own = gaps.groupby(buyers.row).agg(["mean", "std", "size"])
        many = own[own["size"] > 30]
        assert (many["std"] / many["mean"]).median() == pytest.approx(k**-0.5, rel=0.1)
        assert own["size"].median() < 40  # some 10 purchases until they stop


def test_purchases_of_one_day_are_one_and_members_are_seen_from_their_first():
    buyers = Buyers(np.array([0, 0, 0, 2]), np.array([3.1, 3.9, 8.0, 5.5]))
    history = buyers.history(3)
    assert history.members.tolist() == ["m000000", "m000002"]
    assert (history.days - history.joined[0]).tolist() == [0, 5, 2] and history.starts.tolist() == [0, 2, 3]
    assert (history.joined - history.joined[0]).tolist() == [0, 2]


def test_what_is_known_begins_and_ends_as_asked():
    buyers = Buyers(np.array([0, 0, 1]), np.array([1.0, 5.0, 9.0]))
    assert buyers.known(2, 9).time.tolist() == [5.0]


def test_features_of_a_market_are_those_counted_by_hand():
    found = repurchase_regularity.features(Buyers(np.array([0, 0, 0, 1]), np.array([1.0, 3.0, 7.0, 4.0])), 10.0)
    assert found["frequency"].tolist() == [2, 0] and found["recency_days"].tolist() == [6, 0]
    assert found["age_days"].tolist() == [9, 6]
    assert found["log_gaps"].tolist() == pytest.approx([np.log(2) + np.log(4), 0])


def test_only_times_as_they_are_have_a_goal():
    row = {"market": "random", "value": 1.0, "low": 0.9, "high": 1.1}
    marks = [row | {"times": "as they are", "number": 0}, row | {"times": "whole days", "number": 0, "low": 1.05}]
    found = repurchase_regularity.summed(marks)
    assert [one["held"] for one in found["rows"]] == [1, 0]
    assert [goal["reached"] for goal in found["goals"]] == [True, None]


def test_origins_are_pooled_with_the_candidates_that_all_have():
    def judged(day: int, names: str) -> Judged:
        index = pd.MultiIndex.from_product([[day], ["a", "b"]], names=["day", "member_id"])
        return Judged(14, pd.DataFrame(0.5, index, list(names)), pd.Series([True, False], index))

    found = repurchase_origins.pooled([judged(1, "xy"), judged(2, "yz")])
    assert list(found.chances) == ["y"] and len(found.came) == 4


def test_the_gap_of_a_curve_counts_each_origin_by_its_members():
    rows = [(1, 10, 1, 0.5, 0.4), (1, 30, 1, 0.5, 0.6), (1, 10, 2, 0.5, 0.5), (1, 30, 2, 0.7, 0.5)]
    curves = pd.DataFrame(rows, columns=["group", "members", "day", "predicted", "actual"])
    (found,) = repurchase_origins.gaps(curves)
    assert found["day"] == 2 and found["gap"] == pytest.approx(0.15)


def test_data_that_are_missing_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"online_retail.*set MEMBERSHIP_DATA"):
        repurchase_data.retail()


def test_members_of_the_speed_market_have_twenty_orders_before_the_day_of_scoring():
    history = repurchase_speed.draw(500, np.random.default_rng(1))
    assert (np.diff(history.starts) == 20).all() and history.days.max() < 17_600
    days = history.days.reshape(500, 20)
    assert (np.diff(days, axis=1) > 0).all() and (days[:, 0] >= history.joined).all()
