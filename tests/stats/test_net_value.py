"""Margin times spend less cost: by hand, at the ends of the sweep, and against the truth."""

import numpy as np
import pytest

from membership.base.errors import DataError
from membership.stats import causal, net_value

SCORES = causal.Scores(treated=np.array([10.0, 6.0, 4.0]), control=np.array([4.0, 5.0, 4.0]))
PREDICTED = np.array([5.0, 2.0, 0.0])


def sweep(costs, scores=SCORES, predicted=PREDICTED, clusters=None):
    clusters = np.arange(len(predicted)) if clusters is None else clusters
    return net_value.sweep(scores, predicted, 0.5, costs, clusters, 0.95)


def test_three_members_worked_by_hand():
    found = sweep([0.8]).iloc[0]
    assert found["treated"] == pytest.approx(2 / 3)  # margin times predicted is 2.5, 1 and 0
    assert found["policy"] == pytest.approx((0.5 * 10 - 0.8 + 0.5 * 6 - 0.8 + 0.5 * 4) / 3)
    assert found["everybody"] == pytest.approx((0.5 * 20 - 2.4) / 3)
    assert found["nobody"] == pytest.approx(0.5 * 13 / 3)
    gain = np.array([0.0, 0.0, 0.8])  # against everybody, who are worth more than nobody
    assert (found["gain"], found["error"]) == pytest.approx((gain.mean(), gain.std(ddof=1) / np.sqrt(3)))


def test_a_free_benefit_goes_to_all_whom_it_moves_and_a_dear_one_to_nobody():
    found = sweep([0.0, 100.0])
    assert found["treated"].tolist() == pytest.approx([2 / 3, 0])
    assert found["policy"][1] == found["nobody"][1]
    assert (found["gain"][1], found["error"][1], found["low"][1]) == (0, 0, 0)


def test_fewer_are_treated_the_more_it_costs():
    rng = np.random.default_rng(1)
    found = sweep(np.linspace(0, 2, 9), causal.Scores(rng.normal(size=50), rng.normal(size=50)), rng.normal(size=50))
    assert found["treated"].is_monotonic_decreasing
    assert found["nobody"].nunique() == 1


def test_choosing_by_the_true_effect_is_worth_what_it_is_worth():
    rng, rows, cost = np.random.default_rng(2), 40000, 0.25
    effect, treated = rng.normal(size=rows), rng.random(rows) < 0.5
    outcome = 5 + effect * treated + rng.normal(size=rows)
    scores = causal.scores(treated, outcome, causal.Nuisance(np.full(rows, 0.5), 5 + effect, np.full(rows, 5.0)))
    found = sweep([cost], scores, effect).iloc[0]
    truth = np.maximum(0.5 * effect - cost, 0).mean()
    assert found["low"] < truth < found["high"]
    assert found["high"] - found["low"] < 0.05


def test_members_with_several_rows_are_one():
    many = causal.Scores(np.repeat(SCORES.treated, 20), np.repeat(SCORES.control, 20))
    once, rows = sweep([0.8]).iloc[0], sweep([0.8], many, np.repeat(PREDICTED, 20), np.repeat(np.arange(3), 20)).iloc[0]
    assert (rows["gain"], rows["error"], rows["low"]) == pytest.approx((once["gain"], once["error"], once["low"]))


@pytest.mark.parametrize("predicted", [PREDICTED[:2], np.array([1.0, np.nan, 0.0])])
def test_predictions_that_do_not_fit_are_refused(predicted):
    with pytest.raises(DataError, match="one each a row, none missing"):
        sweep([1.0], predicted=predicted)
