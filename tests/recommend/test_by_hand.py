"""The gradient by hand: torch's own, but for what is dropped, which is a share of all units as often as asked."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from membership.recommend import by_hand
from membership.recommend.model import NextBasket, Settings


def network(signals: int, hidden: int, seed: int) -> NextBasket:
    """Return an untrained network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NextBasket([f"s{number}" for number in range(signals)], Settings(0.01, 0.01, 0.0, hidden))


def batch(rows: int, signals: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, what was bought, and weights."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, signals)).astype(np.float32)
    return inputs, (rng.random(rows) < 0.3).astype(np.float32), rng.random(rows).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 17), st.integers(0, 99))
def test_loss_and_gradient_are_those_that_torch_finds(rows, signals, hidden, seed):
    model, given_ = network(signals, hidden, seed), batch(rows, signals, seed)
    loss, slopes = by_hand.Gradient(model.dense(), 0.0, np.random.default_rng(0))(*given_)
    inputs, bought, weight = (torch.from_numpy(column) for column in given_)
    wanted = binary_cross_entropy_with_logits(model.layers(inputs).squeeze(1), bought, weight)
    assert loss == pytest.approx(float(wanted.detach()), rel=1e-5)
    for found, slope in zip(slopes, torch.autograd.grad(wanted, list(model.parameters())), strict=True):
        assert found.shape == tuple(slope.shape) and np.allclose(found, slope.numpy(), rtol=1e-4, atol=1e-6)


def test_the_logits_are_those_of_the_network():
    model = network(6, 16, seed=1)
    inputs = torch.from_numpy(batch(5_000, 6, seed=1)[0])
    with torch.no_grad():
        assert np.allclose(model.logits(inputs.numpy()), model.eval()(inputs).numpy(), atol=1e-6)


def test_as_many_units_are_dropped_as_asked_what_is_left_is_scaled_up_and_a_seed_drops_the_same():
    layers = [
        (np.ones((50, 1), np.float32), np.zeros(50, np.float32)),
        (np.ones((1, 50), np.float32), np.zeros(1, np.float32)),
    ]
    asked = np.ones((4_000, 1), np.float32), np.zeros(4_000, np.float32), np.ones(4_000, np.float32)
    slopes = [by_hand.Gradient(layers, 0.2, np.random.default_rng(seed))(*asked)[1] for seed in (1, 1, 2)]
    assert all((one == same).all() for one, same in zip(slopes[0], slopes[1], strict=True))
    assert (slopes[0][0] != slopes[2][0]).any()
    # nobody bought and all are sure of it, so the slope of a unit's last weight is its mean output, 1.25 of .8 rows,
    # and that of its first weight the share of rows in which it was open, times 1.25
    assert slopes[0][2][0] == pytest.approx(1, abs=0.05) and slopes[0][0][:, 0] == pytest.approx(1, abs=0.05)
    assert slopes[0][2][0].std() == pytest.approx(1.25 * np.sqrt(0.2 * 0.8 / 4_000), rel=0.4)
