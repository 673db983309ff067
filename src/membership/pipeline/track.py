"""MLflow: one experiment, one run a stage, one nested run a trial. With `serve`, the only module that knows MLflow."""

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import filelock
import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.time import get_current_time_millis

from membership.base import paths
from membership.base.errors import ProjectError

EXPERIMENT = "membership"
RUN_ID = "MEMBERSHIP_RUN_ID"  # how the runner tells a notebook's kernel which run it belongs to


class Unreachable(ProjectError):
    """MLflow does not answer."""


def connect() -> tuple[MlflowClient, str]:
    """Return a client and the id of the project's experiment, made first if it is not there.

    `MLFLOW_TRACKING_URI` is respected; otherwise runs go to `mlflow.db` and `mlruns/` in the checkout, where a bare
    `mlflow ui` finds them. Raises Unreachable where the tracking server cannot be reached.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    root = paths.checkout()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    database = Path(uri.removeprefix("sqlite:///"))
    artifacts = (database.parent / "mlruns").resolve().as_uri() if uri.startswith("sqlite:///") else None
    (root / "mlruns").mkdir(exist_ok=True)
    try:
        # Two first runs at once would each make the experiment, and one would end up in MLflow's "Default".
        with filelock.FileLock(root / "mlruns" / ".lock"):
            client = MlflowClient()
            experiment = client.get_experiment_by_name(EXPERIMENT)
            identity = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, artifacts)
    except MlflowException as error:
        raise Unreachable(
            f"MLflow at {uri} does not answer ({str(error).splitlines()[0][:200]}). "
            "Start the server, or unset MLFLOW_TRACKING_URI to log into this checkout."
        ) from error
    return client, identity


class StageRun:
    """The MLflow run of one stage, open until `finish`."""

    def __init__(self, stage: str, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self._client, experiment = connect()
        identity = {"stage": stage, "mlflow.runName": stage, "mlflow.source.name": f"stage {stage}", **_git(), **_dvc()}
        run = self._client.create_run(experiment, tags={**identity, **tags}, run_name=stage)
        self.id: str = run.info.run_id
        values = [Param(key, str(value)[:6000]) for key, value in parameters.items()]
        self._client.log_batch(self.id, params=values)

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Log the numbers among `metrics`; words become tags, nulls are left out."""
        now = get_current_time_millis()
        numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
        words = {key: value for key, value in metrics.items() if isinstance(value, str)}
        self._client.log_batch(
            self.id,
            metrics=[Metric(key, float(value), now, 0) for key, value in numbers.items()],
            tags=[RunTag(key, value) for key, value in words.items()],
        )

    def log_datasets(self, hashes: Mapping[str, str]) -> None:
        """Log each input table (path -> md5) as a dataset of the run."""
        inputs = [
            DatasetInput(Dataset(Path(path).stem, digest, "local", path), [InputTag("mlflow.data.context", "input")])
            for path, digest in hashes.items()
        ]
        self._client.log_inputs(self.id, datasets=inputs)

    def log_files(self, files: Iterable[Path], folder: str | None = None) -> None:
        """Store `files` as artifacts of the run."""
        for path in files:
            self._client.log_artifact(self.id, str(path), folder)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add `tags` to the run."""
        self._client.log_batch(self.id, tags=[RunTag(key, value) for key, value in tags.items()])

    def finish(self, ok: bool) -> None:
        """End the run, as finished or failed."""
        self._client.set_terminated(self.id, "FINISHED" if ok else "FAILED")


def trial_logger(stage: str) -> Callable[[int, dict, list[float], str], None]:
    """Return a callback that logs one trial of a search as a run nested in the run of `stage`.

    It takes trial number, parameters, the values after each epoch, and state: the values become the metric
    `value_by_epoch`, and the last one `value` where the trial is COMPLETE, so that the best `value` is the one chosen.
    Outside the stage runner, e.g. in JupyterLab, there is no run to nest in, and it does nothing.
    """
    parent = os.environ.get(RUN_ID)
    if parent is None:
        return lambda *_: None
    client, experiment = connect()

    def log(number: int, parameters: dict, values: list[float], state: str) -> None:
        name = f"trial-{number:03d}"
        tags = {"mlflow.parentRunId": parent, "mlflow.runName": name, "stage": stage, "trial.state": state}
        run = client.create_run(experiment, tags=tags, run_name=name)
        now = get_current_time_millis()
        metrics = [Metric("value_by_epoch", value, now, epoch) for epoch, value in enumerate(values, 1)]
        if state == "COMPLETE":
            metrics.append(Metric("value", values[-1], now, 0))
        client.log_batch(run.info.run_id, metrics, [Param(key, str(item)) for key, item in parameters.items()])
        client.set_terminated(run.info.run_id)

    return log


def device(requested: str) -> str:
    """Return the device that `device: auto | cpu | cuda` means on this machine, with its name."""
    import torch

    if requested != "cpu" and torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "cpu"


def _git() -> dict[str, str]:
    commit = _ask_git("rev-parse", "HEAD")
    if not commit:
        return {}
    return {"mlflow.source.git.commit": commit, "git.dirty": str(bool(_ask_git("status", "--porcelain"))).lower()}


def _ask_git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=paths.checkout(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _dvc() -> dict[str, str]:
    names = {"dvc.exp": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    found = {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}
    folder = paths.root().relative_to(paths.checkout())
    return found | ({"folder": str(folder)} if folder.parts else {})
