"""Members who come once a year, before Christmas: what is asked of a year is learned of years, not of a quarter."""

import numpy as np
import pytest
import steady_buyers
from steady_buyers import BEGINS

from membership.repurchase import candidates, judge
from membership.settings.repurchase import Repurchase

YEARS, KEPT, SEASON = 7, 0.8, range(320, 360)  # days of a year on which anybody comes
END = BEGINS + 365 * (YEARS - 1)  # the last year is what is forecast
FEW = Repurchase(candidates=["own_rate", "logistic"], origins=2, most_rows=2000)


@pytest.fixture(scope="module")
def yearly():
    rng = np.random.default_rng(4)
    came = np.zeros((150, 365 * YEARS), bool)
    for year in range(YEARS):
        gives = np.flatnonzero(rng.random(len(came)) < KEPT)
        came[gives, 365 * year + rng.choice(SEASON, len(gives))] = True
    return steady_buyers.of(came, np.full(came.shape, 1000))


def test_what_comes_within_a_year_is_learned_of_years(yearly):
    fitted = candidates.fit(yearly, END, FEW.reaching(365), seed=1)
    seen = judge.observe(fitted, yearly, [END], 365)
    assert seen.chances["logistic"].mean() == pytest.approx(KEPT, abs=0.05)


def test_the_days_that_are_asked_for_are_among_the_horizons_once():
    assert FEW.reaching(365).horizons == [7, 14, 30, 90, 365]
    assert FEW.reaching(14) == FEW
