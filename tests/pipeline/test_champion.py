"""`make promote` and `make rollback` change champion.json, or say in words why not."""

import json

from membership.base import files, paths
from membership.pipeline import champion


def decision(verdict: str) -> dict:
    return {
        "verdict": verdict,
        "reasons": ["recall_at_10 changes by +0.0200."],
        "champion": {"policy": "gp_topfreq", "settings": {}},
        "challenger": {"policy": "model", "settings": {"lr": 0.01}},
    }


def live(root) -> dict:
    return json.loads((root / "champion.json").read_text())


def test_a_promotion_and_a_rollback_end_where_they_began(workspace, capsys):
    before = live(workspace)
    files.write_json(paths.data("decision.json"), decision("promote"))
    assert champion.main(["promote"]) == 0
    assert live(workspace)["policy"] == "model"
    assert "'gp_topfreq' -> 'model'" in capsys.readouterr().out
    assert champion.main(["rollback"]) == 0
    assert live(workspace) == before


def test_a_decision_to_keep_is_respected_unless_forced(workspace, capsys):
    before = live(workspace)
    files.write_json(paths.data("decision.json"), decision("keep"))
    assert champion.main(["promote"]) == 1
    assert "the decision is to keep 'gp_topfreq'" in capsys.readouterr().err
    assert live(workspace) == before
    assert champion.main(["promote", "--force"]) == 0
    assert live(workspace)["policy"] == "model"


def test_without_a_decision_the_next_step_is_named(workspace, capsys):
    assert champion.main(["promote"]) == 1
    assert "decision.json: no such file; run `dvc repro`" in capsys.readouterr().err


def test_nothing_to_roll_back_to_is_said(workspace, capsys):
    assert champion.main(["rollback"]) == 1
    assert "no previous champion" in capsys.readouterr().err
