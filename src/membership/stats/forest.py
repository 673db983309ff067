"""Boosted trees as arrays: what scikit-learn's gradient boosting has learned, without it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_CELLS = 3_000_000  # rows times trees whose nodes are gone down together
_ROWS = 40_000  # that are looked at together, node by node
_LANES, _TOGETHER = 8, 128  # sums side by side, and trees whose sum is not split in two
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
        many = len(inputs) >= _MANY and self._masks is not None
        size, leaves = (_ROWS, self._of_many) if many else (max(_CELLS // len(self.root), 1), self._of_few)
        trees = range(len(self.root))
        parts = [_summed(leaves(inputs[start : start + size]), trees) for start in range(0, len(inputs), size)]
        return self.baseline + np.concatenate(parts or [np.zeros(0)])

    def _of_few(self, inputs: np.ndarray) -> Callable[[int], np.ndarray]:
        """Return what gives the leaf of each row in a tree, (rows,), going down all trees together."""
        rows = np.arange(len(inputs))[:, None]
        at = np.broadcast_to(self.root, (len(inputs), len(self.root)))
        for _ in range(self.depth):
            x = inputs[rows, self.feature[at]]
            left = np.where(np.isnan(x), self.missing_left[at], x <= self.threshold[at])
            at = np.where(left, self.left[at], self.right[at])
        return lambda tree: self.value[at[:, tree]]

    def _of_many(self, inputs: np.ndarray) -> Callable[[int], np.ndarray]:
        """Return the same: who goes right at a node cannot reach a leaf on its left; the first that is left is theirs.

        Inputs become their places among the thresholds of their column, and leaves are lost by the byte: what is
        compared is a byte, which costs a third of what a float does.

        Source: Lucchese et al. (2015), QuickScorer, SIGIR.
        """
        columns, places = self._places(inputs), self._levels[1]
        right, of_node = np.empty(len(inputs), bool), np.empty(len(inputs), np.uint8)

        def leaf(tree: int) -> np.ndarray:
            nodes, leaves = self._masks[tree]
            lost = np.zeros((len(leaves) // 8 + 1, len(inputs)), np.uint8)
            for node, bits in nodes:
                np.greater(columns[self.feature[node]][int(self.missing_left[node])], places[node], out=right)
                for byte, part in bits:
                    np.multiply(right.view(np.uint8), part, out=of_node)
                    np.bitwise_or(lost[byte], of_node, out=lost[byte])
            return self.value[leaves].take(_lowest_zero(lost), mode="clip")

        return leaf

    def _places(self, inputs: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Return of each column how many thresholds are below, (rows,), NaN above all of them; and NaN below all."""
        found = {}
        for column, levels in self._levels[0].items():
            x = inputs[:, column]
            place = (np.searchsorted(levels, x) + 1).astype(self._levels[1].dtype)
            found[column] = place, np.where(np.isnan(x), 0, place)
        return found

    @cached_property
    def _levels(self) -> tuple[dict[int, np.ndarray], np.ndarray]:
        """Return the thresholds of each column, rising, and of each node its threshold's place among them, from 1."""
        inner = self.left != np.arange(len(self.left))
        levels = {int(at): np.unique(self.threshold[inner & (self.feature == at)]) for at in set(self.feature[inner])}
        most = max((len(one) for one in levels.values()), default=0)
        places = np.zeros(len(self.left), np.min_scalar_type(most + 1))
        for column, one in levels.items():
            mine = inner & (self.feature == column)
            places[mine] = np.searchsorted(one, self.threshold[mine]) + 1
        return levels, places

    @cached_property
    def _masks(self) -> list[tuple[list[tuple[int, list[tuple[int, np.uint8]]]], list[int]]] | None:
        """Return of each tree its inner nodes, each with the bytes of the leaves on its left, and its leaves.

        Leaves are numbered from left to right; bytes that hold none are left out. None where a tree has more leaves
        than there are bits.
        """
        trees = [self._order(int(root)) for root in self.root]
        if max(len(leaves) for _, leaves, _ in trees) > 63:
            return None
        return [
            ([(node, _in_bytes(gone)) for node, gone in zip(nodes, bits, strict=True)], leaves)
            for nodes, leaves, bits in trees
        ]

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


def _summed(leaf: Callable[[int], np.ndarray], trees: range) -> np.ndarray:
    """Return the sum of the arrays `leaf(tree)`, each new, over `trees`.

    Pair by pair, in the order in which NumPy sums numbers that lie beside each other.
    """
    count = len(trees)
    if count > _TOGETHER:
        half = count // 2 // _LANES * _LANES
        return _summed(leaf, trees[:half]) + _summed(leaf, trees[half:])
    lanes = [leaf(tree) for tree in trees[: _LANES if count >= _LANES else 1]]
    whole = max(count // _LANES * _LANES, 1)
    for place, tree in enumerate(trees[len(lanes) : whole]):
        lanes[place % _LANES] += leaf(tree)
    while len(lanes) > 1:
        lanes = [one + other for one, other in zip(lanes[::2], lanes[1::2], strict=True)]
    for tree in trees[whole:]:
        lanes[0] += leaf(tree)
    return lanes[0]


def _in_bytes(bits: int) -> list[tuple[int, np.uint8]]:
    """Return the bytes of a number that are not 0, the lowest first, each with its place."""
    parts = bits.to_bytes(max(-(-bits.bit_length() // 8), 1), "little")
    return [(at, np.uint8(part)) for at, part in enumerate(parts) if part]


def _lowest_zero(lost: np.ndarray) -> np.ndarray:
    """Return the place of the lowest bit that is 0, (rows,), in numbers whose bytes are `lost` (bytes, rows)."""
    whole = lost[0].astype(np.uint16 if len(lost) <= 2 else np.uint64)
    for byte, part in enumerate(lost[1:], 1):
        np.bitwise_or(whole, part.astype(whole.dtype) << whole.dtype.type(8 * byte), out=whole)
    return np.bitwise_count(whole & ~(whole + whole.dtype.type(1)))  # ones below it
