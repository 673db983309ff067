import numpy as np
import pytest
from scipy import integrate, special, stats

from membership.lifetimes import bgnbd_integrals


@pytest.mark.parametrize("a, b", [(0.8, 2.4), (3.0, 0.5), (40.0, 900.0), (0.01, 0.02)])
def test_the_mean_over_a_beta_is_the_integral(a, b):
    columns = np.array([2.0, 50.0])
    found = bgnbd_integrals.over_beta(lambda p, scale: (1 + scale * p) ** -1.5, np.full(2, a), np.full(2, b), columns)
    node, weight = special.roots_jacobi(100, b - 1, a - 1)
    expected = weight @ (1 + columns * (1 + node[:, None]) / 2) ** -1.5 / weight.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_a_line_is_kept_exactly():
    a, b = np.array([1e-4, 5.0, 2e4]), np.array([3e4, 1e-3, 2e4])
    found = bgnbd_integrals.over_beta(lambda p, level: level * (3 - 2 * p), a, b, np.full(3, 7.0))
    np.testing.assert_allclose(found, 7 * (3 - 2 * a / (a + b)), rtol=1e-12)


def test_a_beta_that_is_nearly_a_point_gives_the_value_there():
    found = bgnbd_integrals.over_beta(lambda p: np.exp(-p), np.array([2e6]), np.array([2e6]))
    assert found == pytest.approx(np.exp(-0.5), rel=1e-6)


def test_many_rows_are_worked_out_in_blocks_as_one():
    a = np.random.default_rng(0).uniform(0.1, 5, 3000)
    found = bgnbd_integrals.over_beta(lambda p: np.sqrt(1 + p), a, a + 1)
    density = lambda p, a: np.sqrt(1 + p) * stats.beta(a, a + 1).pdf(p)  # noqa: E731
    for row in (0, 1023, 1024, 2999):
        assert found[row] == pytest.approx(integrate.quad(density, 0, 1, args=(a[row],))[0], rel=1e-6)


@pytest.mark.parametrize("youngest", [0.01, 50.0])
def test_a_polynomial_tells_what_the_function_would(youngest):
    rng, calls = np.random.default_rng(0), []
    x = rng.integers(0, 4, 5000).astype(float)
    x[:3] = 77  # too few of them for a polynomial
    age = rng.uniform(youngest, 400, 5000)

    def function(count, age):
        calls.append(len(count))
        return (1 + count) / (3 + age) * np.log1p(age)

    found = bgnbd_integrals.by_count(function, x, age, 3.0)
    assert sum(calls) < 800
    np.testing.assert_allclose(found, function(x, age), rtol=1e-10)


def test_one_age_and_no_members_are_no_exception():
    age = np.full(40, 30.0)
    function = lambda x, age: x + age  # noqa: E731
    assert bgnbd_integrals.by_count(function, np.ones(40), age, 3.0).tolist() == [31.0] * 40
    assert bgnbd_integrals.by_count(function, np.zeros(0), np.zeros(0), 3.0).tolist() == []


def test_what_no_polynomial_fits_is_worked_out_member_by_member():
    age = np.random.default_rng(0).uniform(1, 400, 500)
    function = lambda x, age: np.sign(age - 200.0)  # noqa: E731
    np.testing.assert_array_equal(bgnbd_integrals.by_count(function, np.ones(500), age, 3.0), function(None, age))
