"""Optimisation: a step of AdamW along one cycle of the learning rate, by what is fast on the device it runs on."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.adamw import adamw

from membership.recommend import by_hand
from membership.recommend.model import NextBasket, Settings

WARM_UP = 0.1  # of all steps: the rise of the learning rate before its fall
FIRST, LAST = 1 / 25, 1 / 250_000  # shares of the highest learning rate with which the cycle begins and ends
MOMENTUM = (0.85, 0.95)  # lowest where the learning rate is highest
BF16_ROWS = 16_384  # in a batch: with fewer a GPU waits for its orders anyway, and casting gives it more of them
COMPILED_STEPS = 20_000  # with fewer, what compiling saves is less than the half minute that it takes

Batch = tuple[torch.Tensor, ...]  # standardised inputs (n, signals), bought (n,), weight (n,)
Slopes = tuple[torch.Tensor, list[torch.Tensor]]  # the loss of a batch, and its slope by each parameter
Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
Gradient = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Slopes]
Shared = Callable[[torch.Tensor, list[torch.Tensor], int], Slopes]


@dataclass(frozen=True)
class Means:
    """What makes a GPU faster: layers in bfloat16 (weights stay float32), kernels compiled for this network."""

    bf16: bool
    compiled: bool


def means(where: torch.device, rows: int, steps: int) -> Means:
    """Return what makes `steps` batches of `rows` faster on the device `where`: on a CPU nothing, for equal results."""
    on_gpu = where.type == "cuda"
    return Means(bf16=on_gpu and rows >= BF16_ROWS, compiled=on_gpu and steps >= COMPILED_STEPS)


def step(model: NextBasket, settings: Settings, steps: int, by: Means, shared: Shared | None = None) -> Step:
    """Return what learns from a `Batch`, the first of `steps` at most, and gives its loss: weighted cross-entropy.

    Nothing in it waits for the device. `shared(loss, slopes, rows)` makes those of a part those of the whole batch.
    """
    weights = list(model.parameters())
    firsts, seconds = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    done = [torch.zeros((), device=weight.device) for weight in weights]
    always = {"beta2": 0.999, "eps": 1e-8, "weight_decay": settings.weight_decay, "amsgrad": False, "maximize": False}
    on_cpu = weights[0].device.type == "cpu" and not by.bf16
    gradient = _by_hand(model, settings) if on_cpu else _by_torch(model, weights, by)
    plan = (cycle(number, steps, settings.learning_rate) for number in range(steps))

    def learn(inputs, bought, weight):
        loss, slopes = gradient(inputs, bought, weight)
        if shared:
            loss, slopes = shared(loss, slopes, len(bought))
        rate, momentum = next(plan)
        with torch.no_grad():  # the function: the class AdamW spends four seconds on importing a compiler
            adamw(weights, slopes, firsts, seconds, [], done, fused=True, lr=rate, beta1=momentum, **always)
        return loss

    return learn


def epoch(learn: Step, batches: list[Batch], order: list[int]) -> float:
    """Learn from `batches` in `order`; return the mean of their losses."""
    return float(sum(learn(*batches[number]) for number in order)) / len(batches)


def _by_hand(model: NextBasket, settings: Settings) -> Gradient:
    draws = np.random.default_rng(int(torch.randint(2**62, ())))
    gradient = by_hand.Gradient(model.dense(), settings.dropout, draws)

    def found(*batch):
        loss, slopes = gradient(*(column.numpy() for column in batch))
        return torch.tensor(loss), [torch.from_numpy(slope) for slope in slopes]

    return found


def _by_torch(model: NextBasket, weights: list[torch.Tensor], by: Means) -> Gradient:
    layers = torch.compile(model.layers) if by.compiled else model.layers

    def found(inputs, bought, weight):
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=by.bf16):
            logits = layers(inputs).squeeze(1)
        loss = binary_cross_entropy_with_logits(logits.float(), bought, weight)
        return loss.detach(), list(torch.autograd.grad(loss, weights))

    return found


def cycle(number: int, steps: int, peak: float) -> tuple[float, float]:
    """Return learning rate and momentum of step `number` (from 0) of `steps`: one cycle (Smith, 2018), by cosines."""
    rise = WARM_UP * (steps + 1) - 1
    rising = number < rise
    share = number / rise if rising else (steps - number) / (steps - rise)
    height = (1 - math.cos(math.pi * share)) / 2
    low, (least, most) = peak * (FIRST if rising else LAST), MOMENTUM
    return low + (peak - low) * height, most - (most - least) * height
