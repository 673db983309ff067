"""The network: what it computes, and that it is the same after it was stored."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from membership.base.errors import DataError, ParamError
from membership.recommend import model
from membership.recommend.model import NextBasket, Settings
from membership.settings import params

NAMES = ["one", "two", "three"]


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = NextBasket(NAMES, Settings(**params.read()["train"]["settings"] | {"hidden": 8}))
    made.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    made.calibration.copy_(torch.tensor([0.5, -1.0]))
    return made


@pytest.fixture
def inputs():
    return np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)


def test_the_probability_is_what_the_layers_say_by_hand(network, inputs):
    weights = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    layer = np.clip((inputs - weights["mean"]) / weights["scale"], -model.CLIP, model.CLIP)
    for number, name in enumerate(name for name in weights if name.endswith(".weight")):
        layer = np.maximum(layer, 0) if number else layer
        layer = layer @ weights[name].T + weights[name.replace(".weight", ".bias")]
    expected = 1 / (1 + np.exp(-(0.5 * layer[:, 0] - 1)))
    assert network.probability(inputs) == pytest.approx(expected, rel=1e-5)


def test_a_stored_model_says_the_same(network, inputs, tmp_path):
    model.save(network, tmp_path)
    again = model.load(tmp_path)
    assert np.array_equal(again.probability(inputs), network.probability(inputs))
    assert (again.signals, again.settings) == (NAMES, network.settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def spoil_weights(change):
    def spoil(folder):
        path = folder / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))

    return spoil


def spoil_tensors(change):
    def spoil(folder):
        save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")

    return spoil


def spoil_card(change):
    def spoil(folder):
        path = folder / "model.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return spoil


def setting(name, value):
    return spoil_card(lambda card: card | {"settings": card["settings"] | {name: value}})


NOT_THE_MODEL = r"model.safetensors: does not hold the model that model.json describes \(.+\); run `dvc repro train`"
NO_CARD = r"model.json: not a 'membership next-basket model, version \d+'; run `dvc repro train`"
SPOILT = {
    "weights cut off": (spoil_weights(lambda whole: whole[:100]), NOT_THE_MODEL),
    "weights cut off near the end": (spoil_weights(lambda whole: whole[:-3]), NOT_THE_MODEL),
    "no weights": (spoil_weights(lambda _: b""), NOT_THE_MODEL),
    "a picture for weights": (spoil_weights(lambda _: b"\x89PNG\r\n\x1a\n" * 99), NOT_THE_MODEL),
    "weights that are not there": (lambda folder: (folder / "model.safetensors").unlink(), "safetensors: no such file"),
    "a tensor less": (spoil_tensors(lambda held: dict(list(held.items())[1:])), NOT_THE_MODEL),
    "a tensor more": (spoil_tensors(lambda held: held | {"other": torch.ones(3)}), NOT_THE_MODEL),
    "weights of another model": (spoil_tensors(lambda _: {"embedding": torch.ones(3, 4)}), NOT_THE_MODEL),
    "weights of another shape": (spoil_tensors(lambda held: held | {"mean": torch.ones(7)}), NOT_THE_MODEL),
    "a weight that is no number": (
        spoil_tensors(lambda held: held | {"mean": torch.full((3,), torch.nan)}),
        NOT_THE_MODEL,
    ),
    "an infinite weight": (spoil_tensors(lambda held: held | {"mean": torch.full((3,), torch.inf)}), NOT_THE_MODEL),
    "a card that is not there": (lambda folder: (folder / "model.json").unlink(), "model.json: no such file"),
    "a card that is no JSON": (lambda folder: (folder / "model.json").write_text("{"), "model.json: "),
    "a card of another format": (spoil_card(lambda _: {"format": "another"}), NO_CARD),
    "a card that is a list": (spoil_card(lambda card: [card]), NO_CARD),
    "a card without signals": (spoil_card(lambda card: {"format": card["format"]}), NOT_THE_MODEL),
    "a card with a signal less": (spoil_card(lambda card: card | {"signals": NAMES[:2]}), NOT_THE_MODEL),
    "a card whose signals are a number": (spoil_card(lambda card: card | {"signals": 3}), NOT_THE_MODEL),
    "a card of another width": (setting("hidden", 9), NOT_THE_MODEL),
    "a card of no width": (setting("hidden", -1), NOT_THE_MODEL),
    "a card whose width is text": (setting("hidden", "wide"), NOT_THE_MODEL),
    "a card with a setting more": (setting("depth", 9), NOT_THE_MODEL),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILT.values(), ids=SPOILT)
def test_a_missing_broken_or_foreign_model_is_named_with_what_to_do(spoil, said, network, tmp_path):
    model.save(network, tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=said) as error:
        model.load(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_a_gpu_that_is_not_there_is_not_promised(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert model.device("auto") == model.device("cpu") == torch.device("cpu")
    with pytest.raises(ParamError, match="device = 'cuda': torch finds no CUDA GPU"):
        model.device("cuda")
