"""What is said and drawn of the search and the training."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.recommend import behaviour, policy, train, tune
from membership.recommend.model import Settings
from membership.report.figures import recommend as plots
from membership.report.old_words import recommend as summary

SETTINGS = Settings(learning_rate=0.01, weight_decay=0.001, dropout=0.1, hidden=16)
COMPARED = pd.DataFrame({"policy": ["model", "tifuknn", "g_topfreq"], "recall": [0.25, 0.2, 0.1]})
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


@pytest.fixture(scope="module")
def task(events, items, p):
    return tune.task(events, items, p)


def test_metrics_of_the_search_are_named_by_k_and_peer(task):
    found = summary.search_metrics(HISTORY, COMPARED, task)
    assert found == {
        "validation_recall_at_5": 0.25,
        "validation_recall_at_5_g_topfreq": 0.1,
        "validation_recall_at_5_tifuknn": 0.2,
        "validation_members": len(task.targets.members),
        "trials_complete": 2,
        "trials_pruned": 1,
    }


def test_the_search_says_so_when_the_model_does_not_win(task):
    assert "above the best baseline, `tifuknn`, with 20.0%" in summary.search_in_words(COMPARED, SETTINGS, task)
    worse = COMPARED.assign(recall=[0.15, 0.2, 0.1])
    assert "not above the best baseline, `tifuknn`" in summary.search_in_words(worse, SETTINGS, task)


def test_the_training_tells_what_it_learned_from(events, items, task, p):
    data = train.samples(events, items, p.windows.as_of, p.recommend, p.train, p.seed)
    fitted = train.fit(data, SETTINGS, p.train, p.seed, p.device)
    tradeoff = behaviour.frontier(task.now, fitted.model.probability(task.now.inputs), task.targets, 5)
    served = policy.serve(fitted.model, events, items, p.windows.as_of, p)
    reliable = behaviour.reliability(served, task.targets)
    found = summary.training_metrics(fitted, data, tradeoff, reliable, 0.0)
    assert found["validation_recall"] == tradeoff["recall"].iloc[0]
    assert {"validation_coverage", "validation_explore_hit_share", "validation_calibration_error"} < set(found)
    assert found["parameters"] == 16 * len(data.names) + 16 + 16 * 8 + 8 + 8 + 1
    assert found["training_loss"] == fitted.losses["loss"].iloc[-1]
    words = summary.training_in_words(fitted, data, served, 5)
    assert f"learned from {len(data.bought):,} rows, {data.bought.sum():,} of them bought" in words
    assert "lists 5.0 items each" in words


def test_labels_come_from_the_parameters(ax):
    assert "recall@7" in plots.search(HISTORY, 7, ax).get_ylabel()
    assert ax.get_title() == "The search: 3 trials, 1 stopped early"
    assert "Recall@7" in plots.peers(COMPARED, 7, ax).get_xlabel()


def test_too_few_trials_to_say_what_matters_is_said(ax):
    assert "too few to say" in plots.importances(pd.Series(dtype=float), ax).texts[0].get_text()


def test_losses_and_lists_are_drawn_with_units(ax):
    assert "nats" in plots.losses(pd.DataFrame({"epoch": [1, 2], "loss": [0.2, 0.1]}), ax).get_ylabel()
    listed = pd.DataFrame(
        {"member_id": "m", "rank": [1, 2], "item_id": ["a", "b"], "name": ["MILK", None], "score": [0.5, 0.1],
         "source": ["repeat", "explore"], "reason": ["bought once, 2 days ago", "sells well"]}
    )  # fmt: skip
    drawn = plots.recommended(listed, plt.figure().gca())
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["1. Milk", "2. B"]
    assert {"bought once, 2 days ago", "sells well"} <= {text.get_text() for text in drawn.texts}


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
