"""The harness on a few members, from the command line to the figures."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import next_basket, peer_search, reality_check
from membership.base import params
from membership.base.errors import ParamError

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
    assert set(metrics) == set(next_basket.NAMES.values())
    assert metrics["recall@10"] == 0.5 and metrics["recall-repeat@10"] == 1 and metrics["recall-explore@10"] == 0
    keyset = json.loads((folder / "keysets" / "k_1.json").read_text())
    lists = json.loads((tmp_path / "lists" / "item_knn" / "k_1.json").read_text())
    assert set(lists) == set(keyset["test"])
    assert all(isinstance(item, int) and len(set(row)) == len(row) <= 100 for row in lists.values() for item in row)
    assert "item_knn" in capsys.readouterr().out


def test_an_unknown_method_is_named_on_one_line(folder, data, tmp_path, monkeypatch):
    folds = reality_check.folds(folder / "keysets", data)
    with pytest.raises(ParamError, match=r"--methods: magic unknown; there are: g_topfreq, "):
        next_basket.run(data, folds, ["magic"], 0, params.parse(params.read()), None)
    monkeypatch.setattr(sys, "argv", command(folder, tmp_path / "out.json", "--methods", "magic"))
    with pytest.raises(SystemExit, match="magic unknown"):
        next_basket.main()
    assert not (tmp_path / "out.json").exists()


def test_a_search_sees_the_validation_members_only(folder, data, monkeypatch):
    folds = reality_check.folds(folder / "keysets", data)
    asked = []
    recall = peer_search.recall
    monkeypatch.setattr(peer_search, "recall", lambda *given: asked.append(given[3].members.tolist()) or recall(*given))
    judged = next_basket.run(data, folds, ["gp_topfreq"], 3, params.parse(params.read()), None)
    assert asked == [sorted(fold.val) for fold in folds for _ in range(3)]
    assert set(judged.chosen) == {("gp_topfreq", "k_0.json"), ("gp_topfreq", "k_1.json")}


@pytest.mark.parametrize("name", peer_search.SPACES)
def test_every_space_of_settings_fits_its_peer_and_the_same_seed_finds_the_same(data, name):
    p = params.parse(params.read())
    assert set(peer_search.SPACES[name]) == set(getattr(p.recommend.peers, name).model_dump())
    items = pd.DataFrame({"item_id": data.baskets.items, "category": [item[0] for item in data.baskets.items]})
    given = (data.baskets, data.futures, p.seed, 1, items)
    assert peer_search.search(name, *given) == peer_search.search(name, *given)


def test_a_member_counts_once_however_many_folds_test_it(folder, data):
    folds = reality_check.folds(folder / "keysets", data)
    judged = next_basket.run(data, folds, FAST[:2], 0, params.parse(params.read()), None)
    renamed = judged.outcomes.replace({"method": {"gp_topfreq": "ours"}})
    lines = next_basket.against_best_peer(renamed, seed=1)
    tested = len(np.unique(np.concatenate([fold.test for fold in folds])))
    assert lines[0].startswith("recall@10: ours 0.5000, best peer g_topfreq") and f"over {tested} members" in lines[0]
