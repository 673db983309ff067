"""Situations: what is known of members at one cut-off, their candidates and the signals of these."""

from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Candidates, Pairs
from membership.recommend.labels import Labels
from membership.recommend.signals import prepare, signals


@dataclass(frozen=True)
class Situation:
    """What is known at one cut-off: the histories, the candidates and their signals (n, signals), named."""

    baskets: Baskets
    pairs: Pairs
    inputs: np.ndarray
    names: list[str]


class View:
    """Looks up situations of members of `baskets`; what is the same for all of them is made once, here.

    A million members do not fit into memory with all their signals, and need not: they are asked for in batches.
    `given` are labels, `extra` is how many candidates each source adds, `items` is the canonical table.
    """

    def __init__(self, baskets: Baskets, given: Labels, extra: int, items: pd.DataFrame | None = None):
        self.baskets, self.candidates = baskets, Candidates(baskets, given, extra, items)
        self._tables = prepare(baskets, items)

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
