"""A market without dates whose truth is known: what is due, what leads to what, and what sells next."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets, Targets

STAPLES, PAIRS = 4, 8
DUE, BETWEEN, LED, NOISE = 0.85, 0.02, 0.6, 0.02


@dataclass(frozen=True)
class OrderedMarket:
    """Histories, everybody's next basket, and `truth` (M, I): the probability with which it was drawn."""

    known: Baskets
    next: Targets
    truth: np.ndarray


def ordered_market(members: int = 900, items: int = 60, visits: int = 10, seed: int = 0) -> OrderedMarket:
    """Draw members with bread that is in every basket and staples that are due every second to fourth one.

    Each of the items 2n below 2 * PAIRS leads to item 2n + 1 in the basket after it. Histories have 4 baskets to
    `visits`.
    """
    rng = np.random.default_rng(seed)
    staples = 2 * PAIRS + rng.permuted(np.tile(np.arange(items - 2 * PAIRS), (members, 1)), axis=1)[:, :STAPLES]
    every = np.where(np.arange(STAPLES), rng.integers(2, 5, (members, STAPLES)), 1)
    phase, row = rng.integers(0, 12, (members, STAPLES)), np.arange(members)
    bought, chance = np.zeros((visits + 1, members, items), dtype=bool), np.zeros((members, items))
    for visit in range(visits + 1):
        chance[:] = NOISE
        chance[:, 1 : 2 * PAIRS : 2] += LED * bought[visit - 1][:, : 2 * PAIRS : 2]  # nobody has bought before visit 0
        chance[:, : 2 * PAIRS : 2] = 0.15
        chance[row[:, None], staples] = np.where((visit + phase) % every == 0, DUE, BETWEEN)
        chance[row, staples[:, 0]] = 1
        bought[visit] = rng.random((members, items)) < chance
    kept = np.arange(visits)[:, None, None] >= visits - rng.integers(4, visits + 1, members)[None, :, None]
    member, back, item = np.nonzero((bought[:-1] & kept)[::-1].transpose(1, 0, 2))
    lines = (array.astype(np.int32) for array in (member, item, back, back + 1))
    ids = (
        np.array([f"{letter}{number:04d}" for number in range(many)]) for letter, many in (("m", members), ("i", items))
    )
    known = Baskets(None, *ids, *lines)
    after = Targets(known.members, sparse.csr_array(bought[-1].astype(float)), np.zeros(members, dtype=np.int64))
    return OrderedMarket(known, after, chance)


def histories(*held):
    """Return histories of letters: of each member baskets as words, the oldest first."""
    lines = sorted(
        (m, len(b) - 1 - n, ord(i) - ord("a")) for m, b in enumerate(held) for n, w in enumerate(b) for i in w
    )
    member, back, item = np.array(lines, dtype=np.int32).T
    ids = (
        np.array([f"m{m:02d}" for m in range(len(held))]),
        np.array([chr(ord("a") + n) for n in range(item.max() + 1)]),
    )
    return Baskets(None, *ids, member, item, back, back + 1)


def dense(found, rows):
    """Return the dense scores (rows, I) of the sources `found` by name."""
    scored = {name: s for source in found for name, s in zip(source.names, source.scores(rows), strict=True)}
    return {n: s.toarray() if sparse.issparse(s) else np.tile(s, (len(rows), 1)) for n, s in scored.items()}
