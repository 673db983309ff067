"""Situations: what is known of members at one cut-off, their candidates and the signals of these."""

from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Candidates, Pairs
from membership.recommend.signals import prepare, signals


@dataclass(frozen=True)
class Situation:
    """What is known at one cut-off: the histories, the candidates and their signals (n, signals), named."""

    baskets: Baskets
    pairs: Pairs
    inputs: np.ndarray
    names: list[str]


class View:
    """Looks up situations of the members of `candidates`; what is the same for all of them is made once, here.

    A million members do not fit into memory with all their signals, and need not: they are asked for in batches.
    `items` is the canonical table.
    """

    def __init__(self, candidates: Candidates, items: pd.DataFrame | None = None):
        self.baskets, self.candidates = candidates.baskets, candidates
        self._tables = prepare(self.baskets, items)

    def of_others(self, baskets: Baskets) -> "View":
        """Return the view of the members of `baskets`, of the same catalogue: what was learned from ours stays."""
        others = copy(self)
        others.baskets, others.candidates = baskets, self.candidates.of_others(baskets)
        others._tables = prepare(baskets, known=self._tables)
        return others

    @property
    def names(self) -> list[str]:
        """Names of the signals."""
        return self.of(np.arange(1)).names

    def of(self, rows: np.ndarray) -> Situation:
        """Return what is known of the members `rows` (sorted)."""
        pairs = self.candidates.of(rows)
        return Situation(self.baskets, pairs, *signals(pairs, self._tables))
