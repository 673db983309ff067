"""A network that corrects a lifetime model: zero-inflated lognormal spend and Poisson purchases, one hidden layer.

Spend within a window is 0 with probability 1 - p and lognormal otherwise; purchase days are Poisson. The network sees a
member's features and starts as the model it is given: p = 1 - exp(-expected purchases) and a mean of the expected
spend. It learns corrections to p, to the mean and spread of what is spent, and to purchases.

Source: Wang, Liu & Miao (2019), A Deep Probabilistic Model for Customer Lifetime Value Prediction, equation (4).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from membership.settings.value import Network

_HEADS = 4  # corrections of: logit of p, logarithm of mean spend of who spends, of sigma, of purchases
_WIDEST = 1.0  # the largest correction, in logarithms: a factor of e
_CLIP = 5.0  # inputs further than this from their centre, in spreads, are cut off there


@dataclass(frozen=True)
class Ziln:
    """The fitted network of k inputs and h hidden units."""

    centre: np.ndarray  # (k,)
    spread: np.ndarray  # (k,)
    hidden: np.ndarray  # (k + 1, h); the last row is the intercept
    heads: np.ndarray  # (h + 1, 4)
    loss: float  # mean negative log-likelihood of the training rows, without its constants

    @classmethod
    def fit(cls, x: np.ndarray, expected: np.ndarray, actual: np.ndarray, settings: Network, seed: int) -> "Ziln":
        """Learn from inputs `x` (n, k) without NaN, `expected` and `actual` purchase days and spend (n, 2).

        What is expected is above 0; what was spent is in the same unit, 0 or more. Full batches on one thread, drawn
        from `seed` alone: the same bits at every run.
        """
        centre, spread = x.mean(axis=0), x.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        layers, loss = _train(_scaled(x, centre, spread), expected, actual, settings, seed)
        return cls(centre, spread, *layers, loss)

    def predict(self, x: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return purchase days and spend (n, 2) of members with inputs `x` (n, k) and `expected` (n, 2)."""
        inner = np.maximum(_scaled(x, self.centre, self.spread) @ self.hidden[:-1] + self.hidden[-1], 0)
        change = _WIDEST * np.tanh(inner @ self.heads[:-1] + self.heads[-1])
        orders, spend = expected.T
        buys = special.expit(np.log(np.expm1(orders)) + change[:, 0])
        return np.column_stack(
            [orders * np.exp(change[:, 3]), buys * spend / -np.expm1(-orders) * np.exp(change[:, 1])]
        )


def _scaled(x: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((x - centre) / spread, -_CLIP, _CLIP)


def _train(x: np.ndarray, expected: np.ndarray, actual: np.ndarray, settings: Network, seed: int):
    """Return the layers, (k + 1, h) and (h + 1, 4), and the loss that is left."""
    import torch  # seconds that only those who train need to wait for

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order
    try:
        rng = np.random.default_rng(seed)
        hidden = rng.normal(size=(x.shape[1] + 1, settings.hidden)) / np.sqrt(x.shape[1])
        hidden[-1] = 0
        layers = [
            torch.tensor(layer, requires_grad=True) for layer in (hidden, np.zeros((settings.hidden + 1, _HEADS)))
        ]
        knobs = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
        optimiser = torch.optim.AdamW(layers, fused=True, **knobs)  # the others' root is the processor's approximation
        rows = tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in (x, *expected.T, *actual.T))
        for _ in range(settings.epochs):
            optimiser.zero_grad()
            loss = _loss(torch, layers, *rows)
            loss.backward()
            optimiser.step()
        return [layer.detach().numpy() for layer in layers], float(loss.detach())
    finally:
        torch.set_num_threads(threads)


def _loss(torch, layers, x, orders, spend, did_orders, did_spend):
    """Return the mean of the three negative log-likelihoods: whether and how much is spent, and purchase days."""
    hidden, heads = layers
    inner = torch.relu(x @ hidden[:-1] + hidden[-1])
    buy, level, width, count = (_WIDEST * torch.tanh(inner @ heads[:-1] + heads[-1])).unbind(dim=1)
    spent = did_spend > 0
    whether = torch.nn.functional.binary_cross_entropy_with_logits(torch.log(torch.expm1(orders)) + buy, spent.double())
    sigma = torch.exp(width[spent])
    mean = torch.log(spend[spent] / -torch.expm1(-orders[spent])) + level[spent]
    miss = (torch.log(did_spend[spent]) - mean + sigma**2 / 2) / sigma
    much = (miss**2 / 2 + width[spent]).sum() / len(x)
    return whether + much + (orders * torch.exp(count) - did_orders * count).mean()
