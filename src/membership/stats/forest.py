"""Boosted trees as arrays: what scikit-learn's gradient boosting has learned, without it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_CELLS = 1_000_000  # rows times trees that are looked at together
_MANY = 1000  # rows from which it pays to look at one node of all rows, not at all nodes of one row


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
        many = len(inputs) >= _MANY and self._masks is not None
        leaves = self._of_many if many else self._of_few
        parts = [leaves(inputs[start : start + size]).sum(axis=1) for start in range(0, len(inputs), size)]
        return self.baseline + np.concatenate(parts or [np.zeros(0)])

    def _of_few(self, inputs: np.ndarray) -> np.ndarray:
        """Return the leaf of each row in each tree, (rows, trees), going down all trees together."""
        rows = np.arange(len(inputs))[:, None]
        at = np.broadcast_to(self.root, (len(inputs), len(self.root)))
        for _ in range(self.depth):
            x = inputs[rows, self.feature[at]]
            left = np.where(np.isnan(x), self.missing_left[at], x <= self.threshold[at])
            at = np.where(left, self.left[at], self.right[at])
        return self.value[at]

    def _of_many(self, inputs: np.ndarray) -> np.ndarray:
        """Return the same: who goes right at a node cannot reach a leaf on its left; the first that is left is theirs.

        Source: Lucchese et al. (2015), QuickScorer, SIGIR.
        """
        columns = np.ascontiguousarray(inputs.T)
        found = np.empty((len(self.root), len(inputs)))
        right, lost = np.empty(len(inputs), bool), np.empty(len(inputs), self._masks[0].dtype)
        of_node, gone = np.empty_like(lost), self._masks[0]
        for tree, (nodes, leaves) in enumerate(self._masks[1]):
            lost[:] = 0
            for node in nodes:
                x, threshold = columns[self.feature[node]], self.threshold[node]
                if self.missing_left[node]:
                    np.greater(x, threshold, out=right)
                else:
                    np.logical_not(np.less_equal(x, threshold, out=right), out=right)
                np.bitwise_or(lost, np.multiply(right, gone[node], out=of_node), out=lost)
            first = np.bitwise_count(lost & ~(lost + lost.dtype.type(1)))  # ones below the lowest zero
            found[tree] = self.value[leaves].take(first)
        return np.ascontiguousarray(found.T)

    @cached_property
    def _masks(self) -> tuple[np.ndarray, list[tuple[list[int], list[int]]]] | None:
        """Return the leaves left of each node as bits, (nodes,), and of each tree its inner nodes and its leaves.

        Leaves are numbered from left to right. None where a tree has more leaves than there are bits.
        """
        trees = [self._order(int(root)) for root in self.root]
        most = max(len(leaves) for _, leaves, _ in trees)
        if most > 63:
            return None
        gone = np.zeros(len(self.value), np.uint16 if most < 16 else np.uint64)
        for nodes, _, bits in trees:
            gone[nodes] = bits
        return gone, [(nodes, leaves) for nodes, leaves, _ in trees]

    def _order(self, root: int) -> tuple[list[int], list[int], list[int]]:
        """Return the inner nodes and the leaves of a tree from left to right, and the leaves left of each node."""
        nodes, leaves, bits = [], [], []
        waiting = [(root, -1)]  # a node, and the leaves before it, once those on its left have been seen
        while waiting:
            node, before = waiting.pop()
            if self.left[node] == node:
                leaves.append(node)
            elif before < 0:
                waiting += [(self.right[node], -1), (node, len(leaves)), (self.left[node], -1)]
            else:
                nodes.append(node)
                bits.append((1 << len(leaves)) - (1 << before))
        return nodes, leaves, bits
