"""A project that was copied or moved: all its runs and models open where it is now, and the champion serves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import trust_market
from benchmarks.trust_kills import environment

_OPENED = """
import json, sys
from pathlib import Path
from mlflow import pyfunc
from membership.pipeline import serve, track
client, experiment = track.connect()
root, found = sys.argv[1], {"runs": [0, 0], "models": [0, 0], "answers": 0}
for run in client.search_runs([experiment], max_results=1000):
    found["runs"][0] += 1
    listed = client.list_artifacts(run.info.run_id)
    there = [Path(client.download_artifacts(run.info.run_id, one.path)).exists() for one in listed]
    found["runs"][1] += run.info.artifact_uri.startswith("file://" + root + "/") and all(there)
for version in client.search_model_versions(f"name = '{serve.MODEL}'"):
    found["models"][0] += 1
    model = pyfunc.load_model(f"models:/{serve.MODEL}/{version.version}")
    example = model.input_example
    found["models"][1] += len(model.predict(example, params={"k": 3})) == len(example)
champion = pyfunc.load_model(f"models:/{serve.MODEL}@champion")
found["answers"] = len(champion.predict(champion.input_example, params={"k": 1}))
print(json.dumps(found))
"""


def measure(work: Path) -> list[dict[str, Any]]:
    """Return the table for copies of the project in `work`/market, which is made and run where it is not there."""
    root = trust_market.ready(work / "market")
    copied, moved = work / "copied", work / "moved"
    rows: list[dict[str, Any]] = []
    try:
        shutil.copytree(root, copied, symlinks=True)
        rows += _rows("copied", copied)
        copied.rename(moved)
        rows += _rows("moved", moved)
    finally:
        for folder in (copied, moved):
            shutil.rmtree(folder, ignore_errors=True)
    return rows


def _rows(how: str, root: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", _OPENED, str(root)],
        cwd=root, env=environment(root), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return [{"what": f"moved: {how}", "tried": 1, "right": 0, "wrong": [done.stderr[-500:]]}]
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        {"what": f"moved: {how}: runs whose artifacts open", "tried": found["runs"][0], "right": found["runs"][1]},
        {"what": f"moved: {how}: models that answer", "tried": found["models"][0], "right": found["models"][1]},
        {"what": f"moved: {how}: the champion serves", "tried": 1, "right": int(found["answers"] > 0)},
    ]
