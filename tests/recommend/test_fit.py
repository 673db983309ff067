"""Fitting the network: what a device uses, how sure the probabilities are, and rows with nothing to tell apart."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from membership.recommend import optimise, train
from membership.recommend.model import NextBasket, Settings
from membership.recommend.optimise import Means
from membership.recommend.train import Samples

SETTINGS = Settings(learning_rate=0.01, weight_decay=0.01, dropout=0.0, hidden=16)
KNOBS = SimpleNamespace(epochs=3, batch_size=512, processes=1)
WEIGHTS = np.array([1.0, -0.5, 0.0])


def drawn(rows: int, seed: int, noise: int = 0) -> tuple[Samples, np.ndarray]:
    """Return rows whose first two signals say how likely a purchase is, `noise` more signals, and that probability."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, len(WEIGHTS) + noise)).astype(np.float32)
    chance = 1 / (1 + np.exp(2 - inputs[:, : len(WEIGHTS)] @ WEIGHTS))
    one = np.ones(rows, dtype=np.float32)
    names = [f"signal_{number}" for number in range(inputs.shape[1])]
    size = rng.integers(1, 9, size=rows).astype(np.float32)
    held = np.arange(rows) % train.HELD == 0
    return Samples(inputs, rng.random(rows) < chance, one, size, held, names), chance


def test_a_known_probability_is_found_again_although_rows_of_large_baskets_weigh_less():
    data, _ = drawn(10_000, seed=1)
    new, chance = drawn(5_000, seed=2)
    said = train.fit(data, SETTINGS, KNOBS, 1, "cpu").model.probability(new.inputs)
    assert np.abs(said - chance).mean() < 0.02 and said.mean() == pytest.approx(chance.mean(), rel=0.05)


def test_a_network_that_knows_its_rows_by_heart_is_not_sure_of_others():
    data, _ = drawn(5_000, seed=3, noise=20)
    new, chance = drawn(50_000, seed=4, noise=20)
    by_heart = Settings(learning_rate=0.01, weight_decay=0.0, dropout=0.0, hidden=64)
    model = train.fit(data, by_heart, SimpleNamespace(epochs=5, batch_size=256, processes=1), 1, "cpu").model
    said, sure = model.probability(new.inputs), 1 / (1 + np.exp(-model.logits(new.inputs)))
    top = said >= np.quantile(said, 0.9)
    assert said[top].mean() == pytest.approx(chance[top].mean(), rel=0.1) and sure[top].mean() > 1.15 * said[top].mean()


@pytest.mark.parametrize("bought", [True, False])
def test_rows_that_were_all_bought_or_all_not_make_a_model_that_says_so(bought):
    data, _ = drawn(600, seed=5)
    same = Samples(data.inputs, np.full(600, bought), data.weight, data.size, data.held, data.names)
    said = train.fit(same, SETTINGS, KNOBS, 1, "cpu").model.probability(data.inputs)
    assert ((said > 0.999) if bought else (said < 0.001)).all()


def test_a_batch_larger_than_the_rows_and_a_single_row_can_be_learned_from():
    data, _ = drawn(20, seed=6)
    for rows in (20, 1):
        few = data.keep(np.arange(20) < rows)
        assert np.isfinite(train.fit(few, SETTINGS, KNOBS, 1, "cpu").model.probability(data.inputs)).all()


def test_only_a_gpu_gets_bfloat16_and_compiled_kernels_and_only_where_they_pay():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert optimise.means(cpu, 10**6, 10**6) == Means(bf16=False, compiled=False)
    assert optimise.means(gpu, 2048, 1000) == Means(bf16=False, compiled=False)
    assert optimise.means(gpu, optimise.BF16_ROWS, 1000) == Means(bf16=True, compiled=False)
    assert optimise.means(gpu, 2048, optimise.COMPILED_STEPS) == Means(bf16=False, compiled=True)


def test_steps_in_bfloat16_learn_nearly_what_steps_in_float32_do():
    data, _ = drawn(4_000, seed=7)
    losses = {}
    for bf16 in (False, True):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = NextBasket(data.names, SETTINGS)
        learn = optimise.step(model, SETTINGS, 40, Means(bf16=bf16, compiled=False))
        inputs, weight = torch.from_numpy(data.inputs), torch.from_numpy(data.weight)
        bought = torch.from_numpy(data.bought.astype(np.float32))
        losses[bf16] = [float(learn(inputs, bought, weight)) for _ in range(40)]
        assert all(weights.dtype == torch.float32 for weights in model.parameters())
    assert losses[True] == pytest.approx(losses[False], rel=0.01) and losses[True][-1] < losses[True][0]
    assert losses[True] != losses[False]
