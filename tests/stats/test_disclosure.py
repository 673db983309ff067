"""What published sums tell: the bound holds where it is exact, and rounding takes as much as is said."""

import numpy as np
import pytest
from scipy import stats

from membership.stats import disclosure


def test_how_many_numbers_is_the_inverse_of_what_they_tell():
    for members, most in ((60, 0.2), (2_500, 0.05), (10**6, 0.01)):
        assert disclosure.advantage(disclosure.numbers(members, most), members) == pytest.approx(most)


def test_a_step_is_the_inverse_of_what_it_keeps():
    for share in (1.0, 0.9, 0.5, 0.3, 0.05):
        assert disclosure.kept(disclosure.step(share)) == pytest.approx(share)
    assert disclosure.step(7.0) == 0  # more than all may be told


def test_an_attacker_who_knows_everything_gains_as_much_as_is_said():
    """Independent normal numbers, for which the bound is exact: sums of 400, with the best score there is."""
    rng = np.random.default_rng(3)
    members, columns, wins = 400, 40, []
    for _ in range(20):
        inside, outside = rng.standard_normal((2, members, columns))
        score = inside.sum(0)
        wins.append(stats.mannwhitneyu(inside @ score, outside @ score).statistic / members**2)
    expected = disclosure.advantage(columns, members)
    assert abs(2 * np.mean(wins) - 1 - expected) < 0.02


@pytest.mark.parametrize("step", [1.0, 3.0, 8.0])
def test_what_rounding_keeps_is_the_information_of_the_steps(step):
    """Fisher's information of a rounded normal mean, over all positions of the steps."""
    found = []
    for offset in np.linspace(0, step, 41)[:-1]:
        edges = np.concatenate([[-np.inf], offset + step * np.arange(-40, 41), [np.inf]])
        chance, density = np.diff(stats.norm.cdf(edges)), np.diff(stats.norm.pdf(edges))
        found.append(np.sum(density[chance > 1e-12] ** 2 / chance[chance > 1e-12]))
    assert disclosure.kept(step) == pytest.approx(np.mean(found), rel=0.05)
