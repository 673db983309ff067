from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.value import diagnostics

CUTOFF, END = date(2020, 2, 1), date(2020, 2, 20)


class Steady:
    """Members come back once in ten days, and a third of them never."""

    def expected_repeats(self, features, days):
        return np.broadcast_to(days / 10, (len(features), len(days)))

    def frequencies(self, features, most):
        expected = np.zeros(most + 2)
        expected[[0, 1, -1]] = len(features) / 3
        return expected


def bought(*rows):
    frame = pd.DataFrame(rows, columns=["member_id", "local_at"]).assign(kind="purchase")
    return ibis.memtable(meant(frame).assign(local_at=pd.to_datetime(frame["local_at"])))


EVENTS = (
    ("a", "2020-01-10 08:00"),
    ("a", "2020-01-10 20:00"),  # of the first day, no repeat
    ("a", "2020-01-31 12:00"),  # week -1
    ("a", "2020-02-01 00:00"),  # week 0
    ("a", "2020-02-07 23:59"),
    ("a", "2020-02-08 00:00"),  # week 1
    ("a", "2020-02-08 09:00"),  # the same day
    ("a", "2020-02-20 00:00"),  # after the end
    ("b", "2020-01-25 12:00"),
    ("b", "2020-02-03 12:00"),
    ("c", "2020-02-01 12:00"),  # came after the cut-off
    ("c", "2020-02-04 12:00"),
)
KNOWN = pd.DataFrame(
    {"frequency": [1, 0, 0], "recency_days": [21.0, 0, 0], "age_days": [22.0, 7, 0]}, index=["a", "b", "never"]
)


def members(count, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.poisson(3, count) * rng.integers(0, 2, count)
    columns = {
        "frequency": x,
        "recency_days": np.where(x > 0, 100.0 - rng.integers(0, 90, count), 0),
        "age_days": 100.0,
    }
    spend = np.where(x > 0, rng.gamma(3, 100, count), np.nan)
    return pd.DataFrame(columns | {"repeat_spend_mean": spend}, index=[f"m{number:03d}" for number in range(count)])


def test_repeat_purchase_days_are_counted_by_week_as_by_hand():
    assert diagnostics.repeats_by_week(bought(*EVENTS), CUTOFF, END).to_dict() == {-1: 1, 0: 3, 1: 1}


def test_tracking_puts_what_was_expected_beside_it():
    repeats = diagnostics.repeats_by_week(bought(*EVENTS), CUTOFF, END)
    found = diagnostics.tracking(Steady(), KNOWN, repeats, CUTOFF, END)
    assert found["week"].dt.date.astype(str).tolist() == [
        "2020-01-04", "2020-01-11", "2020-01-18", "2020-01-25", "2020-02-01", "2020-02-08",
    ]  # fmt: skip
    assert found["actual"].tolist() == [0, 0, 0, 1, 3, 1]
    assert found["expected"].tolist() == pytest.approx([0.1, 0.7, 0.7, 1.4, 1.4, 1.4])  # b joins on 25 January
    assert found["actual_total"].iloc[-1] == 5
    assert found["expected_total"].iloc[-1] == pytest.approx(5.7)
    assert found["held_out"].tolist() == [False] * 4 + [True] * 2
    bias = diagnostics.tracking_bias(found)
    assert bias.loc["held out"].tolist() == pytest.approx([4, 2.8, -0.3])
    assert bias.loc["fitted", "bias"] == pytest.approx(1.9)


def test_tracking_of_nobody_coming_back_is_a_row_of_zeros():
    repeats = diagnostics.repeats_by_week(bought(("a", "2020-01-10")), CUTOFF, END)
    found = diagnostics.tracking(Steady(), KNOWN, repeats, CUTOFF, END)
    assert (found["actual"] == 0).all()
    assert np.isfinite(diagnostics.tracking_bias(found)).all(axis=None)


def test_means_by_frequency_are_those_computed_by_hand():
    features = pd.DataFrame(
        {"frequency": [0, 0, 1, 2, 2, 9, 0], "recency_days": [0.0, 0, 5, 5, 5, 9, 0], "age_days": [9.0] * 6 + [0]}
    )
    actual = pd.Series([0.0, 2, 1, 3, 5, 8, 99])
    found = diagnostics.by_frequency(features, actual, pd.DataFrame({"p": actual * 2}), groups=4)
    assert found["group"].tolist() == ["0", "1", "2", "9"]
    assert found["members"].tolist() == [2, 1, 2, 1]
    assert found["actual"].tolist() == [1, 1, 4, 8]
    assert found["p"].tolist() == [2, 2, 8, 16]


def test_means_by_recency_cover_every_buyer_once_from_the_latest_on():
    features = members(300)
    actual = pd.Series(1.0, features.index)
    found = diagnostics.by_recency(features, actual, actual.to_frame("p"))
    starts = [int(group.split("-")[0]) for group in found["group"]]
    assert found["members"].sum() == 300
    assert starts == sorted(starts)
    assert len(found) <= 8
    assert (found[["actual", "p"]] == 1).all(axis=None)


def test_groups_of_members_who_are_all_alike_are_one():
    features = members(20).assign(frequency=2, recency_days=50.0)
    actual = pd.Series(1.0, features.index)
    for by in (diagnostics.by_recency, diagnostics.by_frequency):
        assert by(features, actual, actual.to_frame("p"))["members"].tolist() == [20]


def test_frequencies_count_every_buyer_once():
    features = pd.concat([members(90), pd.DataFrame({"frequency": 0, "age_days": 0.0}, index=["never"])])
    found = diagnostics.frequencies(Steady(), features)
    assert found["repeats"].tolist() == [*map(str, range(8)), "8+"]
    assert found["actual"].sum() == 90
    assert found["actual"].iloc[0] == (features["frequency"] == 0).sum() - 1
    assert found["expected"].tolist() == [30, 30, 0, 0, 0, 0, 0, 0, 30]
    often = diagnostics.frequencies(Steady(), features.assign(frequency=10 * features["frequency"]), bars=4)
    assert len(often) == 5
    assert often["actual"].sum() == 90


def test_gain_of_the_best_and_of_no_ranking_are_those_computed_by_hand():
    actual = pd.Series([6.0, 3, 1, 0])
    found = diagnostics.gain(actual, pd.DataFrame({"truth": actual, "same": 1.0}), steps=4).set_index("candidate")
    assert found.loc["truth", "share"].tolist() == pytest.approx([0.6, 0.9, 1, 1])
    assert found.loc["same", "share"].tolist() == pytest.approx([0.25, 0.5, 0.75, 1])
    assert found.loc["truth", "lift"].tolist() == pytest.approx([2.4, 1.8, 4 / 3, 1])
    assert found.loc[diagnostics.PERFECT, "share"].tolist() == found.loc["truth", "share"].tolist()


def test_members_without_a_repeat_purchase_are_compared_apart():
    features = members(100)
    actual = pd.Series(np.where(features["frequency"] > 0, 2.0, 0.0), features.index)
    found = diagnostics.apart(features, actual, pd.DataFrame({"two": 2.0}, index=features.index))
    again = int((features["frequency"] > 0).sum())
    assert found.loc[("bought again", "two"), ["mae", "members"]].tolist() == [0, again]
    assert found.loc[("no repeat purchase", "two"), ["mae", "members"]].tolist() == [2, 100 - again]
    once = features.assign(frequency=0)
    assert diagnostics.apart(once, actual, actual.to_frame("p")).index.unique("part").tolist() == ["no repeat purchase"]


def test_drift_is_counted_in_widths_of_the_first_interval():
    days = [date(2020, 1, 1), date(2020, 4, 1)]
    rows = [("r", 2.0, 1.0, 4.0), ("a", 1.0, 0.5, np.inf), ("w", 1.0, np.nan, np.nan)]
    later = [("r", 5.0, 4.0, 6.0), ("a", 0.0, 0.0, 1.0), ("w", 3.0, np.nan, np.nan)]
    frame = pd.concat(
        pd.DataFrame(part, columns=["parameter", "value", "low", "high"]).assign(origin=day, candidate="bgnbd")
        for day, part in zip(days, (rows, later), strict=True)
    )
    found = diagnostics.drift(frame.iloc[::-1], "bgnbd").set_index(["origin", "parameter"])
    assert found.loc[days[0], "shift"].tolist() == [0, 0]
    assert found.loc[(days[1], "r"), ["shift", "moved"]].tolist() == [1.5, True]
    assert found.loc[(days[1], "a"), ["shift", "moved"]].tolist() == [-2, True]
    assert "w" not in found.index.unique("parameter")
    assert diagnostics.drift(frame, None).empty


def test_independence_is_the_correlation_with_its_interval():
    features = members(400)
    found = diagnostics.independence(features, 0.95)
    again = features[features["frequency"] > 0]
    expected = np.corrcoef(again["frequency"], again["repeat_spend_mean"])[0, 1]
    assert found.loc["pearson", "value"] == pytest.approx(expected)
    half = 1.959964 / np.sqrt(len(again) - 3)  # Fisher's z
    ends = np.tanh([np.arctanh(expected) - half, np.arctanh(expected) + half])
    assert found.loc["pearson", ["low", "high"]].tolist() == pytest.approx(ends.tolist())
    tied = diagnostics.independence(features.assign(repeat_spend_mean=features["frequency"] * 5.0), 0.95)
    assert tied.loc["spearman", "value"] == pytest.approx(1)


@pytest.mark.parametrize("change", [{"frequency": 2}, {"repeat_spend_mean": 9.0}, {"frequency": 0}])
def test_independence_of_what_does_not_vary_is_unknown(change):
    found = diagnostics.independence(members(50).assign(**change), 0.95)
    assert found[["value", "low", "high"]].to_numpy().tolist() == [[0, -1, 1]] * 2


def test_coverage_by_tenth_of_the_prediction_is_that_computed_by_hand():
    actual = pd.Series(np.arange(20.0))
    band = pd.DataFrame({"low": [5.0] * 20, "high": [12.0] * 20})
    found = diagnostics.coverage(actual, actual, band)
    assert found["decile"].tolist() == list(range(1, 11))
    assert found["above"].tolist() == [1, 1, 1, 0.5, 0, 0, 0, 0, 0, 0]
    assert found["below"].tolist() == [0, 0, 0, 0, 0, 0, 0, 0.5, 1, 1]
    np.testing.assert_allclose(found[["below", "within", "above"]].sum(axis=1), 1)
    assert (found["width"] == 7).all()
