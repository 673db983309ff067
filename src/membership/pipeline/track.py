"""MLflow: one experiment, one run a stage, one nested run a trial. With `serve`, the only module that knows MLflow."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import filelock
import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.time import get_current_time_millis

from membership.base import paths
from membership.pipeline import alive, names, store, told
from membership.pipeline.store import EXPERIMENT, Unreachable
from membership.settings import params
from membership.settings.params import Stage


def connect() -> tuple[MlflowClient, str]:
    """Return a client and the id of the project's experiment, made first if it is not there.

    `MLFLOW_TRACKING_URI` is respected; otherwise runs go to `mlflow.db` and `mlruns/` in the checkout, where a bare
    `mlflow ui` finds them, also where it was moved. Runs of processes that were killed are closed. Raises Unreachable
    where the tracking server cannot be reached.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    root, uri = paths.checkout(), store.uri()
    mlflow.set_tracking_uri(uri)
    (root / "mlruns").mkdir(exist_ok=True)
    store.settle()
    try:
        # Two first runs at once would each make the experiment, and one would end up in MLflow's "Default".
        with filelock.FileLock(root / "mlruns" / ".lock"):
            client = MlflowClient()
            experiment = client.get_experiment_by_name(EXPERIMENT)
            identity = (
                experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, store.artifacts())
            )
            known = experiment.tags if experiment else {}
            for tag in (tag for tag, value in told.EXPERIMENT.items() if known.get(tag) != value):
                client.set_experiment_tag(identity, tag, told.EXPERIMENT[tag])
        alive.bury(_open_runs(), lambda token: _close(client, identity, token))
    except MlflowException as error:
        raise Unreachable(
            f"MLflow at {uri} does not answer ({str(error).splitlines()[0][:200]}). "
            "Start the server, or unset MLFLOW_TRACKING_URI to log into this checkout."
        ) from error
    return client, identity


def _open_runs() -> Path:
    return paths.checkout() / "mlruns" / ".open"


def _close(client: MlflowClient, experiment: str, token: str) -> None:
    """Mark the runs that the process `token` left open as killed."""
    asked = f"attributes.status = 'RUNNING' and tags.{alive.TAG} = '{token}'"
    for run in client.search_runs([experiment], asked, max_results=1000):
        client.set_terminated(run.info.run_id, "KILLED")


class StageRun:
    """The MLflow run of one stage, open until `finish`."""

    def __init__(
        self, stage: str, parameters: Mapping[str, Any], tags: Mapping[str, str], started: float | None = None
    ) -> None:
        """Open the run; `started` (seconds since the epoch) is when the stage began, else now."""
        self._client, self._experiment = connect()
        identity = {"stage": stage, "mlflow.runName": stage, "mlflow.source.name": f"stage {stage}", **told.note(stage)}
        identity |= _git() | _dvc()
        began = int(started * 1000) if started else None
        known = {names.name(key): names.value(value) for key, value in {**identity, **tags}.items()}
        self._folder, self._stage = _open_runs(), stage
        self._primary = str(parameters.get("evaluate.primary_metric"))
        self._process = {alive.TAG: alive.token(self._folder)}
        run = self._client.create_run(self._experiment, began, known | self._process, stage)
        self.id: str = run.info.run_id
        alive.opened(self._folder, self.id)
        self._client.log_batch(self.id, params=_params(parameters))

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Log the numbers among `metrics`; words become tags, nulls are left out."""
        now = get_current_time_millis()
        numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
        words = {key: value for key, value in metrics.items() if isinstance(value, str)}
        self._client.log_batch(
            self.id,
            metrics=[Metric(names.name(key), float(value), now, 0) for key, value in numbers.items()],
        )
        self.set_tags(words | told.headline(self._stage, numbers, self._primary))

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

    def log_nested(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """Log each of `runs` (kind, name, params, metrics, curves if any) as a run nested in this one, finished."""
        now = get_current_time_millis()
        for one in runs:
            tags = {"mlflow.parentRunId": self.id, "stage": self._stage, "kind": one["kind"], **self._process}
            run = self._client.create_run(self._experiment, None, tags, names.title(one["name"]))
            metrics = [Metric(names.name(key), value, now, 0) for key, value in one["metrics"].items()]
            curves = one.get("curves", {}).items()
            metrics += [Metric(names.name(key), value, now, step) for key, curve in curves for step, value in curve]
            self._client.log_batch(run.info.run_id, metrics, _params({one["kind"]: one["name"], **one["params"]}))
            self._client.set_terminated(run.info.run_id)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add `tags` to the run."""
        self._client.log_batch(self.id, tags=[RunTag(names.name(key), names.value(tags[key])) for key in tags])

    def finish(self, ok: bool) -> None:
        """End the run, as finished or failed."""
        self._client.set_terminated(self.id, "FINISHED" if ok else "FAILED")
        alive.closed(self._folder, self.id)


def _params(values: Mapping[str, Any]) -> list[Param]:
    return [Param(names.name(key), names.value(value)) for key, value in values.items()]


def exploration(p: Stage, metrics: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]) -> str:
    """Log a notebook that was run by hand, and return the run's id."""
    run = StageRun(p.stage, p.flat(), explored(p))
    run.log_metrics(metrics)
    run.log_nested(runs)
    run.finish(ok=True)
    return run.id


def explored(p: Stage) -> dict[str, str]:
    """Return the tags of a trial with parameters `p`, so that the UI compares it with what it started from.

    `exploration`; `changed`, the parameters that differ from `params.yaml`; and `started_from`, the last run of the
    pipeline, where there is one.
    """
    stored, before = params.load(p.stage).flat(), latest(p.stage)
    changed = [f"{key}={value}" for key, value in p.flat().items() if stored.get(key) != value]
    tags = {"exploration": "true", "changed": ", ".join(changed) or "nothing"}
    return tags | ({"started_from": before.info.run_id} if before else {})


def latest(stage: str, outs: Mapping[str, str] | None = None) -> Run | None:
    """Return the last finished pipeline run of `stage`, or the last that made `outs` (path -> sha256); None: none."""
    client, experiment = connect()
    asked = f"attributes.status = 'FINISHED' and tags.stage = '{stage}'"
    for found in client.search_runs([experiment], asked, max_results=1000, order_by=["attributes.start_time DESC"]):
        own = not {"exploration", "mlflow.parentRunId"} & set(found.data.tags)
        if own and (outs is None or made(found, outs)):
            return found
    return None


def made(run: Run, outs: Mapping[str, str]) -> bool:
    """Say whether `run` made the outputs `outs` (path -> sha256), as its tags say."""
    return all(run.data.tags.get(f"out/{name}") == value for name, value in outs.items())


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
