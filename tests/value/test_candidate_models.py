import numpy as np
import pandas as pd
import pytest
import small_panel

from membership.base.errors import DataError
from membership.settings import params
from membership.value import candidate_models
from membership.value.panel import Panel

MEMBERS = 150


@pytest.fixture(scope="module")
def settings():
    return params.parse(params.read()).value


@pytest.fixture(scope="module")
def known():
    return small_panel.build(small_panel.purchases(MEMBERS), MEMBERS)


def snapshot(**columns) -> pd.DataFrame:
    """Two members by hand: one who bought 6 times in 4 orders within 60 days, and one who never did."""
    frame = {
        "purchase_days": [6, 0], "orders": [12, 0], "orders_90d": [4, 0], "age_days": [60.0, 0.0],
        "spend": [900, 0], "spend_90d": [450, 0],
    } | columns  # fmt: skip
    return pd.DataFrame(frame, index=["a", "never"])


def test_naive_rules_are_what_their_names_say(known):
    rows = snapshot()
    same, recent = candidate_models.naive("same_rate", known), candidate_models.naive("recent_rate", known)
    assert same.orders(rows, 30).tolist() == [3, 0]
    assert same.spend(rows, 30).tolist() == [450, 0]
    assert recent.spend(rows, 30).tolist() == [150, 0]
    assert (candidate_models.naive("zero", known).spend(rows, 30) == 0).all()


def test_recent_orders_are_turned_into_purchase_days():
    recent = candidate_models.naive("recent_rate", None)
    assert recent.orders(snapshot(), 45).tolist() == [4 / 90 * 6 / 12 * 45, 0]


def test_who_is_younger_than_the_horizon_counts_as_one_horizon_old():
    same = candidate_models.naive("same_rate", None)
    assert same.orders(snapshot(), 120).tolist() == [6, 0]


def test_more_returned_than_bought_is_not_expected_to_go_on(known):
    rows = snapshot(spend=[-100, 0], spend_90d=[-5, 0])
    for name in ("same_rate", "recent_rate"):
        assert candidate_models.naive(name, known).spend(rows, 30).tolist() == [0, 0]


def test_mean_repeats_the_last_window_before_the_cutoff(known):
    did = known.did(known.cutoffs[-2]).mean()
    mean = candidate_models.naive("mean", known)
    np.testing.assert_allclose(mean.spend(known.now, small_panel.STEP), did["spend"])
    np.testing.assert_allclose(mean.orders(known.now, 2 * small_panel.STEP), 2 * did["orders"])


@pytest.mark.parametrize("name", ["rfm", *candidate_models.LIFETIME])
def test_every_model_predicts_both_for_any_horizon_and_nothing_for_who_never_bought(name, known, settings):
    fitted = (
        candidate_models.linear(known, settings) if name == "rfm" else candidate_models.lifetime(name, known, settings)
    )
    never = (known.now["age_days"] == 0).to_numpy()
    for predict in (fitted.orders, fitted.spend):
        week, quarter = predict(known.now, 7), predict(known.now, 90)
        assert never.any() and (quarter[never] == 0).all()
        assert (week >= 0).all() and (week <= quarter).all() and quarter.sum() > 5 * week.sum()
    assert fitted.parameters["value"].notna().all()


def test_a_lifetime_model_is_fitted_once_a_cutoff_and_settings(known, settings):
    first = candidate_models.lifetime("bgnbd", known, settings)
    assert candidate_models.lifetime("bgnbd", known.until(known.cutoffs[-1]), settings).buying is first.buying
    other = settings.model_copy(update={"penalizer": 0.01})
    assert candidate_models.lifetime("bgnbd", known, other).buying is not first.buying


def test_every_purchase_tells_members_without_a_repeat_apart(known, settings):
    rows = known.now[known.now["frequency"] == 0].query("age_days > 0")
    plain, rich = (candidate_models.lifetime(name, known, settings).spending for name in ("bgnbd", "bgnbd_covariates"))
    assert np.ptp(plain.expected_spend(rows)) == 0
    order = np.argsort(rows["first_spend"].to_numpy())
    assert (np.diff(rich.expected_spend(rows)[order]) >= 0).all()
    assert np.ptp(rich.expected_spend(rows)) > 0


def test_a_panel_needs_cutoffs_that_are_equally_far_apart(known):
    rows = pd.concat(list(known.snapshots.values())).reset_index()
    with pytest.raises(DataError, match=r"lie \[30, 60\] days apart; allowed: two cut-offs or more"):
        Panel.of(rows[rows["as_of"] != pd.Timestamp(known.cutoffs[2])])
    with pytest.raises(DataError, match="allowed: two cut-offs or more"):
        Panel.of(rows[rows["as_of"] == pd.Timestamp(known.cutoffs[2])])


def test_what_members_did_is_the_difference_of_two_snapshots(known):
    cutoff, following = known.cutoffs[2:4]
    did = known.did(cutoff)
    before, after = known.snapshots[cutoff], known.snapshots[following]
    pd.testing.assert_series_equal(did["spend"], after["spend"] - before["spend"])
    assert did["orders"].sum() == after["purchase_days"].sum() - before["purchase_days"].sum() > 0
