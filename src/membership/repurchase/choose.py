"""The written rule: the least log loss wins, unless a candidate named earlier cannot be told apart from it."""

from dataclasses import dataclass

import pandas as pd

from membership.repurchase import judge
from membership.repurchase.judge import Judged


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why."""

    name: str
    best: str  # with the least log loss
    table: pd.DataFrame  # `judge.table`, in the order of repurchase.candidates
    differences: pd.DataFrame  # log loss above that of the best


def choose(judged: Judged, confidence: float) -> Choice:
    """Return the first candidate whose log loss is not clearly above the least: its paired interval holds 0."""
    table = judge.table(judged, confidence)
    best = str(table["log_loss"].idxmin())
    differences = judge.differences(judged, best, confidence)
    worse = set(differences.index[differences["low"] > 0])
    name = next(name for name in table.index if name not in worse)
    return Choice(name, best, table, differences)
