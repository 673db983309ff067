"""What a notebook leaves: in the pipeline where it belongs, by hand beside it, and in MLflow only when asked."""

import shutil

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from membership.pipeline import outputs, track
from membership.settings import params

RUNS = pd.DataFrame({"spend_rmse": [3.0, 2.0], "spend_gini": [0.5, float("nan")]}, index=["bgnbd", "stack"])


@pytest.fixture
def root(workspace, migrated, monkeypatch):
    shutil.copy(migrated, workspace / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv(outputs.STAGE, raising=False)
    return workspace


def files(root) -> set[str]:
    made = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return made - {"params.yaml", "dvc.yaml", "champion.json", "mlflow.db"}


def leave(p, **options) -> None:
    save = outputs.Outputs(p, **options)
    save.table("quality", _quality())
    save.json("models/value.json", {"a": 1})
    save.plot("value_deciles", pd.DataFrame({"decile": [1]}))
    save.runs("candidate", RUNS, horizon_days=90)
    save.metrics({"spend_rmse": 2.0})


def _quality() -> pd.DataFrame:
    from membership.base.schemas import ALL

    empty = {name: pd.Series(dtype=column.dtype) for name, column in ALL["quality"].columns.items()}
    return pd.DataFrame(empty)


MADE = {
    "data/quality.parquet",
    "models/value.json",
    "reports/plots/value_deciles.csv",
    "reports/metrics/value.json",
    "reports/notebooks/value.runs.json",
}


def test_run_by_hand_a_notebook_writes_beside_and_nothing_that_the_pipeline_owns(root):
    leave(params.load("value"))
    assert files(root) == {f"trials/value/{name}" for name in MADE}


def test_in_the_pipeline_it_writes_where_its_stage_belongs(root, monkeypatch):
    monkeypatch.setenv(outputs.STAGE, "value")
    leave(params.load("value"), track=True)
    assert files(root) == MADE


def test_a_kernel_of_another_stage_owns_nothing(root, monkeypatch):
    monkeypatch.setenv(outputs.STAGE, "features")
    leave(params.load("value"))
    assert files(root) == {f"trials/value/{name}" for name in MADE}


def test_a_tracked_trial_is_an_exploration_that_names_what_it_changed_and_started_from(root):
    pipeline = track.StageRun("value", params.load("value").flat(), {})
    pipeline.finish(ok=True)
    leave(params.load("value", {"value.horizon_days": 30}), track=True)
    client, experiment = track.connect()
    (trial,) = client.search_runs([experiment], "tags.exploration = 'true'")
    assert trial.data.params["value.horizon_days"] == "30"
    assert trial.data.metrics["spend_rmse"] == 2.0
    assert trial.data.tags["changed"] == "value.horizon_days=30"
    assert trial.data.tags["started_from"] == pipeline.id
    assert track.latest("value").info.run_id == pipeline.id


def test_what_is_compared_becomes_nested_runs_with_the_same_names_of_metrics(root, monkeypatch):
    monkeypatch.setenv(outputs.STAGE, "value")
    leave(params.load("value"))
    run = track.StageRun("value", {}, {})
    run.log_nested(outputs.nested(root, "value"))
    run.finish(ok=True)
    client: MlflowClient
    client, experiment = track.connect()
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.id}'")
    metrics = {one.info.run_name: one.data.metrics for one in found}
    assert metrics == {"bgnbd": {"spend_rmse": 3.0, "spend_gini": 0.5}, "stack": {"spend_rmse": 2.0}}
    assert {one.data.params["horizon_days"] for one in found} == {"90"}
    assert {one.data.params["candidate"] for one in found} == {"bgnbd", "stack"}
    assert {one.info.status for one in found} == {"FINISHED"}


def test_a_curve_of_a_compared_run_has_a_value_a_step(root, monkeypatch):
    monkeypatch.setenv(outputs.STAGE, "value")
    save = outputs.Outputs(params.load("value"))
    steps = pd.MultiIndex.from_tuples([("bgnbd", 1), ("bgnbd", 2), ("stack", 1)])
    save.runs("candidate", RUNS, curves=pd.DataFrame({"loss": [0.5, 0.25, 0.75]}, index=steps))
    save.metrics({})
    run = track.StageRun("value", {}, {})
    run.log_nested(outputs.nested(root, "value"))
    client, experiment = track.connect()
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.id}'")
    curves = {
        one.info.run_name: [(m.step, m.value) for m in client.get_metric_history(one.info.run_id, "loss")]
        for one in found
    }
    assert curves == {"bgnbd": [(1, 0.5), (2, 0.25)], "stack": [(1, 0.75)]}


def test_a_run_lasts_from_the_start_of_its_stage(root):
    run = track.StageRun("value", {}, {}, started=1_000_000.0)
    run.finish(ok=True)
    client, _ = track.connect()
    assert client.get_run(run.id).info.start_time == 1_000_000_000
