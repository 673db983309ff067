"""The figures of the decision show what the rule looks at, and what follows for members."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.report.figures import decide as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


MOVED = pd.DataFrame(
    [("hit_at_10", 0.01, 0.5, -0.5, 9.0), ("margin_at_10", 5.0, -2.0, -3.0, -1.5)],
    columns=["metric", "margin", "difference", "low", "high"],
)


def test_each_guardrail_has_its_interval_in_margins_cut_off_at_the_edge():
    ax = figures.guardrails(MOVED, 0.95)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "hit_at_10 (margin 0.01)",
        "margin_at_10 (margin 5)",
    ]
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[-0.5, ax.get_xlim()[1]], [-3.0, -1.5]]


def test_without_guardrails_there_is_an_empty_figure():
    assert figures.guardrails(MOVED.iloc[:0], 0.95).get_yticklabels() == []


def test_money_is_drawn_in_units():
    programme = pd.DataFrame(
        {"tier": ["Member", "all"], "tier_rank": [0, 1], "gain": [300.0, 300.0], "cost": [100.0, 100.0]}
    )
    ax = figures.money(programme, "EUR", 90)
    assert ax.get_ylabel() == "EUR over 90 days"
    assert sorted(bar.get_height() for bar in ax.patches if bar.get_height()) == [1.0, 3.0]


def test_next_actions_are_counted_by_tier_in_order_stages_before_benefits(tiers):
    called = tiers[["member_id"]].assign(benefit="", step="Thank")
    given = called.iloc[-3:].assign(benefit="free_delivery", step="give free delivery")
    ax = figures.next_actions(pd.concat([given, called]), tiers)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Member", "Gold"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Thank", "give free delivery"]
    assert [text.get_text() for text in ax.texts] == ["20", "20", "0", "3"]
