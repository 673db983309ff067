"""A search that processes share by PostgreSQL: `python -m benchmarks.shared_search --work FOLDER --out JSON`.

WORKERS processes, each with a project folder of its own as on a machine of its own, run `tune.search` of one small
task against one database, half of them by the one connection of the server, half by the other (TCP, socket). When
shares KILLED of the trials are finished, one is killed in the middle of what it does, and another takes its place.
Then the database's trials are counted, and compared with those of one process and a journal. Run again, it goes on.
Needs PostgreSQL's programs.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from benchmarks import big_market, ordered
from membership.base import files, kernels, paths
from membership.base.errors import ProjectError
from membership.pipeline import local_postgres
from membership.recommend import studies, tune
from membership.settings import params

TRIALS, WORKERS, KILLED = 200, 4, (0.3, 0.6)
MEMBERS, ITEMS, SEED, PORT = 120, 40, 1, 55432
DATABASE = "tune"
PAUSE = 0.2  # seconds between two looks at the study
OWN = {
    "device": "cpu",
    "train.epochs": 2,
    "train.candidates": 5,
    "train.origins": 1,
    "train.batch_size": 256,
    "tune.trials": TRIALS,
    "tune.workers": 1,
    "tune.round": 2 * WORKERS,
}


def main() -> None:
    """Search, kill, count, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="a folder for the server and the workers, which stays")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--take-part", help=argparse.SUPPRESS)  # one worker, by this address
    given = parser.parse_args()
    if given.take_part:
        _take_part(given.work, given.take_part)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; run again: it goes on"))  # not without the server's end
    try:
        found = measured(given.work.resolve(), given.port)
    except ProjectError as error:
        sys.exit(str(error))
    if given.out:
        files.write_json(given.out, found)
    print(pd.Series(found).to_string())


def knobs(storage: str | None) -> params.Stage:
    """Return the parameters of the small search, kept at `storage`; None: a journal in the project's folder."""
    return params.parse(params.read(), OWN | {"tune.storage": storage})


def task(p: params.Stage) -> tune.Task:
    """Return the task: the last basket of each member of a small market, from those before it."""
    known, after = ordered.earlier(big_market.draw(MEMBERS, ITEMS, SEED), 1)
    before, learned = ordered.earlier(known, 1)
    now = ordered.situation(known, after, p, after.members)
    return tune.Task(ordered.samples(before, learned, p), now, after, p.recommend.k)


def measured(work: Path, port: int) -> dict[str, Any]:
    """Return how many trials are finished and doubled, how many workers were killed, and whether it is the search."""
    began, alone = time.perf_counter(), knobs(None)
    with local_postgres.running(work / "postgres", port, (DATABASE,)):
        tcp = local_postgres.url(port, DATABASE)
        socket = f"postgresql://{local_postgres.USER}@/{DATABASE}?host={work / 'postgres'}&port={port}"
        p = knobs(tcp)
        killed = _shared(work, p, [tcp, socket])
        study = tune.open_study(task(p), p)
        rows, shared = len(study.get_trials(states=studies.FINISHED)), tune.history(study, TRIALS)
    took = round(time.perf_counter() - began)
    os.environ[paths.ROOT] = str(work / "alone")
    one = tune.search(task(alone), alone)
    counted = {"trials": TRIALS, "finished": len(shared), "doubled": rows - len(shared), "killed": killed}
    return counted | {"as_one_process": shared.equals(tune.history(one, TRIALS)), "wall_s": took}


def _shared(work: Path, p: params.Stage, addresses: list[str]) -> int:
    """Run the workers until the search is over; return how many were killed."""
    study, killed = tune.open_study(task(p), p), 0
    team = [_worker(work / f"machine-{number}", addresses[number % 2]) for number in range(WORKERS)]
    try:
        while any(one.poll() is None for one in team):
            time.sleep(PAUSE)
            if killed < len(KILLED) and len(studies.finished(study)) >= KILLED[killed] * TRIALS:
                team[killed].kill()
                team[killed].wait()
                killed += 1
                team.append(_worker(work / f"machine-{WORKERS + killed}", addresses[killed % 2]))
        if any(failed := [one.returncode for one in team[killed:] if one.returncode]):
            raise ProjectError(f"a worker ended with {failed}: see above; run again, it goes on.")
    finally:
        for one in team:
            one.kill()
            one.wait()
    return killed


def _worker(folder: Path, address: str) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.shared_search", "--work", str(folder), "--take-part", address]
    return subprocess.Popen(command, env={**os.environ, **kernels.environment()}, cwd=paths.checkout())


def _take_part(folder: Path, address: str) -> None:
    """Be one of the workers, whose project is `folder`."""
    p = knobs(address)
    os.environ[paths.ROOT] = str(folder)
    tune.search(task(p), p)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()
