"""Open Bandit: the published figures, and which intervals hold what the evaluated policy really earned."""

import numpy as np
import pytest

from benchmarks import open_bandit
from membership.base.errors import DataError
from membership.stats import offpolicy_checks


@pytest.fixture(params=open_bandit.CAMPAIGNS, scope="module")
def campaign(request, shared_data):
    """Name, data and estimates of a campaign."""
    data = open_bandit.read(request.param)
    return request.param, data, open_bandit.estimates(data, 0.95, 2000, np.random.default_rng(1))


def test_ips_and_snips_are_the_published_ones_to_the_digit_and_dm_and_dr_within_two_percent(campaign):
    name, data, found = campaign
    published = open_bandit.PUBLISHED.loc[name]
    assert [round(found.loc[one, "value"], 6) for one in ("IPS", "SNIPS")] == published[["IPS", "SNIPS"]].tolist()
    assert found.loc["DM", "value"] == pytest.approx(published["DM"], rel=0.02)
    assert found.loc["DR", "value"] == pytest.approx(published["DR"], rel=0.02)
    assert data.actual == published["actual"]


def test_intervals_that_use_propensities_hold_what_was_earned(campaign):
    _, data, found = campaign
    for name in ("IPS", "SNIPS", "DR"):
        assert found.loc[name, "bootstrap_low"] < data.actual < found.loc[name, "bootstrap_high"]


def test_the_interval_of_the_direct_method_says_nothing_of_its_bias(campaign):
    name, data, found = campaign
    width = found["bootstrap_high"] - found["bootstrap_low"]
    assert width["DM"] < width["IPS"] / 15
    if name == "men":
        assert found.loc["DM", "bootstrap_high"] < 0.7 * data.actual
    else:  # the end of the interval lies at what was earned, on this side or that by the bootstrap's draws
        assert found.loc["DM", "bootstrap_low"] == pytest.approx(data.actual, rel=0.01)


def test_the_weights_are_as_they_should_be(campaign):
    _, data, _ = campaign
    found = offpolicy_checks.weights(data.log, 0.95)
    assert found.mean_is_one
    assert 1500 < found.effective_rows < 3000 < found.rows == 10_000


def test_without_the_data_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"random_men\.csv\.gz and no .*; set MEMBERSHIP_DATA"):
        open_bandit.read("men")
