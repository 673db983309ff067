"""Optimisation: a step of AdamW along one cycle of the learning rate, by what pays on the device it runs on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from membership.recommend.model import NextBasket, Settings

WARM_UP = 0.1  # of all steps: the rise of the learning rate before its fall
BF16_ROWS = 16_384  # in a batch: with fewer a GPU waits for its orders anyway, and casting gives it more of them
COMPILED_STEPS = 20_000  # with fewer, what compiling saves is less than the half minute that it takes

Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Means:
    """What makes a GPU faster: layers in bfloat16 (weights stay float32), kernels compiled for this network."""

    bf16: bool
    compiled: bool


def means(where: torch.device, rows: int, steps: int) -> Means:
    """Return what pays on the device `where` for `steps` batches of `rows`: on a CPU nothing, for equal results."""
    on_gpu = where.type == "cuda"
    return Means(bf16=on_gpu and rows >= BF16_ROWS, compiled=on_gpu and steps >= COMPILED_STEPS)


def step(model: NextBasket, settings: Settings, steps: int, by: Means) -> Step:
    """Return what learns from a batch, the first of `steps` at most, and gives its loss: weighted cross-entropy.

    A batch is standardised inputs (n, signals), and bought and weight (n,). Nothing in it waits for the device.
    """
    peak = settings.learning_rate
    optimiser = torch.optim.AdamW(model.parameters(), peak, weight_decay=settings.weight_decay, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, total_steps=steps + 1, pct_start=WARM_UP)
    layers = torch.compile(model.layers) if by.compiled else model.layers

    def learn(inputs, bought, weight):
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=by.bf16):
            logits = layers(inputs).squeeze(1)
        loss = binary_cross_entropy_with_logits(logits.float(), bought, weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        return loss.detach()

    return learn
