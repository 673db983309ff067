from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steady_buyers import QUICK

from membership.base import batches, tables
from membership.lifetimes.bgnbd import BgNbd
from membership.repurchase import candidates, curves, rules, score


@dataclass(frozen=True)
class Steady:
    """The same chance a day for everybody."""

    daily: float

    def chances(self, rhythm, day, days):
        return np.repeat(curves.steady(self.daily, days)[None], len(rhythm), axis=0)


@given(st.floats(0.01, 0.9), st.integers(1, 40))
def test_at_a_steady_chance_expected_orders_are_days_times_it(daily, days):
    curve = curves.steady(np.array([daily]), np.arange(1, days + 1))
    assert score.expected_orders(curve, curve).item() == pytest.approx(days * daily, rel=1e-3)


def test_who_never_orders_twice_is_expected_to_order_at_most_once():
    curve = curves.steady(np.array([0.2]), np.arange(1, 11))
    assert score.expected_orders(curve, np.zeros_like(curve)).item() == pytest.approx(1 - 0.8**10)


def test_the_table_says_when_an_order_is_as_likely_as_not(steady):
    forecast = score.Forecast.of(Steady(0.1), steady.history, steady.end)
    table = tables.check("repurchase", score.table(forecast, steady.history, steady.end, 14, [7, 30]))
    assert (table["next_order_days"] == 7).all()  # 1 - .9^6 < .5 <= 1 - .9^7
    assert table["p_repurchase"].to_numpy() == pytest.approx(1 - 0.9**14)
    assert table["p_30_days"].to_numpy() == pytest.approx(1 - 0.9**30)
    assert table.filter(like="moved_").abs().to_numpy().max() < 1e-9  # nothing moves a chance that is the same for all
    rare = score.Forecast.of(Steady(0.001), steady.history, steady.end)
    assert score.table(rare, steady.history, steady.end, 14, [7])["next_order_days"].isna().all()


@pytest.mark.parametrize("name", ["bgnbd", "logistic", "hazard"])
def test_however_few_members_are_scored_together_the_table_is_the_same(name, steady, monkeypatch):
    quick = QUICK.model_copy(update={"candidates": [name]})
    model = candidates.fit(steady.history, steady.end, quick, seed=1).candidates[name]
    few = steady.history.rows(slice(0, 7))
    forecast, found = score.Forecast.of(model, steady.history, steady.end), []
    for together in (1, 3, 7):
        monkeypatch.setattr(batches, "SIZE", together)
        found.append(score.table(forecast, few, steady.end, 14, [7, 30]))
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other, rtol=1e-9, atol=1e-9)  # products of matrices, sums of logarithms


def test_any_horizon_can_be_read_off_the_table(steady):
    forecast = score.Forecast.of(Steady(0.1), steady.history, steady.end)
    table = score.table(forecast, steady.history, steady.end, 14, [7, 30])
    found = score.chances(table, 20)
    assert found["p_horizon"].to_numpy() == pytest.approx(1 - 0.9**20) and found.index.name == "member_id"


def test_silence_lowers_the_chance_and_time_alone_moves_it(steady):
    quick = QUICK.model_copy(update={"candidates": ["hazard"]})
    model = candidates.fit(steady.history, steady.end, quick, seed=1).candidates["hazard"]
    forecast = score.Forecast.of(model, steady.history, steady.end)
    today, later = (forecast.chances(steady.history, steady.end + days, [14])[14] for days in (0, 60))
    assert later.mean() < today.mean()
    table = score.table(forecast, steady.history, steady.end, 14, [7])
    often = steady.daily > np.quantile(steady.daily, 0.8)
    assert table["moved_pace"][often].mean() > table["moved_pace"][~often].mean() + 0.5


def test_who_has_never_bought_is_moved_by_nothing(steady):
    history = steady.history.rows(slice(0, 3))
    nobody = score.Forecast.of(Steady(0.1), history.until(0), steady.end)
    table = score.table(nobody, history.until(0), steady.end, 14, [7])
    assert (table.filter(like="moved_") == 0).all(axis=None) and (table["p_repurchase"] > 0).all()
    assert isinstance(table, pd.DataFrame)


def test_a_lifetime_model_tells_what_moves_a_chance_also_where_the_typical_member_has_half_an_order(steady):
    model = rules.TillGone(BgNbd(r=0.5, alpha_days=20.0, a=0.8, b=2.4), 0.01)
    forecast = score.Forecast.of(model, steady.history, steady.end)
    odd = replace(forecast, typical=forecast.typical | {"frequency": 2.5, "recency_days": 9e3, "age_days": 8e3})
    table = score.table(odd, steady.history, steady.end, 14, [7])
    assert np.isfinite(table.filter(like="moved_")).all(axis=None)
