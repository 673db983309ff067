"""The market for measurements of speed is what it says."""

import numpy as np

from benchmarks import big_market


def test_the_market_has_the_published_shares_and_its_lines_are_baskets():
    known = big_market.draw(20_000, 20_000, seed=1)
    pairs = known.matrix()
    sold = np.sort(pairs.sum(axis=0))[::-1]
    assert abs(len(known.item) / 20_000 - 50) < 2
    assert abs(1 - pairs.nnz / len(known.item) - 0.26) < 0.03  # repeats
    assert abs(sold[:200].sum() / sold.sum() - 0.28) < 0.04  # the top 1 %
    lines = np.stack([known.member, known.basket, known.item])
    assert (np.lexsort(lines[::-1]) == np.arange(len(known.item))).all()
    assert len(np.unique(lines, axis=1).T) == len(known.item)
    oldest = known.sizes[known.member] - 1
    assert (known.basket <= oldest).all() and known.age.min() >= 1 and known.age.max() <= 365
    same_member = np.diff(known.member) == 0
    assert (np.diff(known.age)[same_member] >= 0).all()


def test_the_same_seed_gives_the_same_market_and_another_another():
    first, same, other = (big_market.draw(500, 100, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.item, same.item) and len(first.item) != len(other.item)
