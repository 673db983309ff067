"""The season of a year ago moves a forecast where there is one, and leaves it alone where there is none."""

import numpy as np
import pytest
import steady_buyers
from steady_buyers import BEGINS

from membership.base.errors import DataError
from membership.repurchase import judge, rhythm
from membership.repurchase.candidates import Fitted
from membership.repurchase.logistic import Logistic
from membership.repurchase.season import Season

PEAK, TIMES = 330, 4.0  # from that day of each year on members come so many times as often
AS_OF = BEGINS + 2 * 365 + PEAK


def market(times: float, seed: int = 3):
    """Three years of members who come every 80 days or so, and `times` as often at the end of a year."""
    rng = np.random.default_rng(seed)
    daily, day = rng.gamma(2, 1 / 160, 250), np.arange(3 * 365)
    came = rng.random((250, len(day))) < daily[:, None] * np.where(day % 365 >= PEAK, times, 1.0)
    return steady_buyers.of(came, np.full(came.shape, 500))


def both(history):
    known = history.until(AS_OF)
    fitted = {"season": Season.fit(known, AS_OF, [7, 30]), "logistic": Logistic.fit(known, AS_OF, [7, 30])}
    return judge.observe(Fitted(AS_OF, fitted, {}), history, [AS_OF], 30)


def test_a_season_that_no_recent_day_has_shown_is_forecast_from_a_year_ago():
    seen = both(market(TIMES))
    level = seen.chances.mean() - seen.came.mean()
    assert abs(level["season"]) < 0.08 < abs(level["logistic"])
    assert judge.differences(seen, "logistic", 0.95).loc["season", "high"] < 0


def test_where_there_is_no_season_chances_stay_nearly_as_they_were():
    chances = both(market(1.0)).chances
    assert np.abs(chances["season"] - chances["logistic"]).mean() < 0.03


def test_the_season_moves_on_with_the_day_and_is_that_of_half_a_year_at_most():
    history = market(TIMES)
    model = Season.fit(history.until(AS_OF), AS_OF, [30, 365])
    plain = model.part
    known = rhythm.at(history, AS_OF)
    before, after = (
        np.mean(model.chances(known, day, [30]) - plain.chances(known, day, [30])) for day in (AS_OF, AS_OF + 60)
    )
    assert before > 0.1 > after and model.horizons == (30,)


def test_a_season_takes_more_than_a_year_and_nothing_of_the_day_or_later():
    history = market(TIMES)
    with pytest.raises(DataError):
        Season.fit(history, BEGINS + 380, [30])
    again = Season.fit(history, AS_OF, [30])  # which it cuts by itself
    np.testing.assert_array_equal(again.by, Season.fit(history.until(AS_OF), AS_OF, [30]).by)
