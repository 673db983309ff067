"""The next-basket model: a small network from signals of a pair (member, item) to a purchase probability."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save_file

from membership.base import absent, files
from membership.base.errors import DataError, ParamError
from membership.recommend import by_hand

FORMAT = "membership next-basket model, version 1"
BATCH = {"cpu": 2048, "cuda": 1 << 20}  # rows that go through the layers together: on a CPU they stay in its cache
CLIP = 5.0  # standard deviations beyond which a signal says no more


@dataclass(frozen=True)
class Settings:
    """What the search chooses."""

    learning_rate: float
    weight_decay: float
    dropout: float
    hidden: int  # units of the first hidden layer; the second has half of them


class NextBasket(torch.nn.Module):
    """Two hidden layers on standardised signals; the signals' means and scales are part of the model."""

    def __init__(self, signals: list[str], settings: Settings):
        super().__init__()
        self.signals, self.settings = list(signals), settings
        width, half = settings.hidden, max(settings.hidden // 2, 1)
        self.register_buffer("mean", torch.zeros(len(signals)))
        self.register_buffer("scale", torch.ones(len(signals)))
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))  # slope and intercept on the logit
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(len(signals), width),
            torch.nn.ReLU(),
            torch.nn.Dropout(settings.dropout),
            torch.nn.Linear(width, half),
            torch.nn.ReLU(),
            torch.nn.Dropout(settings.dropout),
            torch.nn.Linear(half, 1),
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the logit (n,) of signals (n, signals), as they come from `signals.signals`."""
        return self.layers(self.standard(values)).squeeze(1)

    def standard(self, values: torch.Tensor) -> torch.Tensor:
        """Return signals (n, signals) in standard deviations from the mean, at most CLIP."""
        return values.sub(self.mean).div_(self.scale).clamp_(-CLIP, CLIP)

    @property
    def parameter_count(self) -> int:
        """Number of weights that training moves."""
        return sum(weights.numel() for weights in self.parameters())

    def probability(self, values: np.ndarray) -> np.ndarray:
        """Return P(the pair's item is in the member's next basket), (n,), for signals (n, signals)."""
        slope, intercept = self.calibration.double().cpu().numpy()
        return 1 / (1 + np.exp(-(slope * self.logits(values) + intercept)))

    @torch.no_grad()
    def logits(self, values: np.ndarray) -> np.ndarray:
        """Return the network's output, (n,) float64, for signals (n, signals), in batches.

        Always in float32, so that every device ranks alike.
        """
        self.eval()
        where = self.mean.device
        batches = torch.from_numpy(values).split(BATCH[where.type])
        with one_thread():
            if where.type == "cpu":
                layers = self.dense()
                said = [by_hand.logits(layers, self.standard(batch).numpy()) for batch in batches]
                return np.concatenate(said).astype(np.float64) if said else np.empty(0)
            return torch.cat([self(batch.to(where)) for batch in batches]).double().cpu().numpy()

    def dense(self) -> list[by_hand.Layer]:
        """Return weights and bias of each layer, on a CPU; they are the model's own: what changes them, trains it."""
        linear = [layer for layer in self.layers if isinstance(layer, torch.nn.Linear)]
        return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one CPU thread.

    Layers this small gain little from more, lose much where cores are shared (six times slower was seen), and the
    sums would depend on the number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device(name: str) -> torch.device:
    """Return the device that the parameter `device` asks for: auto takes the GPU where there is one.

    Raises ParamError where there is no GPU but `cuda` is asked for.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ParamError("device = 'cuda': torch finds no CUDA GPU on this machine; allowed here: auto, cpu.")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def save(model: NextBasket, folder: Path) -> None:
    """Store `model` as `model.safetensors` and `model.json` in `folder`, each whole or not at all."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with files.whole(folder / "model.safetensors") as temporary:
        save_file(weights, temporary)
    card = {"format": FORMAT, "signals": model.signals, "settings": asdict(model.settings)}
    files.write_json(folder / "model.json", card)


def load(folder: Path, name: str = "cpu") -> NextBasket:
    """Return the model stored in `folder`, on the device called `name`; a model trained on a GPU loads without one.

    Raises DataError, naming the file, where it is missing, broken, or something else; NotPossible where no model could
    be trained.
    """
    from membership.settings.train import Stored  # training on a GPU needs torch alone, this needs pydantic, too

    absent.check(folder)
    card, weights = folder / "model.json", folder / "model.safetensors"
    remedy = "run `dvc repro train`, which makes it"
    described = files.read_json(card)
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise DataError(f"{card}: not a '{FORMAT}'; {remedy}.")
    try:
        settings = Stored(**described["settings"]).model_dump()
        model = NextBasket(described["signals"], Settings(**settings))
        model.load_state_dict(load_file(weights))
        if not all(tensor.isfinite().all() for tensor in model.state_dict().values()):
            raise ValueError("some of its numbers are not finite")
    except FileNotFoundError as error:
        raise DataError(f"{weights}: no such file; {remedy}.") from error
    except (safetensors.SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{weights}: does not hold the model that {card.name} describes ({reason}); {remedy}."
        ) from error
    return model.to(device(name))
