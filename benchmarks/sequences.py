"""Sequence models as peers (SASRec, BERT4Rec), of RecTools, which has an environment of its own: `make peers`.

Baskets are laid end to end, the oldest first; within one the order is not known, and items go by their id. What train
members buy next is known, so it ends their sequence; validation members say when to stop (see `peers/sequence.py`).
The settings are in `sequences.yaml`.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import installed
from membership.base import files
from membership.base.errors import DataError
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.policy import Recommender
from membership.recommend.ranking import filled, popularity

SETTINGS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
NAMES = tuple(SETTINGS)
LISTED = 100  # items of a member
SCRIPT = Path(__file__).parent / "peers" / "sequence.py"


def fit(
    name: str, known: Baskets, labels: Targets, val: Targets, asked: np.ndarray, seed: int
) -> tuple[dict, Recommender]:
    """Return after how many epochs sequence model `name` was best, and what it then recommends to the members `asked`.

    It learns from histories `known` and next baskets `labels`, and is best by those in `val`. To others it recommends
    what is popular. Sequences are no longer than the longest one. Raises DataError where the peers are not installed,
    or where it fails.
    """
    python = installed.python("sequence")
    members = np.union1d(asked, val.members)
    given = _lines(known, labels, val, members)
    with tempfile.TemporaryDirectory() as folder:
        settings, lines, out = (Path(folder) / file for file in ("settings.json", "lines.npz", "out.npz"))
        files.write_json(settings, _settings(name, given) | {"seed": seed, "k": min(LISTED, len(known.items))})
        np.savez(lines, **given)
        done = subprocess.run(
            [python, SCRIPT, settings, lines, out], env=_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DataError(f"{name} failed:\n{done.stderr[-2000:]}")
        with np.load(out) as found:
            items, epochs = found["items"], int(found["epochs"])
    return {"epochs": epochs}, recommender(name, known, members, items)


def recommender(name: str, known: Baskets, members: np.ndarray, items: np.ndarray) -> Recommender:
    """Return what lists columns `items` (n, at most LISTED), -1 for none, to `members` (n,) of `known`.

    What is popular follows, and is all for other members.
    """
    lists, rows = np.full((len(known.members), LISTED), -1), known.rows(members)
    lists[rows[rows >= 0], : items.shape[1]] = items[rows >= 0]
    share = popularity(known)

    def top(rows, k):
        scores = np.where(lists[rows, :k] >= 0, np.arange(k, 0.0, -1.0)[: lists.shape[1]], 0.0)
        return filled(lists[rows, :k], scores, share)

    return Recommender(name, known, top)


def _settings(name: str, lines: dict[str, np.ndarray]) -> dict[str, Any]:
    stored = SETTINGS[name]
    most = min(stored["settings"]["session_max_len"], int(np.bincount(lines["train"][0]).max()))
    return stored | {"settings": stored["settings"] | {"session_max_len": most}}


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _lines(known: Baskets, labels: Targets, val: Targets, members: np.ndarray) -> dict[str, np.ndarray]:
    """Return what `peers/sequence.py` reads; members of `known` and `answers` are places in `members`."""
    history = np.stack([known.member, known.item, known.basket]).astype(np.int64)
    train = _in_order(np.concatenate([history, _ends(known, labels)], axis=1))
    place, rows = np.full(len(known.members), -1), known.rows(members)
    place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    mine = _in_order(history[:, place[history[0]] >= 0])
    chosen, answers = np.searchsorted(members, val.members), val.matrix.tocoo()
    sizes = np.zeros(len(members), dtype=np.int64)
    sizes[chosen] = val.sizes
    return {
        "train": train,
        "known": np.stack([place[mine[0]], mine[1]]),
        "answers": np.stack([chosen[answers.row], answers.col]),
        "sizes": sizes,
    }


def _in_order(lines: np.ndarray) -> np.ndarray:
    """Return member and item (2, n) of member, item and baskets after it (3, n), in order of time, then of item."""
    member, item, back = lines
    return lines[:2, np.lexsort((item, -back, member))]


def _ends(known: Baskets, labels: Targets) -> np.ndarray:
    """Return the next baskets of those who have a history, (3, n): member, item, and -1, since they come last."""
    held, rows = labels.matrix.tocoo(), known.rows(labels.members)
    ends = np.stack([rows[held.row], held.col, np.full(held.nnz, -1)])
    return ends[:, ends[0] >= 0]
