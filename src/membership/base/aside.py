"""Work that a process of its own does meanwhile: a stage computes with one thread, so a second core is idle."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from functools import cached_property
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from membership.base.errors import DataError

_FRESH = get_context("spawn")  # a copy of this process would share its threads and connections


class Aside:
    """`work(*given)`, begun at once in a process of its own; `result` waits for it.

    `work` is a function of a module; `given` and what it returns go through a pipe of `multiprocessing`, to no file.
    The numbers are those of this process: the same variables hold its kernels. The process ends with this one.
    """

    def __init__(self, work: Callable[..., Any], *given: Any) -> None:
        self._pipe, theirs = _FRESH.Pipe(duplex=False)
        self._process = _FRESH.Process(target=_serve, args=(theirs, work, given), daemon=True)
        self._process.start()
        theirs.close()

    @cached_property
    def result(self) -> Any:
        """What the work returns. What it raises is raised here; DataError where its process was ended."""
        try:
            done, told = self._pipe.recv()
        except EOFError as error:
            self._process.join()
            raise DataError(
                f"a process that computed meanwhile was ended (status {self._process.exitcode}), as happens where "
                "memory runs out; free some, then run again."
            ) from error
        self._process.join()
        if not done:
            raise told
        return told


def _serve(pipe: Connection, work: Callable[..., Any], given: tuple) -> None:
    with redirect_stderr(io.StringIO()):  # two progress bars would write over each other
        try:
            told = True, work(*given)
        except Exception as error:
            told = False, error
    with suppress(OSError):  # nobody waits any more
        pipe.send(told)
