"""Training: next baskets after several earlier cut-offs teach the model, and nothing after the last one is seen.

    ... origin 2 ---- step ---- origin 1 ---- step ---- cut-off
    -- signals -)[----------------- target ------------)
    --------- signals ----------)[-------- target -----)

The target is the first basket from the origin on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import binary_cross_entropy_with_logits

from membership.base import seeds
from membership.base.errors import DataError
from membership.base.policy_knobs import Recommend, Train
from membership.base.progress import bar
from membership.base.timeline import Window
from membership.recommend import baskets, labels
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs, candidates
from membership.recommend.labels import Labels
from membership.recommend.model import NextBasket, Settings, device, one_thread
from membership.recommend.signals import prepare, signals

Epoch = Callable[[int, float, NextBasket], None]
WARM_UP = 0.1  # of all steps: the rise of the learning rate before its fall


@dataclass(frozen=True)
class Situation:
    """What is known at one cut-off: the histories, the candidates and their signals (n, signals), named."""

    baskets: Baskets
    pairs: Pairs
    inputs: np.ndarray
    names: list[str]


@dataclass(frozen=True)
class Samples:
    """Training rows: signals (n, signals) float32, and for each (n,) whether it was bought, how many rows it stands
    for (`weight`), and how many items its member bought (`size`).
    """

    inputs: np.ndarray
    bought: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    names: list[str]


@dataclass(frozen=True)
class Fitted:
    """A trained model and its loss, a row an epoch: epoch, loss (weighted mean binary cross-entropy, nats)."""

    model: NextBasket
    losses: pd.DataFrame


def situation(
    known: Baskets, items: pd.DataFrame | None, given: Labels, extra: int, members: np.ndarray | None = None
) -> Situation:
    """Return what is known of `members` (ids; of all if None), with `extra` candidates by each source of them."""
    rows = np.arange(len(known.members)) if members is None else np.unique(known.rows(members))
    pairs = candidates(known, given, extra, rows[rows >= 0])
    return Situation(known, pairs, *signals(pairs, prepare(known, items)))


def samples(
    events: ir.Table, items: pd.DataFrame, cutoff: date, recommend: Recommend, knobs: Train, seed: int
) -> Samples:
    """Return the rows of all origins before `cutoff`; every target lies before it.

    An origin before which there is no history is left out. Raises DataError where none is left.
    """
    parts = []
    for back in bar(range(knobs.origins, 0, -1), "training origins"):
        origin = cutoff - timedelta(days=back * knobs.origin_step_days)
        try:
            known = baskets.history(events, origin, recommend)
        except DataError:
            continue
        after = baskets.targets(events, Window(origin, cutoff), known)
        if len(after.members):
            parts.append(labelled(known, after, labels.none(known), items, knobs, seed))
    if not parts:
        raise DataError(
            f"no training rows before {cutoff}: none of the {knobs.origins} origins (train.origins, "
            f"{knobs.origin_step_days} days apart) has members with a history and a basket after it; lower "
            "train.origin_step_days, recommend.min_baskets or recommend.min_item_purchases, or bring more events."
        )
    return stacked(parts)


def labelled(
    known: Baskets, after: Targets, given: Labels, items: pd.DataFrame | None, knobs: Train, seed: int
) -> Samples:
    """Return the rows of one origin: the candidates of members with a target in `after`, and whether they hit.

    At most `members` (knobs) are drawn. What was not bought is thinned out to `negative_share` and weighs the more
    for it.
    """
    rng = seeds.rng(seed, f"rows-{known.cutoff}-{len(known.item)}")
    rows, sizes = known.rows(after.members), np.zeros(len(known.members), dtype=np.float32)
    sizes[rows] = after.sizes
    if len(rows) > knobs.members:
        rows = np.sort(rng.choice(rows, knobs.members, replace=False))
    pairs = candidates(known, given, knobs.candidates, rows)
    wanted = bought_next(pairs, known, after)
    chosen = wanted | (rng.random(len(wanted)) < knobs.negative_share)
    pairs, wanted = pairs.keep(chosen), wanted[chosen]
    weight = np.where(wanted, 1, 1 / knobs.negative_share).astype(np.float32)
    inputs, names = signals(pairs, prepare(known, items))
    return Samples(inputs, wanted, weight, sizes[pairs.member], names)


def stacked(parts: list[Samples]) -> Samples:
    """Return the rows of all `parts`."""
    arrays = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("inputs", "bought", "weight", "size")
    )
    return Samples(*arrays, parts[0].names)


def bought_next(pairs: Pairs, known: Baskets, after: Targets) -> np.ndarray:
    """Say which of `pairs` are in the targets `after`, (n,)."""
    row, column = after.matrix.nonzero()
    width = len(known.items)
    target = known.rows(after.members)[row].astype(np.int64) * width + column
    return np.isin(pairs.member.astype(np.int64) * width + pairs.item, target)


def fit(
    data: Samples, settings: Settings, knobs: Train, seed: int, where: str, on_epoch: Epoch | None = None
) -> Fitted:
    """Train on `data` with AdamW and one cycle of the learning rate; on a CPU the same seed gives the same model.

    A member's rows weigh 1 / |target|, as its hits do in recall; that would make probabilities too low for members
    with large baskets, so a line through the logits is fitted to the unweighted rows afterwards (Platt, 1999).
    After every epoch `on_epoch(epoch from 1, loss, model)` is called; what it raises ends the training.
    """
    losses = []
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seeds.child(seed, "train"))
        model, rows = _prepared(data, settings, device(where))
        steps = knobs.epochs * -(-len(data.bought) // knobs.batch_size)
        optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=steps + 1, pct_start=WARM_UP
        )
        for epoch in range(1, knobs.epochs + 1):
            losses.append(_pass(model, rows, knobs.batch_size, optimiser, cycle))
            if on_epoch:
                on_epoch(epoch, losses[-1], model)
    model.calibration.copy_(torch.from_numpy(_calibration(model.logits(data.inputs), data)))
    return Fitted(model, pd.DataFrame({"epoch": np.arange(1, knobs.epochs + 1), "loss": losses}))


def _prepared(data: Samples, settings: Settings, where: torch.device) -> tuple[NextBasket, tuple[torch.Tensor, ...]]:
    model = NextBasket(data.names, settings)
    inputs = torch.from_numpy(data.inputs)
    weight = torch.from_numpy(data.weight / data.size)
    weight /= weight.mean()
    bought = torch.from_numpy(data.bought.astype(np.float32))
    model.mean.copy_(inputs.mean(dim=0))
    model.scale.copy_(inputs.std(dim=0, correction=0).clamp(min=1e-6))
    share = (weight * bought).mean().clamp(1e-6, 1 - 1e-6)
    torch.nn.init.constant_(model.layers[-1].bias, float(torch.logit(share)))  # start at the mean, not at a half
    return model.to(where), tuple(tensor.to(where) for tensor in (inputs, bought, weight))


def _pass(model: NextBasket, rows: tuple, size: int, optimiser: torch.optim.Optimizer, cycle) -> float:
    inputs, bought, weight = rows
    total = torch.zeros((), device=inputs.device)
    model.train()
    for chosen in torch.randperm(len(inputs)).to(inputs.device).split(size):
        loss = binary_cross_entropy_with_logits(model(inputs[chosen]), bought[chosen], weight[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        total += loss.detach() * len(chosen)
    return float(total) / len(inputs)


def _calibration(logits: np.ndarray, data: Samples) -> np.ndarray:
    line = LogisticRegression(C=np.inf, tol=1e-8).fit(logits[:, None], data.bought, sample_weight=data.weight)
    return np.array([line.coef_[0, 0], line.intercept_[0]])
