"""Many members, some at a time: what bounds memory, and what stands for all where learning from all says no more."""

from collections.abc import Iterator

import numpy as np

from membership.base import seeds

SIZE = 50_000  # members together


def blocks(members: int, size: int | None = None) -> Iterator[slice]:
    """Yield the slices of at most `size` members, SIZE without, that make up all; an empty one where there is nobody.

    >>> [(block.start, block.stop) for block in blocks(5, size=2)]
    [(0, 2), (2, 4), (4, 6)]
    """
    size = size or SIZE
    return (slice(start, start + size) for start in range(0, max(members, 1), size))


def some(members: int, most: int, seed: int) -> np.ndarray:
    """Return the rows, sorted, of `most` members drawn at random; of all where there are no more.

    The same numbers give the same rows, so that all stages draw the same members.
    """
    if members <= most:
        return np.arange(members)
    return np.sort(seeds.rng(seed, "members").choice(members, most, replace=False))
