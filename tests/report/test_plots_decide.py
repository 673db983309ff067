"""The figure of the guardrails shows what the rule looks at."""

import pandas as pd

from membership.report.figures import decide as plots_decide

MOVED = pd.DataFrame(
    [("hit_at_10", 0.01, 0.5, -0.5, 9.0), ("margin_at_10", 5.0, -2.0, -3.0, -1.5)],
    columns=["metric", "margin", "difference", "low", "high"],
)


def test_each_guardrail_has_its_interval_in_margins_cut_off_at_the_edge():
    ax = plots_decide.guardrails(MOVED, 0.95)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "hit_at_10 (margin 0.01)",
        "margin_at_10 (margin 5)",
    ]
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[-0.5, ax.get_xlim()[1]], [-3.0, -1.5]]


def test_without_guardrails_there_is_an_empty_figure():
    assert plots_decide.guardrails(MOVED.iloc[:0], 0.95).get_yticklabels() == []
