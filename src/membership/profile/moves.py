"""Moves of members between levels (stages, tiers) from month to month: shares with their intervals."""

import numpy as np
import pandas as pd

from membership.stats import resample


def intervals(
    history: pd.DataFrame, column: str, levels: list[str], confidence: float, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return for each pair of `levels` how many move from one to the other within a month, as a share of the first.

    Columns: from, to, members (who were ever in `from` with a known next month), moves, share, low, high. The months of
    one member are not independent, so the interval resamples members with all their months (percentile bootstrap). If
    no member made the move, or every member always did, resampling has no spread: the interval then ends
    1 - (1 - confidence)^(1 / members) away, which is exact (Hanley & Lippman-Hand 1983). Null where nobody was in
    `from`. `history` has member_id, as_of and `column`; rows in any order.
    """
    size = len(levels)
    counts = _counts(history, column, levels)
    total = counts.sum(axis=0)
    sums = resample.bootstrap_sums(counts, draws, rng).reshape(-1, size, size)
    starts = counts.reshape(-1, size, size).sum(axis=2)
    members = np.repeat((starts > 0).sum(axis=0), size)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (total.reshape(size, size) / total.reshape(size, size).sum(axis=1, keepdims=True)).ravel()
        drawn = (sums / sums.sum(axis=2, keepdims=True)).reshape(len(sums), -1)
        unseen = 1 - (1 - confidence) ** (1 / members)
    tail = (1 - confidence) / 2
    ends = np.full((2, size**2), np.nan)
    for cell in np.flatnonzero(members):  # a level with few members may be missing in a resample
        ends[:, cell] = np.nanquantile(drawn[:, cell], [tail, 1 - tail])
    low, high = ends
    return pd.DataFrame(
        {
            "from": np.repeat(levels, size),
            "to": np.tile(levels, size),
            "members": members,
            "moves": total.astype(int),
            "share": share,
            "low": np.where(share == 1, 1 - unseen, low),
            "high": np.where(share == 0, unseen, high),
        }
    )


def _counts(history: pd.DataFrame, column: str, levels: list[str]) -> np.ndarray:
    """Return how often each member made each move, (members, levels squared); members without any are left out."""
    member = pd.factorize(history["member_id"])[0]
    level = pd.Index(levels).get_indexer(history[column])
    order = np.lexsort([history["as_of"].to_numpy(), member])
    member, level = member[order], level[order]
    step = (member[1:] == member[:-1]) & (level[1:] >= 0) & (level[:-1] >= 0)
    who, row = np.unique(member[1:][step], return_inverse=True)
    cell = row * len(levels) ** 2 + level[:-1][step] * len(levels) + level[1:][step]
    flat = np.bincount(cell, minlength=len(who) * len(levels) ** 2).astype(float)
    return flat.reshape(len(who), len(levels) ** 2)
