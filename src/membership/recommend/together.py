"""Several processes that train one network, each on its part of every batch: torchrun, gloo on CPUs, nccl on GPUs.

    batch of all rows:   [ part of process 0 | part of process 1 | ... ]
                             |  gradient         |  gradient
                             +------ mean -------+     (all-reduce), the same step in each

Weights stay equal in all, since all begin with the same and take the same steps. So it is what one process does with
the whole batch, but for rounding and for what dropout draws. (torch's DistributedDataParallel does the same through
autograd; on a CPU the gradient is made by hand here.)
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from membership.base import files, seeds
from membership.base.errors import DataError
from membership.recommend import model, optimise
from membership.recommend.model import NextBasket, one_thread
from membership.recommend.optimise import Batch, Means

_COLUMNS = ("inputs", "bought", "weight")


@dataclass(frozen=True)
class Plan:
    """What all processes know: the batches of each epoch in order, how many steps in all, and the root of dropout."""

    orders: list[list[int]]
    seed: int
    device: str
    bf16: bool
    compiled: bool


def trained(network: NextBasket, batches: list[Batch], epochs: int, by: Means, processes: int) -> list[float]:
    """Train `network` on `batches` (on its device) by so many processes of this machine; return each epoch's loss.

    Every process reads its own shard of the rows from a file. Raises DataError where one of them fails.
    """
    where = network.mean.device
    seed = int(torch.randint(2**62, ()))  # drawn before the orders, as one process does, which then has the same ones
    orders = [torch.randperm(len(batches)).tolist() for _ in range(epochs)]
    plan = Plan(orders, seed, where.type, **asdict(by))
    with tempfile.TemporaryDirectory(prefix="membership-") as name:
        folder = Path(name)
        model.save(network, folder / "network")
        files.write_json(folder / "plan.json", asdict(plan))
        for rank in range(processes):
            save_file(_shard(batches, rank, processes), folder / f"shard-{rank}.safetensors")
        _run(folder, processes)
        network.load_state_dict(load_file(folder / "trained.safetensors"))
        return files.read_json(folder / "losses.json")


def _shard(batches: list[Batch], rank: int, processes: int) -> dict[str, torch.Tensor]:
    """Return the part of every batch that process `rank` learns from: every row in turn."""
    return {
        f"{number}/{name}": column[rank::processes].cpu().contiguous()
        for number, batch in enumerate(batches)
        for name, column in zip(_COLUMNS, batch, strict=True)
    }


def _run(folder: Path, processes: int) -> None:
    started = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    ran = subprocess.run(
        [*started, "-m", "membership.recommend.together", str(folder)],
        env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if "Error" in line] or ran.stderr.splitlines()[-1:]
        raise DataError(
            f"train.processes = {processes}: one of the processes that train ended ({' '.join(said[:1]).strip()}); fix "
            "it, or set train.processes to 1, then run again."
        )


def main(folder: Path) -> None:
    """Be one of the processes that torchrun has started: train on a shard in `folder`; the first writes the result."""
    plan, rank = Plan(**files.read_json(folder / "plan.json")), int(os.environ["RANK"])
    where = torch.device(plan.device, int(os.environ["LOCAL_RANK"]) if plan.device == "cuda" else None)
    dist.init_process_group("nccl" if plan.device == "cuda" else "gloo")
    network = model.load(folder / "network").to(where)
    network.train()
    batches = _read(folder / f"shard-{rank}.safetensors", where)
    torch.manual_seed(seeds.child(plan.seed, f"process-{rank}"))  # each drops other units
    steps = sum(map(len, plan.orders))
    with one_thread():
        means = Means(plan.bf16, plan.compiled)
        learn = optimise.step(network, network.settings, steps, means, _averaged)
        losses = [optimise.epoch(learn, batches, order) for order in plan.orders]
    if rank == 0:
        save_file({name: tensor.cpu() for name, tensor in network.state_dict().items()}, folder / "trained.safetensors")
        files.write_json(folder / "losses.json", losses)
    dist.destroy_process_group()


def _averaged(loss: torch.Tensor, slopes: list[torch.Tensor], rows: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the loss and its slopes of the whole batch, from those of this process's `rows` of it."""
    flat = torch.cat([loss.reshape(1).float(), *(slope.reshape(-1) for slope in slopes)]) * rows
    flat = torch.cat([flat, torch.full_like(flat[:1], rows)])
    dist.all_reduce(flat)
    loss, *rest = (flat[:-1] / flat[-1]).split([1, *(slope.numel() for slope in slopes)])
    return loss[0], [part.view_as(slope) for part, slope in zip(rest, slopes, strict=True)]


def _read(shard: Path, where: torch.device) -> list[Batch]:
    columns = load_file(shard)
    return [
        tuple(columns[f"{number}/{name}"].to(where) for name in _COLUMNS)
        for number in range(len(columns) // len(_COLUMNS))
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
