"""The written rule: the least log loss wins, unless a candidate named earlier cannot be told apart from it.

A baseline is used only where nothing else comes to its log loss; then it is, so that no model is worse than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from membership.repurchase import baselines, judge
from membership.repurchase.judge import Judged


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why."""

    name: str
    best: str | None  # with the least log loss; None where nothing could be judged
    table: pd.DataFrame  # `judge.table`, in the order of repurchase.candidates
    differences: pd.DataFrame  # log loss above that of the best

    @property
    def is_baseline(self) -> bool:
        """Whether no model came to the log loss of a baseline."""
        return self.name in baselines.ALL


def choose(judged: Judged, names: Sequence[str], confidence: float) -> Choice:
    """Return the first of `names` whose log loss is not clearly above the least: its paired interval holds 0.

    `names` could be fitted on the day of scoring, in the order of preference. Baselines among them are passed over, and
    so is what has a log loss above theirs; where that leaves none, the better baseline is used. Where none was judged
    it is the first baseline, or without one the first name.
    """
    tried = [name for name in names if name in judged.chances]
    judged = replace(judged, chances=judged.chances[tried])
    table = judge.table(judged, confidence)
    if not tried:
        name = next((one for one in baselines.ALL if one in names), names[0])
        return Choice(name, None, table, judge.differences(judged, "", confidence))
    best = str(table["log_loss"].idxmin())
    differences = judge.differences(judged, best, confidence)
    floor = table["log_loss"].reindex(list(baselines.ALL)).min()
    passed = set(differences.index[differences["low"] > 0]) | set(table.index[table["log_loss"] > floor])
    models = [name for name in tried if name not in baselines.ALL and name not in passed]
    return Choice(models[0] if models else best, best, table, differences)
