"""Whether whole stages leave the same files on another engine.

`python -m benchmarks.parity_stages --work FOLDER --other engine.name=spark` copies the project twice, once as it is for
DuckDB and once with what `--other` sets, runs the code cells of `--stages` in both, each stage in a fresh process, and
compares all tables that they leave: to the byte, else as `benchmarks.parity` does. `-S KEY=VALUE` changes both, e.g.
`-S dataset.source=simulate -S dataset.simulate.members=60`. What `make start` made of other data is compared by
`MEMBERSHIP_ROOT=ITS_FOLDER`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks import cells, parity
from membership.base import files, graph, kernels, paths, tables
from membership.base.errors import DataError
from membership.pipeline import fingerprint, sandbox


def main() -> int:
    """Print a row a table and what each stage took; return 0 where all tables are the same."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, help="folder of the two copies")
    parser.add_argument("--other", action="append", default=[], metavar="KEY=VALUE", help="what makes the other engine")
    parser.add_argument("-S", dest="both", action="append", default=[], metavar="KEY=VALUE", help="for both")
    parser.add_argument("--stages", default="ingest,features", help="separated by commas")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the fresh process: this stage, of the project at the root
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_one(asked.one)))
        return 0
    both, stages = _settings(asked.both), asked.stages.split(",")
    copies = {name: asked.work.resolve() / name for name in ("duckdb", "other")}
    took = {"duckdb": run(copies["duckdb"], both | {"engine.name": "duckdb"}, stages)}
    took["other"] = run(copies["other"], both | _settings(asked.other), stages)
    rows = list(compared(*copies.values()))
    for row in rows:
        print(json.dumps(row))
    print(json.dumps(took))
    if asked.out:
        files.write_json(asked.out, {"tables": rows, "took": took, "both": asked.both, "other": asked.other})
    return int(any(row["differs"] for row in rows))


def run(to: Path, overrides: Mapping[str, Any], stages: list[str]) -> dict[str, dict[str, float]]:
    """Run `stages` of a copy of the project in `to`, with `overrides`; return what each took: cpu_s, wall_s.

    Raises DataError, naming the stage, with what it said.
    """
    sandbox.copy(to, overrides)
    code = os.pathsep.join([str(to / "src"), str(Path(__file__).parents[1])])  # what is edited meanwhile is not seen
    here = {**os.environ, **kernels.environment(), paths.ROOT: str(to), "PYTHONPATH": code}
    took = {}
    for stage in stages:
        command = [sys.executable, "-m", "benchmarks.parity_stages", "--one", stage]
        ran = subprocess.run(command, env=here, cwd=to, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise DataError(f"{to}: stage {stage} failed:\n{ran.stderr[-2000:]}")
        took[stage] = json.loads(ran.stdout.splitlines()[-1])
    return took


def compared(one: Path, other: Path) -> Iterator[dict[str, Any]]:
    """Return of each table of a copy: rows, whether `bytes` are equal, and in what it `differs` (null: in nothing)."""
    for name in tables.ALL:
        ours, theirs = (tables.ALL[name].path(root) for root in (one, other))
        if not ours.exists() and not theirs.exists():
            continue
        if not ours.exists() or not theirs.exists():
            yield {"table": name, "rows": None, "bytes": False, "differs": "it is missing in one"}
            continue
        frames, same = [pd.read_parquet(path) for path in (ours, theirs)], ours.read_bytes() == theirs.read_bytes()
        differs = None if same else parity.difference(*frames)
        yield {"table": name, "rows": len(frames[0]), "bytes": same, "differs": differs}


def _one(stage: str) -> dict[str, float]:
    if stage == graph.nodes()[0].name and fingerprint.main():
        sys.exit("parameters of the copy are refused")
    began = time.perf_counter()
    cells.stage(graph.node(stage))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used)
    return {"cpu_s": round(cpu, 1), "wall_s": round(time.perf_counter() - began, 1)}


def _settings(pairs: list[str]) -> dict[str, Any]:
    return {key: yaml.safe_load(value) for key, _, value in (pair.partition("=") for pair in pairs)}


if __name__ == "__main__":
    sys.exit(main())
