"""Regression discontinuity: the figures of rdrobust on the same rows, known jumps, and what cannot be said."""

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.stats import discontinuity, instruments


def drawn():
    """Return x, y with a jump of .5 on a curve, a treatment that jumps from .3 to .8, and a thousand clusters."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, 3000)
    y = np.sin(2 * x) + x**2 + 0.5 * (x >= 0) + rng.normal(0, 0.4, 3000) * (1 + abs(x))
    given = rng.uniform(size=3000) < np.where(x >= 0, 0.8, 0.3)
    return x, y, given.astype(float), rng.integers(0, 1000, 3000)


def test_estimate_interval_and_bandwidths_are_those_of_rdrobust():
    x, y, _, _ = drawn()
    found = discontinuity.jump(y, x, 0.95)  # rdrobust 2.1.1, its defaults
    assert (found.h, found.b) == pytest.approx((0.3729626, 0.9878797), rel=1e-5)
    assert (found.line, found.estimate, found.sd) == pytest.approx((0.5022241, 0.4682197, 0.0687073), rel=1e-5)
    assert (found.low, found.high) == pytest.approx((0.3335559, 0.6028834), rel=1e-5)
    assert found.left + found.right == int((np.abs(x) < found.h).sum())


def test_a_fuzzy_design_is_that_of_rdrobust_to_the_second_order():
    x, y, given, _ = drawn()
    found = discontinuity.ratio(y + given, given, x, 0.95, h=0.4, b=0.9)
    assert found.line == pytest.approx(1.9425584, rel=1e-6)
    # rdrobust takes the bias off the ratio's linear part, here it is taken off both jumps
    assert found.estimate == pytest.approx(1.8596881, rel=0.02)
    assert found.sd == pytest.approx(0.1713871, rel=0.07)
    assert found.low < found.estimate < found.high


def test_clusters_are_those_of_rdrobust_up_to_the_correction_for_few_rows():
    x, y, _, cluster = drawn()
    found = discontinuity.jump(y, x, 0.95, cluster, h=0.5, b=0.8)
    assert (found.line, found.estimate) == pytest.approx((0.5313935, 0.4806265), rel=1e-6)
    assert found.sd == pytest.approx(0.0686482, rel=0.02)


def test_the_senate_is_as_published(shared_data):
    path = shared_data / "senate" / "senate.csv"
    if not path.exists():
        pytest.skip(f"no {path}: columns margin and vote of Cattaneo, Frandsen and Titiunik (2015)")
    known = pd.read_csv(path)[["margin", "vote"]].dropna()
    found = discontinuity.jump(known["vote"], known["margin"], 0.95)
    assert [round(one, 3) for one in (found.line, found.h, found.b)] == [7.414, 17.754, 28.028]
    assert [round(one, 3) for one in (found.low, found.high)] == [4.094, 10.919]


def test_a_line_without_noise_jumps_by_what_it_jumps():
    x = np.linspace(-1, 1, 201)
    found = discontinuity.jump(2 + 3 * x + 0.7 * (x >= 0), x, 0.95, h=0.5, b=0.5)
    assert (found.line, found.estimate) == pytest.approx((0.7, 0.7))


def test_a_parabola_without_noise_biases_the_line_and_not_the_estimate():
    x = np.linspace(-1, 1, 201)
    found = discontinuity.jump(x * np.abs(x) * 5 + 0.7 * (x >= 0), x, 0.95, h=0.5, b=0.5)
    assert found.estimate == pytest.approx(0.7)
    assert found.line < 0.5


def test_intervals_cover_a_jump_as_often_as_they_say():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        x = rng.uniform(-1, 1, 2000)
        member = np.arange(2000) // 2
        y = 2 * x**3 + 0.3 * (x >= 0) + rng.normal(0, 0.3, 1000)[member] + rng.normal(0, 0.3, 2000)
        found = discontinuity.jump(y, x, 0.95, member)
        covered += found.low <= 0.3 <= found.high
    assert 181 <= covered <= 199


def test_an_instrument_that_moves_nobody_bounds_nothing():
    x, y, _, _ = drawn()
    idle = (np.random.default_rng(5).uniform(size=len(x)) < 0.5).astype(float)
    found = discontinuity.ratio(y, idle, x, 0.95)
    assert not found.known
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_placebo_cut_offs_lie_on_one_side_each_and_find_nothing_where_nothing_is():
    rng = np.random.default_rng(4)
    x = rng.normal(0, 1, 6000)
    y = x + 3.0 * (x >= 0) + rng.normal(0, 1, 6000)
    found = discontinuity.placebos(y, x, 0.99, count=3)
    assert len(found) == 6
    assert sorted(np.sign(found["at"])) == [-1] * 3 + [1] * 3
    assert ((found["low"] < 0) & (found["high"] > 0)).all()


def test_a_smooth_density_shows_no_jump_and_members_piled_up_just_above_do():
    rng = np.random.default_rng(3)
    smooth = [discontinuity.density(rng.normal(0.3, 1, 2000), 0.95).p_value < 0.05 for _ in range(100)]
    assert sum(smooth) <= 11
    pushed = np.r_[rng.normal(0.3, 1, 2000), np.zeros(80)]
    assert discontinuity.density(pushed, 0.95).p_value < 0.01
    assert discontinuity.density(pushed, 0.95).estimate > 0


@pytest.mark.parametrize("x", [np.linspace(0.1, 1, 50), np.r_[np.full(40, -1.0), np.linspace(0, 1, 40)], np.array([])])
def test_a_side_with_too_few_values_is_refused(x):
    with pytest.raises(DataError, match="at least 20 on each side"):
        discontinuity.jump(np.zeros(len(x)), x, 0.95)


def test_a_density_of_one_value_is_refused():
    with pytest.raises(DataError, match="one value"):
        discontinuity.density(np.ones(30), 0.95)


def test_a_ratio_of_certain_numbers_is_a_point():
    assert instruments.fieller([3.0, 2.0], np.zeros((2, 2)), 0.95) == (1.5, 0.0, 1.5, 1.5)
    assert instruments.fieller([3.0, 0.0], np.zeros((2, 2)), 0.95)[2:] == (-np.inf, np.inf)


def test_an_outcome_that_varies_far_from_the_cut_off_alone_has_a_jump_of_nothing_there():
    x = np.linspace(-3, 3, 301)
    y = np.where(np.abs(x) > 2.5, np.sin(40 * x), 1.0)
    found = discontinuity.jump(y, x, 0.95)
    assert found.h > 0 and found.b > 0
    assert found.line == pytest.approx(0, abs=0.1)
