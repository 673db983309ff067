"""The integrals of Pareto/NBD against 20 digits of mpmath, far beyond where parameters are ever found."""

import mpmath
import numpy as np
import pytest

from membership.lifetimes import pareto_integrals


def exact(power_a, power_b, a, b, days, factor=lambda u: 1):
    """The integral of `pareto_integrals.tail`, times `factor`, by adaptive quadrature in ten pieces."""
    with mpmath.workdps(20):
        least = min(a, b)
        ends = np.linspace(0, float(mpmath.log1p(days / least)), 11)

        def integrand(y):
            u = least * mpmath.expm1(y)
            return factor(u) * (1 + u / a) ** -power_a * (1 + u / b) ** -power_b * (least + u)

        return mpmath.quad(integrand, [mpmath.mpf(end) for end in ends])


def wide_grid(cases, rng):
    """Powers, scales and days of likelihoods of members with 0 to 3,000 purchases, T being 1."""
    r, s = np.exp(rng.uniform(-4, 4, (2, cases)))
    alpha, beta = np.exp(rng.uniform(-7, 7, (2, cases)))
    x = np.where(rng.random(cases) < 0.3, 0, np.floor(np.exp(rng.uniform(0, 8, cases))))
    last = np.where(x > 0, 1 - np.exp(rng.uniform(-9, 0, cases)), 0)
    return r + x, s + 1, alpha + last, beta + last, 1 - last


def test_tail_has_nine_digits_from_no_purchase_to_thousands():
    grid = wide_grid(40, np.random.default_rng(3))
    found, _ = pareto_integrals.tail(*grid)
    error = [value - float(mpmath.log(exact(*case))) for value, case in zip(found, np.transpose(grid), strict=True)]
    assert np.abs(error).max() < 1e-10


def test_a_wide_grid_agrees_with_a_rule_of_200_nodes(monkeypatch):
    grid = wide_grid(20_000, np.random.default_rng(4))
    found, means = pareto_integrals.tail(*grid, moments=True)
    monkeypatch.setattr(pareto_integrals, "_RULES", ((200, np.inf, np.inf),))
    monkeypatch.setattr(pareto_integrals, "_NEGLIGIBLE", 60.0)
    better, better_means = pareto_integrals.tail(*grid, moments=True)
    assert np.abs(found - better).max() < 1e-9
    np.testing.assert_allclose(means, better_means, rtol=1e-8)


@pytest.mark.parametrize("case", [(0.6, 1.6, 0.3, 0.4, 1.0), (7.6, 1.2, 0.9, 0.4, 0.5), (40.0, 9.0, 2.0, 1.0, 0.1)])
def test_means_are_those_under_the_integrand(case):
    _, _, a, b, _ = case
    _, means = pareto_integrals.tail(*(np.array([value]) for value in case), moments=True)
    factors = (
        lambda u: mpmath.log1p(u / a),
        lambda u: mpmath.log1p(u / b),
        lambda u: a / (a + u),
        lambda u: b / (b + u),
    )
    expected = [float(exact(*case, factor) / exact(*case)) for factor in factors]
    np.testing.assert_allclose(means[:, 0], expected, rtol=1e-10)


def test_tail_over_no_days_is_nothing():
    found, means = pareto_integrals.tail(*(np.array([value]) for value in (3.5, 1.6, 0.3, 0.4, 0.0)), moments=True)
    assert found == -np.inf
    assert np.isfinite(means).all()


@pytest.mark.parametrize(
    ("power", "b", "daily", "days"),
    [(0.6, 50.0, 3e-4, 1825.0), (0.01, 5.0, 3e-4, 36500.0), (20.0, 1e4, 1e-3, 5000.0), (0.5, 1e5, 0.1, 5000.0)],
)
def test_discounted_has_ten_digits(power, b, daily, days):
    ends = [0, *(end for end in (1, 10, 100, 1000) if end < days), days]
    with mpmath.workdps(20):
        expected = float(mpmath.quad(lambda u: mpmath.exp(-daily * u) * (1 + u / b) ** -power, ends))
    np.testing.assert_allclose(pareto_integrals.discounted(power, np.array([b]), daily, days), expected, rtol=1e-10)


@pytest.mark.parametrize(
    "scales", [(0.55, 74.0, 0.6, 82.0, 230.0), (2.0, 5.0, 3.0, 400.0, 900.0), (0.1, 1e3, 9.0, 2.0, 50.0)]
)
def test_count_chances_are_negative_binomial_over_the_days_as_a_customer(scales):
    r, alpha, s, beta, age = scales

    def chance(count, days):
        share = mpmath.mpf(days) / (alpha + days)
        return mpmath.rf(r, count) / mpmath.factorial(count) * (1 - share) ** r * share**count

    found = pareto_integrals.count_chances(np.array([age]), r, np.array([alpha]), s, np.array([beta]), 100)
    with mpmath.workdps(20):
        for count in (0, 1, 5, 100):
            ends = [0, *(end for end in (1, 5, 25, 100, 400) if end < age), age]
            stopped = mpmath.quad(lambda t, n=count: chance(n, t) * s / beta * (1 + t / beta) ** -(s + 1), ends)
            stayed = chance(count, age) * (1 + age / mpmath.mpf(beta)) ** -s
            assert found[0, count] == pytest.approx(float(stopped + stayed), rel=1e-8)
