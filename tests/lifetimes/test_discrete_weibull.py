import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from membership.base.errors import DataError
from membership.lifetimes import subscription
from membership.lifetimes.discrete_weibull import Bdw
from membership.lifetimes.subscription import Sbg

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]  # survivors: Fader & Hardie (2007), table 1
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
sizes = st.floats(0.05, 20)


def cohort(survivors):
    """Return the contracts of a cohort that had `survivors` left after 0, 1, 2, ... periods."""
    left, last = -np.diff(survivors), len(survivors) - 1
    tenure = np.repeat([*range(1, last + 1), last], [*left, survivors[-1]])
    return pd.DataFrame({"tenure": tenure, "churned": np.arange(len(tenure)) < left.sum()})


def test_four_years_give_the_parameters_that_other_packages_find():
    """The R package foretell and its port retenmod publish these for the first four years of the high end."""
    model = Bdw.fit(subscription.as_of(cohort(HIGH_END), 4))
    estimate = model.estimate
    np.testing.assert_allclose([model.gamma, model.delta, model.c], [0.25937, 1.72276, 1.58428], rtol=2e-3)
    assert estimate.log_likelihood == pytest.approx(-1222.749, abs=0.01)
    projected = model.survival([5, 6, 7])
    np.testing.assert_allclose(projected, [0.5466, 0.51036, 0.48104], atol=2e-4)


@pytest.mark.parametrize("survivors", [REGULAR, HIGH_END])
def test_it_projects_the_published_cohorts_no_worse_than_sbg(survivors):
    early, later, known = subscription.as_of(cohort(survivors), 4), np.arange(5, 8), np.array(survivors[5:]) / 1000
    errors = {model: np.abs(model.fit(early).survival(later) - known).mean() for model in (Sbg, Bdw)}
    assert errors[Bdw] <= errors[Sbg]


@settings(max_examples=20, deadline=None)
@given(sizes, sizes, st.integers(0, 30), st.integers(0, 30))
def test_with_a_power_of_one_it_is_sbg(alpha, beta, periods, tenure):
    expected = Sbg(alpha, beta).survival(periods, tenure)
    assert Bdw(alpha, beta, 1.0).survival(periods, tenure) == pytest.approx(float(expected), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-0.7, 0.7), st.integers(0, 99))
def test_gradient_is_the_slope_of_the_likelihood(gamma, delta, c, seed):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"tenure": rng.integers(1, 9, 60), "churned": rng.random(60) < 0.5}).assign(entered=0)
    rows.loc[rows["tenure"] > 2, "entered"] = 1
    problem, theta = Bdw.problem(rows), np.array([gamma, delta, c])
    slopes = optimize.approx_fprime(theta, lambda at: problem.likelihood(at)[0], 1e-6)
    np.testing.assert_allclose(problem.likelihood(theta)[1], slopes, atol=1e-4, rtol=1e-4)


def test_a_cohort_of_known_power_is_recovered():
    """40,000 members whose chance falls with tenure: c is told from 1, and later years are projected."""
    truth, rng = Bdw(1.0, 3.0, 0.6), np.random.default_rng(5)
    tenure = np.arange(1, 9)
    ended = np.searchsorted(-truth.survival(np.arange(9))[1:], -rng.random(40_000))  # renewals before leaving, 8: all
    rows = pd.DataFrame({"tenure": np.minimum(ended + 1, 8), "churned": ended < 8})
    found = Bdw.fit(rows)
    assert 0.45 < found.c < 0.75
    np.testing.assert_allclose(found.survival(tenure), truth.survival(tenure), atol=0.01)


def test_nobody_who_left_is_refused():
    with pytest.raises(DataError):
        Bdw.fit(pd.DataFrame({"tenure": [3, 4], "churned": [False, False]}))
