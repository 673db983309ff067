"""A network of the chance of an order on each day ahead, given none before: the hazard, pooled over all members.

The log-odds of day j are a(x, j), which a wide and deep network gives at a few days (between them it is linear in the
logarithm of j), plus the log-odds of that weekday for everybody, plus `own_weekday` times the logarithm of seven times
the member's own share of it. The likelihood is that of the days until the next order, or until the member is no longer
seen, so who was followed for a few days only teaches these. Nothing but time has to pass for the chances to move.

Source: discrete-time survival by a network: Gensheimer & Narasimhan (2019), A scalable discrete-time survival model
for neural networks, PeerJ 7:e6257; wide and deep: Cheng et al. (2016), DLRS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from membership.base import batches, seeds
from membership.repurchase import curves, inputs
from membership.repurchase.dated import Dated
from membership.repurchase.lessons import Lessons
from membership.repurchase.rhythm import WEEKDAYS
from membership.settings.repurchase import Network

KNOTS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 60)  # days ahead at which the network speaks
_WIDEST = 5.0  # spreads from the centre; inputs further out are cut off there
_BATCH = 1024
_TOGETHER = 8192  # members whose days ahead are computed at once, so that they stay in the processor's cache


@dataclass(frozen=True)
class Hazard:
    """The fitted network of k inputs and h hidden units; the last row of each layer is its intercept."""

    names: tuple[str, ...]  # (k,) inputs
    centre: np.ndarray  # (k,)
    spread: np.ndarray  # (k,)
    hidden: np.ndarray  # (k + 1, h)
    deep: np.ndarray  # (h, knots)
    wide: np.ndarray  # (k + 1, knots)
    weekday: np.ndarray  # (7,) Monday first
    own_weekday: float
    dated: Dated | None = None

    @classmethod
    def fit(cls, past: Lessons, settings: Network, seed: int, dated: Dated | None = None) -> "Hazard":
        """Learn from `past` and what was known of days; the same rows, settings and `seed` give the same bits."""
        known = inputs.taught(past.rhythm, dated, past.day)
        values = known.to_numpy()
        centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        spread = np.where(spread > 1e-9, spread, 1.0)
        layers = _train(_scaled(values, centre, spread), past, settings, seed)
        return cls(tuple(known.columns), centre, spread, *layers[:4], float(layers[4][0]), dated)

    def chances(self, rhythm: pd.DataFrame, day: int, days: Sequence[int]) -> np.ndarray:
        """Return P(order within each of `days`), (members, m)."""
        some = batches.blocks(len(rhythm), _TOGETHER)
        parts = [self._still(rhythm.iloc[rows], day, max(days))[:, np.array(days) - 1] for rows in some]
        return curves.bounded(-np.expm1(np.concatenate(parts)))

    def daily(self, rhythm: pd.DataFrame, day: int, days: int) -> np.ndarray:
        """Return the chance of an order on each of the next `days`, given none before, (members, days)."""
        return special.expit(self._log_odds(rhythm, day, days))

    def _still(self, rhythm: pd.DataFrame, day: int, days: int) -> np.ndarray:
        """Return the logarithm of P(no order within 1, 2, ... `days`)."""
        return np.cumsum(special.log_expit(-self._log_odds(rhythm, day, days)), axis=1)

    def _log_odds(self, rhythm: pd.DataFrame, day: int, days: int) -> np.ndarray:
        x = _scaled(inputs.named(rhythm, self.names, self.dated, day), self.centre, self.spread)
        inner = x @ self.hidden[:-1] + self.hidden[-1]
        inner = inner * special.expit(inner)
        at_knots = x @ self.wide[:-1] + self.wide[-1] + inner @ self.deep
        which = _weekdays(np.array([day]), days)[0]
        own = np.log(7 * rhythm[list(WEEKDAYS)].to_numpy())[:, which]
        return at_knots @ _between(days).T + self.weekday[which] + self.own_weekday * own


def _scaled(values: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return inputs in spreads from their centre; what is not known is at the centre, as another input says so."""
    return np.nan_to_num(np.clip((values - centre) / spread, -_WIDEST, _WIDEST))


def _between(days: int) -> np.ndarray:
    """Return how much each of the KNOTS counts on each day ahead, (days, knots); after the last it alone does."""
    place = np.log(np.arange(1, days + 1))
    return np.stack([np.interp(place, np.log(KNOTS), row) for row in np.eye(len(KNOTS))], axis=1)


def _weekdays(day: np.ndarray, days: int) -> np.ndarray:
    """Return the weekday, Monday 0, of the `days` from each of `day` on, (n, days); 1970 began on a Thursday."""
    return (day[:, None] + np.arange(days) + 3) % 7


def _train(x: np.ndarray, past: Lessons, settings: Network, seed: int) -> list[np.ndarray]:
    """Return hidden, deep, wide, weekday and own_weekday."""
    import torch  # seconds that only those who train need to wait for

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order
    try:
        rng, days = np.random.default_rng(seeds.child(seed, "repurchase.hazard")), settings.days
        layers = [torch.tensor(one.astype(np.float32), requires_grad=True) for one in _started(x, past, settings, rng)]
        data = _tensors(torch, x, past, days)
        batches = -(-len(x) // _BATCH)
        knobs = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
        optimiser = torch.optim.AdamW(layers, fused=True, **knobs)  # the others' root is the processor's approximation
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, settings.epochs * batches)
        between = torch.from_numpy(_between(days).astype(np.float32))
        for _ in range(settings.epochs):
            order = torch.from_numpy(rng.permutation(len(x)))
            for rows in order.split(_BATCH):
                kept = torch.from_numpy(
                    (rng.random((len(rows), settings.hidden)) >= settings.dropout).astype(np.float32)
                )
                optimiser.zero_grad()
                _loss(torch, layers, between, kept / (1 - settings.dropout), *(part[rows] for part in data)).backward()
                optimiser.step()
                rate.step()
        return [layer.detach().numpy().astype(float) for layer in layers]
    finally:
        torch.set_num_threads(threads)


def _started(x: np.ndarray, past: Lessons, settings: Network, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the layers before training: the hazard is everybody's mean, whatever the inputs."""
    inputs_, knots = x.shape[1], len(KNOTS)
    hidden = rng.normal(size=(inputs_ + 1, settings.hidden)) / np.sqrt(inputs_)
    hidden[-1] = 0
    followed = np.where(past.waited >= 0, past.waited + 1, past.seen).sum()
    wide = np.zeros((inputs_ + 1, knots))
    wide[-1] = special.logit(((past.waited >= 0).sum() + 0.5) / (followed + 1))
    deep = rng.normal(size=(settings.hidden, knots)) * (0.1 / np.sqrt(settings.hidden))
    return [hidden, deep, wide, np.zeros(7), np.full(1, 0.5)]


def _tensors(torch, x: np.ndarray, past: Lessons, days: int) -> tuple:
    """Return inputs, the day's number of the order (-1: none), days followed, weekdays and own log shares of them."""
    came = np.where((past.waited >= 0) & (past.waited < days), past.waited, -1)
    followed = np.minimum(np.where(came >= 0, came + 1, past.seen), days)
    which = _weekdays(past.day, 7)[:, 0]
    own = np.log(7 * past.rhythm[list(WEEKDAYS)].to_numpy())
    arrays = (x.astype(np.float32), came, followed, which, own.astype(np.float32))
    return tuple(torch.from_numpy(np.ascontiguousarray(one)) for one in arrays)


def _loss(torch, layers, between, kept, x, came, followed, first, own):
    """Return the mean over members of minus the log-likelihood of the days until the order, or of being followed."""
    hidden, deep, wide, weekday, own_weekday = layers
    inner = torch.nn.functional.silu(x @ hidden[:-1] + hidden[-1]) * kept
    log_odds = (x @ wide[:-1] + wide[-1] + inner @ deep) @ between.T
    ahead = torch.arange(between.shape[0])
    which = (first[:, None] + ahead) % 7
    log_odds = log_odds + weekday[which] + own_weekday * torch.gather(own, 1, which)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        log_odds, (ahead == came[:, None]).float(), reduction="none"
    )
    return (loss * (ahead < followed[:, None])).sum() / len(x)
