"""The network on a CPU: what it says, and the gradient of its loss, by NumPy's matrix products.

torch's own products on a CPU are MKL's. Held to one result on every processor (`base.kernels`) they take three times as
long as those of OpenBLAS, which NumPy uses, and drawing what is dropped takes longer than the products. The network is
a few dense layers with ReLU and dropout, so its gradient is a page (Rumelhart, Hinton and Williams, 1986).
"""

from dataclasses import dataclass

import numpy as np

Layer = tuple[np.ndarray, np.ndarray]  # weights (out, in) and bias (out,), float32; all but the last end in a ReLU


def logits(layers: list[Layer], inputs: np.ndarray) -> np.ndarray:
    """Return the output (n,) float32 of `layers` for standardised `inputs` (n, signals)."""
    last = inputs
    for layer in layers[:-1]:
        last = _through(layer, last)
        np.maximum(last, 0, out=last)
    return _through(layers[-1], last)[:, 0]


@dataclass
class _Room:
    """What a hidden layer needs for a batch, (n, units) each; used again and again, since to get memory takes time."""

    out: np.ndarray
    gate: np.ndarray  # the factor of each output: 0 where the ReLU is closed or the unit is dropped
    wrong: np.ndarray

    @classmethod
    def of(cls, rows: int, layer: Layer) -> "_Room":
        return cls(*(np.empty((rows, len(layer[1])), dtype=np.float32) for _ in range(3)))


class Gradient:
    """The loss of a batch and its gradient, with a share `dropout` of every hidden unit's outputs set to 0.

    What is left is scaled up for it (Srivastava et al., 2014); `draws` says what is dropped.
    """

    def __init__(self, layers: list[Layer], dropout: float, draws: np.random.Generator) -> None:
        self._layers, self._dropout, self._draws = layers, np.float32(dropout), draws
        self._rooms: dict[int, list[_Room]] = {}

    def __call__(self, inputs: np.ndarray, bought: np.ndarray, weight: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Return the mean weighted cross-entropy, nats, and its slope by the weights and the bias of each layer.

        `inputs` are standardised (n, signals), `bought` 0 or 1 (n,), `weight` (n,).
        """
        rows, (*hidden, last) = len(inputs), self._layers
        if rows not in self._rooms:
            self._rooms[rows] = [_Room.of(rows, layer) for layer in hidden]
        rooms = self._rooms[rows]
        seen = [inputs]
        for layer, room in zip(hidden, rooms, strict=True):
            _through(layer, seen[-1], room.out)
            self._open(room)
            seen.append(np.multiply(room.out, room.gate, out=room.out))
        said = _through(last, seen[-1])[:, 0]
        loss = float(weight @ (np.logaddexp(0, said) - bought * said)) / rows
        wrong = (weight * (1 / (1 + np.exp(-said)) - bought) / np.float32(rows))[:, None]
        slopes = [wrong.T @ seen[-1], wrong.sum(axis=0)]
        for after, room, before in zip(self._layers[:0:-1], rooms[::-1], seen[-2::-1], strict=True):
            wrong = np.matmul(wrong, after[0], out=room.wrong)
            wrong *= room.gate
            slopes = [wrong.T @ before, wrong.sum(axis=0), *slopes]
        return loss, slopes

    def _open(self, room: _Room) -> None:
        """Fill the gate of `room` for its output before the ReLU."""
        self._draws.random(out=room.gate, dtype=np.float32)
        kept = room.gate >= self._dropout
        kept &= room.out > 0
        np.multiply(kept, 1 / (1 - self._dropout), out=room.gate)


def _through(layer: Layer, inputs: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    weights, bias = layer
    out = np.matmul(inputs, weights.T, out=out)
    out += bias
    return out
