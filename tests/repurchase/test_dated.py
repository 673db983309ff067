"""What is known of days: by hand, nothing of the future but what is planned, and learned where it moves orders."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
import steady_buyers
from meaning import meant
from steady_buyers import BEGINS, QUICK

from membership.base import stored
from membership.base.errors import ParamError
from membership.repurchase import candidates, dated, rhythm
from membership.repurchase.dated import Dated
from membership.settings import params

START = date(1970, 1, 1) + timedelta(BEGINS)
EVERY = QUICK.model_copy(update={"dated": ["season", "promotions", "price", "calendar"]})
OFFERS = pd.DataFrame(
    {
        "starts_at": pd.to_datetime([START + timedelta(10), START + timedelta(12), None]),
        "ends_at": pd.to_datetime([START + timedelta(12), START + timedelta(40), START + timedelta(50)]),
    }
)


def named(*after: int):
    return [{"day": START + timedelta(days), "name": "a feast"} for days in after]


def events(*rows: tuple[int, int, int]) -> ibis.Table:
    """(day, paid, discount) of purchases."""
    frame = pd.DataFrame(rows, columns=["day", "amount", "discount"])
    at = pd.Timestamp(START) + pd.to_timedelta(frame["day"], unit="D") + pd.Timedelta(hours=9)
    frame = frame.drop(columns="day").assign(local_at=at, kind="purchase", member_id="a", quantity=1)
    return ibis.memtable(meant(frame))


def read(*kinds: str, bought=((0, 100, 0),), days: int = 60, calendar=()) -> Dated:
    settings = QUICK.model_validate(QUICK.model_dump() | {"dated": kinds, "calendar": list(calendar)})
    return dated.read(events(*bought), OFFERS, settings, START, START + timedelta(days))


def column(found: Dated, name: str, day: int) -> float:
    return found.at(BEGINS + day)[found.names.index(name)]


def test_offers_are_counted_on_the_days_ahead_and_those_without_dates_are_not():
    found = read("promotions")
    assert [column(found, "promotions_7", day) for day in (3, 4, 6, 10, 13, 41)] == pytest.approx(
        [0, 1 / 7, 4 / 7, 8 / 7, 1, 0]
    )  # the first runs on days 10 to 12, the second on 12 to 40
    assert column(found, "promotions_30", 0) == pytest.approx((3 + 18) / 30)


def test_a_named_day_counts_ahead_and_just_after():
    found = read("calendar", calendar=named(10, 10, 12))
    assert [column(found, "named_1", day) for day in (9, 10, 11, 12)] == [0, 1, 0, 1]
    assert [column(found, "named_3", day) for day in (8, 10)] == [1, 2]
    assert [column(found, "named_before", day) for day in (10, 11, 13, 15, 16)] == [0, 1, 2, 1, 0]


def test_the_price_level_is_that_of_the_week_before_over_the_four_weeks():
    found = read("price", bought=[(0, 200, 0), (20, 50, 50)])
    assert column(found, "price_level", 20) == 0  # nothing was bought in the week before
    assert column(found, "price_level", 21) == pytest.approx(np.log(50 / 100) - np.log(250 / 300))
    assert column(found, "price_level", 28) == 0  # the first purchase is 28 days old, and the second 8


def test_a_season_takes_two_years_of_history():
    whole = read("season", "promotions", days=1600)
    assert "season_sine" in whole.until(BEGINS + 731).names and "season_sine" not in whole.until(BEGINS + 729).names
    assert whole.until(BEGINS + 729).at(BEGINS).shape == (3,)
    year = [whole.at(BEGINS + day)[:2] for day in (100, 100 + 1461)]
    np.testing.assert_allclose(*year, atol=1e-9)


def test_what_is_known_on_a_day_does_not_change_with_what_follows():
    early, late = ((day, 100, 0) for day in (0, 5, 12)), ((day, 20, 80) for day in (20, 21, 30))
    bought = list(early)
    short = read("price", bought=bought, days=20).until(BEGINS + 20)
    long = read("price", bought=[*bought, *late], days=60).until(BEGINS + 20)
    ahead = BEGINS + np.arange(60)
    np.testing.assert_array_equal(short.at(ahead), long.at(ahead))


def test_where_nothing_is_asked_for_nothing_is_read():
    assert dated.read(None, None, QUICK, START, START) is None


@pytest.mark.parametrize("knobs", [{"dated": ["calendar"]}, {"dated": ["price", "price"]}, {"dated": ["weather"]}])
def test_a_choice_that_cannot_be_is_refused(knobs):
    with pytest.raises(ParamError, match=r"repurchase"):
        params.parse(params.read(), {f"repurchase.{name}": value for name, value in knobs.items()})


@pytest.fixture(scope="module")
def promoted():
    """Members who buy four times as often in every fourth week, when an offer runs, and what is known of the days."""
    rng, days = np.random.default_rng(3), np.arange(240)
    runs = days // 7 % 4 == 3
    came = rng.random((500, 240)) < rng.beta(1.2, 20, 500)[:, None] * np.where(runs, 4, 1)
    history = steady_buyers.of(came, np.full(came.shape, 1000))
    values = np.array([runs[day : day + 7].mean() for day in days])[:, None]
    return history, Dated(BEGINS, ("promotions_7",), values)


@pytest.mark.parametrize("name", ["boosted", "hazard"])
def test_orders_that_follow_offers_are_foreseen_by_who_knows_the_offers_and_kept_in_store(name, promoted, tmp_path):
    history, by_day = promoted
    settings = QUICK.model_copy(update={"candidates": [name]})
    week, end = [BEGINS + 28 * 7 + 21, BEGINS + 28 * 7 + 7], BEGINS + 28 * 7  # with an offer, and without
    ratio = {}
    for known in (None, by_day):
        model = candidates.fit(history, end, settings, 1, known).candidates[name]
        first, second = (model.chances(rhythm.at(history.until(end), day), day, [7]).mean() for day in week)
        ratio[known is None] = first / second
    assert ratio[False] > 1.3 * ratio[True]
    stored.save(tmp_path / "model", model)
    again, rows = stored.load(tmp_path / "model", candidates.STORED), rhythm.at(history.until(end), end)
    np.testing.assert_array_equal(again.chances(rows, end, [7]), model.chances(rows, end, [7]))
