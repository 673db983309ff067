"""A line that says how far a stage is, and about how long it and what may follow will take, from when they last ran."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from membership.base import files, graph, paths

_EVERY = 1.0  # seconds between two looks of the line


def line(stage: str, passed: float, took: Mapping[str, float]) -> str:
    """Return the line of `stage` after `passed` seconds; `took` are seconds by stage of their last runs.

    >>> line("value", 20.0, {"value": 50.0, "report": 190.0}).split(";")[0]
    'value: 20 s of about 50 s'
    """
    told = f"{stage}: {round(passed)} s"
    if stage in took:
        told += f" of about {round(took[stage])} s"
    order = [node.name for node in graph.nodes()]
    rest = sum(took.get(name, 0.0) for name in order[order.index(stage) + 1 :]) if stage in order else 0.0
    left = max(took.get(stage, 0.0) - passed, 0.0) + rest
    return f"{told}; what may follow included, about {_long(left)} left" if rest else told


@contextmanager
def shown(stage: str, out: TextIO | None = None) -> Iterator[None]:
    """Show the line meanwhile, kept up to date in a terminal; remember how long it took if all went well."""
    out, took, began, over = out or sys.stderr, _known(), time.monotonic(), threading.Event()

    def show() -> None:
        while not over.wait(_EVERY):
            out.write(f"\r\x1b[K{line(stage, time.monotonic() - began, took)}")
            out.flush()
        out.write("\r\x1b[K")

    print(line(stage, 0, took), file=out, flush=True)
    thread = threading.Thread(target=show, daemon=True) if out.isatty() else None
    if thread:
        thread.start()
    try:
        yield
        files.write_json(_store(), _known() | {stage: round(time.monotonic() - began, 1)})
    finally:
        over.set()
        if thread:
            thread.join()


def _store() -> Path:
    return paths.reports("notebooks", "durations.json")


def _known() -> dict[str, float]:
    return files.read_json(_store()) if _store().exists() else {}


def _long(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"
