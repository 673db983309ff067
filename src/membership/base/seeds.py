"""One root seed; every other seed is derived from it by name, so that adding a draw moves no other."""

import hashlib

import numpy as np


def child(seed: int, name: str) -> int:
    """Return the seed (31 bits) of the draw called `name` under the root `seed`.

    >>> child(1, "tune") == child(1, "tune") != child(1, "train")
    True
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def rng(seed: int, name: str) -> np.random.Generator:
    """Return a generator seeded by `child(seed, name)`."""
    return np.random.default_rng(child(seed, name))
