"""Data in the format of "A Next Basket Recommendation Reality Check" (Li et al., TOIS 2023): baskets without dates.

A history is `{member: [[-1], basket, ..., [-1]]}`, the oldest basket first, a future `{member: [[-1], basket, [-1]]}`,
a basket a list of items, and a keyset `{"train": [member, ...], "val": [...], "test": [...]}`. Files may be gzipped.
"""

import gzip
import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from membership.base.errors import DataError
from membership.recommend.baskets import Baskets, Targets

EDGE = "-1"  # a basket of its own before the first and after the last one
PARTS = ("train", "val", "test")
SHAPE = "{member: [[-1], [item, item, ...], ..., [-1]]}"


@dataclass(frozen=True)
class Data:
    """Histories without dates, the next basket of each member who has one, and whether items are numbers."""

    baskets: Baskets
    futures: Targets
    numbered: bool


@dataclass(frozen=True)
class Fold:
    """The members (ids) of one keyset; `name` is its file's, without `.gz`."""

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def read(history: Path, future: Path) -> Data:
    """Read histories and futures. The catalogue is what the histories hold; of a future the first basket counts.

    Empty baskets and items that a basket holds twice are left out, and so are members without a basket. Raises
    DataError, naming the file, where one is missing or of another format.
    """
    past, numbered = lines_of(history)
    after, _ = lines_of(future)
    if past.empty:
        raise DataError(f"{history}: no member has a basket; expected {SHAPE}.")
    member, members = pd.factorize(past["member"], sort=True)
    item, items = pd.factorize(past["item"], sort=True)
    visit = pd.factorize(pd.MultiIndex.from_arrays([member, past["place"]]), sort=True)[0]  # empty baskets close up
    last = np.zeros(len(members), dtype=np.int64)
    np.maximum.at(last, member, visit)
    lines = pd.DataFrame({"member": member, "basket": last[member] - visit, "item": item})
    lines = lines.drop_duplicates().sort_values(["member", "basket", "item"]).astype(np.int32)
    columns = (lines[name].to_numpy() for name in ("member", "item", "basket"))
    baskets = Baskets(None, members.to_numpy(str), items.to_numpy(str), *columns, age=lines["basket"].to_numpy() + 1)
    return Data(baskets, _targets(after, baskets), numbered)


def folds(folder: Path, data: Data) -> list[Fold]:
    """Read all keysets in `folder`, by name.

    Raises DataError, naming the file, where there is none, where one is of another format, or where it has members
    in two parts or without a future.
    """
    files = sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")])
    if not files:
        raise DataError(f"{folder}: holds no keysets (*.json or *.json.gz), {{'train': [member, ...], 'val', 'test'}}.")
    return [_fold(path, data) for path in files]


def _fold(path: Path, data: Data) -> Fold:
    held = _json(path)
    absent = [part for part in PARTS if not isinstance(held.get(part), list)]
    if absent:
        raise DataError(f"{path}: not a keyset: no list {', '.join(map(repr, absent))}; expected {', '.join(PARTS)}.")
    parts = {part: np.unique(np.array(held[part], dtype=str)) for part in PARTS}
    everybody, times = np.unique(np.concatenate(list(parts.values())), return_counts=True)
    if (times > 1).any():
        raise DataError(f"{path}: member {str(everybody[times > 1][0])!r} is in two parts; each may be in one only.")
    strangers = np.setdiff1d(everybody, data.futures.members)
    if len(strangers):
        raise DataError(
            f"{path}: {len(strangers)} members have no next basket in the futures, e.g. {str(strangers[0])!r}; "
            "the keyset belongs to other data, or these members should be taken out."
        )
    return Fold(path.name.removesuffix(".gz"), **parts)


def _targets(after: pd.DataFrame, baskets: Baskets) -> Targets:
    first = after[after["place"] == after.groupby("member")["place"].transform("min")]
    first = first[["member", "item"]].drop_duplicates()
    member, members = pd.factorize(first["member"], sort=True)
    column = baskets.columns(first["item"].to_numpy(str))
    known = column >= 0
    shape = (len(members), len(baskets.items))
    matrix = sparse.coo_array((np.ones(known.sum()), (member[known], column[known])), shape).tocsr()
    return Targets(members.to_numpy(str), matrix, np.bincount(member[~known], minlength=len(members)))


def lines_of(path: Path) -> tuple[pd.DataFrame, bool]:
    """Return a line an item: member, place of its basket, item; and whether all items are whole numbers."""
    held = _json(path)
    bad = next((member for member, baskets in held.items() if not _well_formed(baskets)), None)
    if bad is not None:
        raise DataError(f"{path}: member {bad!r} is not in the Reality Check format; expected {SHAPE}.")
    baskets = list(chain.from_iterable(held.values()))
    items = list(chain.from_iterable(baskets))
    member = np.repeat(np.array(list(held), dtype=object), [len(each) for each in held.values()])
    place = np.repeat(np.arange(len(baskets)), [len(basket) for basket in baskets])
    frame = pd.DataFrame({"member": member[place], "place": place, "item": [str(item) for item in items]})
    return frame[frame["item"] != EDGE], all(isinstance(item, int) for item in items)


def _well_formed(baskets) -> bool:
    return isinstance(baskets, list) and all(
        isinstance(basket, list) and all(isinstance(item, int | str) for item in basket) for basket in baskets
    )


def _json(path: Path) -> dict:
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            held = json.load(file)
    except (OSError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); expected a plain or gzipped JSON file.") from error
    if not isinstance(held, dict):
        raise DataError(f"{path}: holds a {type(held).__name__}, not an object; expected {{member: ...}} or a keyset.")
    return held
