"""Situations: what is known of members at one cut-off, their candidates and the signals of these."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets
from membership.recommend.candidates import TEACH, Candidates, Pairs
from membership.recommend.signals import learn, prepare, signals


@dataclass(frozen=True)
class Situation:
    """What is known at one cut-off: the histories, the candidates and their signals (n, signals), named."""

    baskets: Baskets
    pairs: Pairs
    inputs: np.ndarray
    names: list[str]


class View:
    """Looks up situations of the members of `candidates`; what is known of items is learned once, here.

    A million members do not fit into memory with all their signals, and need not: they are asked for in batches, and
    what is a member's own is made for a batch.
    `items` is the canonical table; with `excited` the intensity of purchases is among the signals.
    """

    def __init__(self, candidates: Candidates, items: pd.DataFrame | None = None, excited: bool = False):
        self.baskets, self.candidates = candidates.baskets, candidates
        self._learned = learn(self.baskets.evenly(TEACH), items, excited)

    def of_others(self, baskets: Baskets) -> "View":
        """Return the view of the members of `baskets`, of the same catalogue: what was learned from ours stays."""
        others = copy(self)
        others.baskets, others.candidates = baskets, self.candidates.of_others(baskets)
        return others

    @property
    def names(self) -> list[str]:
        """Names of the signals."""
        return self.of(np.arange(1)).names

    def of(self, rows: np.ndarray) -> Situation:
        """Return what is known of the members `rows` (sorted)."""
        pairs = self.candidates.of(rows)
        own = replace(pairs, member=np.searchsorted(rows, pairs.member))
        return Situation(self.baskets, pairs, *signals(own, prepare(self.baskets.only(rows), self._learned)))
