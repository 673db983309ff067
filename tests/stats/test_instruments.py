"""Effects by an instrument: by hand, through strata and clusters, and with known truth."""

import numpy as np
import pytest

from membership.base.errors import DataError
from membership.stats import instruments


def test_a_difference_by_hand():
    y, d, z = [1.0, 3.0, 5.0, 9.0], [0, 0, 0, 1], [0, 0, 1, 1]
    assert instruments.slope(y, z, 0.95).estimate == pytest.approx(7 - 2)
    assert instruments.wald(y, d, z, 0.95).estimate == pytest.approx(5 / 0.5)
    # values are 1 or 2 from their group's mean, z .5 from its own; over z's sum of squares, 1, with 4 clusters
    assert instruments.slope(y, z, 0.95).sd == pytest.approx(np.sqrt(4 / 3 * 0.25 * (1 + 1 + 4 + 4)))


def test_what_differs_between_strata_only_is_no_effect():
    strata = np.repeat([0, 1], 4)
    z = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    assert instruments.slope(10.0 * strata, z, 0.95, strata).estimate == pytest.approx(0, abs=1e-12)
    assert instruments.slope(10.0 * strata, z, 0.95).estimate > 1


def test_a_row_told_twice_by_the_same_member_makes_nothing_surer():
    rng = np.random.default_rng(1)
    y, z, member = rng.normal(size=200), rng.integers(0, 2, 200), np.arange(200)
    once = instruments.slope(y, z, 0.95, cluster=member)
    twice = instruments.slope(np.r_[y, y], np.r_[z, z], 0.95, cluster=np.r_[member, member])
    assert twice.estimate == pytest.approx(once.estimate)
    assert twice.sd == pytest.approx(once.sd)


def test_what_was_known_before_narrows_the_interval():
    rng = np.random.default_rng(2)
    before, z = rng.normal(size=2000), rng.integers(0, 2, 2000)
    y = 3 * before + 0.2 * z + rng.normal(size=2000)
    plain, better = instruments.slope(y, z, 0.95), instruments.slope(y, z, 0.95, before=before)
    assert better.sd < plain.sd / 2
    assert better.low < 0.2 < better.high


def test_relative_effects_on_whom_the_instrument_moves_are_covered_as_often_as_said():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(300):
        rate, z = rng.gamma(2, 1, 1500), rng.integers(0, 2, 1500)
        given = rng.uniform(size=1500) < np.where(rate > 3, 1.0, 0.2 + 0.5 * z)  # frequent ones come anyway
        y = rng.poisson(rate * (1 + 0.3 * given))
        found = instruments.wald(y, -y * ~given, z, 0.95)
        covered += found.low <= 0.3 <= found.high
    assert 275 <= covered <= 295


def test_an_instrument_that_does_not_vary_is_refused():
    with pytest.raises(DataError, match="does not vary"):
        instruments.slope([1.0, 2.0], [1, 1], 0.95)
    with pytest.raises(DataError, match="does not vary"):
        instruments.wald([1.0, 2.0], [0, 1], [0, 1], 0.95, strata=[0, 1])
