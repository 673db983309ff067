"""Processes that train the trials of a search side by side; what all learn from is in memory once.

    search  - number, settings ->  worker
            <-- epoch, recall ---
            ---- go on? -------->           ... and so on, until
            <------ None --------           the trial is over (or: what went wrong, in words)

A worker knows nothing of the study. It ends when the search does, in whatever way: then its pipe is closed.
"""

import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import IO, Any

from membership.base import handover, kernels
from membership.base.errors import DataError, ProjectError
from membership.recommend import model, train
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs
from membership.recommend.model import NextBasket, Settings
from membership.recommend.situation import Situation
from membership.recommend.task import Task
from membership.recommend.train import Samples
from membership.settings.train import Train

Heard = Callable[[int, int, float], bool]
SERVE = "import sys; from membership.recommend import workers; workers.serve(*map(int, sys.argv[1:]))"
GOES_ON = "then run again: the search goes on from the last finished trial."


class _Stopped(Exception):
    """The search has heard enough of this trial."""


@dataclass(frozen=True)
class Work:
    """What all trials share: the task, knobs, seed, device, where models are kept."""

    task: Task
    knobs: Train
    seed: int
    device: str
    folder: Path

    def run(self, number: int, settings: Settings, heard: Callable[[int, float], bool]) -> None:
        """Train with `settings`; after every epoch `heard(epoch, recall)` says whether to go on.

        A model that is trained to the end is kept: `choice` need not train it again.
        """

        def on_epoch(epoch: int, _loss: float, model: NextBasket) -> None:
            if not heard(epoch, self.task.recall(model)):
                raise _Stopped

        with suppress(_Stopped):
            model.save(self.trained(settings, on_epoch), self.folder / str(number))

    def trained(self, settings: Settings, on_epoch: train.Epoch | None = None) -> NextBasket:
        """Return the model with `settings` as a trial trains it, to the last epoch."""
        return train.network(self.task.samples, settings, self.knobs, self.seed, self.device, on_epoch).model


HANDED = (Work, Task, Samples, Situation, Baskets, Pairs, Targets, Train)  # what `Work` is made of


class Workers:
    """Up to `count` processes, each started when it is first needed; all are gone when the `with` block ends.

    With a `count` of 1 there is none: trials run in this process.
    """

    def __init__(self, work: Work, count: int) -> None:
        self._work, self._count = work, count
        self._processes: dict[Connection, subprocess.Popen] = {}
        self._memory: tuple[IO[bytes], int] | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in self._processes.items():
            process.kill()
            process.wait()
            pipe.close()
        if self._memory:
            self._memory[0].close()

    def play(self, jobs: Iterable[tuple[int, Settings]], heard: Heard) -> Iterator[int]:
        """Run `jobs` (number, settings), each taken when a worker is free; yield the number of each that is over.

        `heard(number, epoch, recall)` is asked after every epoch whether to go on with it. Raises DataError where a
        worker dies.
        """
        if self._count == 1:
            for number, settings in jobs:
                self._work.run(number, settings, partial(heard, number))
                yield number
            return
        jobs, busy = iter(jobs), {}
        while True:
            while len(busy) < self._count and (job := next(jobs, None)):
                pipe = next((pipe for pipe in self._processes if pipe not in busy), None) or self._started()
                busy[pipe], settings = job
                self._tell(pipe, busy[pipe], [busy[pipe], asdict(settings)])
            if not busy:
                return
            for pipe in wait(list(busy)):
                said = self._said(pipe, busy[pipe])
                if said is None:
                    yield busy.pop(pipe)
                else:
                    self._tell(pipe, busy[pipe], heard(busy[pipe], *said))

    def _started(self) -> Connection:
        self._memory = self._memory or _written(self._work)
        file, head = self._memory
        ours, theirs = Pipe()
        handles = (theirs.fileno(), file.fileno())
        try:
            self._processes[ours] = subprocess.Popen(
                [sys.executable, "-c", SERVE, *map(str, handles), str(head)],
                pass_fds=handles,
                env={**os.environ, **kernels.environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the search, which ends its workers
            )
        except OSError as error:
            raise DataError(f"no worker process can be started ({error}); lower tune.workers, {GOES_ON}") from error
        finally:
            theirs.close()
        return ours

    def _tell(self, pipe: Connection, number: int, words: list | bool) -> None:
        try:
            _send(pipe, words)
        except OSError as error:
            raise DataError(self._obituary(pipe, number)) from error

    def _said(self, pipe: Connection, number: int) -> list | None:
        try:
            said = _received(pipe)
        except (EOFError, OSError) as error:
            raise DataError(self._obituary(pipe, number)) from error
        if isinstance(said, str):
            raise DataError(f"trial {number}: {said}")
        return said

    def _obituary(self, pipe: Connection, number: int) -> str:
        status = self._processes[pipe].wait()
        if status >= 0:
            return f"trial {number}: its worker process ended with status {status}; fix what it says above, {GOES_ON}"
        return (
            f"trial {number}: its worker process was ended by {signal.Signals(-status).name}, as happens where memory "
            f"runs out; free some, or lower tune.workers (now {self._count}; 1 needs no process), {GOES_ON}"
        )


def serve(pipe: int, memory: int, head: int) -> None:
    """Train what is asked for on the handle `pipe`, until it is closed; `memory` and `head` as from `_written`."""
    search = Connection(pipe)

    def heard(epoch: int, recall: float) -> bool:
        _send(search, [epoch, recall])
        return _received(search)

    with suppress(EOFError, ConnectionError):  # the search is gone
        try:
            work = _mapped(memory, head)
            while True:
                number, settings = _received(search)
                work.run(number, Settings(**settings), heard)
                _send(search, None)
        except (EOFError, ConnectionError):
            raise
        except ProjectError as error:
            _send(search, str(error))
        except Exception as error:
            traceback.print_exc()
            _send(search, f"{type(error).__name__}: {error}; fix it, {GOES_ON}")


def _send(pipe: Connection, words: Any) -> None:
    pipe.send_bytes(json.dumps(words).encode())  # floats come back as they were, to the last digit


def _received(pipe: Connection) -> Any:
    return json.loads(pipe.recv_bytes())


def _written(work: Work) -> tuple[IO[bytes], int]:
    """Return a file without a name (so no kill leaves it behind) that holds `work`, and where its head begins.

    The arrays lie in it as they are in memory, so that workers map them: the system keeps one copy for all.
    """
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (it is open as long as there are workers)
        head = handover.write(file, work)
    except OSError as error:
        raise DataError(
            f"{tempfile.gettempdir()}: no room for what tune.workers share ({error.strerror or error}); free some, set "
            f"TMPDIR to a folder that has it, or tune.workers to 1, {GOES_ON}"
        ) from error
    return file, head


def _mapped(memory: int, head: int) -> Work:
    view = memoryview(mmap.mmap(memory, 0, access=mmap.ACCESS_COPY))  # torch wants arrays that may be written
    return handover.read(view, head, HANDED)
