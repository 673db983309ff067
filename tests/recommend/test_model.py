"""The network: what it computes, and that it is the same after it was stored."""

import json

import numpy as np
import pytest
import torch

from membership.base.errors import DataError, ParamError
from membership.recommend import model
from membership.recommend.model import NextBasket, Settings

NAMES = ["one", "two", "three"]


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = NextBasket(NAMES, Settings(learning_rate=0.01, weight_decay=0.0, dropout=0.5, hidden=8))
    made.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    made.calibration.copy_(torch.tensor([0.5, -1.0]))
    return made


@pytest.fixture
def inputs():
    return np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)


def test_the_probability_is_what_the_layers_say_by_hand(network, inputs):
    weights = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    layer = np.clip((inputs - weights["mean"]) / weights["scale"], -model.CLIP, model.CLIP)
    for number in (0, 3, 6):
        layer = np.maximum(layer, 0) if number else layer
        layer = layer @ weights[f"layers.{number}.weight"].T + weights[f"layers.{number}.bias"]
    expected = 1 / (1 + np.exp(-(0.5 * layer[:, 0] - 1)))
    assert network.probability(inputs) == pytest.approx(expected, rel=1e-5)


def test_a_stored_model_says_the_same(network, inputs, tmp_path):
    model.save(network, tmp_path)
    again = model.load(tmp_path)
    assert np.array_equal(again.probability(inputs), network.probability(inputs))
    assert (again.signals, again.settings) == (NAMES, network.settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_a_missing_broken_or_foreign_model_is_named_with_what_to_do(network, tmp_path):
    with pytest.raises(DataError, match=r"model.json: no such file"):
        model.load(tmp_path)
    model.save(network, tmp_path)
    weights, card = tmp_path / "model.safetensors", tmp_path / "model.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    with pytest.raises(
        DataError, match=r"model.safetensors: does not hold the model that model.json describes .* `dvc repro train`"
    ):
        model.load(tmp_path)
    weights.write_bytes(whole)
    described = json.loads(card.read_text())
    card.write_text(json.dumps(described | {"signals": NAMES[:2]}))
    with pytest.raises(DataError, match=r"model.safetensors: does not hold the model"):
        model.load(tmp_path)
    card.write_text(json.dumps({"format": "another"}))
    with pytest.raises(DataError, match=r"model.json: not a 'membership next-basket model, version 1'"):
        model.load(tmp_path)
    card.write_text(json.dumps(described))
    weights.unlink()
    with pytest.raises(DataError, match=r"model.safetensors: no such file"):
        model.load(tmp_path)


def test_a_gpu_that_is_not_there_is_not_promised(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert model.device("auto") == model.device("cpu") == torch.device("cpu")
    with pytest.raises(ParamError, match="device = 'cuda': torch finds no CUDA GPU"):
        model.device("cuda")
