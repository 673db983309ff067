"""What one process hands to another: arrays in one file that both map, and JSON that says how they fit together.

    | array | array | ... | JSON |
                          ^ head

Nothing in it is code: dataclasses and sections of parameters are put together again of classes that the reader lists.
"""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydantic import BaseModel
from scipy import sparse

ALIGNED = 64  # bytes: where an array may begin
_KINDS = "biufU"  # of arrays: bool, integers, floats, text


def write(file: IO[bytes], thing: Any) -> int:
    """Write `thing` to `file` and return where its head begins.

    It is made of dataclasses, sections of parameters, mappings, lists, numbers, texts, dates, paths, None, numpy arrays
    of numbers or text, and sparse CSR arrays. Raises TypeError for anything else, OSError where the disk is full.
    """
    plain = json.dumps(_plain(thing, file))
    head = file.tell()
    file.write(plain.encode())
    file.flush()
    return head


def read(view: memoryview, head: int, classes: Iterable[type]) -> Any:
    """Return what `write` wrote into the memory `view`; arrays are views of it, equal to the last bit.

    Raises KeyError for a class that is not among `classes`.
    """
    return _whole(json.loads(bytes(view[head:])), view, {one.__name__: one for one in classes})


def _plain(thing: Any, file: IO[bytes]) -> Any:
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.ndarray):
        return _written(thing, file)
    if isinstance(thing, sparse.csr_array):
        parts = (thing.data, thing.indices, thing.indptr)
        return {"is": "csr", "shape": list(thing.shape), "parts": [_written(part, file) for part in parts]}
    if isinstance(thing, BaseModel):
        return {"is": "section", "class": type(thing).__name__, "json": thing.model_dump_json()}
    if is_dataclass(thing):
        parts = {one.name: _plain(getattr(thing, one.name), file) for one in fields(thing)}
        return {"is": "dataclass", "class": type(thing).__name__, "fields": parts}
    if isinstance(thing, list | tuple):
        return [_plain(part, file) for part in thing]
    if isinstance(thing, date | Path):
        return {"is": "date" if isinstance(thing, date) else "path", "text": str(thing)}
    raise TypeError(f"{type(thing).__name__} cannot be handed to another process")


def _written(array: np.ndarray, file: IO[bytes]) -> dict[str, Any]:
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"an array of {array.dtype} cannot be handed to another process")
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"  # sums depend on it
    begin = file.seek(-(-file.tell() // ALIGNED) * ALIGNED)
    file.write(np.asarray(array, order=order).ravel(order).view(np.uint8).data if array.size else b"")
    return {"is": "array", "dtype": array.dtype.str, "shape": list(array.shape), "order": order, "begin": begin}


def _whole(plain: Any, view: memoryview, known: dict[str, type]) -> Any:
    if isinstance(plain, list):
        return [_whole(part, view, known) for part in plain]
    if not isinstance(plain, dict):
        return plain
    match plain["is"]:
        case "array":
            return np.ndarray(plain["shape"], plain["dtype"], view, plain["begin"], order=plain["order"])
        case "csr":
            matrix = sparse.csr_array(tuple(plain["shape"]))
            matrix.data, matrix.indices, matrix.indptr = (_whole(part, view, known) for part in plain["parts"])
            return matrix
        case "section":
            return known[plain["class"]].model_validate_json(plain["json"])
        case "dataclass":
            parts = {name: _whole(part, view, known) for name, part in plain["fields"].items()}
            return known[plain["class"]](**parts)
        case "date":
            return date.fromisoformat(plain["text"])
    return Path(plain["text"])
