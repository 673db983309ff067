"""Which runs in MLflow are of processes that live: a run of a killed process is closed at the next start.

A process that has an open run holds a lock on a file of its own in `mlruns/.open/`, and the run carries the file's name
in the tag `process`. The system lets go of the lock however the process ends.
"""

import uuid
from collections.abc import Callable
from pathlib import Path

import filelock

TAG = "process"
_HELD: dict[Path, tuple[str, filelock.FileLock, set[str]]] = {}  # folder -> this process's token, lock and open runs


def token(folder: Path) -> str:
    """Return the name by which runs of this process are known, its lock held from now on."""
    if folder not in _HELD:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            made = uuid.uuid4().hex
            lock = filelock.FileLock(folder / f"{made}.lock", thread_local=False)  # a stage opens its run aside
            lock.acquire()
            if Path(lock.lock_file).exists():  # else another start took it for one of the dead
                break
        _HELD[folder] = made, lock, set()
    return _HELD[folder][0]


def opened(folder: Path, run: str) -> None:
    """Remember that `run` is open."""
    token(folder)
    _HELD[folder][2].add(run)


def closed(folder: Path, run: str) -> None:
    """Forget `run`; with the last one the lock goes, too."""
    if folder in _HELD:
        _, lock, runs = _HELD[folder]
        runs.discard(run)
        if not runs:
            del _HELD[folder]
            _drop(lock)


def bury(folder: Path, close: Callable[[str], None]) -> None:
    """Call `close` with the token of every process that is gone but had an open run."""
    own = _HELD[folder][0] if folder in _HELD else None
    for path in folder.glob("*.lock"):
        lock = filelock.FileLock(path)
        if path.stem == own:
            continue
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            continue
        close(path.stem)
        _drop(lock)


def _drop(lock: filelock.FileLock) -> None:
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
