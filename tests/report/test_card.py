"""The model card is made from the run's numbers and names what a reader must know."""

import pytest

from membership.base import paths
from membership.recommend import behaviour, policy, train, tune
from membership.recommend.model import Settings
from membership.report.old_words import card

SETTINGS = Settings(learning_rate=0.0123, weight_decay=0.001, dropout=0.1, hidden=8)


@pytest.fixture(scope="module")
def parts(events, items, p):
    data = train.samples(events, items, p.windows.as_of, p.recommend, p.train, p.seed)
    fitted = train.fit(data, SETTINGS, p.train, p.seed, "cpu")
    task = tune.task(events, items, p)
    probability = fitted.model.probability(task.now.inputs)
    tradeoff = behaviour.frontier(task.now, probability, task.targets, task.k, p.recommend.explore)
    reliable = behaviour.reliability(policy.of_pairs(task.now.baskets, task.now.pairs, probability), task.targets)
    served = policy.serve(fitted.model, events, items, p.windows.as_of, p)
    return fitted, data, served, tradeoff, reliable, p


def test_the_card_says_what_for_whom_how_good_and_where_it_ends(parts):
    text = card.text(*parts)
    for heading in (
        "For whom",
        "Data",
        "How good",
        "probabilities come true",
        "Explore against",
        "Limits",
        "How to use",
    ):
        assert f"\n## {heading}" in text or heading in text
    assert "can show it" in text and "reports/metrics/evaluate.json" in text


def test_every_number_comes_from_the_run(parts):
    fitted, data, served, tradeoff, _, p = parts
    text = card.text(*parts)
    assert f"{fitted.model.parameter_count:,} weights" in text and f"{len(data.bought):,} pairs" in text
    assert "learning rate 0.0123" in text and f"seed {p.seed}" in text
    assert f"{len(served.baskets.members):,} members" in text and f"before {p.windows.as_of}" in text
    assert f"{tradeoff['recall'].iloc[0]:.1%} is among the {p.recommend.k} listed items" in text
    assert all(f"`{name}" in text or f", {name}" in text for name in data.names)
    assert text.count("(in use)") == 1


def test_the_same_run_gives_the_same_card_and_it_is_stored_in_reports(parts, workspace):
    assert card.text(*parts) == card.text(*parts)
    path = card.save(card.text(*parts))
    assert path == paths.reports("model_card.md")
    assert path.read_text() == card.text(*parts)
