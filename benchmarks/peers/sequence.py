"""Fit a sequence model of RecTools, write what it recommends: `python sequence.py SETTINGS.json LINES.npz OUT.npz`.

Runs under the interpreter of the peers (`peers/sequence.txt`). SETTINGS.json: `model`, a class of RecTools; `settings`,
what it is given; `seed`; `k`, items listed; and when to stop: `epochs`, at most; `look`, every how many epochs recall
of validation members is looked at; `patience`, looks without a better one. LINES.npz has member and item (2, n), in
order of time: `train`, what is learned from; `known`, histories of the members asked; `answers`, the next baskets of
those of them who are validation members. `sizes` (members asked) is the size of these baskets, 0 for the others.
OUT.npz: `items` (members asked, k), -1 for none; `epochs`, after which it was best; `recall` at each look; `cpu_s`.
"""

import json
import sys
import time
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning
import rectools.models
import torch
from rectools.dataset import Dataset

DECIDES = 10  # recall@10 of validation members says when to stop


def main(settings: Path, lines: Path, out: Path) -> None:
    """Fit, stop where validation members say so, and write the lists of all members."""
    warnings.simplefilter("ignore")  # of Lightning, about workers and loggers
    torch.set_num_threads(1)
    asked, given = json.loads(settings.read_text()), np.load(lines)
    pytorch_lightning.seed_everything(asked["seed"], verbose=False)
    train, known = _dataset(given["train"]), _dataset(given["known"])
    model = getattr(rectools.models, asked["model"])(**asked["settings"])
    recalls, best = [], None
    while len(recalls) * asked["look"] < asked["epochs"] and _better_lately(recalls, asked["patience"]):
        model.fit_partial(train, min_epochs=asked["look"], max_epochs=asked["look"])
        recalls.append(_recall(model, known, given))
        if recalls[-1] == max(recalls):
            best = deepcopy(model.torch_model.state_dict())
        sys.stderr.write(f"epoch {len(recalls) * asked['look']}: {recalls[-1]:.4f}, {time.process_time():.0f} CPU s\n")
    model.torch_model.load_state_dict(best)
    items = _lists(model, known, np.arange(len(given["sizes"])), asked["k"])
    told = {"epochs": asked["look"] * (1 + int(np.argmax(recalls))), "recall": recalls, "cpu_s": time.process_time()}
    np.savez(out, items=items, **told)


def _better_lately(recalls: list[float], patience: int) -> bool:
    return not recalls or len(recalls) - 1 - int(np.argmax(recalls)) < patience


def _dataset(lines: np.ndarray) -> Dataset:
    """Return the lines as RecTools has them: a second apart, so that a basket's items keep their order."""
    place = pd.to_datetime(np.arange(lines.shape[1]), unit="s")
    columns = {"user_id": lines[0], "item_id": lines[1], "weight": 1.0, "datetime": place}
    return Dataset.construct(pd.DataFrame(columns))


def _recall(model, known: Dataset, given) -> float:
    asked = np.flatnonzero(given["sizes"])
    member, item = given["answers"]
    lists = np.full((len(given["sizes"]), DECIDES), -1)
    lists[asked] = _lists(model, known, asked, DECIDES)
    hits = (lists[member] == item[:, None]).any(axis=1)
    recall = np.bincount(member, hits, len(given["sizes"])) / np.maximum(given["sizes"], 1)
    return float(recall[asked].mean())


def _lists(model, known: Dataset, members: np.ndarray, k: int) -> np.ndarray:
    """Return the first `k` items of `members`, (n, k), -1 for none; what was bought before may be bought again."""
    there = np.intersect1d(members, known.user_id_map.external_ids)
    said = model.recommend(there, known, k, filter_viewed=False, on_unsupported_targets="ignore")
    lists = np.full((len(members), k), -1)
    lists[np.searchsorted(members, said["user_id"]), said["rank"] - 1] = said["item_id"]
    return lists


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
