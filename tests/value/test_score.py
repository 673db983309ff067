import json

import numpy as np
import pandas as pd
import pytest

from membership.base import params, tables
from membership.base.errors import DataError
from membership.value import plots, score
from membership.value.validate import ErrorBand

DAYS = 30


@pytest.fixture(scope="module")
def p():
    return params.load("value")


@pytest.fixture(scope="module")
def snapshots(market):
    """Features 30 days apart: the market's, with a prospect, and the same with `DAYS` of purchases less."""
    rng = np.random.default_rng(0)
    now = market.features.head(600).copy()
    orders = rng.poisson(90 * now["frequency"] / now["age_days"])
    mean = now["repeat_spend_mean"].fillna(2000).round().astype(int)
    now = now.assign(orders_90d=orders, spend_90d=orders * mean, spend=now["purchase_days"] * mean)
    nothing = dict.fromkeys(now.columns, 0) | {"days_since_last": np.nan, "repeat_spend_mean": np.nan}
    now = pd.concat([now, pd.DataFrame(nothing, index=["prospect"])]).rename_axis("member_id")
    recent = rng.poisson(now["orders_90d"] / 3) * now["repeat_spend_mean"].fillna(0)
    return now.assign(spend=now["spend"] - recent.round().astype(int)), now


@pytest.fixture(scope="module")
def models(snapshots, p):
    return score.fit(*snapshots, DAYS, p.value)


@pytest.fixture(scope="module")
def value(snapshots, models, p):
    before, now = snapshots
    spent = now["spend"] - before["spend"]
    band = ErrorBand.fit(spent, models.predict_spend(before, DAYS)["bgnbd"], DAYS, p.value.confidence)
    return score.table(models, "bgnbd", band, now, p.value, p.economics)


def test_value_is_defined_for_every_member_and_fits_its_schema(value, snapshots):
    checked = tables.check("value", value)
    assert checked["member_id"].tolist() == sorted(snapshots[1].index)
    assert checked.notna().all(axis=None)
    assert (checked["value_low"] <= checked["value"]).all()
    assert (checked["value"] <= checked["value_high"]).all()


def test_who_never_bought_is_expected_to_bring_nothing(value):
    prospect = value.set_index("member_id").loc["prospect"]
    zero = ["rfm_value", "p_alive", "expected_orders", "expected_spend", "value", "value_low", "p_repurchase"]
    assert (prospect[zero] == 0).all()
    assert prospect["value_high"] > 0


def test_value_is_the_discounted_margin_on_the_chosen_spend(value, models, snapshots, p):
    spend = models.predict_spend(snapshots[1], p.value.horizon_days)["bgnbd"].to_numpy()
    factor = score.discount_factor(p.value.horizon_days, p.economics.discount_rate)
    np.testing.assert_allclose(value["value"], p.economics.margin_rate * factor * spend)


def test_discount_factor_is_the_mean_present_value_of_an_even_stream():
    days = np.arange(100_000) / 100_000 * 365
    assert score.discount_factor(365, 0.1) == pytest.approx((1.1 ** (-days / 365)).mean(), rel=1e-5)
    assert score.discount_factor(90, 0.0) == 1


def test_naive_predictions_are_what_their_names_say(models, snapshots):
    before, now = snapshots
    spend = models.predict_spend(now, DAYS)
    assert (spend["zero"] == 0).all()
    assert spend["mean"].unique() == pytest.approx([(now["spend"] - before["spend"]).mean()])
    first = now.iloc[0]
    assert spend["same_rate"].iloc[0] == pytest.approx(first["spend"] / first["age_days"] * DAYS)
    assert spend["recent_rate"].iloc[0] == pytest.approx(first["spend_90d"] / 3)
    orders = models.predict_orders(now, DAYS)
    assert orders["same_rate"].iloc[0] == pytest.approx(first["purchase_days"] / first["age_days"] * DAYS)


def test_one_member_is_an_error_in_words(snapshots, p):
    before, now = (frame.head(1) for frame in snapshots)
    with pytest.raises(DataError, match=r"RFM: 1 of 1 members had bought before the cut-off.*more members"):
        score.fit(before, now, DAYS, p.value)


def test_summary_and_concentration_are_those_computed_by_hand(p):
    settings = p.value.model_copy(update={"high_value_share": 0.5, "at_risk_p_alive": 0.5})
    value = pd.DataFrame({"member_id": list("abcd"), "value": [10.0, 60, 30, 0], "p_alive": [1, 0.4, 0.9, 0]})
    assert score.summary(value, settings) == {
        "members": 4,
        "total_value": 100,
        "high_value_share_of_value": 0.9,
        "high_value_at_risk": 1,
    }
    curve = score.concentration(value)
    assert curve["share_of_members"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve["share_of_value"].tolist() == pytest.approx([0, 0.6, 0.9, 1, 1])


def test_segments_share_out_all_value(value):
    table = score.by_segment(value)
    assert table["members"].sum() == len(value)
    assert table["share_of_value"].sum() == pytest.approx(1)
    assert table["value"].is_monotonic_decreasing


def test_every_fitted_number_goes_to_json(models):
    again = json.loads(json.dumps(models.parameters()))
    assert again["bgnbd"]["alpha_days"] == models.orders.alpha_days
    assert again["rfm"]["weights"] == models.rfm.weights.tolist()


def test_conclusion_says_when_the_gain_may_be_chance(models, p):
    metrics = {
        "members": 601, "total_value": 1234500.0, "high_value_share_of_value": 0.5, "high_value_at_risk": 7,
        "holdout_gain": 0.02, "holdout_gain_low": -0.01, "holdout_gain_high": 0.05, "holdout_spend_bias": -0.04,
        "interval_coverage": 0.93, "brier_repurchase": 0.142, "brier_repurchase_naive": 0.208,
    }  # fmt: skip
    text = score.conclusion(metrics, "rfm", ("rfm", "recent_rate"), models, p.value)
    assert f"601 members are worth 12,345 in margin over the next {p.value.horizon_days} days" in text
    assert "cannot be told apart" in text
    assert "cannot be told apart" not in score.conclusion(
        metrics | {"holdout_gain_low": 0.01}, "rfm", ("rfm", "recent_rate"), models, p.value
    )


def test_figures_take_their_labels_from_the_parameters(value):
    ax = plots.alive_map(value, 45, 0.3)
    assert "45 days" in ax.get_ylabel()
    assert "0.3" in ax.get_legend().get_texts()[0].get_text()
    curve = plots.concentration(score.concentration(value), 0.1)
    assert curve.get_legend().get_texts()[2].get_text().startswith("best 10% hold")
