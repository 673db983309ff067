"""Runs nested in a stage's run: one a trial of a search."""

import shutil

import pytest
from mlflow.tracking import MlflowClient

from membership.pipeline import track


@pytest.fixture
def root(workspace, migrated, monkeypatch):
    shutil.copy(migrated, workspace / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv(track.RUN_ID, raising=False)
    return workspace


def test_trials_are_runs_within_their_stage_and_only_complete_ones_have_a_value(root, monkeypatch):
    run = track.StageRun("tune", {"seed": 1}, {})
    monkeypatch.setenv(track.RUN_ID, run.id)
    log = track.trial_logger("tune")
    log(0, {"hidden": 64, "learning_rate": 0.01}, [0.2, 0.5], "COMPLETE")
    log(1, {"hidden": 32, "learning_rate": 0.1}, [0.1], "PRUNED")
    run.finish(ok=True)
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name(track.EXPERIMENT).experiment_id
    best, pruned = client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{run.id}'", order_by=["tags.`mlflow.runName`"]
    )
    assert [one.info.run_name for one in (best, pruned)] == ["trial-000", "trial-001"]
    assert {one.info.status for one in (best, pruned)} == {"FINISHED"}
    assert best.data.params == {"hidden": "64", "learning_rate": "0.01"}
    assert best.data.metrics == {"value": 0.5, "value_by_epoch": 0.5}
    curve = client.get_metric_history(best.info.run_id, "value_by_epoch")
    assert [(point.step, point.value) for point in curve] == [(1, 0.2), (2, 0.5)]
    assert pruned.data.metrics == {"value_by_epoch": 0.1} and pruned.data.tags["trial.state"] == "PRUNED"


def test_outside_a_stage_trials_leave_no_runs(root):
    track.trial_logger("tune")(0, {}, [0.2], "COMPLETE")
    assert not (root / "mlruns").exists()
