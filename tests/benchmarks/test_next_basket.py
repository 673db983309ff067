"""The harness on a few members, from the command line to the figures."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import contest, next_basket, peer_search, reality_check
from membership.base.errors import DataError, ParamError
from membership.recommend.peers.registry import PEERS
from membership.settings import params

FAST = ["g_topfreq", "gp_topfreq", "item_knn"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty members with two staples each, one of which they buy next, in two folds."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    history = {str(m): [[-1], *[[m, m + 1, int(rng.integers(60))] for _ in range(4)], [-1]] for m in range(40)}
    future = {str(m): [[-1], [m, 99], [-1]] for m in range(40)}  # nobody has bought 99
    (folder / "history.json").write_text(json.dumps(history))
    (folder / "future.json").write_text(json.dumps(future))
    for number in range(2):
        parts = np.split(rng.permutation(40).astype(str), [20, 30])
        (folder / "keysets").mkdir(exist_ok=True)
        keyset = dict(zip(reality_check.PARTS, [part.tolist() for part in parts], strict=True))
        (folder / "keysets" / f"k_{number}.json").write_text(json.dumps(keyset))
    return folder


@pytest.fixture(scope="module")
def data(folder):
    return reality_check.read(folder / "history.json", folder / "future.json")


def command(folder, out, *more):
    given = ["--history", folder / "history.json", "--future", folder / "future.json", "--keysets", folder / "keysets"]
    return ["next_basket", *map(str, given), "--out", str(out), *map(str, more)]


def test_the_command_writes_methods_keysets_metrics_and_predictions(folder, tmp_path, monkeypatch, capsys):
    more = ("--methods", ",".join(FAST), "--predictions", tmp_path / "lists")
    monkeypatch.setattr(sys, "argv", command(folder, tmp_path / "out.json", *more))
    next_basket.main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert set(found) == set(FAST) and all(set(by) == {"k_0.json", "k_1.json"} for by in found.values())
    metrics = found["gp_topfreq"]["k_0.json"]
    assert set(metrics) == set(contest.NAMES.values())
    assert metrics["recall@10"] == 0.5 and metrics["recall-repeat@10"] == 1 and metrics["recall-explore@10"] == 0
    keyset = json.loads((folder / "keysets" / "k_1.json").read_text())
    lists = json.loads((tmp_path / "lists" / "item_knn" / "k_1.json").read_text())
    assert set(lists) == set(keyset["test"])
    assert all(isinstance(item, int) and len(set(row)) == len(row) <= 100 for row in lists.values() for item in row)
    assert "item_knn" in capsys.readouterr().out


def test_an_unknown_method_is_named_on_one_line(folder, data, tmp_path, monkeypatch):
    folds = reality_check.folds(folder / "keysets", data)
    with pytest.raises(ParamError, match=r"--methods: magic unknown; there are: als, "):
        next_basket.run(data, folds, ["magic"], 0, params.parse(params.read()))
    monkeypatch.setattr(sys, "argv", command(folder, tmp_path / "out.json", "--methods", "magic"))
    with pytest.raises(SystemExit, match="magic unknown"):
        next_basket.main()
    assert not (tmp_path / "out.json").exists()


def test_a_search_sees_the_validation_members_only(folder, data, monkeypatch):
    folds = reality_check.folds(folder / "keysets", data)
    asked = []
    recall = peer_search.recall
    monkeypatch.setattr(peer_search, "recall", lambda *given: asked.append(given[3].members.tolist()) or recall(*given))
    judged = next_basket.run(data, folds, ["gp_topfreq"], 3, params.parse(params.read()))
    assert asked == [sorted(fold.val) for fold in folds for _ in range(3)]
    assert set(judged.chosen) == {("gp_topfreq", "k_0.json"), ("gp_topfreq", "k_1.json")}


@pytest.mark.parametrize("name", PEERS)
def test_the_search_of_every_peer_finds_the_same_with_the_same_seed(data, name):
    p = params.parse(params.read())
    items = pd.DataFrame({"item_id": data.baskets.items, "category": [item[0] for item in data.baskets.items]})
    given = (data.baskets, data.futures, p.seed, 1, items)
    assert peer_search.search(name, *given) == peer_search.search(name, *given)


def test_a_member_counts_once_however_many_folds_test_it(folder, data):
    folds = reality_check.folds(folder / "keysets", data)
    judged = next_basket.run(data, folds, FAST[:2], 0, params.parse(params.read()))
    renamed = judged.outcomes.replace({"method": {"gp_topfreq": "ours"}})
    compared = contest.against_peers(renamed, seed=1).set_index(["exam", "metric"])
    tested = [len(np.unique(np.concatenate(tests))) for tests in ([f.test for f in folds], *([f.test] for f in folds))]
    recall = compared.xs("recall@10", level="metric")
    assert recall.index.tolist() == ["all", "k_0.json", "k_1.json"] and recall["members"].tolist() == tested
    assert (recall["ours"] == 0.5).all() and (recall["peer"] == "g_topfreq").all()
    assert np.allclose(recall["difference"], 0.5 - recall["of_peer"]) and (recall["low"] <= recall["high"]).all()


def test_named_peers_are_compared_beside_the_best_one_each_once():
    members = {"member_id": ["a", "b"], "exam": "k"}
    by = {"ours": [1.0, 0.5], "good": [0.5, 0.5], "bad": [0.0, 0.5]}
    parts = [pd.DataFrame({**members, "method": name, **dict.fromkeys(contest.TABLE, way)}) for name, way in by.items()]
    compared = contest.against_peers(pd.concat(parts), 1, ["bad", "good"]).query("metric == 'recall@10'")
    assert compared["peer"].tolist() == ["good", "bad"] * 2
    assert compared["difference"].tolist() == pytest.approx([0.25, 0.5] * 2)
    with pytest.raises(ParamError, match=r"--against: magic unknown; there are: "):
        contest.in_words(contest.Results(pd.concat(parts), {}, {}), 1, ["magic"])


def test_lists_of_an_earlier_run_are_judged_again_as_they_were(folder, tmp_path, monkeypatch, capsys):
    lists = tmp_path / "lists"
    for methods, more in ((FAST, ("--predictions", lists)), (FAST[:1], ("--judge", lists)), ([], ("--judge", lists))):
        out = tmp_path / f"{len(methods)}.json"
        monkeypatch.setattr(sys, "argv", command(folder, out, "--methods", ",".join(methods), *more))
        next_basket.main()
    first, mixed, again = (json.loads((tmp_path / f"{many}.json").read_text()) for many in (3, 1, 0))
    assert first == mixed == again and set(first) == set(FAST)


@pytest.mark.parametrize(
    "lists, message",
    [
        (None, r"lists: no such folder; --judge takes one that --predictions has filled"),
        ({}, r"k_0\.json: does not hold a list of items for every member \(KeyError: "),
        ("[", r"k_0\.json: does not hold a list .*run the method again with --predictions"),
    ],
)
def test_lists_that_are_not_there_are_named(folder, data, tmp_path, lists, message):
    exams = next_basket.exams(data, reality_check.folds(folder / "keysets", data))
    if lists is not None:
        (tmp_path / "lists" / "magic").mkdir(parents=True)
        (tmp_path / "lists" / "magic" / "k_0.json").write_text(lists if isinstance(lists, str) else json.dumps(lists))
    with pytest.raises(DataError, match=message):
        contest.stored(tmp_path / "lists", exams, but=[])


def test_neither_methods_nor_lists_are_nothing_to_judge(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", command(folder, tmp_path / "out.json", "--methods", ""))
    with pytest.raises(SystemExit, match="--methods: none, and no lists to judge"):
        next_basket.main()


def test_our_model_is_trained_on_the_labels_of_train_members_and_tuned_on_val_members(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path))
    (tmp_path / "params.yaml").write_text((Path(params.__file__).parents[3] / "params.yaml").read_text())
    given = command(folder, tmp_path / "out.json", "--methods", "ours,p_topfreq", "--tune", 2)
    monkeypatch.setattr(sys, "argv", given)
    next_basket.main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["ours"]["k_0.json"]["recall@10"] >= 0.4  # half of each basket has never been bought
