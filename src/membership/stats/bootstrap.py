"""The bootstrap of a mean over very many members, where drawing every member anew would take minutes.

Few distinct values: how often each is drawn is multinomial, which is the plain bootstrap itself, counted by value.
Many: each member gets an own weight of mean 1 and variance 1, as in the Poisson bootstrap. What differs from the plain
bootstrap is of order 1 / members.
"""

import numpy as np

FEW = 16384  # distinct values up to which counting by value is the quicker way
_BLOCK = 4096  # members whose weights are drawn together: 32 MB for 2,000 draws, whatever the number of members

# Weights 0 to 5 in 256 equally probable bytes: mean and variance are exactly 1 as of Poisson(1), the third central
# moment is 0.98 instead of 1. Two bytes are looked up at a time, which halves the work.
_WEIGHTS = np.repeat(np.arange(6), [94, 95, 46, 16, 4, 1]).astype(np.float32)
_PAIRS = np.stack([np.tile(_WEIGHTS, 256), np.repeat(_WEIGHTS, 256)], axis=1).view(np.complex64).ravel()


def by_value(distinct: np.ndarray, counts: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return (draws,) means of members drawn with replacement, of whom `counts` (values,) have each of `distinct`.

    Source: Efron (1979), section 2: resampling a discrete distribution is multinomial.
    """
    members = counts.sum()
    step = max(1, 4_000_000 // len(distinct))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    return np.concatenate([rng.multinomial(members, counts / members, size) @ distinct for size in sizes]) / members


def by_weight(values: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return (draws,) means of `values` (members,) under independent weights of mean and variance 1.

    Sums of a block are in single precision, of the values' distances from their mean; sums over blocks in double.

    Source: Hanley and MacGibbon (2006), Poisson bootstrap; Chamandy, Muralidharan, Najmi and Naidu (2012), for data
    too large to resample; Praestgaard and Wellner (1993), that mean and variance 1 are what the weights need.
    """
    centre = values.mean()
    scale = np.abs(values - centre).max() or 1.0
    around = np.column_stack([(values - centre) / scale, np.ones(len(values))]).astype(np.float32)
    totals = np.zeros((draws, 2))
    for start in range(0, len(values), _BLOCK):
        block = around[start : start + _BLOCK]
        totals += weights(draws, len(block), rng) @ block
    return centre + scale * totals[:, 0] / totals[:, 1]


def weights(draws: int, members: int, rng: np.random.Generator) -> np.ndarray:
    """Return (draws, members) independent weights 0 to 5 of mean 1 and variance 1, in single precision."""
    eights = (members + 7) // 8
    drawn = rng.integers(2**64 - 1, size=(draws, eights), dtype=np.uint64, endpoint=True)  # the quickest random bytes
    return _PAIRS[drawn.astype("<u8", copy=False).view("<u2")].view(np.float32)[:, :members]
