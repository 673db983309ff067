"""Figures of off-policy values and uplift: what they name, and that they draw where they are told."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from membership.report.figures import offpolicy as plots
from membership.stats import bandit_log, offpolicy, offpolicy_checks, uplift_curves

RNG = np.random.default_rng(1)
TREATED = np.arange(200) % 2
OUTCOME = RNG.normal(TREATED, 1.0)
LOG = bandit_log.read(TREATED, OUTCOME, np.full(200, 0.5), np.array([0.2, 0.8]))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_limits_of_weights_are_drawn_in_order_with_none_at_the_end():
    table = offpolicy_checks.clipping(LOG, [offpolicy.ips], [np.inf, 1.0, 0.5], 0.95, 50, RNG)
    ax = plots.clipping(table, "cents")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5", "1", "none"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), table["value"][::-1])


def test_a_qini_curve_draws_on_the_axes_it_is_given_and_names_both():
    ax = plt.subplots()[1]
    assert plots.qini(uplift_curves.curve(RNG.normal(size=200), TREATED, OUTCOME), "cents", ax) is ax
    assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title()
    assert len(ax.lines) == 2
