import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.report.figures import evaluate as plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_forest_plots_name_every_row_and_the_interval(world):
    found = world.run()
    ax = plots.effects(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == found.headline["metric"].tolist()
    assert "95% interval" in ax.get_xlabel()


def test_a_distribution_draws_on_the_axes_it_is_given(world):
    found = world.run()
    ax = plt.subplots()[1]
    assert plots.differences(found, ax) is ax
    assert ax.get_xlabel()


def test_money_does_not_share_an_axis_with_shares(world):
    world.outcomes["margin_at_10"] = 250.0
    labels = [label.get_text() for label in plots.effects(world.run()).get_yticklabels()]
    assert "margin_at_10" not in labels
    assert "recall_at_10" in labels


def test_money_is_drawn_in_units_and_without_the_total():
    programme = pd.DataFrame({"tier": ["Member", "all"], "gain": [300.0, 300.0], "cost": [100.0, 100.0]})
    ax = plots.money(programme, "EUR", 90)
    assert ax.get_ylabel() == "EUR over 90 days"
    assert sorted(bar.get_height() for bar in ax.patches if bar.get_height()) == [1.0, 3.0]


def test_next_actions_are_counted_by_tier_in_order(tiers):
    todo = tiers[["member_id", "tier"]].assign(next_action="Thank")
    ax = plots.next_actions(todo, tiers)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Member", "Gold"]
    assert [text.get_text() for text in ax.texts] == ["20", "20"]
