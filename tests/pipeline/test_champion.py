"""`make promote` and `make rollback` change champion.json, or say in words why not, and log either with reasons."""

import json
import shutil

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from membership.base import files, paths
from membership.evaluate import champions, verdicts
from membership.evaluate.decide import Decision
from membership.evaluate.verdicts import Kind
from membership.pipeline import champion


@pytest.fixture
def registry(workspace, migrated, monkeypatch):
    """An MLflow of the test's own."""
    shutil.copy(migrated, workspace / "mlflow.db")
    uri = f"sqlite:///{workspace}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return MlflowClient(uri)


def decision(verdict: str) -> dict:
    about = {"metric": "recall_at_10", "unit": "share", "higher_is_better": True, "margin": 0.0, "confidence": 0.95}
    found = {"difference": 0.02, "low": 0.0123, "high": 0.0277}
    check = verdicts.check("primary metric", Kind.PRIMARY, verdict == "promote", **about | found)
    policies = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {"lr": 0.01}}
    return Decision(verdict, (check,), *policies).to_json()


def live(root) -> dict:
    return json.loads((root / "champion.json").read_text())


def log(root) -> list[dict]:
    return [json.loads(line) for line in (root / "decisions.jsonl").read_text().splitlines()]


def runs(client) -> list[dict]:
    """Return the tags of the runs in MLflow, the first one first."""
    found = client.search_runs([client.get_experiment_by_name("membership").experiment_id])
    return [run.data.tags for run in sorted(found, key=lambda run: run.data.tags["at"] + run.data.tags["change"])]


def test_a_promotion_and_a_rollback_end_where_they_began_and_are_logged(workspace, registry, capsys):
    before = live(workspace)
    files.write_json(paths.data("decision.json"), decision("promote"))
    assert champion.main(["promote"]) == 0
    assert live(workspace)["policy"] == "model"
    assert "+0.0200" in live(workspace)["reason"]
    assert "'gp_topfreq' -> 'model'" in capsys.readouterr().out
    assert champion.main(["rollback"]) == 0
    assert live(workspace) == before
    first, second = log(workspace)
    assert (first["change"], first["outcome"], first["by"], first["after"]) == ("promote", "done", "rule", "model")
    assert "+0.0200" in first["reasons"] and "+0.0123 to +0.0277" in first["reasons"]
    assert (second["change"], second["by"], second["after"]) == ("rollback", "hand", "gp_topfreq")
    tagged = runs(registry)
    assert {(tags["stage"], tags["change"], tags["after"]) for tags in tagged} == {
        ("champion", "promote", "model"),
        ("champion", "rollback", "gp_topfreq"),
    }
    assert tagged[0]["reasons"] == first["reasons"]


def test_a_decision_to_keep_is_respected_unless_forced_and_both_are_logged(workspace, registry, capsys):
    before = live(workspace)
    files.write_json(paths.data("decision.json"), decision("keep"))
    assert champion.main(["promote"]) == 1
    assert "the decision is to keep 'gp_topfreq'" in capsys.readouterr().err
    assert live(workspace) == before
    assert champion.main(["promote", "--force"]) == 0
    assert live(workspace)["policy"] == "model"
    assert [(line["outcome"], line["by"]) for line in log(workspace)] == [("refused", "rule"), ("done", "hand")]
    assert "+0.0200" in log(workspace)[0]["reasons"]


def test_what_the_rule_says_anyway_is_the_rules_doing_also_where_it_is_forced(workspace, registry):
    files.write_json(paths.data("decision.json"), decision("promote"))
    assert champion.main(["promote", "--force"]) == 0
    assert log(workspace)[0]["by"] == "rule"


def test_a_tracking_server_that_breaks_down_takes_nothing_back(workspace, registry, monkeypatch, capsys):
    def broken(*_, **__):
        raise MlflowException("disk full")

    monkeypatch.setattr(MlflowClient, "create_run", broken)
    files.write_json(paths.data("decision.json"), decision("promote"))
    assert champion.main(["promote"]) == 0
    assert live(workspace)["policy"] == log(workspace)[0]["after"] == "model"
    assert "disk full What was done stands" in capsys.readouterr().err


def test_without_a_decision_the_next_step_is_named_and_nothing_is_logged(workspace, capsys):
    assert champion.main(["promote"]) == 1
    assert "decision.json: no such file; run `dvc repro`" in capsys.readouterr().err
    assert not (workspace / "decisions.jsonl").exists()


def test_nothing_to_roll_back_to_is_said_and_logged(workspace, registry, capsys):
    assert champion.main(["rollback"]) == 1
    assert "no previous champion" in capsys.readouterr().err
    assert log(workspace)[0]["outcome"] == "refused"


def test_a_challenger_that_is_no_policy_is_not_promoted(workspace, registry, capsys):
    before = live(workspace)
    files.write_json(
        paths.data("decision.json"), decision("promote") | {"challenger": {"policy": "oracle", "settings": {}}}
    )
    assert champion.main(["promote"]) == 1
    assert "'oracle' is unknown" in capsys.readouterr().err
    assert live(workspace) == before


def test_a_champion_that_does_not_exist_is_said(workspace, capsys):
    (workspace / "champion.json").unlink()
    assert champion.main(["rollback"]) == 1
    assert "there is no champion" in capsys.readouterr().err


def test_without_a_registry_what_was_done_stands_and_is_logged(workspace, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    files.write_json(paths.data("decision.json"), decision("promote"))
    assert champion.main(["promote"]) == 0
    assert live(workspace)["policy"] == "model"
    assert log(workspace)[0]["outcome"] == "done"
    assert "What was done stands, and is logged in decisions.jsonl" in capsys.readouterr().err


def test_a_decision_of_an_earlier_version_promotes_nothing(workspace, capsys):
    before = live(workspace)
    reason = "recall_at_10 changes by +0.0200."
    old = decision("promote") | {"reasons": [reason]}
    old["checks"] = [{"name": "primary metric", "passed": True, "reason": reason, "blocks": True}]
    files.write_json(paths.data("decision.json"), old)
    assert champion.main(["promote", "--force"]) == 1
    assert "run `dvc repro`" in capsys.readouterr().err
    assert live(workspace) == before


def test_a_champion_and_a_log_of_an_earlier_version_stay_as_they_are(workspace, registry):
    first = {"policy": "gp_topfreq", "settings": {}, "reason": "the sensible control"}
    old = {"policy": "model", "settings": {"lr": 0.01}, "reason": "recall_at_10 changes by +0.0108.", "previous": first}
    files.write_json(champions.path(), old)
    line = champions.entry("promote", first, old, "recall_at_10 changes by +0.0108.")
    champions.append(line)
    assert champions.live() == old
    assert champion.main(["rollback"]) == 0
    assert live(workspace) == first
    assert log(workspace)[0] == line
    assert [each["change"] for each in log(workspace)] == ["promote", "rollback"]
