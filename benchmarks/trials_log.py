"""The log of trials under load: requests a second, and what is lost when its writers, or its server, are killed.

With SQLite, and with PostgreSQL where one is installed.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import postgres
from membership.pipeline import local_postgres
from membership.trials.log import Log, Lost

REQUESTS, WORKERS, KILLS = 2000, 4, 5
_SHOWN = '["' + '", "'.join(str(number) for number in range(1_000_000, 1_000_010)) + '"]'


def run(seed: int) -> dict:
    """Return requests a second of one worker and of several, and, over several kills, answers that the log lacks.

    Goals are those of SQLite; PostgreSQL's kills have one, too. Where none is installed its part is empty.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = _tried(lambda name: f"sqlite:///{Path(folder) / name}.db")
    asked = {"asked": ">= 1,000", "reached": found["alone"] >= 1000}
    told = [{"goal": "requests a second, one worker", "found": found["alone"], **asked}, *_told("SQLite", found)]
    other = {}
    if local_postgres.programs():
        with postgres.Server() as server:
            other = _tried(server.new) | {"server": _server_killed(server)}
        told += [*_told("PostgreSQL", other), *_kept("PostgreSQL, server killed", [other["server"]])]
    return {"requests": REQUESTS, "cores": os.cpu_count(), "sqlite": found, "postgresql": other, "goals": told}


def _tried(address: Callable[[str], str]) -> dict:
    """Return rates and kills of logs at the `address` of a name."""
    alone, busy = _rate(address("alone"), 1)
    together, _ = _rate(address("together"), WORKERS)
    kills = [_killed(address(f"kill{number}"), 0.5 + 0.3 * number) for number in range(KILLS)]
    return {"alone": alone, "busy": busy, "together": together, "kills": kills}


def _told(what: str, found: dict) -> list[dict]:
    rates = {
        f"{what}: requests a CPU second of one worker": found["busy"],
        f"{what}: requests a second, each of {WORKERS} workers": found["together"],
    }
    told = [{"goal": name, "found": rate, "asked": "-", "reached": None} for name, rate in rates.items()]
    return told + _kept(what, found["kills"])


def _kept(what: str, kills: list[dict]) -> list[dict]:
    answered, lost, twice = (sum(kill[name] for kill in kills) for name in ("answered", "lost", "twice"))
    names = {f"{what}: answers lost by kill -9, of {answered}": lost, f"{what}: requests logged twice": twice}
    return [{"goal": name, "found": each, "asked": "0", "reached": each == 0} for name, each in names.items()]


def _row(request: str, member: str) -> dict:
    told = {
        "arm": "treatment",
        "propensity": 0.5,
        "shown": _SHOWN,
        "as_of": "2024-03-01",
        "model_version": "champion/1",
    }
    return {"request_id": request, "member_id": member, "trial": "spring", "at": "2024-03-01T10:00:00"} | told


def _rate(url: str, workers: int) -> tuple[float, float]:
    """Return requests a second and a CPU second, of the slowest worker, each committed before the next one."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        found = pool.starmap(_write, [(url, number, REQUESTS) for number in range(workers)], chunksize=1)
    return tuple(min(rates) for rates in zip(*found, strict=True))


def _write(url: str, worker: int, requests: int) -> tuple[float, float]:
    log = Log(url)
    log.append([_row(f"{worker}/warm", "m")])
    began, busy = time.perf_counter(), time.process_time()
    for number in range(requests):
        log.append([_row(f"{worker}/{number}", f"m{number}")])
    return requests / (time.perf_counter() - began), requests / (time.process_time() - busy)


def _killed(url: str, after: float) -> dict:
    """Return what the log lacks of what workers had answered when they were killed after so many seconds."""
    with _answering(url, after) as (workers, answers):
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        return _lacks(url, workers, answers)


def _server_killed(server: postgres.Server) -> dict:
    """Return the same where the server is killed, which ends the workers, and started again."""
    url = server.new("server")
    with _answering(url, 1.0) as (workers, answers):
        server.kill()
        server.start()
        return _lacks(url, workers, answers)


@contextmanager
def _answering(url: str, after: float):
    """Yield two workers and the files of their answers, so many seconds after both have answered."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        answers = [Path(folder) / f"answers{number}" for number in range(2)]
        workers = [context.Process(target=_answer, args=(url, *one)) for one in zip(answers, range(2), strict=True)]
        for worker in workers:
            worker.start()
        while not all(path.exists() for path in answers):
            time.sleep(0.05)
        time.sleep(after)
        yield workers, answers


def _lacks(url: str, workers: list, answers: list[Path]) -> dict:
    """Return how much was answered, how much of it the log lacks, and has twice, once the workers are gone."""
    for worker in workers:
        worker.join()
    answered = [line for path in answers for line in path.read_text().split("\n")[:-1]]  # the last one may be cut
    logged = Log(url).read()["request_id"]
    return {
        "answered": len(answered),
        "lost": len(set(answered) - set(logged)),
        "twice": int(logged.duplicated().sum()),
    }


def _answer(url: str, answers: Path, worker: int) -> None:
    """Answer until the log does not take a row."""
    log, number = Log(url), 0
    with answers.open("w", buffering=1) as stream, suppress(Lost):
        while True:
            log.append([_row(f"{worker}/{number}", f"m{number}")])
            stream.write(f"{worker}/{number}\n")  # the answer goes out only now
            number += 1
