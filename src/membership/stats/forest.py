"""Boosted trees as arrays: what scikit-learn's gradient boosting has learned, without it."""

from dataclasses import dataclass

import numpy as np

_CELLS = 1_000_000  # rows times trees that are looked at together


@dataclass(frozen=True)
class Forest:
    """All nodes of all trees, one after another; a leaf leads to itself."""

    baseline: float
    depth: int  # of the deepest tree
    root: np.ndarray  # (trees,) the first node of each
    feature: np.ndarray  # (nodes,) column of the inputs
    threshold: np.ndarray  # (nodes,) up to here to the left
    missing_left: np.ndarray  # (nodes,) whether NaN goes to the left
    left: np.ndarray  # (nodes,)
    right: np.ndarray  # (nodes,)
    value: np.ndarray  # (nodes,)

    @classmethod
    def of(cls, fitted) -> "Forest":
        """Return the trees of a fitted HistGradientBoosting model of one output, without categories."""
        trees = [tree.nodes for (tree,) in fitted._predictors]
        root = np.cumsum([0, *(len(nodes) for nodes in trees)])[:-1]
        nodes = np.concatenate(trees)
        start, here = np.repeat(root, [len(nodes) for nodes in trees]), np.arange(len(nodes))
        leaf = nodes["is_leaf"].astype(bool)
        return cls(
            baseline=float(np.ravel(fitted._baseline_prediction)[0]),
            depth=int(nodes["depth"].max()),
            root=root,
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
            threshold=nodes["num_threshold"].copy(),
            missing_left=nodes["missing_go_to_left"].astype(bool),
            left=np.where(leaf, here, start + nodes["left"]),
            right=np.where(leaf, here, start + nodes["right"]),
            value=nodes["value"].copy(),
        )

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return predictions (n,) for `inputs` (n, k) of a model with a logarithmic link: Poisson or gamma loss."""
        return np.exp(self.scores(inputs))

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Return baseline + leaves, (n,), for `inputs` (n, k), NaN where not known: of a classifier, the log-odds."""
        size = max(_CELLS // len(self.root), 1)
        parts = [self._raw(inputs[start : start + size]) for start in range(0, len(inputs), size)]
        return self.baseline + np.concatenate(parts or [np.zeros(0)])

    def _raw(self, inputs: np.ndarray) -> np.ndarray:
        rows = np.arange(len(inputs))[:, None]
        at = np.broadcast_to(self.root, (len(inputs), len(self.root)))
        for _ in range(self.depth):
            x = inputs[rows, self.feature[at]]
            left = np.where(np.isnan(x), self.missing_left[at], x <= self.threshold[at])
            at = np.where(left, self.left[at], self.right[at])
        return self.value[at].sum(axis=1)
