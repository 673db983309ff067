"""The task of a search: what every trial learns from, and what it is judged by."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.recommend import metrics
from membership.recommend.baskets import Targets
from membership.recommend.model import NextBasket
from membership.recommend.train import Samples, Situation


@dataclass(frozen=True)
class Task:
    """What every trial shares: training rows before the validation window, and what is asked of it in the window."""

    samples: Samples
    now: Situation
    targets: Targets
    k: int

    @property
    def metric(self) -> str:
        """The metric that chooses, as `metrics.per_member` names it."""
        return f"recall_at_{self.k}"

    def judged(self, model: NextBasket) -> pd.DataFrame:
        """Return the metrics of `model`, as from `metrics.per_member`, of each member with a basket in the window."""
        rows = self.now.baskets.rows(self.targets.members)
        columns, _ = self.now.pairs.ranked(model.logits(self.now.inputs))(rows, self.k)
        ids = np.where(columns < 0, "", self.now.baskets.items[columns])
        return metrics.per_member(ids, self.targets, self.now.baskets, self.k)

    def recall(self, model: NextBasket) -> float:
        """Return recall@k of `model`, the mean over members."""
        return float(self.judged(model)[self.metric].mean())

    def fingerprint(self) -> str:
        """Return a hash of all that is learned from and judged by."""
        learned = [array for array in vars(self.samples).values() if isinstance(array, np.ndarray)]
        asked = [self.now.inputs, self.targets.matrix.indptr, self.targets.matrix.indices, self.targets.unseen]
        digest = hashlib.sha256()
        for array in (*learned, *asked):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
