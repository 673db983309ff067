"""Training: next baskets after several earlier cut-offs teach the model, and nothing after the last one is seen.

    ... origin 2 ---- step ---- origin 1 ---- step ---- cut-off
    -- signals -)[----------------- target ------------)
    --------- signals ----------)[-------- target -----)

The target is the first basket from the origin on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import torch
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from membership.base import seeds
from membership.base.aside import Aside
from membership.base.errors import DataError, NotPossible
from membership.base.progress import bar
from membership.base.timeline import Window
from membership.recommend import baskets, optimise, together
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Candidates, Pairs
from membership.recommend.model import NextBasket, Settings, device, one_thread
from membership.recommend.situation import Situation, View
from membership.settings.recommend import Recommend
from membership.settings.train import Train

Epoch = Callable[[int, float, NextBasket], None]
Origin = tuple[Baskets, Targets, int]  # what is known at an origin, what is bought after it, members drawn at most
ARRAYS = ("inputs", "bought", "weight", "size", "held")
BATCHES = 200  # of an epoch, at least, so that few rows are still learned from in many steps
LEAST = 32  # rows of a batch, where there are so many
SLOPES = (0.05, 20.0)  # of a calibration: a probability ranks as its logit does, however few rows say otherwise
HELD = 5  # one in so many members does not teach the network that shows how sure one may be
SPLIT = 300_000  # lines of all origins' histories from which a second process helps more than its start takes
FEW = 50  # purchases held out, with fewer of which their slope is shakier than that of all rows is wrong


@dataclass(frozen=True)
class Samples:
    """Training rows: signals (n, signals) float32, and for each (n,) whether it was bought, how many rows it stands
    for (`weight`), how many items its member bought (`size`), and whether its member is held out for calibration.
    """

    inputs: np.ndarray
    bought: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    held: np.ndarray
    names: list[str]

    def keep(self, chosen: np.ndarray) -> "Samples":
        """Return the rows for which the mask `chosen` (n,) holds."""
        return Samples(*(getattr(self, name)[chosen] for name in ARRAYS), self.names)


@dataclass(frozen=True)
class Fitted:
    """A trained model and its loss, a row an epoch: epoch, loss (weighted mean binary cross-entropy, nats)."""

    model: NextBasket
    losses: pd.DataFrame


def situation(known: Baskets, items: pd.DataFrame | None, knobs: Train, members: np.ndarray | None = None) -> Situation:
    """Return what is known of `members` (ids; of all if None), with the candidates and signals that `knobs` ask for."""
    rows = np.arange(len(known.members)) if members is None else np.unique(known.rows(members))
    return view(known, items, knobs).of(rows[rows >= 0])


def view(known: Baskets, items: pd.DataFrame | None, knobs: Train) -> View:
    """Return what can be looked up of the members of `known`, with the candidates and signals that `knobs` ask for."""
    return View(Candidates(known, knobs.candidates, items), items, knobs.intensity)


def samples(
    events: ir.Table, items: pd.DataFrame, cutoff: date, recommend: Recommend, knobs: Train, seed: int
) -> Samples:
    """Return the rows of the origins before `cutoff`; every target lies before it.

    The newest come first, until `members` (knobs) are there in all. An origin before which there is no history is left
    out. Raises DataError where none is left.
    """
    found, most = [], knobs.members
    for back in range(1, knobs.origins + 1):
        origin = cutoff - timedelta(days=back * knobs.origin_step_days)
        try:
            known = baskets.history(events, origin, recommend, items)
        except DataError:
            continue
        after = baskets.targets(events, Window(origin, cutoff), known)
        if len(after.members) and most:
            found.append((known, after, most))
            most -= min(len(after.members), most)
    parts = _parts(found, items, knobs, seed)
    if not parts:
        baskets.history(events, cutoff, recommend)  # which says it where there is nothing to learn from on any day
        raise NotPossible(
            f"no training rows before {cutoff}: none of the {knobs.origins} origins (train.origins, "
            f"{knobs.origin_step_days} days apart) has members with a history and a basket after it; lower "
            "train.origin_step_days, recommend.min_baskets or recommend.min_item_purchases, or bring more events."
        )
    return stacked(parts)


def _parts(origins: list[Origin], items: pd.DataFrame, knobs: Train, seed: int) -> list[Samples]:
    """Return the rows of each of `origins`; a second process makes every other one's, where there is much to do."""
    if len(origins) < 2 or sum(len(known.item) for known, _, _ in origins) < SPLIT:
        return _each(origins, items, knobs, seed)
    others = Aside(_each, origins[1::2], items, knobs, seed)
    both = zip_longest(_each(origins[::2], items, knobs, seed), others.result)
    return [part for pair in both for part in pair if part is not None]


def _each(origins: list[Origin], items: pd.DataFrame, knobs: Train, seed: int) -> list[Samples]:
    return [
        labelled(view(known, items, knobs), after, knobs, seed, most)
        for known, after, most in bar(origins, "training origins")
    ]


def labelled(view: View, after: Targets, knobs: Train, seed: int, most: int) -> Samples:
    """Return the rows of one origin: the candidates of members with a target in `after`, and whether they hit.

    At most `most` members are drawn. What was not bought is thinned out to `negative_share` (knobs) and weighs the
    more for it.
    """
    known = view.baskets
    rng = seeds.rng(seed, f"rows-{known.cutoff}-{len(known.item)}")
    rows, sizes = known.rows(after.members), np.zeros(len(known.members), dtype=np.float32)
    sizes[rows] = after.sizes
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    now = view.of(rows)
    wanted = bought_next(now.pairs, known, after)
    chosen = wanted | (rng.random(len(wanted)) < knobs.negative_share)
    member, wanted = now.pairs.member[chosen], wanted[chosen]
    weight = np.where(wanted, 1, 1 / knobs.negative_share).astype(np.float32)
    return Samples(now.inputs[chosen], wanted, weight, sizes[member], held(known.members)[member], now.names)


def held(members: np.ndarray) -> np.ndarray:
    """Say which of `members` (ids) are held out for calibration, one in HELD: the same ones at every origin."""
    return pd.util.hash_array(members.astype(object)) % HELD == 0


def stacked(parts: list[Samples]) -> Samples:
    """Return the rows of all `parts`. Raises DataError where they have none."""
    if not any(len(part.bought) for part in parts):
        raise NotPossible(
            "no training rows: nothing that a member may buy next is among the candidates; bring more histories."
        )
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS), parts[0].names)


def bought_next(pairs: Pairs, known: Baskets, after: Targets) -> np.ndarray:
    """Say which of `pairs` are in the targets `after`, (n,)."""
    row, column = after.matrix.nonzero()
    width = len(known.items)
    target = known.rows(after.members)[row].astype(np.int64) * width + column
    return np.isin(pairs.member.astype(np.int64) * width + pairs.item, target)


def fit(
    data: Samples, settings: Settings, knobs: Train, seed: int, where: str, on_epoch: Epoch | None = None
) -> Fitted:
    """Train on `data` as `network` does, and bring the probabilities right as `calibrate` does."""
    fitted = network(data, settings, knobs, seed, where, on_epoch)
    calibrate(fitted.model, data, slope(data, settings, knobs, seed, where))
    return fitted


def network(
    data: Samples, settings: Settings, knobs: Train, seed: int, where: str, on_epoch: Epoch | None = None
) -> Fitted:
    """Train on `data` with AdamW and one cycle of the learning rate; on a CPU the same seed gives the same model.

    Its probabilities are not calibrated yet, which does not change how it ranks. After every epoch `on_epoch(epoch
    from 1, loss, model)` is called, where one process trains; what it raises ends the training.
    """
    with _seeded(seed, where, "train") as there:
        return _fitted(data, settings, knobs, there, on_epoch)


def slope(data: Samples, settings: Settings, knobs: Train, seed: int, where: str) -> float | None:
    """Return how sure a network with `settings` may be: the slope on its logits for members who did not teach it.

    A network is too sure of rows that it has learned from, so this is that of a second one, which learns without the
    members held out. None where these bought too little to say.
    """
    bought = data.bought[data.held]
    if bought.sum() < FEW or bought.all() or data.held.all():
        return None
    with _seeded(seed, where, "calibration") as there:
        other, unseen = _fitted(data.keep(~data.held), settings, knobs, there, None), data.keep(data.held)
    return _slope(other.model.logits(unseen.inputs), unseen)


def calibrate(model: NextBasket, data: Samples, slope: float | None) -> None:
    """Give `model` the line through its logits (Platt, 1999) at which probabilities of all rows of `data` add up.

    A member's rows weigh 1 / |target| in training, as its hits do in recall; that would make probabilities too low for
    members with large baskets. `slope` is as from `slope`; that of all rows if None. Where all was bought, or nothing,
    no line can be fitted and none is needed.
    """
    if data.bought.all() or not data.bought.any():
        return
    logits = model.logits(data.inputs)
    slope = _slope(logits, data) if slope is None else slope
    bought, far = data.weight @ data.bought, 50 + slope * np.abs(logits).max()
    level = brentq(lambda level: data.weight @ expit(slope * logits + level) - bought, -far, far)
    model.calibration.copy_(torch.tensor([slope, level]))


@contextmanager
def _seeded(seed: int, where: str, name: str) -> Iterator[torch.device]:
    """Give the device `where`; draws of torch come from `seed` by `name`, and the caller's are left alone."""
    there = device(where)
    with torch.random.fork_rng(devices=[there] if there.type == "cuda" else []), one_thread():
        torch.manual_seed(seeds.child(seed, name))
        yield there


def _fitted(data: Samples, settings: Settings, knobs: Train, where: torch.device, on_epoch: Epoch | None) -> Fitted:
    model, batches = _prepared(data, settings, knobs.batch_size, where)
    steps, losses = knobs.epochs * len(batches), []
    by = optimise.means(where, len(batches[0][1]), steps)
    if knobs.processes > 1:
        losses = together.trained(model, batches, knobs.epochs, by, knobs.processes)
    else:
        learn = optimise.step(model, settings, steps, by)
        for epoch in range(1, knobs.epochs + 1):
            model.train()
            losses.append(optimise.epoch(learn, batches, torch.randperm(len(batches)).tolist()))
            if on_epoch:
                on_epoch(epoch, losses[-1], model)
    return Fitted(model, pd.DataFrame({"epoch": np.arange(1, knobs.epochs + 1), "loss": losses}))


def _prepared(
    data: Samples, settings: Settings, size: int, where: torch.device
) -> tuple[NextBasket, list[optimise.Batch]]:
    """Return a network and the rows, standardised and shuffled once, in batches of at most `size`, all on `where`."""
    model = NextBasket(data.names, settings).to(where)
    weight = torch.from_numpy(data.weight / data.size)
    weight /= weight.mean()
    bought = torch.from_numpy(data.bought.astype(np.float32))
    share = (weight * bought).mean().clamp(1e-6, 1 - 1e-6)
    torch.nn.init.constant_(model.layers[-1].bias, float(torch.logit(share)))  # start at the mean, not at a half
    inputs = torch.from_numpy(data.inputs).to(where)
    model.mean.copy_(inputs.mean(dim=0))
    model.scale.copy_(inputs.std(dim=0, correction=0).clamp(min=1e-6))
    order = torch.randperm(len(inputs), device=where)
    rows = model.standard(inputs[order]), bought.to(where)[order], weight.to(where)[order]
    batches = max(-(-len(order) // size), min(BATCHES, -(-len(order) // LEAST)))
    return model, list(zip(*(column.tensor_split(batches) for column in rows), strict=True))


def _slope(logits: np.ndarray, data: Samples) -> float:
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    line.fit(logits[:, None], data.bought, sample_weight=data.weight)
    return float(np.clip(line.coef_[0, 0], *SLOPES))
