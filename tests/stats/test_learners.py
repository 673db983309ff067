"""T-, X- and DR-learner: one contract, known truths, what each is for, and data that say nothing."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from membership.base.errors import DataError
from membership.stats import causal, learners, uplift_curves

LINEAR = learners.Models(LinearRegression(), LinearRegression(), LogisticRegression())
every = pytest.mark.parametrize("name", learners.LEARNERS)


def market(rows=4000, share=0.5, noise=1.0, seed=1, confounded=False):
    """Return x, treated, outcome, effect: the effect is 1 + x0, the outcome without it rises with x1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    chance = 1 / (1 + np.exp(-x[:, 1])) if confounded else share
    treated, effect = rng.random(rows) < chance, 1 + x[:, 0]
    return x, treated, 3 * x[:, 1] + effect * treated + noise * rng.normal(size=rows), effect


def out_of_fold(name, data, models=LINEAR, seed=1):
    x, treated, outcome, _ = data
    rng = np.random.default_rng(seed)
    member = np.arange(len(x))
    fold = causal.folds(member, 3, rng)
    return learners.out_of_fold(learners.LEARNERS[name], x, treated, outcome, member, fold, models, rng)


@every
def test_an_effect_without_noise_is_found_exactly(name):
    data = market(400, noise=0.0)
    np.testing.assert_allclose(out_of_fold(name, data), data[3], atol=1e-8)


@every
@pytest.mark.parametrize("confounded", [False, True])
def test_known_effects_are_recovered_with_and_without_confounding(name, confounded):
    data = market(confounded=confounded)
    found = out_of_fold(name, data)
    assert np.sqrt(((found - data[3]) ** 2).mean()) < 0.15
    x, treated, outcome, _ = data
    propensity = 1 / (1 + np.exp(-x[:, 1])) if confounded else None
    ranked = uplift_curves.ranking(found, treated, outcome, 0.95, 100, np.random.default_rng(1), propensity)
    assert ranked.p_value < 0.05


def test_the_dr_learner_survives_outcome_models_that_know_nothing_where_the_t_learner_does_not():
    data = market(20000, confounded=True)
    ignorant = learners.Models(DummyRegressor(), LinearRegression(), LogisticRegression())
    wrong = {name: abs(out_of_fold(name, data, ignorant).mean() - 1) for name in ("T", "DR")}
    assert wrong["DR"] < 0.2 < 1.5 < wrong["T"]


def test_the_x_learner_is_an_average_of_two_effects_by_propensity():
    x, treated, outcome, _ = market(300, share=0.2)
    models = learners.Models(LinearRegression(), LinearRegression(), DummyClassifier(strategy="prior"))
    found = learners.x_learner(x, treated, outcome, np.arange(300), models, np.random.default_rng(1)).predict(x)
    with_it, without = (LinearRegression().fit(x[rows], outcome[rows]) for rows in (treated, ~treated))
    gained = LinearRegression().fit(x[treated], outcome[treated] - without.predict(x[treated])).predict(x)
    missed = LinearRegression().fit(x[~treated], with_it.predict(x[~treated]) - outcome[~treated]).predict(x)
    share = treated.mean()
    np.testing.assert_allclose(found, share * missed + (1 - share) * gained)


@every
def test_a_row_is_predicted_by_learners_that_did_not_see_its_fold(name):
    x, treated, outcome, _ = market(300)
    fold = np.arange(300) % 3
    changed = np.where(fold == 0, 1e6, outcome)
    before, after = (
        learners.out_of_fold(
            learners.LEARNERS[name], x, treated, o, np.arange(300), fold, LINEAR, np.random.default_rng(1)
        )
        for o in (outcome, changed)
    )
    np.testing.assert_array_equal(before[fold == 0], after[fold == 0])


@every
def test_same_seed_same_effects(name):
    np.testing.assert_array_equal(out_of_fold(name, market(200)), out_of_fold(name, market(200)))


@every
@pytest.mark.parametrize("everybody", [True, False])
def test_one_arm_alone_is_refused(name, everybody):
    x, _, outcome, _ = market(60)
    with pytest.raises(DataError, match=r"both treated and untreated are needed"):
        out_of_fold(name, (x, np.full(60, everybody), outcome, None))


def test_inside_the_dr_learner_a_members_rows_are_never_told_by_each_other(monkeypatch):
    x, treated, outcome, _ = market(300)
    member, folds = np.arange(300) // 3, []
    monkeypatch.setattr(causal, "folds", lambda *args, real=causal.folds: folds.append(real(*args)) or folds[-1])
    learners.dr_learner(x, treated, outcome, member, LINEAR, np.random.default_rng(1), folds=2)
    assert len(folds) == 1 and set(folds[0]) == {0, 1}
    assert (folds[0].reshape(100, 3) == folds[0].reshape(100, 3)[:, :1]).all()


def test_unequal_lengths_and_missing_outcomes_are_refused():
    x, treated, outcome, _ = market(60)
    with pytest.raises(DataError, match=r"60 rows, 60 arms, 60 outcomes \(1 missing\)"):
        out_of_fold("T", (x, treated, np.append(outcome[:-1], np.nan), None))
    with pytest.raises(DataError, match="59 arms"):
        out_of_fold("T", (x, treated[:-1], outcome, None))
