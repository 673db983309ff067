"""Figures of the search and the training."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.report.figures import recommend as plots

COMPARED = pd.DataFrame({"recall_at_7": [0.25, 0.2, 0.1]}, index=["model", "tifuknn", "g_topfreq"])
HISTORY = pd.DataFrame(
    {
        "trial": [0, 1, 2],
        "state": ["complete", "pruned", "complete"],
        "recall": [0.2, None, 0.25],
        "best": [0.2, 0.2, 0.25],
    }
)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_labels_come_from_the_parameters(ax):
    assert "recall@7" in plots.search(HISTORY, 7, ax).get_ylabel()
    assert ax.get_title() == "The search: 3 trials, 1 stopped early"
    assert "Recall@7" in plots.peers(COMPARED, 7, ax).get_xlabel()


def test_too_few_trials_draw_nothing():
    assert plots.importances(pd.Series(dtype=float)) is None and not plt.get_fignums()


def test_losses_and_lists_are_drawn_with_units(ax):
    assert "nats" in plots.losses(pd.DataFrame({"epoch": [1, 2], "loss": [0.2, 0.1]}), ax).get_ylabel()
    listed = pd.DataFrame(
        {"member_id": "m", "rank": [1, 2], "item_id": ["a", "b"], "name": ["MILK", None], "score": [0.5, 0.1],
         "source": ["repeat", "explore"], "reason": ["bought once, 2 days ago", "sells well"]}
    )  # fmt: skip
    drawn = plots.recommended(listed, plt.figure().gca())
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["1. Milk", "2. B"]
    assert {"bought once, 2 days ago", "sells well"} <= {text.get_text() for text in drawn.texts}
    assert not plots.recommended(listed.head(0), plt.figure().gca()).patches  # of who holds every product


def test_reliability_and_the_frontier_are_drawn_with_what_is_in_use(ax):
    reliable = pd.DataFrame(
        {"source": ["all", "repeat", "explore"], "predicted": [0.1, 0.2, 0.01], "observed": [0.1, 0.3, 0.02],
         "low": [0.05, 0.2, 0.01], "high": [0.2, 0.4, 0.03], "pairs": [30, 10, 20]}
    )  # fmt: skip
    drawn = plots.reliability(reliable, ax)
    assert {text.get_text() for text in drawn.get_legend().get_texts()} == {"as predicted", "repeat", "explore"}
    tradeoff = pd.DataFrame(
        {"explore": [0.0, 1.0], "recall": [0.2, 0.1], "explore_recall": [0.0, 0.05], "explore_share": [0.0, 0.5]}
    )
    drawn = plots.frontier(tradeoff, 1.0, 7, plt.figure().gca())
    assert "Recall@7" in drawn.get_ylabel()
    assert [text.get_text() for text in drawn.texts] == ["0", "1"]
    assert drawn.collections[0].get_offsets().tolist() == [[0.5, 0.1]]


def test_each_knob_is_drawn_against_recall_with_its_values_and_what_is_in_use():
    rows = [("novelty", 0.0, True, 0.3, 0.2), ("novelty", 1.0, False, 0.5, 0.1), ("popularity", 0.0, True, 0.1, 0.2)]
    turned = pd.DataFrame(rows, columns=["knob", "value", "in_use", "metric", "recall"])
    turned = turned.assign(recall_gain=turned["recall"] - 0.2, recall_low=-0.1, recall_high=0.0)
    novelty, popularity, *others = plots.knobs(turned, 7)
    assert [text.get_text() for text in novelty.texts] == ["0", "1"] and "Recall@7" in novelty.get_ylabel()
    assert novelty.collections[-1].get_offsets().tolist() == [[0.3, 0.2]]
    assert novelty.get_xlabel() == "Novelty" and "bias" in popularity.get_xlabel()
    assert not any(ax.axison for ax in others)
    plt.close(novelty.figure)
