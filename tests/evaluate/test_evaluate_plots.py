import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.evaluate import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_forest_plots_name_every_row_and_the_interval(world):
    found = world.run()
    ax = plots.effects(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == found.headline["metric"].tolist()
    assert "95% interval" in ax.get_xlabel()
    labels = [label.get_text() for label in plots.tier_effects(found).get_yticklabels()]
    assert labels == ["Member (20 members)", "Gold (20 members)"]


def test_distributions_draw_on_the_axes_they_are_given(world):
    found = world.run()
    for draw in (plots.differences, plots.aa):
        ax = plt.subplots()[1]
        assert draw(found, ax) is ax
        assert ax.get_xlabel()
    assert "allowed" in ax.get_title()


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
