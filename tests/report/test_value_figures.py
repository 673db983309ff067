"""Figures show the numbers they are given, in the unit they name."""

from datetime import date

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.report.figures import value as figures

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def ticks(axis):
    return [axis.get_major_formatter()(place, 0) for place in (0.5, 1200)]


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


@pytest.mark.parametrize(
    "unit, expected", [("USD", ["0", "12"]), ("purchase days", ["0.5", "1,200"]), ("probability", ["50%", "120000%"])]
)
def test_ticks_are_in_the_unit_that_is_named_and_money_in_whole_units(unit, expected):
    table = pd.DataFrame({"decile": [1, 2], "predicted": [3.0, 1.0], "actual": [2.0, 1.5]})
    ax = figures.deciles(table, "Spend", unit)
    assert ticks(ax.yaxis) == expected
    assert ax.get_ylabel() == f"mean a member ({unit})"
    assert labels(ax) == ["predicted", "what happened"]
    assert set(heights(ax)) >= {3.0, 1.0, 2.0, 1.5}


def test_gone_map_names_the_groups_with_their_members_and_draws_their_borders():
    groups = ["high value", "high value, may be gone", "others", "others"] + 7 * ["others"]
    chance, worth = [0.9, 0.1, 0.8, 0.7] + 7 * [0.6], [9000.0, 8000, 10, 0] + 7 * [5]
    value = pd.DataFrame({"p_horizon": chance, "value": worth, "value_group": groups})
    ax = figures.gone_map(value, 90, 0.5, "USD")
    assert labels(ax) == [
        "high value: few members",
        "high value, may be gone: few members",
        "may be gone: 0 members",
        "others: 9 members",
    ]
    drawn = [len(shown.get_offsets()) for shown in ax.collections]
    assert drawn == [0, 0, 0, 1]  # seven others share a place; nobody is drawn alone
    assert sorted(line.get_xydata()[0].tolist() for line in ax.lines) == [[0, 8000], [0.5, 0]]
    assert "90 days (USD" in ax.get_ylabel()


def test_weights_and_concentration_show_their_numbers():
    intervals = pd.DataFrame(
        {"weight": [0.2, 0.8], "low": [0.1, 0.7], "high": [0.3, 0.9]}, index=["recency", "monetary"]
    )
    ax = figures.weights(intervals, 0.9)
    assert ax.lines[0].get_xdata().tolist() == [0.2, 0.8]
    assert "90%" in ax.get_title()
    curve = pd.DataFrame({"share_of_members": [0, 0.5, 1], "share_of_value": [0, 0.8, 1]})
    assert "best 25% hold 40%" in labels(figures.concentration(curve, 0.25))


def test_worked_case_shows_what_was_said_and_what_happened():
    table = pd.DataFrame(
        {"values": ["as printed"] * 2 + ["calibrated"] * 2, "decile": [1, 2] * 2, "predicted": 1.0, "actual": 2.0}
    )
    ax = figures.worked_case(table, 182)
    assert labels(ax)[0] == "as printed: predicted"
    assert len(ax.lines) == 4
    assert "182 days" in ax.get_ylabel()


@pytest.mark.parametrize("cumulated", [False, True])
def test_tracking_marks_what_was_not_seen(cumulated):
    weeks = pd.date_range("2020-01-01", periods=4, freq="7D")
    tracked = pd.DataFrame(
        {"week": weeks, "actual": [1.0, 2, 3, 4], "expected": 2.0, "held_out": [False, False, True, True]}
    )
    tracked = tracked.assign(actual_total=tracked["actual"].cumsum(), expected_total=tracked["expected"].cumsum())
    ax = figures.tracking(tracked, cumulated)
    assert ax.lines[0].get_ydata()[-1] == (10 if cumulated else 4)
    assert "not seen when fitted" in labels(ax)
    assert "not seen when fitted" not in labels(figures.tracking(tracked.head(2), cumulated))


def test_expectation_and_frequencies_show_every_group():
    groups = pd.DataFrame(
        {"group": ["0", "1-3"], "members": [1000, 20], "actual": [1.0, 2], "rfm": [1.5, 2], "bgnbd": 1.0}
    )
    ax = figures.expectation(groups, "repeat purchases", "purchase days")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0\n(1,000)", "1-3\n(20)"]
    assert heights(ax) == [1, 2]
    assert labels(ax) == ["rfm", "bgnbd", "what happened"]
    table = pd.DataFrame({"repeats": ["0", "1+"], "actual": [70, 30], "expected": [68.0, 32.0]})
    ax = figures.frequencies(table)
    assert heights(ax) == [70, 30]
    assert ax.lines[0].get_ydata().tolist() == [68, 32]


def test_reliability_and_gain_show_their_points():
    table = pd.DataFrame(
        {"members": [30, 10], "predicted": [0.2, 0.9], "actual": [0.3, 0.8], "low": [0.1, 0.6], "high": [0.5, 1.0]}
    )
    ax = figures.reliability(table, "P(alive)", "bought within 31 days")
    assert ax.collections[-1].get_offsets().tolist() == [[0.2, 0.3], [0.9, 0.8]]
    assert ax.get_ylabel() == "happened: share who bought within 31 days"
    assert "points on the dotted line" in ax.get_title()
    assert "not above the dotted line" in figures.reliability(table, "P(alive)", "bought", at_most=True).get_title()
    curves = pd.DataFrame(
        {
            "candidate": ["rfm", "rfm", "perfect ranking", "perfect ranking"],
            "share_of_members": [0.5, 1] * 2,
            "share": [0.7, 1, 0.9, 1],
        }
    )
    ax = figures.gain(curves, "spend")
    assert ax.lines[0].get_ydata().tolist() == [0, 0.7, 1]
    assert labels(ax) == ["rfm", "perfect ranking", "members in random order"]


def test_drift_coverage_and_differences_show_their_numbers():
    days = [date(2020, 1, 1), date(2020, 4, 1)]
    drifted = pd.DataFrame({"origin": days, "parameter": "r", "shift": [0.0, 1.5]})
    assert figures.drift(drifted).lines[0].get_ydata().tolist() == [0, 1.5]
    shares = pd.DataFrame({"decile": [1, 2], "below": [0.1, 0], "within": [0.9, 0.8], "above": [0, 0.2]})
    ax = figures.coverage(shares, 0.9)
    assert heights(ax)[:2] == [0.9, 0.8]
    assert "expected: 90% within" in labels(ax)
    rows = pd.MultiIndex.from_product([["rmse"], ["zero", "rfm"]], names=["metric", "candidate"])
    table = pd.DataFrame({"difference": [500.0, -200], "low": [300.0, -400], "high": [700.0, 100]}, rows)
    ax = figures.differences(table, "rmse", "bgnbd", "USD")
    assert ax.lines[-1].get_xdata().tolist() == [500, -200]
    assert "left of the dotted line" in ax.get_title()
    assert np.isclose(float(ticks(ax.xaxis)[1]), 12)
