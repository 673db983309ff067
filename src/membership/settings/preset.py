"""Presets: the settings of a field, `presets/<field>.yaml`, laid out like `params.yaml`, whose lines go before them."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from membership.base import graph
from membership.base.errors import ParamError

OF_THE_DATA = ("engine", "dataset", "windows")  # sections that belong to one's own data, not to a field


def read(field: Any, folder: Path) -> dict[str, Any]:
    """Return the preset of `field` in `folder`, unchecked. Raises ParamError, naming those there are."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if field not in known:
        there = ", ".join(known) or "none"
        raise ParamError(f"params.yaml: field = {field!r}: no such preset; there are: {there}; or null. ({folder})")
    return graph.read_yaml(folder / f"{field}.yaml")


def under(preset: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` over `preset`: mappings are merged key by key; anything else in `raw` replaces the preset's."""
    merged = copy.deepcopy(dict(preset))
    for key, value in raw.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = under(below, value) if both else copy.deepcopy(value)
    return merged
