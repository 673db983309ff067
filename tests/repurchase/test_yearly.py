"""Members who come once a year, before Christmas: what is asked of a year is learned of years, not of a quarter."""

import numpy as np
import pytest
import steady_buyers
from steady_buyers import BEGINS

from membership.base.errors import DataError
from membership.repurchase import baselines, candidates, choose, judge, rhythm
from membership.settings.repurchase import Repurchase

YEARS, KEPT, SEASON = 7, 0.8, range(320, 360)  # days of a year on which anybody comes
END = BEGINS + 365 * (YEARS - 1)  # the last year is what is forecast
FEW = Repurchase(candidates=["own_rate", "base_rate", "last_time", "logistic"], origins=2, most_rows=2000)


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


def test_the_days_that_are_asked_for_are_among_the_horizons_once_and_a_year_is_reached_in_steps():
    assert FEW.reaching(365).horizons == [7, 14, 30, 90, 181, 273, 365]
    assert FEW.reaching(180).horizons == [7, 14, 30, 90, 180]
    assert FEW.reaching(20).horizons == [7, 14, 20, 30, 90]
    assert FEW.reaching(14) == FEW


def test_where_chance_alone_decides_who_comes_the_forecast_that_is_used_is_no_worse_than_the_base_rate(yearly):
    settings = FEW.reaching(365)
    rolled = judge.roll(yearly.until(END), END, 365, settings, seed=1)
    fitted = candidates.fit(yearly, END, settings, seed=1)
    seen = judge.observe(fitted, yearly, [END], 365)
    used = choose.choose(rolled.judged, list(fitted.candidates), 0.95).name
    assert used != "own_rate"  # which expects 1 - 1 / e of who comes once every year
    assert judge.differences(seen, "base_rate", 0.95).get("low", {}).get(used, 0.0) <= 0


def test_baselines_count_who_came_last_time_by_hand():
    """a came in both of the last two windows of ten days, b in the one before, c in the last, d in neither."""
    came = np.zeros((4, 40), bool)
    came[[0, 0, 1, 2, 3], [25, 35, 25, 35, 5]] = True
    history, day = steady_buyers.of(came, np.full(came.shape, 100)), BEGINS + 40
    known = rhythm.at(history, day)
    base = baselines.BaseRate.fit(history, day, [10]).chances(known, day, [10])
    assert base[:, 0] == pytest.approx([2.5 / 5] * 4)  # half a member of one is added
    last = baselines.LastTime.fit(history, day, [10]).chances(known, day, [10])
    assert last[:, 0] == pytest.approx([1.5 / 3] * 4)  # of a and b one came again, of c and d one anew
    with pytest.raises(DataError):  # 40 days hold no two windows of 40
        baselines.LastTime.fit(history, day, [40])


def test_who_comes_again_is_told_from_who_comes_anew():
    came = np.zeros((6, 40), bool)
    came[:3, [25, 35]] = True  # three come every time, three never but once long ago
    came[3:, 2] = True
    history, day = steady_buyers.of(came, np.full(came.shape, 100)), BEGINS + 40
    last = baselines.LastTime.fit(history, day, [10]).chances(rhythm.at(history, day), day, [10])
    assert last[:, 0] == pytest.approx([3.5 / 4] * 3 + [0.5 / 4] * 3)
