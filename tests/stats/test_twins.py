"""Copies are found, and what chance and coarse figures repeat is not taken for them."""

import numpy as np
import pandas as pd
import pytest

from membership.stats import twins

BAND = 0.99


def fine(rng, n=400):
    return pd.DataFrame({"spend": rng.lognormal(7, 1, n).round(), "hits": rng.binomial(5, 0.3, n)})


def coarse(rng, n=2000):
    """Most members alike: no spend and no hits."""
    active = rng.random(n) < 0.4
    return pd.DataFrame({"spend": active * (100 * rng.geometric(0.01, n)), "hits": active * rng.binomial(3, 0.4, n)})


@pytest.mark.parametrize("draw", [fine, coarse])
def test_independent_rows_hardly_ever_pass_for_copies(draw):
    found = [twins.find(draw(np.random.default_rng(seed)), BAND) for seed in range(200)]
    assert sum(one.twins > 0 for one in found) <= 6  # 1 % of 200; 7 or more would come once in 200 times
    assert all(one.could_find for one in found)


@pytest.mark.parametrize(("times", "level"), [(2, 0.166), (10, 0.535)])
def test_rows_that_were_copied_are_found_with_what_they_do_to_a_test(times, level):
    rows = fine(np.random.default_rng(1))
    found = twins.find(pd.concat([rows] * times), BAND)
    assert found.twins > 0.98 * times * len(rows) and found.p_value < 1e-9
    assert found.inflation == pytest.approx(times, rel=0.03)
    assert twins.level(found.inflation, 0.95) == pytest.approx(level, abs=0.012)


def test_copies_of_a_part_are_found_and_weighed_by_their_number():
    rows = fine(np.random.default_rng(2), 1000)
    found = twins.find(pd.concat([rows, rows.head(300)]), BAND)
    assert found.twins == pytest.approx(600, abs=10)
    assert found.inflation == pytest.approx(1 + 600 / 1300, abs=0.02)


def test_coarse_rows_that_were_copied_are_found():
    found = twins.find(pd.concat([coarse(np.random.default_rng(3))] * 10), BAND)
    assert found.twins > 0 and twins.level(found.inflation, 0.95) > 0.1


def test_rows_that_are_all_alike_or_too_few_could_not_show_copies():
    alike = twins.find(pd.DataFrame({"x": np.zeros(500)}), BAND)
    few = twins.find(pd.DataFrame({"x": np.arange(2.0)}), BAND)
    assert not alike.could_find and not few.could_find
    assert (alike.twins, few.twins, twins.level(alike.inflation, 0.95)) == (0, 0, pytest.approx(0.05))


def test_unknown_figures_equal_each_other():
    rows = pd.DataFrame({"x": np.repeat(np.arange(50.0), 2), "y": np.nan})
    assert twins.find(rows, BAND).twins == 100


def test_clusters_raise_the_variance_by_their_size_where_they_are_alike_and_not_at_all_by_chance():
    rng = np.random.default_rng(4)
    own, labels = rng.normal(size=500), np.repeat(np.arange(500), 4)
    assert twins.clustered(np.repeat(own, 4), labels) == pytest.approx(4)
    assert twins.clustered(rng.normal(size=2000), labels) == pytest.approx(1, abs=0.25)
    assert twins.clustered(np.ones(10), np.arange(10)) == 1
