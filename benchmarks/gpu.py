"""Training and scoring at the size of Instacart, on the GPU and on the CPU: `python -m benchmarks.gpu --out JSON`.

Each of 200,000 members has 60 candidate items with 36 signals, drawn from a seed: 12 million rows. An epoch trains on
all of them; scoring gives each its probability and each member its 20 best items. Beside it is measured what the device
can do at most: bytes moved by a copy, arithmetic of a large matrix product. Candidates and signals are made on the CPU
and are not in here. Needs neither a database nor data.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from membership.base import files, seeds
from membership.recommend import optimise
from membership.recommend.model import NextBasket, Settings

MEMBERS, CANDIDATES, SIGNALS, K = 200_000, 60, 36, 20
EPOCHS = 3  # the fastest counts: the first one warms up
SETTINGS = Settings(learning_rate=0.003, weight_decay=0.01, dropout=0.0, hidden=64)
PROBE = {"cuda": (1 << 30, 8192, torch.bfloat16), "cpu": (1 << 26, 2048, torch.float32)}  # bytes, width, and of what


def main() -> None:
    """Measure on every device there is, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--batch", type=int, default=65_536, help="training rows in a batch")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = run(given.members, given.batch, given.seed)
    files.write_json(given.out, {"rows": found.to_dict(orient="records")})
    sys.stdout.write(found.round(4).to_string(index=False) + "\n")


def run(members: int, batch: int, seed: int) -> pd.DataFrame:
    """Return a row a device and step (epoch, score): seconds, rows a second, and its share of the device's limit.

    The limit is the longer of the times for reading the rows once at the bandwidth of a copy, and for the network's
    multiplications at the rate of a matrix product.
    """
    inputs, bought = draw(members, seed)
    found = []
    for where in ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",):
        bandwidth, rate = limits(where)
        model, epoch = trained(inputs, bought, batch, seed, where)
        score = _seconds(lambda model=model: best(model, inputs), where, times=2)
        for step, seconds, passes in (("epoch", epoch, 3), ("score", score, 1)):
            operations = 2 * passes * model.parameter_count * len(inputs)
            floor = max(inputs.nbytes / bandwidth, operations / rate)
            took = {"rows": len(inputs), "seconds": seconds, "rows_per_s": len(inputs) / seconds}
            most = {"share_of_limit": floor / seconds, "gb_per_s": bandwidth / 1e9, "tflop_per_s": rate / 1e12}
            found.append({"device": where, "step": step, **took, **most})
    return pd.DataFrame(found)


def draw(members: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return signals (n, SIGNALS) of the candidates of `members`, and what was bought (n,), likelier by the first."""
    rng = seeds.rng(seed, "instacart")
    inputs = rng.standard_normal((members * CANDIDATES, SIGNALS), dtype=np.float32)
    return inputs, (rng.random(len(inputs)) < 1 / (1 + np.exp(3 - inputs[:, 0]))).astype(np.float32)


def trained(inputs: np.ndarray, bought: np.ndarray, batch: int, seed: int, where: str) -> tuple[NextBasket, float]:
    """Return the model after EPOCHS, and the seconds of its fastest epoch; rows lie on the device."""
    torch.manual_seed(seed)
    model = NextBasket([f"signal_{number}" for number in range(SIGNALS)], SETTINGS).to(where)
    rows = [torch.from_numpy(array).to(where) for array in (inputs, bought, np.ones_like(bought))]
    batches = list(zip(*(tensor.split(batch) for tensor in rows), strict=True))
    steps = EPOCHS * len(batches)
    learn = optimise.step(model, SETTINGS, steps, optimise.means(torch.device(where), batch, steps))
    return model, _seconds(lambda: float(sum(learn(*each) for each in batches)), where, times=EPOCHS - 1)


def best(model: NextBasket, inputs: np.ndarray) -> torch.Tensor:
    """Return the places of each member's K best candidates, (members, K); rows come from the host's memory."""
    return torch.from_numpy(model.logits(inputs)).view(-1, CANDIDATES).topk(K).indices


def limits(where: str) -> tuple[float, float]:
    """Return what the device does at most: bytes moved a second, floating-point operations a second."""
    size, width, kind = PROBE[where]
    source = torch.zeros(size, dtype=torch.uint8, device=where)
    left, right = (torch.randn(width, width, device=where).to(kind) for _ in range(2))
    return 2 * size / _seconds(source.clone, where), 2 * width**3 / _seconds(lambda: left @ right, where)


def _seconds(work: Callable[[], object], where: str, times: int = 5) -> float:
    """Return the shortest of `times` runs of `work` after one to warm up."""
    taken = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        work()
        if where == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    return min(taken[1:])


if __name__ == "__main__":
    main()
