from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from membership.base.errors import DataError
from membership.lifetimes import search
from membership.lifetimes.search import Doubt, Problem, Reason

DRAWS = np.random.default_rng(3).gamma(2.0, 5.0, 400)


def exponential(draws, unit=1.0):
    """The rate of an exponential distribution: the answer is 1 / mean, its log has a standard error of 1 / sqrt(n)."""

    def likelihood(theta):
        product = np.exp(theta[0]) * draws.mean() / unit
        return theta[0] - product, np.array([1 - product])

    shift, constant = np.array([-np.log(unit)]), -len(draws) * np.log(unit)
    return Problem(
        "Exponential", ("rate",), np.ones(1, bool), likelihood, len(draws), np.zeros((2, 1)), shift, constant
    )


def normal(sd=0.5, twin=False):
    """A mean of 3 known from 50 draws; with `twin` a mean of 0, the sum of two parameters that nothing parts."""
    mean = 0.0 if twin else 3.0

    def likelihood(theta):
        gap = theta.sum() - mean
        return -((gap / sd) ** 2) / 2, np.full(len(theta), -gap / sd**2)

    k = 2 if twin else 1
    return Problem("Normal", ("u", "v")[:k], np.zeros(k, bool), likelihood, 50, np.ones((1, k)), np.zeros(k), 0.0)


def two_summits():
    def likelihood(theta):
        lobes = np.exp(-((theta[0] - 2) ** 2)) + 0.5 * np.exp(-((theta[0] + 2) ** 2))
        slope = -2 * (theta[0] - 2) * np.exp(-((theta[0] - 2) ** 2)) - (theta[0] + 2) * np.exp(-((theta[0] + 2) ** 2))
        return lobes, np.array([slope])

    starts = np.array([[-2.5], [1.5], [-1.5]])
    return Problem("Lobes", ("u",), np.zeros(1, bool), likelihood, 100, starts, np.zeros(1), 0.0)


def slope_without_end():
    return Problem(
        "Slope", ("u",), np.ones(1, bool), lambda t: (float(t[0]), np.ones(1)), 10, np.zeros((1, 1)), np.zeros(1), 0.0
    )


def test_the_estimate_of_a_rate_is_that_known_in_closed_form():
    estimate = search.maximise(exponential(DRAWS))
    assert estimate["rate"] == pytest.approx(1 / DRAWS.mean(), rel=1e-8)
    assert estimate.covariance[0, 0] == pytest.approx(1 / len(DRAWS), rel=1e-6)
    assert estimate.log_likelihood == pytest.approx(stats.expon(scale=DRAWS.mean()).logpdf(DRAWS).sum())
    assert (estimate.starts, estimate.agreeing, estimate.doubts) == (2, 2, ())
    row = estimate.table(0.95).loc["rate"]
    assert row["standard_error"] == pytest.approx(row["value"] / 20, rel=1e-6)
    assert [row["low"], row["high"]] == pytest.approx(row["value"] * np.exp([-1.959964 / 20, 1.959964 / 20]), rel=1e-6)


def test_a_unit_divided_out_changes_nothing():
    days, weeks = search.maximise(exponential(DRAWS)), search.maximise(exponential(DRAWS, unit=7.0))
    assert weeks["rate"] == pytest.approx(days["rate"], rel=1e-8)
    assert weeks.log_likelihood == pytest.approx(days.log_likelihood)


def test_the_profile_interval_is_where_the_likelihood_has_fallen_by_half_a_chi_square():
    problem = exponential(DRAWS[:15])
    estimate = search.maximise(problem)
    row = search.profile(problem, estimate, 0.9).loc["rate"]

    def fallen(log_rate):
        return 30 * (estimate.log_likelihood / 15 - problem.likelihood(np.array([log_rate]))[0]) - stats.chi2(1).ppf(
            0.9
        )

    best = np.log(estimate["rate"])
    ends = [optimize.brentq(fallen, best - 3, best), optimize.brentq(fallen, best, best + 3)]
    assert [row["low"], row["high"]] == pytest.approx(np.exp(ends), rel=1e-4)


def test_profile_and_wald_agree_where_the_likelihood_is_a_parabola():
    problem = normal()
    estimate = search.maximise(problem)
    columns = ["value", "standard_error", "low", "high"]
    wald, profile = (
        frame.loc["u", columns].tolist() for frame in (estimate.table(0.8), search.profile(problem, estimate, 0.8))
    )
    assert wald == pytest.approx(profile, rel=1e-4)
    assert wald[1] == pytest.approx(0.5 / np.sqrt(50), rel=1e-6)
    assert search.likelihood_ratio(problem, estimate, np.array([3.1])) == pytest.approx(
        [50 * (0.1 / 0.5) ** 2], rel=1e-5
    )


def test_the_likelihood_ratio_refits_what_is_not_held():
    problem = normal(twin=True)
    estimate = search.maximise(problem)
    assert search.likelihood_ratio(problem, estimate, np.array([5.0, -7.0])) == pytest.approx([0, 0], abs=1e-6)


def test_what_the_data_do_not_determine_has_an_infinite_error_and_a_doubt_and_is_never_nan():
    problem = normal(twin=True)
    estimate = search.maximise(problem)
    assert estimate.values.sum() == pytest.approx(0, abs=1e-6)
    for table in (estimate.table(0.95), search.profile(problem, estimate, 0.95)):
        assert not table.isna().any(axis=None)
        assert np.isinf(table[["standard_error", "low", "high"]]).all(axis=None)
    assert estimate.doubts == (Doubt("Normal", Reason.VAGUE, ("u", "v")),)


def test_an_edge_is_reported_and_its_interval_is_open_on_that_side():
    problem = slope_without_end()
    estimate = search.maximise(problem)
    assert estimate.doubts == (Doubt("Slope", Reason.AT_EDGE, ("u",)),)
    row = search.profile(problem, estimate, 0.95).loc["u"]
    assert row["high"] == np.inf
    assert row["low"] == pytest.approx(estimate["u"] * np.exp(-stats.chi2(1).ppf(0.95) / 20), rel=1e-4)


def test_the_higher_of_two_summits_wins_and_the_starts_that_missed_it_are_counted():
    estimate = search.maximise(two_summits())
    assert estimate["u"] == pytest.approx(2, abs=1e-4)
    assert (estimate.starts, estimate.agreeing) == (3, 1)
    assert estimate.doubts == (Doubt("Lobes", Reason.ONE_START),)


def test_a_sample_changes_only_where_the_search_begins():
    whole = exponential(DRAWS)
    assert search.maximise(replace(whole, sample=exponential(DRAWS[:40])))["rate"] == pytest.approx(
        search.maximise(whole)["rate"], rel=1e-8
    )


def test_a_penalty_draws_parameters_to_one_unit_and_reports_the_likelihood_without_it():
    problem = exponential(DRAWS)
    free, held = search.maximise(problem), search.maximise(problem, penalizer=0.5)
    assert free["rate"] < held["rate"] < 1
    assert held.log_likelihood < free.log_likelihood
    log = np.log(held["rate"])
    assert problem.likelihood(np.array([log]))[1][0] == pytest.approx(2 * 0.5 * log, abs=1e-6)


@pytest.mark.parametrize("value", [lambda t: float(np.sin(t[0])), lambda t: np.nan])
def test_a_search_that_ends_nowhere_is_an_error(value):
    lost = replace(slope_without_end(), likelihood=lambda t: (value(t), np.ones(1)), starts=np.zeros((1, 1)))
    with pytest.raises(DataError, match=r"Slope did not converge from any of 1 starts.*Raise value.penalizer"):
        search.maximise(lost)
