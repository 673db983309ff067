"""A stage that is killed at random moments ends in the same metrics, and leaves no run open.

Every second kill is of `dvc repro`, the others of the stage alone; with what they started, by signal 9. What stands
after a kill must be whole; after every fifth one the stage may end, and must end as it did. Kills that were tried are
kept in `work`/kills.json, so that a call that is broken off is gone on with.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import trust_market
from membership.base import files, paths, seeds
from membership.base.errors import DataError

KILLS, ENDS = 50, 5  # how many, and after how many the stage may end
STAGE, TABLE = "features", "features.parquet"
_DVC = ("-m", "dvc", "repro", "--force", "--single-item", STAGE)
_ALONE = ("-m", "membership.pipeline.stage", STAGE)


def measure(work: Path, kills: int = KILLS) -> list[dict[str, Any]]:
    """Return the table for the project in `work`/market, which is made and run first where it is not there."""
    root, log = trust_market.ready(work / "market"), work / "kills.json"
    found = files.read_json(log) if log.exists() else {"whole": [], "same": []}
    began = time.perf_counter()
    end(root)
    lasts, expected = time.perf_counter() - began, standing(root)
    rng = seeds.rng(len(found["whole"]), "benchmark.trust.kills")
    while len(found["whole"]) < kills:
        kill(root, _DVC if len(found["whole"]) % 2 else _ALONE, float(rng.uniform(0, lasts)))
        found["whole"].append(standing(root) in (expected, {}))
        if len(found["whole"]) % ENDS == 0:
            end(root)
            found["same"].append(standing(root) == expected)
        files.write_json(log, found)
    end(root)
    return [
        {"what": "kills: what stands is whole or not there", "tried": kills, "right": sum(found["whole"])},
        {"what": "kills: the same in the end", "tried": len(found["same"]), "right": sum(found["same"])},
        {"what": "kills: runs left RUNNING are 0", "tried": 1, "right": int(running(root) == 0)},
    ]


def kill(root: Path, command: tuple[str, ...], seconds: float) -> None:
    """Start `command` and kill it, and all that it started, after so many seconds."""
    with (root / "kills.log").open("w", encoding="utf-8") as out:
        started = subprocess.Popen(
            [sys.executable, *command], cwd=root, env=environment(root), stdout=out, stderr=out, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(seconds)
        below = _below(started.pid)
        for pid in (started.pid, *below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        started.wait()


def end(root: Path) -> None:
    """Let the stage end. Raises DataError if it does not."""
    done = subprocess.run(
        [sys.executable, *_DVC], cwd=root, env=environment(root), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DataError(f"stage {STAGE} does not end after a kill:\n{(done.stdout + done.stderr)[-2000:]}")


def standing(root: Path) -> dict[str, Any]:
    """Return the stage's metrics and table as they stand; without those that are not there."""
    metrics, table = root / "reports" / "metrics" / f"{STAGE}.json", root / "data" / TABLE
    found: dict[str, Any] = {}
    if metrics.exists() and table.exists():
        found = {"metrics": json.loads(metrics.read_text()), "rows": pd.read_parquet(table).to_csv()}
    return found


def running(root: Path) -> int:
    """Return how many runs in MLflow's database are open."""
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as store:
        return store.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0]


def environment(root: Path) -> dict[str, str]:
    """Return what a command in the project at `root` sees: its own code, and no other project."""
    kept = {key: value for key, value in os.environ.items() if key not in (paths.ROOT, "MEMBERSHIP_STAGE")}
    return kept | {"PYTHONPATH": str(root / "src")}


def _below(pid: int) -> list[int]:
    """Return the processes that `pid` has started, and those that they have."""
    found, level = [], [pid]
    while level:
        told = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", ",".join(map(str, level))], capture_output=True, text=True, check=False
        )
        level = [int(one) for one in told.stdout.split()]
        found += level
    return found
