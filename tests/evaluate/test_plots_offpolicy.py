"""Figures of off-policy values and uplift: what they name, and that they draw where they are told."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from membership.evaluate import plots_offpolicy as plots
from membership.stats import bandit_log, causal, net_value, offpolicy, offpolicy_checks, sequential, uplift_curves

RNG = np.random.default_rng(1)
TREATED = np.arange(200) % 2
OUTCOME = RNG.normal(TREATED, 1.0)
LOG = bandit_log.read(TREATED, OUTCOME, np.full(200, 0.5), np.array([0.2, 0.8]))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_values_name_their_estimators_and_one_without_interval_has_a_point_only():
    found = [offpolicy.estimate(terms, 0.95, 50, RNG) for terms in (offpolicy.ips(LOG), offpolicy.snips(LOG))]
    table = offpolicy_checks.table(found)
    table.loc[1, "bootstrap_high"] = np.inf
    ax = plots.values(table, 0.95, "cents")
    assert labels(ax) == ["IPS", "SNIPS"]
    assert len(ax.collections[0].get_segments()) == 1
    assert ax.get_xlabel() == "cents a row, 95% bootstrap interval"


def test_limits_of_weights_are_drawn_in_order_with_none_at_the_end():
    table = offpolicy_checks.clipping(LOG, [offpolicy.ips], [np.inf, 1.0, 0.5], 0.95, 50, RNG)
    ax = plots.clipping(table, "cents")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5", "1", "none"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), table["value"][::-1])


@pytest.mark.parametrize(
    ("draw", "data"),
    [
        (plots.weights, lambda: (LOG.weight,)),
        (plots.qini, lambda: (uplift_curves.curve(RNG.normal(size=200), TREATED, OUTCOME), "cents")),
        (
            plots.net_value,
            lambda: (net_value.sweep(causal.Scores(OUTCOME, OUTCOME), OUTCOME, 0.3, [0, 1], TREATED, 0.95), "EUR"),
        ),
        (plots.watched, lambda: (sequential.watch(OUTCOME, TREATED, np.arange(200) // 20, 0.3, 0.95), 0.95)),
    ],
    ids=["weights", "qini", "net value", "watched"],
)
def test_figures_draw_on_the_axes_they_are_given_and_name_both(draw, data):
    ax = plt.subplots()[1]
    assert draw(*data(), ax=ax) is ax
    assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title()
    assert ax.lines


def test_looks_that_say_nothing_are_left_out():
    looks = sequential.watch(OUTCOME, TREATED, np.arange(200) // 20, 0.3, 0.95, minimum=50)
    assert len(plots.watched(looks, 0.95).lines[0].get_xdata()) == np.isfinite(looks["high"]).sum() == 6
