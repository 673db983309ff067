"""The log of trials under load: requests a second, and what is lost when its writers are killed."""

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

from membership.trials.log import Log

REQUESTS, WORKERS, KILLS = 5000, 4, 5
_SHOWN = '["' + '", "'.join(str(number) for number in range(1_000_000, 1_000_010)) + '"]'


def run(seed: int) -> dict:
    """Return requests a second of one worker and of several, and, over several kills, answers that the log lacks."""
    with tempfile.TemporaryDirectory() as folder:
        alone = _rate(Path(folder), 1)
        together = _rate(Path(folder), WORKERS)
        kills = [_killed(Path(folder) / f"kill{number}", 0.5 + 0.3 * number) for number in range(KILLS)]
    lost = sum(kill["lost"] for kill in kills)
    answered = sum(kill["answered"] for kill in kills)
    twice = sum(kill["twice"] for kill in kills)
    goals = [
        {"goal": "requests a second, one worker", "found": alone, "asked": ">= 1,000", "reached": alone >= 1000},
        {"goal": f"the same, each of {WORKERS} workers", "found": together, "asked": "-", "reached": None},
        {"goal": f"answers lost by kill -9, of {answered}", "found": lost, "asked": "0", "reached": lost == 0},
        {"goal": "requests logged twice", "found": twice, "asked": "0", "reached": twice == 0},
    ]
    return {"requests": REQUESTS, "cores": os.cpu_count(), "kills": kills, "goals": goals}


def _row(request: str, member: str) -> dict:
    told = {
        "arm": "treatment",
        "propensity": 0.5,
        "shown": _SHOWN,
        "as_of": "2024-03-01",
        "model_version": "champion/1",
    }
    return {"request_id": request, "member_id": member, "trial": "spring", "at": "2024-03-01T10:00:00"} | told


def _rate(folder: Path, workers: int) -> float:
    """Return requests a second and worker, each committed before the next one."""
    url = f"sqlite:///{folder / f'rate{workers}.db'}"
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return min(pool.starmap(_write, [(url, number, REQUESTS) for number in range(workers)], chunksize=1))


def _write(url: str, worker: int, requests: int) -> float:
    log = Log(url)
    log.append([_row(f"{worker}/warm", "m")])
    began = time.perf_counter()
    for number in range(requests):
        log.append([_row(f"{worker}/{number}", f"m{number}")])
    return requests / (time.perf_counter() - began)


def _killed(folder: Path, after: float) -> dict:
    """Return what the log lacks of what workers had answered when they were killed after so many seconds."""
    folder.mkdir()
    url, context = f"sqlite:///{folder / 'log.db'}", multiprocessing.get_context("spawn")
    workers = [context.Process(target=_answer, args=(url, folder / f"answers{number}", number)) for number in range(2)]
    for worker in workers:
        worker.start()
    while not all((folder / f"answers{number}").exists() for number in range(2)):
        time.sleep(0.05)
    time.sleep(after)
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    answered = [
        line for number in range(2) for line in (folder / f"answers{number}").read_text().split("\n")[:-1]
    ]  # the last one may be cut
    logged = Log(url).read()["request_id"]
    return {
        "answered": len(answered),
        "lost": len(set(answered) - set(logged)),
        "twice": int(logged.duplicated().sum()),
    }


def _answer(url: str, answers: Path, worker: int) -> None:
    log, number = Log(url), 0
    with answers.open("w", buffering=1) as stream:
        while True:
            log.append([_row(f"{worker}/{number}", f"m{number}")])
            stream.write(f"{worker}/{number}\n")  # the answer goes out only now
            number += 1
