import numpy as np
import pandas as pd
import pytest
import scipy.stats

from membership.evaluate import weekly


def market(effect, n=400, seed=1):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.permutation(n) % 2 == 0, "champion", "challenger")
    week = rng.integers(1, 5, n)
    y = rng.normal(0.3, 0.1, n) + effect * (arm == "challenger")
    members = [f"m{number}" for number in range(n)]
    observed = pd.DataFrame({"member_id": members, "arm": arm, "week": week, "y": y})
    return observed, pd.DataFrame({"member_id": members, "tier": "Gold", "y": rng.normal(effect, 0.05, n)})


def test_the_last_week_holds_everybody_and_both_differences():
    observed, differences = market(0.05)
    found = weekly.watch(observed, differences, "y", 0.01, 0.95).groupby("reading").last()
    arms = observed.groupby("arm")["y"].mean()
    assert found.loc["randomised", "difference"] == pytest.approx(arms["challenger"] - arms["champion"])
    assert found.loc["paired", "difference"] == pytest.approx(differences["y"].mean())
    assert found["members"].tolist() == [400, 400]
    fixed = scipy.stats.ttest_1samp(differences["y"], 0).pvalue
    assert found.loc["paired", "fixed_p_value"] == pytest.approx(fixed, rel=0.5)


def test_each_week_holds_those_whose_basket_came_by_then():
    observed, differences = market(0.05)
    found = weekly.watch(observed, differences, "y", 0.01, 0.95)
    so_far = observed["week"].value_counts().sort_index().cumsum()
    for _, rows in found.groupby("reading"):
        assert rows["week"].tolist() == so_far.index.tolist()
        assert rows["members"].tolist() == so_far.tolist()


def test_a_true_effect_stops_and_p_never_rises():
    found = weekly.watch(*market(0.1), "y", 0.01, 0.95)
    for _, rows in found.groupby("reading"):
        assert (rows["p_value"].diff().dropna() <= 0).all()
        assert rows["p_value"].iloc[-1] < 0.05
    assert [(one.reading, one.week) for one in weekly.summary(found, 0.95)] == [("randomised", 1), ("paired", 1)]


def test_watching_where_there_is_nothing_seldom_stops():
    """Of 100 null markets watched four times, at most 5 % may ever stop; 12 is out of reach of chance."""
    stopped = {"randomised": 0, "paired": 0}
    for seed in range(100):
        found = weekly.watch(*market(0.0, 200, seed), "y", 0.015, 0.95)
        for reading, rows in found.groupby("reading"):
            stopped[reading] += bool((rows["p_value"] < 0.05).any())
    assert max(stopped.values()) <= 12


def test_too_few_members_say_nothing():
    observed, differences = market(0.1, 40)
    found = weekly.watch(observed, differences, "y", 0.01, 0.95)
    first = found[found["week"] == 1]
    assert first["low"].tolist() == [-np.inf, -np.inf]
    assert first["p_value"].tolist() == [1.0, 1.0]
    assert weekly.summary(found[found["week"] == 1], 0.95)[0].week is None


def test_arms_of_a_broken_split_are_not_watched():
    found = weekly.watch(*market(0.1), "y", 0.01, 0.95, readable=False)
    assert set(found["reading"]) == {"paired"}
    assert [one.reading for one in weekly.summary(found, 0.95)] == ["paired"]


def test_members_without_the_metric_do_not_enter():
    observed, differences = market(0.05)
    observed.loc[:9, "y"] = np.nan
    differences.loc[:4, "y"] = np.nan
    last = weekly.watch(observed, differences, "y", 0.01, 0.95).groupby("reading")["members"].last()
    assert last.to_dict() == {"randomised": 390, "paired": 395}


def test_the_planned_error_is_that_of_two_halves_of_the_window_before():
    before = pd.DataFrame({"y": [0.0, 1.0, 0.0, 1.0, np.nan]})
    assert weekly.planned_error(before, "y") == pytest.approx(2 * np.sqrt(1 / 3) / 2)
    assert weekly.planned_error(before, "unknown") == 0.5
    assert weekly.planned_error(pd.DataFrame({"y": [0.2, 0.2]}), "y") == pytest.approx(2 * 0.5 / np.sqrt(2))
