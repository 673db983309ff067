"""Where a notebook leaves what it made: where the pipeline owns it, or, run by hand, beside it as a trial.

In the pipeline tables go to `data/`, models to `models/`, metrics and plots to `reports/`. In JupyterLab the same calls
write to the same places under `trials/<stage>/`, so that trying things changes nothing that the pipeline has made. With
`track=True` a trial becomes a run in MLflow, tagged `exploration`, with parameters, metrics and what it started from.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from membership.base import files, paths, results, stored, tables
from membership.settings.params import Stage

STAGE = "MEMBERSHIP_STAGE"  # set by the stage runner: the stage whose notebook runs


class Outputs:
    """What one run of a notebook leaves."""

    def __init__(self, p: Stage, track: bool = False) -> None:
        """Outputs of the stage whose parameters are `p`; `track` logs a trial, and is nothing to a stage."""
        self._p = p
        self._owned = os.environ.get(STAGE) == p.stage
        self._root = paths.root() if self._owned else trials(p.stage)
        self._track = track and not self._owned
        self._runs: list[dict[str, Any]] = []

    @property
    def owned(self) -> bool:
        """Whether the pipeline runs the notebook, and not somebody by hand."""
        return self._owned

    def path(self, name: str) -> Path:
        """Return where the output `name`, a path from the root such as models/next_basket, is to be written."""
        return self._root / name

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Check and write table `name`."""
        tables.write(name, frame, self._root)

    def model(self, name: str, fitted: Any) -> None:
        """Write a fitted object to `models/<name>`."""
        stored.save(self.path(f"models/{name}"), fitted)

    def json(self, name: str, value: dict | list) -> None:
        """Write a JSON file, e.g. models/value.json."""
        files.write_json(self.path(name), value)

    def plot(self, name: str, frame: pd.DataFrame) -> None:
        """Write the data of one plot of `dvc plots`, `reports/plots/<name>.csv`."""
        from membership.report import few  # seconds that a run without a plot need not wait for

        results.save_plot(name, few.frame(frame, few.smallest()), self._root)

    def runs(
        self,
        kind: str,
        compared: pd.DataFrame,
        params: pd.DataFrame | None = None,
        curves: pd.DataFrame | None = None,
        **common: Any,
    ) -> None:
        """Keep one run for each row of `compared`, nested in the run of the stage, so that MLflow compares them.

        `kind` says what they are (candidate, peer, trial, period); the index has their names and the columns are
        metrics, named alike wherever they mean the same; `params` are the parameters of each, with the same index, and
        `common` those of all. `curves` are metrics that go on in steps (index: name, step).
        """
        for name, row in compared.iterrows():
            metrics = {str(key): float(value) for key, value in row.items() if pd.notna(value)}
            own = {} if params is None else params.loc[name].to_dict()
            steps = {} if curves is None else {key: list(curve.items()) for key, curve in curves.loc[name].items()}
            about = {"kind": kind, "name": str(name), "params": common | own}
            self._runs.append(about | {"metrics": metrics, "curves": steps})

    def metrics(self, metrics: Mapping[str, float | int]) -> pd.Series:
        """Write the metrics of the stage, and log a tracked trial; to be called last. Return them to be shown."""
        shown = results.save_metrics(self._p.stage, metrics, self._root)
        files.write_json(self.path(_runs(self._p.stage)), self._runs)
        if self._track:
            from membership.pipeline import track  # seconds that a notebook which is not tracked need not wait for

            track.exploration(self._p, metrics, self._runs)
        if not self._owned:
            where = self._root.relative_to(paths.root())
            print(f"Kept beside the pipeline's own, in {where}/; nothing that the pipeline made has changed.")
        return shown


def trials(stage: str) -> Path:
    """Return the folder of what is made by running the notebook of `stage` by hand."""
    return paths.root() / "trials" / stage


def nested(root: Path, stage: str) -> list[dict[str, Any]]:
    """Return the runs that the notebook of `stage` kept under `root`, with kind, name, params, metrics and curves."""
    path = root / _runs(stage)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _runs(stage: str) -> str:
    return f"reports/notebooks/{stage}.runs.json"
