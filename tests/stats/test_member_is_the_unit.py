"""Why members and not rows are compared: what rows of one member do to a test under the null."""

import numpy as np
import scipy.stats

from membership.stats import causal

RUNS, MEMBERS, ROWS, ALPHA = 600, 60, 8, 0.05


def null_run(rng):
    """Return outcomes (rows,), member and arm of each row; no member's arm changes anything."""
    member = np.repeat(np.arange(MEMBERS), ROWS)
    outcome = rng.normal(size=MEMBERS)[member] + rng.normal(size=len(member))
    return outcome, member, (rng.permutation(MEMBERS) % 2)[member]


def test_rows_taken_as_independent_reject_a_true_null_far_too_often_and_members_do_not():
    rng = np.random.default_rng(1)
    rejected = {"rows": 0, "members": 0, "clustered": 0}
    for _ in range(RUNS):
        outcome, member, arm = null_run(rng)
        rejected["rows"] += scipy.stats.ttest_ind(outcome[arm == 0], outcome[arm == 1]).pvalue < ALPHA
        means, arms = np.bincount(member, outcome) / ROWS, arm[::ROWS]
        rejected["members"] += scipy.stats.ttest_ind(means[arms == 0], means[arms == 1]).pvalue < ALPHA
        contrast = np.where(arm == 1, 2, -2) * outcome
        error = causal.clustered_error(contrast, member)
        rejected["clustered"] += abs(contrast.mean()) > scipy.stats.t.ppf(1 - ALPHA / 2, MEMBERS - 1) * error
    low, high = scipy.stats.binom.interval(0.99, RUNS, ALPHA)
    assert rejected["rows"] > 0.3 * RUNS
    assert low <= rejected["members"] <= high
    assert low <= rejected["clustered"] <= high
