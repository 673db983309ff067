"""Fitted models on disk: frozen dataclasses as JSON, their arrays as safetensors; nothing in the files is code.

`save` writes what a fitted object is made of and `load` puts it together again, of classes that the caller lists. A
field `estimate` (how a parameter was found) is not needed to predict and is left out. An object that is stored as
another one has a method `to_store`.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from membership.base import absent, files
from membership.base.errors import DataError

_LEFT_OUT = "estimate"
_SPECIAL = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan}  # which JSON does not know


def save(folder: Path, thing: Any) -> None:
    """Store `thing` as model.json and model.safetensors in `folder`, each whole or not at all.

    `thing` is made of dataclasses, mappings with text keys, sequences, numbers, texts, None and numpy arrays. Raises
    TypeError for anything else.
    """
    arrays: dict[str, np.ndarray] = {}
    plain = _plain(thing, arrays, "")
    with files.whole(folder / "model.safetensors") as temporary:
        save_file(arrays, temporary)
    files.write_json(folder / "model.json", {"stored": plain})


def load(folder: Path, classes: Iterable[type]) -> Any:
    """Return what `save` stored in `folder`; sequences come back as tuples.

    Raises DataError, naming the folder, where it is missing or broken, or holds a class that is not among `classes`;
    NotPossible where its stage was not possible.
    """
    absent.check(folder)
    known = {one.__name__: one for one in classes}
    plain = files.read_json(folder / "model.json")
    try:
        return _whole(plain["stored"], load_file(folder / "model.safetensors"), known)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder}: not a stored model of this version ({error!r}); run `dvc repro` again.") from error


def _plain(thing: Any, arrays: dict[str, np.ndarray], at: str) -> Any:
    if isinstance(thing, np.ndarray):
        arrays[at] = np.ascontiguousarray(thing)
        return {"array": at}
    thing = thing.to_store() if hasattr(thing, "to_store") else thing
    if is_dataclass(thing):
        parts = {one.name: getattr(thing, one.name) for one in fields(thing) if one.name != _LEFT_OUT}
        return {"class": type(thing).__name__, "fields": _plain(parts, arrays, at)["mapping"]}
    if isinstance(thing, dict):  # as pairs: sums over them keep their order
        return {"mapping": [[key, _plain(value, arrays, f"{at}/{key}")] for key, value in thing.items()]}
    if isinstance(thing, list | tuple):
        return [_plain(value, arrays, f"{at}/{number}") for number, value in enumerate(thing)]
    value = thing.item() if hasattr(thing, "item") else thing
    if isinstance(value, float) and not np.isfinite(value):
        return {"special": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{at}: {type(thing).__name__} cannot be stored")


def _whole(plain: Any, arrays: dict[str, np.ndarray], known: dict[str, type]) -> Any:
    if isinstance(plain, list):
        return tuple(_whole(value, arrays, known) for value in plain)
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return arrays[plain["array"]]
    if "special" in plain:
        return _SPECIAL[plain["special"]]
    if "mapping" in plain:
        return {key: _whole(value, arrays, known) for key, value in plain["mapping"]}
    return known[plain["class"]](**{key: _whole(value, arrays, known) for key, value in plain["fields"]})
