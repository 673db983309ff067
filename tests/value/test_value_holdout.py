from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from membership.lifetimes.histories import Arrivals
from membership.report import words
from membership.value import diagnostics, rfm
from membership.value.holdout import Holdout, came_back, metrics, runs, sizes
from membership.value.horizon import Interval


@pytest.fixture(scope="module")
def held(result, known):
    """What happened is made up: everybody does half of what the chosen candidate predicts."""
    fitted, choice, _ = result
    predicted = {what: fitted.predict(what, known.now, known.days) for what in ("orders", "spend")}
    return Holdout(
        known.days, pd.DataFrame({what: table[choice.name] / 2 for what, table in predicted.items()}), **predicted
    )


@pytest.fixture(scope="module")
def found(result, held, p):
    _, choice, value = result
    band = pd.DataFrame({"low": 0.0, "high": held.actual["spend"]})
    covered = diagnostics.coverage(held.actual["spend"], held.spend[choice.name], band)
    return metrics(value, choice, held, covered, 0.875, p.value, np.random.default_rng(1))


def test_the_holdout_is_what_members_did_after_the_cutoff(result, known):
    fitted, _, _ = result
    end = known.cutoffs[-1] + pd.Timedelta(days=10)
    later = known.now.assign(spend=known.now["spend"] + 100, purchase_days=known.now["purchase_days"] + 2)
    table = later.assign(as_of=pd.Timestamp(end)).reset_index()
    found = Holdout.of(fitted, known.now, table, end)
    assert found.days == 10 and (found.actual["orders"] == 2).all() and (found.actual["spend"] == 100).all()
    assert list(found.spend) == list(found.orders) == list(fitted.candidates)
    np.testing.assert_array_equal(found.spend["bgnbd"], fitted.candidates["bgnbd"].spend(known.now, 10))


def test_metrics_are_those_of_the_chosen_candidate_and_the_best_naive_rule(result, held, found):
    _, choice, _ = result
    compared = held.compared
    assert found["holdout_spend_bias"] == pytest.approx(1.0)
    assert found["holdout_spend_rmse"] == compared.loc[choice.name, "spend_rmse"]
    assert found["holdout_orders_gini_naive"] == compared.loc[choice.naive, "orders_gini"]
    assert (found["interval_coverage_holdout"], found["interval_coverage_horizon"]) == (1, 0.875)
    assert all(isinstance(number, int | float) for number in found.values())
    assert {"holdout_orders_gain_low", "validation_spend_rmse"} <= set(found)
    assert not [name for name in found if name.endswith(choice.naive)]


def test_the_gain_is_the_rmse_over_that_of_the_best_naive_rule(result, held, found, p):
    _, choice, _ = result
    if choice.name == choice.naive:
        expected = 0.0
    else:
        expected = found["holdout_spend_rmse"] / found["holdout_spend_rmse_naive"] - 1
    assert found["holdout_spend_gain"] == pytest.approx(expected)
    assert found["holdout_spend_gain_low"] <= found["holdout_spend_gain"] <= found["holdout_spend_gain_high"]
    other = replace(choice, name="bgnbd")
    gain = held.gain("orders", other, p.value, np.random.default_rng(0))
    rmse = held.compared["orders_rmse"]
    assert gain["gain"] == pytest.approx(rmse["bgnbd"] / rmse[other.naive] - 1)


def test_runs_have_one_row_a_candidate_and_the_names_of_the_stage_metrics(result, held, found):
    _, choice, _ = result
    table = runs(choice, held)
    assert table.index.is_unique and set(table.index) == set(held.spend)
    shared = [name for name in table if name in found]
    assert set(table) == set(shared)
    np.testing.assert_allclose(table.loc[choice.name, shared].to_numpy(float), [found[name] for name in shared])


def test_who_came_back_is_counted_among_buyers_by_risk():
    value = pd.DataFrame(
        {
            "member_id": list("abcd"), "rfm_segment": ["new", "loyal", "loyal", "not bought yet"],
            "value_group": ["may be gone", "high value, may be gone", "others", "others"],
            "p_horizon": [0.2, 0.4, 0.9, 0.0],
        }
    )  # fmt: skip
    again = pd.Series([True, False, True, False], list("abcd"))
    assert came_back(value, again) == {
        "may_be_gone_came_back": 0.5, "may_be_gone_p_horizon": pytest.approx(0.3), "others_came_back": 1.0,
    }  # fmt: skip
    assert sizes(value, again.index[1:]) == [
        {"high_value_may_be_gone": 1}, {"may_be_gone_came_back": 1}, {"may_be_gone_p_horizon": 1},
    ]  # fmt: skip


def test_the_lifetime_model_has_profile_intervals_around_its_parameters(result, known):
    fitted, choice, _ = result
    table = diagnostics.parameters(fitted.candidates[choice.lifetime], known.now, 0.9)
    assert {"p", "q", "gamma"} < set(table.index)
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_without_a_lifetime_model_nothing_is_shown_of_it(result, known):
    fitted, choice, _ = result
    none = replace(choice, lifetime=None)
    assert fitted.buying(none.lifetime) is None and fitted.doubts(none.lifetime) == ()
    assert diagnostics.parameters(fitted.candidates.get(none.lifetime), known.now, 0.9).empty
    assert none.contenders == list(dict.fromkeys([choice.name, choice.naive]))
    table = diagnostics.frequencies(None, known.now)
    assert table["expected"].isna().all() and table["actual"].sum() == (known.now["age_days"] > 0).sum()


@pytest.mark.parametrize("degenerate", [False, True])
def test_the_conclusion_shows_the_numbers(result, found, known, p, degenerate):
    fitted, choice, _ = result
    weighing = rfm.Weighing(pd.DataFrame())
    early, late = known.cutoffs[:2]
    promised = Interval(None, 90, late, late, early)
    if degenerate:
        choice = replace(choice, name=choice.naive, lifetime=None, refusals={"rfm": "too few members"})
        promised = Interval(None, 90)
        weighing = replace(weighing, refusal="too few members")
    text = words.render(
        "value", metrics=found | {"total_value": 1234500.0}, choice=choice, weighing=weighing, currency="USD",
        arrivals=Arrivals(100, 90, 5, 18.25), doubts=fitted.doubts(choice.lifetime), settings=p.value,
        promised=promised, held=31,
    )  # fmt: skip
    assert "12,345 USD" in text and "90 of 100" in text
    assert ("too few members" in text) == degenerate
    assert ("87.5%" in text) == (not degenerate)


def test_every_candidate_has_a_name(p):
    parts = words.environment("md", "en").get_template("value_parts.md.j2").module
    assert set(p.value.candidates) <= set(parts.named)
