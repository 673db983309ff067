"""The parts of the off-policy benchmark, at a size for tests."""

import numpy as np
import pytest

from benchmarks import biased_logs, experiments_offpolicy
from membership.base import seeds


def test_every_figure_of_the_textbook_is_reached():
    goals = experiments_offpolicy.textbook(1)["goals"]
    assert len(goals) == 6
    assert all(goal["reached"] for goal in goals)


def test_tests_read_every_week_keep_their_promise_in_a_small_run():
    goals = {goal["goal"]: goal for goal in experiments_offpolicy.watched(1, experiments=100)["goals"]}
    assert goals["null: rejected at any look, always-valid"]["reached"]
    assert goals["null: rejected at any look, fixed test read every week"]["found"] > 0.1
    assert goals["effect: found by the last look, always-valid"]["found"] > 0.4


def test_on_biased_logs_propensities_find_the_truth_and_the_log_itself_does_not():
    truth, found = biased_logs.truth(1), {}
    for run in range(20):
        rng = seeds.rng(1, str(run))
        for name, terms in biased_logs.terms(biased_logs.draw(rng), rng).items():
            found.setdefault(name, []).append(terms.numerator.sum() / terms.denominator.sum())
    for name in ("IPS", "SNIPS", "DR"):
        assert abs(np.mean(found[name]) - truth) < 4 * np.std(found[name]) / np.sqrt(20)
    for name in ("DM, wrong model", "logged mean"):
        assert np.mean(found[name]) < truth - 0.01


def test_the_log_is_drawn_by_the_probabilities_that_it_states():
    drawn = biased_logs.draw(np.random.default_rng(1))
    assert drawn.log.rows == biased_logs.MEMBERS * biased_logs.ROWS_EACH == 23_000
    assert drawn.log.weight.mean() == pytest.approx(1, abs=0.03)
    assert (1 / drawn.log.propensity).mean() == pytest.approx(drawn.log.arms, abs=0.15)


def test_a_short_run_of_coverage_has_all_its_goals():
    found = experiments_offpolicy.coverage(1, runs=2)
    assert [goal["goal"] for goal in found["goals"]][:2] == ["IPS: coverage of t", "IPS: coverage of bootstrap"]
    assert len(found["goals"]) == 10 and len(found["table"]) == 7
