"""Progress bars for long work, the same in a terminal, in JupyterLab and in a log."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def bar(steps: Iterable[T], description: str, total: int | None = None) -> tqdm:
    """Wrap `steps` in a progress bar on standard error."""
    return tqdm(steps, desc=description, total=total, file=sys.stderr, mininterval=0.5, dynamic_ncols=False, ncols=88)
