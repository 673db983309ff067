"""More events than memory holds: `python -m benchmarks.many_events --events N --folder F --out JSON`.

Canonical events of 50 a member are drawn in parts of PART members, each from a seed of its own, and written as a folder
of Parquet files; a part that is there already is not drawn again. Then, on DuckDB with a memory limit, a database file
and a spill folder, each in a fresh process: `features` of all members as of the last day, straight from the files to a
file; or, with `--stage ingest`, all that stage does with these files as a user's own: read, clean, count, store.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from membership.base import engine, files, paths, seeds
from membership.data import abuse, features, ingest
from membership.settings import params

EACH = 50  # events a member, on average
PART = 20_000  # members in a file
START, DAYS = date(2017, 1, 1), 365
END = START + timedelta(days=DAYS)
ITEMS, ORDER_LINES = 5_000, 3  # purchases of an order, on average
VIEWS = 0.4  # share of events that are views
COLUMNS = ("event_id", "member_id", "item_id", "kind", "at", "quantity", "amount", "order_id", "channel")
FILES = {
    "dataset.source": "files",
    "dataset.timezone": "UTC",
    "dataset.files": {"events": {"paths": ["events/*.parquet"], "columns": {name: name for name in COLUMNS}}},
}
WINDOWS = {
    "windows.start": str(START),
    "windows.calibration_end": str(END - timedelta(days=60)),
    "windows.validation_end": str(END - timedelta(days=30)),
    "windows.holdout_end": str(END),
}


def main() -> None:
    """Draw what is missing, measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--memory", type=float, default=8.0, help="GiB that DuckDB may take")
    parser.add_argument("--stage", choices=COMPUTED, default="features")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--compute", action="store_true", help=argparse.SUPPRESS)  # the fresh process
    asked = parser.parse_args()
    if asked.compute:
        print(json.dumps(compute(asked.stage, asked.folder, asked.memory)))
        return
    began = time.perf_counter()
    members = draw(asked.folder, asked.events, asked.seed)
    found = {
        "stage": asked.stage,
        "members": members,
        "memory_gib": asked.memory,
        "draw_s": round(time.perf_counter() - began, 1),
    }
    command = [sys.executable, "-m", "benchmarks.many_events", "--compute", "--folder", str(asked.folder)]
    command += ["--stage", asked.stage, "--memory", str(asked.memory)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (ran.stdout if not ran.returncode else ran.stderr).strip().splitlines()[-1]
    found |= {"failed": last} if ran.returncode else json.loads(last)
    print(json.dumps(found))
    if asked.out:
        files.write_json(asked.out, found)


def draw(folder: Path, events: int, seed: int) -> int:
    """Write so many canonical events and their members to `folder`; return the number of members."""
    members = events // EACH
    (folder / "events").mkdir(parents=True, exist_ok=True)
    for part, first in enumerate(range(0, members, PART)):
        path = folder / "events" / f"part-{part:05d}.parquet"
        if not path.exists():
            with files.whole(path) as temporary:
                rows = _part(first, min(PART, members - first), seeds.rng(seed, f"many_events/{part}"))
                pq.write_table(pyarrow.Table.from_pandas(rows, preserve_index=False), temporary, compression="zstd")
    ids = pd.DataFrame({"member_id": np.char.add("m", np.arange(members).astype(str))})
    with files.whole(folder / "members.parquet") as temporary:
        ids.to_parquet(temporary)
    return members


def _part(first: int, members: int, rng: np.random.Generator) -> pd.DataFrame:
    """Canonical events of `members` members from number `first` on, sorted by member and time."""
    count = rng.negative_binomial(1.5, 1.5 / (1.5 + EACH), members)
    member = np.repeat(np.arange(first, first + members), count)
    # the lines of an order share its minute: times are those of baskets
    basket = rng.integers(0, np.maximum(np.repeat(count, count) // ORDER_LINES, 1))
    minute = (basket * 2_654_435_761 + member * 40_503) % (DAYS * 24 * 60)
    view = rng.random(len(member)) < VIEWS
    order = np.lexsort((minute, member))
    member, minute, view = member[order], minute[order], view[order]
    at = pd.Timestamp(START) + pd.to_timedelta(minute, unit="min")
    text = pd.Series(member).astype("str")
    paid = np.where(view, 0, 99 + rng.integers(0, 2_000, len(member)))
    return pd.DataFrame(
        {
            "event_id": f"{first}-" + pd.Series(np.arange(len(member))).astype("str"),
            "member_id": "m" + text,
            "item_id": "i" + pd.Series(rng.integers(0, ITEMS, len(member))).astype("str"),
            "kind": np.where(view, "view", "purchase"),
            "comes_back": ~view,
            "pays": ~view,
            "interest": view,
            "effort": False,
            "at": at.astype("datetime64[us]"),
            "local_at": at.astype("datetime64[us]"),
            "quantity": 1,
            "amount": paid,
            "discount": np.where(view, 0, rng.integers(0, 200, len(member))),
            "order_id": (text + "-" + pd.Series(minute).astype("str")).mask(view),
            "channel": np.where(rng.random(len(member)) < 0.3, "online", "store"),
        }
    )


def compute(stage: str, folder: Path, memory: float) -> dict[str, float]:
    """Do `stage` with the files in `folder`; return events, rows written, cpu_s, wall_s and peak_mb."""
    own = {"database": "many.duckdb", "memory_gib": memory, "spill": "data"}
    p = params.parse(params.read(), FILES | WINDOWS | {"engine.name": "duckdb", "engine.duckdb": own})
    os.environ[paths.ROOT] = str(folder.resolve())
    paths.data().mkdir(exist_ok=True)  # where it spills
    began, before = time.perf_counter(), time.process_time()
    events, rows = COMPUTED[stage](folder, p)
    return {
        "events": events,
        "rows": rows,
        "cpu_s": round(time.process_time() - before, 1),
        "wall_s": round(time.perf_counter() - began, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _features(folder: Path, p: params.Stage) -> tuple[int, int]:
    con = engine.connect(p.engine)
    events = con.read_parquet(str(folder / "events" / "*.parquet"), table_name="events")
    members = con.read_parquet(str(folder / "members.parquet"), table_name="members")
    con.to_parquet(features.at(events, members, END), folder / "features.parquet")
    return int(events.count().to_pyarrow().as_py()), pq.read_metadata(folder / "features.parquet").num_rows


def _ingest(folder: Path, p: params.Stage) -> tuple[int, int]:
    cleaned = ingest.ingest(p)
    abuse.signs(cleaned.data)
    ingest.by_week(cleaned.data.events)
    ingest.some(cleaned.data.events)
    counts = ingest.summary(cleaned)
    cleaned.data.save()
    return counts["rows_read"], counts["events"]


COMPUTED = {"features": _features, "ingest": _ingest}


if __name__ == "__main__":
    main()
