"""Many members, some at a time: what bounds memory, and what stands for all where learning from all says no more."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from membership.base import seeds

if TYPE_CHECKING:  # whoever only counts blocks need not wait for Ibis
    import ibis

SIZE = 50_000  # members together


def blocks(members: int, size: int | None = None) -> Iterator[slice]:
    """Yield the slices of at most `size` members, SIZE without, that make up all; an empty one where there is nobody.

    >>> [(block.start, block.stop) for block in blocks(5, size=2)]
    [(0, 2), (2, 4), (4, 6)]
    """
    size = size or SIZE
    return (slice(start, start + size) for start in range(0, max(members, 1), size))


def over(
    parts: Iterable[pd.DataFrame], work: Callable[[pd.DataFrame], pd.DataFrame], con: "ibis.BaseBackend | None" = None
) -> pd.DataFrame:
    """Return what `work` makes of all `parts`, each a block of members; where `con` is Spark, its workers do it.

    The blocks are the same on any engine, and so is what comes of them.
    """
    if con is None or con.name != "pyspark":
        return pd.concat([work(part) for part in parts])
    from membership.base import spark

    return pd.concat(spark.spread(con, parts, work))


def some(members: int, most: int, seed: int) -> np.ndarray:
    """Return the rows, sorted, of `most` members drawn at random; of all where there are no more.

    The same numbers give the same rows, so that all stages draw the same members.
    """
    if members <= most:
        return np.arange(members)
    return np.sort(seeds.rng(seed, "members").choice(members, most, replace=False))
