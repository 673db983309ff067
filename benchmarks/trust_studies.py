"""A fresh study that four processes take at once: each of its trials is finished, and no process stops."""

import multiprocessing
import os
import tempfile
from pathlib import Path
from typing import Any

from membership.base import paths

STUDIES, TRIALS, PROCESSES = 8, 50, 4  # half of the studies in a journal, half in a database


def measure(_: Path) -> list[dict[str, Any]]:
    """Return the table: a row for journals and one for databases, `wrong` says what stopped."""
    return [_measured("journal", STUDIES // 2), _measured("database", STUDIES // 2)]


def _measured(kind: str, studies: int) -> dict[str, Any]:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        os.environ[paths.ROOT] = folder
        started, told = spawn.Barrier(PROCESSES), spawn.SimpleQueue()
        storage = None if kind == "journal" else f"sqlite:///{folder}/study.db"
        team = [spawn.Process(target=_take, args=(storage, studies, started, told)) for _ in range(PROCESSES)]
        for one in team:
            one.start()
        for one in team:
            one.join()
        wrong = []
        while not told.empty():
            wrong.append(told.get())
        right = sum(_finished(f"{number}", storage) for number in range(studies))
        os.environ.pop(paths.ROOT)
    what = f"studies: trials of a fresh {kind} that {PROCESSES} processes take"
    return {"what": what, "tried": studies * TRIALS, "right": right, "wrong": wrong}


def _take(storage: str | None, studies: int, started: Any, told: Any) -> None:
    """Take part in all studies, as `recommend.tune` does, with trials that cost nothing."""
    import optuna

    from membership.recommend import studies as shared

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in range(studies):
        started.wait()
        try:
            with shared.kept(storage):
                study = shared.opened(f"{name}", storage)
                for number in shared.take(study, range(TRIALS)):
                    if number not in shared.finished(study):
                        about = {shared.NUMBER: number}
                        study.add_trial(optuna.trial.create_trial(value=float(number), user_attrs=about))
        except Exception as error:
            told.put(f"study {name}: {type(error).__name__}: {str(error)[:200]}")


def _finished(name: str, storage: str | None) -> int:
    """Return how many trials of the study are finished with the value that is theirs."""
    from membership.recommend import studies as shared

    found = shared.finished(shared.opened(name, storage))
    return sum(number in found and found[number].value == number for number in range(TRIALS))
