import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from membership.report.called import called
from membership.report.figures import evaluate as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_forest_names_every_row_and_the_interval(world):
    found = world.run()
    ax = figures.effects(found.effects, found.confidence)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        called(name) for name in ("recall_at_10", "hit_at_10", "explore_recall_at_10", "catalogue_coverage")
    ]
    assert "95% interval" in ax.get_xlabel()


def test_a_distribution_draws_on_the_axes_it_is_given(world):
    ax = plt.subplots()[1]
    assert figures.differences(world.run().changes, ax) is ax
    assert ax.get_xlabel()


def test_money_does_not_share_an_axis_with_shares(world):
    world.outcomes["margin_at_10"] = 0.5  # a small amount of money is no share either
    found = world.run()
    labels = [label.get_text() for label in figures.effects(found.effects, 0.95).get_yticklabels()]
    assert called("margin_at_10") not in labels
    assert called("recall_at_10") in labels
