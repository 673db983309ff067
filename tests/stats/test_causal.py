"""Doubly robust effects: known truths, either model wrong, errors by cluster, and data that cannot say anything."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from membership.base.errors import DataError
from membership.stats import causal

LOGISTIC, LINEAR = LogisticRegression(), LinearRegression()
EFFECT = 2.0


def confounded(rows, rng, clusters=None):
    """Return x, treated, outcome, clusters: who is treated and what they spend both rise with x."""
    x = rng.normal(size=(rows, 2))
    treated = rng.random(rows) < 1 / (1 + np.exp(-x[:, 0] - 0.5 * x[:, 1]))
    who = np.arange(rows) if clusters is None else rng.integers(clusters, size=rows)
    own = rng.normal(size=rows)[who]
    outcome = 10 + 3 * x[:, 0] + x[:, 1] + EFFECT * treated + own + rng.normal(size=rows)
    return x, treated, outcome, who


def estimate(data, rng, propensity=LOGISTIC, outcome=LINEAR, known=None):
    x, treated, spent, who = data
    fitted = causal.cross_fit(x, treated, spent, causal.folds(who, 5, rng), propensity, outcome, known)
    return causal.mean_effect(causal.scores(treated, spent, fitted), who)


def test_the_mean_effect_of_a_table_worked_by_hand():
    treated, outcome = np.array([True, False, True, False]), np.array([10.0, 4.0, 6.0, 2.0])
    nuisance = causal.Nuisance(np.array([0.5, 0.5, 0.25, 0.25]), np.full(4, 8.0), np.array([4.0, 4.0, 2.0, 2.0]))
    scores = causal.scores(treated, outcome, nuisance)
    assert scores.treated.tolist() == [8 + 2 * 2, 8, 8 - 4 * 2, 8]
    assert scores.control.tolist() == [4, 4, 2, 2]
    found = causal.mean_effect(scores, np.array(["a", "b", "c", "d"]))
    assert (found.rows, found.clusters, found.effect, found.baseline) == (4, 4, (8 + 4 - 2 + 6) / 4, 3)
    assert found.uplift == pytest.approx(4 / 3)


def test_without_outcome_models_the_scores_are_inverse_propensity_weighting():
    treated, outcome, zero = np.array([True, False]), np.array([3.0, 5.0]), np.zeros(2)
    scores = causal.scores(treated, outcome, causal.Nuisance(np.array([0.2, 0.6]), zero, zero))
    np.testing.assert_allclose([scores.treated, scores.control], [[15, 0], [0, 12.5]])


def test_confounding_by_what_is_known_is_taken_out():
    rng = np.random.default_rng(1)
    data = confounded(4000, rng)
    _, treated, outcome, _ = data
    assert outcome[treated].mean() - outcome[~treated].mean() > EFFECT + 1.5
    found = estimate(data, rng)
    assert abs(found.effect - EFFECT) < 3 * found.error < 0.3


@pytest.mark.parametrize(
    ("propensity", "outcome"), [(LOGISTIC, DummyRegressor()), (DummyClassifier(strategy="prior"), LINEAR)]
)
def test_one_model_may_be_wrong(propensity, outcome):
    rng = np.random.default_rng(2)
    found = estimate(confounded(6000, rng), rng, propensity, outcome)
    assert abs(found.effect - EFFECT) < 3 * found.error


def test_with_both_models_wrong_the_effect_is_biased():
    rng = np.random.default_rng(3)
    found = estimate(confounded(6000, rng), rng, DummyClassifier(strategy="prior"), DummyRegressor())
    assert found.effect - EFFECT > 10 * found.error


def test_known_propensities_need_no_model():
    rng = np.random.default_rng(4)
    x, treated, outcome, who = confounded(4000, rng)
    known = 1 / (1 + np.exp(-x[:, 0] - 0.5 * x[:, 1]))
    fitted = causal.cross_fit(x, treated, outcome, causal.folds(who, 5, rng), None, DummyRegressor(), known)
    np.testing.assert_array_equal(fitted.propensity, known)
    found = causal.mean_effect(causal.scores(treated, outcome, fitted), who)
    assert abs(found.effect - EFFECT) < 3 * found.error


def test_intervals_hold_the_truth_as_often_as_they_promise_with_rows_that_hang_together():
    rng, held, draws = np.random.default_rng(5), 0, 120
    for _ in range(draws):
        found = estimate(confounded(400, rng, clusters=80), rng)
        held += abs(found.effect - EFFECT) < 1.96 * found.error
    assert 0.88 < held / draws < 0.99


def test_the_clustered_error_is_that_of_the_sums_by_cluster():
    rng = np.random.default_rng(6)
    values, who = rng.normal(size=50), rng.integers(8, size=50)
    sums = [(values[who == one] - values.mean()).sum() for one in range(8)]
    assert causal.clustered_error(values, who) == pytest.approx(np.sqrt(8 / 7 * np.square(sums).sum()) / 50)


def test_rows_of_their_own_have_the_usual_standard_error():
    values = np.random.default_rng(7).normal(size=30)
    assert causal.clustered_error(values, np.arange(30)) == pytest.approx(values.std(ddof=1) / np.sqrt(30))


def test_repeating_every_row_does_not_make_the_estimate_surer():
    values = np.random.default_rng(8).normal(size=30)
    once = causal.clustered_error(values, np.arange(30))
    assert causal.clustered_error(np.repeat(values, 5), np.repeat(np.arange(30), 5)) == pytest.approx(once)


def test_the_error_of_an_uplift_agrees_with_the_bootstrap():
    rng = np.random.default_rng(9)
    scores = causal.Scores(rng.normal(12, 4, 400), rng.normal(10, 4, 400))
    found = causal.mean_effect(scores, np.arange(400))
    drawn = rng.integers(400, size=(2000, 400))
    uplifts = scores.treated[drawn].mean(axis=1) / scores.control[drawn].mean(axis=1) - 1
    assert found.uplift_error == pytest.approx(uplifts.std(), rel=0.08)


def test_clusters_stay_in_one_fold_and_folds_are_of_one_size():
    who = np.repeat(np.arange(23), 3)
    fold = causal.folds(who, 5, np.random.default_rng(0))
    assert all(len(set(fold[who == one])) == 1 for one in range(23))
    assert sorted(np.bincount(fold)) == [12, 12, 15, 15, 15]
    np.testing.assert_array_equal(fold, causal.folds(who, 5, np.random.default_rng(0)))


@pytest.mark.parametrize("everybody", [True, False])
def test_an_effect_needs_treated_and_untreated(everybody):
    x, rng = np.zeros((20, 1)), np.random.default_rng(0)
    with pytest.raises(DataError, match="both treated and untreated are needed"):
        causal.cross_fit(x, np.full(20, everybody), x[:, 0], causal.folds(np.arange(20), 2, rng), LOGISTIC, LINEAR)


def test_what_happened_cannot_have_had_probability_0():
    nuisance = causal.Nuisance(np.array([0.5, 0.0]), np.zeros(2), np.zeros(2))
    with pytest.raises(DataError, match="row 1 has propensity 0 and is treated"):
        causal.scores(np.array([True, True]), np.zeros(2), nuisance)
    assert causal.scores(np.array([True, False]), np.zeros(2), nuisance).control[1] == 0


def test_no_rows_one_cluster_and_no_baseline_leave_nothing_to_say():
    scores, who = causal.Scores(np.array([1.0, 2.0]), np.array([0.0, 0.0])), np.array(["a", "a"])
    nothing = causal.mean_effect(scores, who, np.array([False, False]))
    assert nothing.rows == nothing.clusters == 0
    assert np.isnan(nothing.effect)
    alone = causal.mean_effect(scores, who)
    assert alone.effect == 1.5
    assert np.isnan([alone.error, alone.uplift]).all()
