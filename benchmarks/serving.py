"""How soon the served scorer answers: `python -m benchmarks.serving --out JSON`, after `dvc repro`.

The champion of the last run is registered in a registry of its own, served by `make serve` in one process,
and asked over HTTP at a steady rate, whether or not it has answered (open loop): a latency counts from the moment at
which the request was due. Members are those of the data, and for raw events all that they did before as_of.
"""

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from membership.base import files, seeds, tables
from membership.base.errors import ProjectError
from membership.data import pseudonyms
from membership.settings import params

GOALS = {  # measurement -> figure, the bound, and whether it is the most or the least
    "known ids": ("p99_ms", 100.0, "at most"),
    "known ids in batches": ("members_per_s", 1000.0, "at least"),
    "raw events": ("p99_ms", 500.0, "at most"),
}
KNOWN_RATE, RAW_RATE = 50, 5  # requests a second
BATCH = 500  # members of a request
WAITING = 64  # requests under way at most, beyond which a server is too slow for any figure
START_S = 180  # seconds within which the server answers
_HEADERS = {"Content-Type": "application/json"}


def main() -> None:
    """Measure, write the JSON and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement")
    parser.add_argument("--alias", default="champion", help="champion or challenger")
    given = parser.parse_args()
    try:
        rows = run(given.seconds, given.alias)
    except ProjectError as error:
        sys.exit(str(error))
    measured = {name: version(name) for name in ("mlflow", "pandas", "duckdb", "ibis-framework", "torch")}
    files.write_json(given.out, {"rows": rows, "goals": goals(rows), "versions": measured, "alias": given.alias})
    sys.stdout.write(in_words(rows) + "\n")


def run(seconds: int, alias: str) -> list[dict]:
    """Return one row a measurement: task, requests, failed, p50_ms, p99_ms, members_per_s, server_cpu_ms a request."""
    p = params.parse(params.read())
    rng = seeds.rng(p.seed, "benchmark.serving")
    ids = np.sort(tables.read("value")["member_id"].to_numpy(dtype=str))
    names = pseudonyms.of(pd.Series(ids)).to_numpy()
    known = [_body([{"member_id": one}]) for one in rng.choice(names, KNOWN_RATE * seconds)]
    batches = [_body([{"member_id": one} for one in rng.choice(names, min(BATCH, len(ids)), False)]) for _ in range(10)]
    raw = raw_requests(rng.choice(ids, min(RAW_RATE * seconds, len(ids)), replace=False), p.windows.as_of)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), alias) as (port, group):
        for body in (*known[:5], *raw[:5], batches[0]):
            ask(port, body)  # the first answers load what later ones find loaded
        return [
            _row("known ids", group, lambda: steady(port, known, KNOWN_RATE)),
            _row("known ids in batches", group, lambda: one_by_one(port, batches), min(BATCH, len(ids))),
            _row("raw events", group, lambda: steady(port, raw, RAW_RATE)),
        ]


def raw_requests(members: np.ndarray, as_of) -> list[bytes]:
    """Return a request a member, with all events before `as_of`."""
    events = tables.read("events")
    events = events[events["member_id"].isin(members) & (events["local_at"] < pd.Timestamp(as_of))]
    columns = ["kind", "item_id", "order_id", "channel", "quantity", "amount", "discount"]
    sent = events[columns].astype(object).where(events[columns].notna(), None)
    sent["local_at"] = events["local_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    by_member = {member: part.to_dict("records") for member, part in sent.groupby(events["member_id"])}
    return [_body([{"member_id": member, "events": by_member.get(member, [])}]) for member in members]


@contextlib.contextmanager
def served(folder: Path, alias: str) -> Iterator[tuple[int, int]]:
    """Serve the scorer of the last run from a registry in `folder`; yield the port and the server's process group."""
    where = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"}
    os.environ |= where | {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    from membership.pipeline import serve, track

    run = track.StageRun("benchmark", {}, {})
    serve.register(run.id)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "membership.pipeline.door", "--port", str(port), "--alias", alias]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            _await(port, server, folder / "server.log")
            yield port, server.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def ask(port: int, body: bytes) -> tuple[int, bytes]:
    """Send one request; return status and content."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request("POST", "/invocations", body, _HEADERS)
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def steady(port: int, bodies: list[bytes], rate: float) -> list[tuple[float, bool]]:
    """Ask `bodies` at `rate` a second; return seconds from when each was due to its answer, and whether it was good."""
    start = time.perf_counter() + 0.5

    def one(number: int) -> tuple[float, bool]:
        due = start + number / rate
        time.sleep(max(due - time.perf_counter(), 0))
        status, _ = ask(port, bodies[number])
        return time.perf_counter() - due, status == 200

    with ThreadPoolExecutor(WAITING) as pool:
        return list(pool.map(one, range(len(bodies))))


def one_by_one(port: int, bodies: list[bytes]) -> list[tuple[float, bool]]:
    """Ask `bodies`, each when the one before has been answered; return as `steady`."""
    return [(time.perf_counter() - start, status == 200) for start, (status, _) in _timed(port, bodies)]


def _timed(port: int, bodies: list[bytes]) -> Iterator[tuple[float, tuple[int, bytes]]]:
    for body in bodies:
        yield time.perf_counter(), ask(port, body)


def _row(task: str, group: int, measure, members: int = 1) -> dict:
    before, start = cpu_seconds(group), time.perf_counter()
    found = measure()
    wall, cpu = time.perf_counter() - start, cpu_seconds(group) - before
    took = np.array([seconds for seconds, _ in found]) * 1000
    return {
        "task": task,
        "requests": len(found),
        "failed": sum(not good for _, good in found),
        "p50_ms": float(np.quantile(took, 0.5)),
        "p99_ms": float(np.quantile(took, 0.99)),
        "members_per_s": members * len(found) / wall,
        "server_cpu_ms": cpu / len(found) * 1000,
    }


def cpu_seconds(group: int) -> float:
    """Return the CPU seconds of all processes of a process group so far (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            ticks += (int(fields[11]) + int(fields[12])) * (int(fields[2]) == group)
    return ticks / os.sysconf("SC_CLK_TCK")


def goals(rows: list[dict]) -> list[dict]:
    """Return of each goal what was found, the bound, and whether it is met; a failed request misses it."""
    found = []
    for row in rows:
        figure, bound, side = GOALS[row["task"]]
        within = row[figure] <= bound if side == "at most" else row[figure] >= bound
        met = bool(within and not row["failed"])
        found.append({"task": row["task"], "figure": figure, "found": row[figure], side: bound, "met": met})
    return found


def in_words(rows: list[dict]) -> str:
    """Return the measurements, and the goals, as tables."""
    asked = pd.DataFrame(goals(rows))
    return f"{pd.DataFrame(rows).round(1).to_string(index=False)}\n\n{asked.round(1).to_string(index=False)}"


def _body(rows: list[dict]) -> bytes:
    return json.dumps({"dataframe_records": rows}).encode()


def _await(port: int, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as line:
            line.request("GET", "/ping")
            if line.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise ProjectError(f"the server did not answer within {START_S} s; it said:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
