"""The interval of value: learned and judged over the whole horizon, from nothing that was not known at the time."""

from dataclasses import replace
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
import small_panel
from meaning import meant

from membership.settings import params
from membership.value import horizon, origins, score
from membership.value.choose import Choice
from membership.value.panel import Panel
from membership.value.validate import ErrorBand

SEED, MEMBERS, DAYS = 3, 120, 60
CUTOFFS = [small_panel.START + timedelta(days=90 + 30 * number) for number in range(7)]  # two horizons, and two before
CHEAP = {"value.candidates": ["mean", "recent_rate", "bgnbd", "stack"], "value.origins": 2, "value.bootstrap": 20}


@pytest.fixture(scope="module")
def settings():
    return params.parse(params.read(), CHEAP | {"value.horizon_days": DAYS}).value


@pytest.fixture(scope="module")
def bought():
    return small_panel.purchases(MEMBERS)


@pytest.fixture(scope="module")
def known(bought):
    return small_panel.build(bought, MEMBERS, CUTOFFS)


def chosen(name: str) -> Choice:
    return Choice(name, name, None, pd.DataFrame(), pd.DataFrame(), (), {})


def ahead(bought: pd.DataFrame, days: int = DAYS) -> horizon.Spent:
    """Return what members spend from a day on, from the purchases themselves."""

    def since(day: date) -> pd.Series:
        first = (day - small_panel.START).days
        return bought[bought["day"].between(first, first + days - 1)].groupby("member_id")["amount"].sum().astype(float)

    return since


def learned(known: Panel, bought: pd.DataFrame, name: str, settings) -> horizon.Interval:
    rolled = origins.roll(known, settings, SEED)
    return horizon.learn(known, rolled, chosen(name), ahead(bought, settings.horizon_days), settings, SEED)


def test_the_band_is_of_the_errors_over_the_horizon_and_judged_by_a_later_origin(known, bought, settings):
    found = learned(known, bought, "recent_rate", settings)
    early, late = CUTOFFS[-5], CUTOFFS[-3]  # four and two windows of 30 days before the last
    assert (found.judged_from, found.judged, found.learned) == (early, late, late)
    bands, shares = [], []
    for origin in (early, late):
        features = known.snapshots[origin]
        predicted = features["spend_90d"].clip(lower=0) / 90 * DAYS * features["purchase_days"] ** 0
        actual = ahead(bought)(origin).reindex(features.index, fill_value=0)
        bands.append(ErrorBand.fit(actual, predicted, DAYS, settings.confidence))
        around = bands[0].around(predicted, DAYS)
        shares.append(actual.between(around["low"], around["high"]).mean())
    np.testing.assert_allclose(found.errors.high, bands[1].high)
    np.testing.assert_allclose(found.errors.low, bands[1].low)
    assert found.share == pytest.approx(shares[1])


@pytest.mark.parametrize("name", ["bgnbd", "stack"])
def test_a_candidate_is_fitted_again_at_each_origin_on_what_was_known_then(known, bought, settings, name):
    found = learned(known, bought, name, settings)
    assert (found.judged_from, found.judged) == (CUTOFFS[-5], CUTOFFS[-3])
    first = (CUTOFFS[-3] - small_panel.START).days
    late = bought.assign(amount=bought["amount"].where(bought["day"] < first, 77_777))
    planted = learned(small_panel.build(late, MEMBERS, CUTOFFS), late, name, settings)
    earlier = found.covered.set_index("decile")["width"]  # of the earlier band, at the later origin
    pd.testing.assert_series_equal(planted.covered.set_index("decile")["width"], earlier)
    assert planted.share < found.share  # what members then did is another matter


def test_with_one_horizon_in_the_past_it_is_learned_and_not_judged(known, bought, settings):
    short = Panel({day: known.snapshots[day] for day in CUTOFFS[2:]})
    found = learned(short, bought, "recent_rate", settings)
    assert (found.learned, found.judged, found.share) == (CUTOFFS[-3], None, None)


def test_without_a_horizon_in_the_past_the_windows_are_drawn_out(known, bought, settings):
    long = settings.model_copy(update={"horizon_days": 365})
    found = learned(known, bought, "recent_rate", long)
    assert (found.learned, found.covered, found.days) == (None, None, 365)
    rolled = origins.roll(known, long, SEED)
    np.testing.assert_array_equal(found.errors.high, score.band(rolled, chosen("recent_rate"), 30, long).high)


def test_a_candidate_that_was_refused_then_leaves_the_origin_out(known, bought, settings):
    rolled = origins.roll(known, settings, SEED)
    refused = {day: replace(one, candidates={}) for day, one in rolled.fitted.items()}
    inputs = chosen("recent_rate"), ahead(bought), settings, SEED
    found = horizon.learn(known, replace(rolled, fitted=refused), *inputs)
    assert (found.learned, found.judged) == (CUTOFFS[-5], None)


def test_intervals_hold_what_they_promise_where_errors_grow_slower_than_time(settings):
    """Members spend independently from day to day: errors grow with the square root of time."""
    rng, members, days = np.random.default_rng(1), 1500, (CUTOFFS[-1] - small_panel.START).days
    rate = rng.gamma(3, 0.02, (members, 1))
    who, day = np.nonzero(rng.random((members, days)) < rate)
    rows = pd.DataFrame({"member_id": who, "day": day, "amount": 1000})
    rows["member_id"] = rows["member_id"].map("m{:04d}".format)
    known = small_panel.build(rows, members, CUTOFFS)
    rolled = origins.roll(known, settings, SEED)
    found = horizon.learn(known, rolled, chosen("bgnbd"), ahead(rows), settings, SEED)
    assert found.share == pytest.approx(settings.confidence, abs=0.015)
    drawn_out = score.band(rolled, chosen("bgnbd"), 30, settings)
    widths = [(one.high - one.low).mean() for one in (found.errors, drawn_out)]
    assert widths[0] < 0.85 * widths[1]


def test_what_is_spent_ahead_is_net_and_from_the_day_on():
    rows = [
        ("a", "purchase", "2020-03-01 00:00", 500), ("a", "return", "2020-03-02 12:00", -100),
        ("a", "view", "2020-03-02 12:00", 0), ("a", "purchase", "2020-02-29 23:59", 7),
        ("b", "purchase", "2020-03-11", 9),
        ("b", "purchase", "2020-03-10 23:59", 30),
    ]  # fmt: skip
    events = pd.DataFrame(rows, columns=["member_id", "kind", "local_at", "amount"])
    events["local_at"] = pd.to_datetime(events["local_at"], format="ISO8601").astype("datetime64[us]")
    assert horizon.spent(ibis.memtable(meant(events)), 10)(date(2020, 3, 1)).to_dict() == {"a": 400, "b": 30}
