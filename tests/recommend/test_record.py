"""The record of a training: what is counted and kept of it."""

import json

import pytest

from membership.base import files
from membership.recommend import behaviour, policy, record, train, tune
from membership.recommend.model import Settings

SETTINGS = Settings(learning_rate=0.01, weight_decay=0.001, dropout=0.1, hidden=16)


@pytest.fixture(scope="module")
def parts(events, items, p):
    data = train.samples(events, items, p.windows.as_of, p.recommend, p.train, p.seed)
    fitted = train.fit(data, SETTINGS, p.train, p.seed, "cpu")
    task = tune.task(events, items, p)
    probability = fitted.model.probability(task.now.inputs)
    tradeoff = behaviour.frontier(task.now, probability, task.targets, task.k, p.recommend.explore)
    reliable = behaviour.reliability(policy.of_pairs(task.now.baskets, task.now.pairs, probability), task.targets)
    return fitted, data, policy.serve(fitted.model, events, items, p.windows.as_of, p), tradeoff, reliable


def test_metrics_are_named_as_those_of_peers_and_trials(parts, p):
    fitted, data, _, tradeoff, reliable = parts
    found = record.metrics(fitted, data, tradeoff, reliable, p)
    assert found["recall_at_5"] == tradeoff.set_index("explore")["recall"][p.recommend.explore]
    assert {"catalogue_coverage", "explore_hit_share_at_5", "repeat_recall_at_5", "calibration_error"} < set(found)
    assert found["parameters"] == 16 * len(data.names) + 16 + 16 * 8 + 8 + 8 + 1
    assert found["training_loss"] == fitted.losses["loss"].iloc[-1]
    assert (found["training_rows"], found["training_rows_bought"]) == (len(data.bought), data.bought.sum())


def test_the_facts_are_those_of_the_run_and_survive_being_stored(parts, p, tmp_path):
    fitted, data, recommender, tradeoff, reliable = parts
    facts = record.facts(fitted, data, recommender, tradeoff, reliable, p)
    files.write_json(tmp_path / "training.json", facts)
    stored = json.loads((tmp_path / "training.json").read_text())
    assert stored["settings"] == vars(SETTINGS) and stored["rows_bought"] == data.bought.sum()
    assert stored["members"] == len(recommender.baskets.members) and stored["listed_items"] == 5
    assert [row["recall"] for row in stored["tradeoff"]] == tradeoff["recall"].tolist()
    assert (
        sum(row["pairs"] for row in stored["reliability"]) == reliable.loc[reliable["source"] == "all", "pairs"].sum()
    )
    assert 0 < stored["expected_items"] < 5 and 0 < stored["repeat_share"] <= 1
