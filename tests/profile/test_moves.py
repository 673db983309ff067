"""Moves between levels: counts by hand, intervals that hold the truth, and honest ends where nothing was seen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.profile import moves
from membership.stats import resample

LEVELS = ["x", "y", "z"]
MONTHS = pd.date_range("2020-01-01", periods=3, freq="MS")


def frame(paths):
    rows = [
        (f"m{number}", month, level)
        for number, path in enumerate(paths)
        for month, level in zip(MONTHS, path, strict=False)
    ]
    return pd.DataFrame(rows, columns=["member_id", "as_of", "stage"])


def found(paths, confidence=0.95, draws=200, seed=1):
    table = moves.intervals(frame(paths), "stage", LEVELS, confidence, draws, np.random.default_rng(seed))
    return table.set_index(["from", "to"])


def test_counts_by_hand():
    table = found(["xxy", "yyx", "xyz"])
    assert table.loc[("x", "x"), ["members", "moves"]].tolist() == [2, 1]
    assert table.loc[("x", "y"), ["members", "moves"]].tolist() == [2, 2]
    assert table.loc[("x", "y"), "share"] == pytest.approx(2 / 3)
    assert table.loc[("y", "x"), ["members", "moves"]].tolist() == [2, 1]
    assert table.loc["z", "members"].tolist() == [0, 0, 0]
    assert table.loc["z", ["share", "low", "high"]].isna().all(axis=None)


paths = st.lists(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=12)


@given(paths)
def test_they_count_each_step_and_each_interval_holds_its_share(paths):
    table = found(paths, draws=50)
    steps = [path[month : month + 2] for path in paths for month in range(len(path) - 1)]
    assert table["moves"].to_dict() == {(one, other): steps.count(one + other) for one in LEVELS for other in LEVELS}
    known = table[table["members"] > 0]
    sums = known["share"].groupby(level="from").sum()
    np.testing.assert_allclose(sums, 1)
    assert known["low"].between(0, 1).all()
    assert known["high"].between(0, 1).all()
    assert (known["low"] <= known["high"] + 1e-12).all()


def test_what_nobody_did_is_not_called_impossible():
    # three in a hundred at most, where none of a hundred members made the move: the rule of three
    table = found(["xxx"] * 100)
    assert table.loc[("x", "y"), "high"] == pytest.approx(0.0295, abs=1e-4)
    assert table.loc[("x", "x"), "low"] == pytest.approx(1 - 0.0295, abs=1e-4)
    assert table.loc[("x", "y"), "low"] == 0
    assert table.loc[("x", "x"), "high"] == 1


def test_the_same_seed_gives_the_same_intervals_and_the_order_of_rows_does_not_matter():
    many = ["xxy", "xyx", "yyx", "xxx"] * 20
    pd.testing.assert_frame_equal(found(many), found(many))
    mixed = frame(many).sample(frac=1, random_state=3)
    counted = moves.intervals(mixed, "stage", LEVELS, 0.95, 200, np.random.default_rng(1))["moves"]
    assert counted.tolist() == found(many)["moves"].tolist()


def test_intervals_count_members_and_hold_the_truth_as_often_as_they_say():
    # members stay in x with a chance of their own, so that months of one member are not independent
    rng, held, naive = np.random.default_rng(5), [], []
    for _ in range(150):
        own = rng.beta(0.5, 0.5, 80)
        rows = np.where(rng.random((80, 13)) < own[:, None], "x", "y")
        rows[:, 0] = "x"
        long = pd.DataFrame(
            {"member_id": np.repeat(np.arange(80), 13), "as_of": np.tile(np.arange(13), 80), "stage": rows.ravel()}
        )
        both = long.assign(stage=np.where(long["stage"] == "x", "x", "x2"))
        share = moves.intervals(both, "stage", ["x", "x2"], 0.9, 200, rng).set_index(["from", "to"]).loc[("x", "x")]
        truth = (0.5 + 11 * 0.375) / (1 + 11 * 0.5)  # E p and E p^2 of Beta(.5, .5); the first month is x
        held.append(share["low"] <= truth <= share["high"])
        low, high = resample.wilson([share["moves"]], [both["stage"].eq("x").sum()], 0.9)
        naive.append(low[0] <= truth <= high[0])
    assert np.mean(naive) < 0.75
    assert 0.83 < np.mean(held) < 0.97


def test_sums_of_drawn_members_have_the_right_mean_and_spread():
    rows = np.random.default_rng(6).normal(size=(400, 2))
    sums = resample.bootstrap_sums(rows, 4000, np.random.default_rng(7))
    np.testing.assert_allclose(sums.mean(axis=0), rows.sum(axis=0), atol=1.5)
    np.testing.assert_allclose(sums.std(axis=0), rows.std(axis=0) * 20, rtol=0.05)
    assert resample.bootstrap_sums(np.zeros((0, 2)), 3, np.random.default_rng(1)).tolist() == [[0, 0]] * 3
