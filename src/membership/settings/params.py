"""Parameters: `params.yaml` over the preset of its `field` over the defaults of each section.

`dvc.yaml` says which stage sees which sections.

A section is a module of this room named like its key, with a class of the same name. Only the sections that a stage
declares are imported and checked for it, so that a knob of one stage is no part of another.
"""

import copy
import html
import importlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from membership.base import graph, paths
from membership.base.errors import ParamError
from membership.settings import carried, preset

SECTIONS = (
    "engine", "dataset", "clean", "windows", "economics", "features", "repurchase", "value", "needs", "lifecycle",
    "recommend", "tune", "train", "trials", "tiers", "campaigns", "benefits", "evaluate", "decide", "monitor",
    "privacy", "report", "quick", "replay",
)  # fmt: skip
_SCALARS = {
    "seed": Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)],  # of which every draw's seed is derived by name
    "device": Literal["auto", "cpu", "cuda"],  # auto takes the GPU where there is one
    "field": str | None,  # whose preset stands under params.yaml: a file in presets/; null: none, which is a shop
}
DEFAULTS = {"seed": 0, "device": "auto", "field": None}  # of what is no section; the fields of a section have theirs
KEYS = (*_SCALARS, *SECTIONS)


class UndeclaredError(ParamError, AttributeError):
    """A parameter that the stage does not declare, and so may not see."""


class Stage(SimpleNamespace):
    """The parameters that one stage may see: the keys it declares in `dvc.yaml`, and no other."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UndeclaredError(f"stage '{self.stage}' does not declare '{name}': add it to its params in dvc.yaml.")

    def model_copy(self, update: Mapping[str, Any]) -> "Stage":
        """Return a copy with other sections, as sections are copied with other values."""
        return Stage(**{**vars(self), **update})

    def plain(self) -> dict[str, Any]:
        """Return key -> values, as JSON and YAML know them."""
        return {key: _plain(value) for key, value in vars(self).items() if key != "stage"}

    def flat(self) -> dict[str, Any]:
        """Return dotted name -> value, as MLflow compares them."""
        found: dict[str, Any] = {}

        def add(prefix: str, value: Any) -> None:
            if isinstance(value, dict) and value:
                for key, item in value.items():
                    add(f"{prefix}.{key}", item)
            else:
                found[prefix] = value

        for key, value in self.plain().items():
            add(key, value)
        return found

    def _repr_html_(self) -> str:
        text = yaml.safe_dump(self.plain(), sort_keys=False, allow_unicode=True)
        return f'<pre style="max-height: 14em; overflow: auto; font-family: monospace">{html.escape(text)}</pre>'


def load(stage: str, overrides: Mapping[str, Any] | None = None) -> Stage:
    """Return the checked parameters of `stage`, with `overrides` such as `{"value.horizon_days": 30}` applied.

    `field` is set in `params.yaml` alone: a preset stands under the file, not under an override.

    Raises ParamError, one line, naming key, value and what is allowed.
    """
    return _build(stage, override(read(), overrides or {}), stage_keys(stage))


def parse(raw: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Stage:
    """Check all of `raw` (the content of a `params.yaml`) with dotted `overrides` applied."""
    return _build("all", override(raw, overrides or {}), KEYS)


def read(path: Path | None = None) -> dict[str, Any]:
    """Read `params.yaml` over the preset of its `field`; an earlier version's as what it means now, with a message.

    Raises ParamError where it cannot be read, there is no such preset, or the preset says what there is not.
    """
    file = path or paths.root() / "params.yaml"
    raw, told = carried.carry_over(graph.read_yaml(file))
    for message in told:
        _tell(message)
    if raw.get("field") is None:
        return raw
    below = preset.read(raw["field"], file.parent / "presets")
    _check_preset(raw["field"], below)
    return preset.under(below, raw)


def _check_preset(field: str, below: Mapping[str, Any]) -> None:
    """Raise ParamError where the preset of `field` alone does not fit the sections that it names."""
    where, wrong = f"presets/{field}.yaml", []
    allowed = [key for key in SECTIONS if key not in preset.OF_THE_DATA]
    for key, value in below.items():
        if key not in allowed:
            wrong.append(f"{where}: {key} = {_short(value)}: a preset has no such key; allowed: {', '.join(allowed)}")
            continue
        try:
            adapter(key).validate_python(value)
        except ValidationError as error:
            wrong += [f"{where}: {line}" for line in explain(key, error)]
    if wrong:
        raise ParamError("\n".join(wrong))


def override(raw: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `raw` with the dotted keys of `overrides` set. An unknown key is an error, not an addition."""
    changed = copy.deepcopy(dict(raw))
    for dotted, value in overrides.items():
        if dotted == "field" and value != raw.get("field"):
            raise ParamError(f"override field = {value!r}: a preset stands under params.yaml; set it there.")
        *parents, last = dotted.split(".")
        node: Any = changed
        for name in parents:
            node = node.setdefault(name, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict) or (last not in node and not _exists(dotted)):
            raise ParamError(f"override {dotted} = {value!r}: there is no such parameter.")
        node[last] = value
    return changed


def stage_keys(stage: str) -> list[str]:
    """Return the keys of `params.yaml` that `stage` declares in `dvc.yaml`."""
    return list(graph.stage(stage).get("params", []))


def _build(stage: str, raw: Mapping[str, Any], keys: Iterable[str]) -> Stage:
    unknown = [
        f"params.yaml: {key} = {_short(raw[key])}: unknown key; remove it or correct it"
        for key in raw
        if key not in KEYS
    ]
    if unknown:
        raise ParamError("\n".join(unknown))
    built, wrong = {}, []
    for key in keys:
        try:
            built[key] = adapter(key).validate_python(raw.get(key, DEFAULTS.get(key, {})))
        except ValidationError as error:
            wrong += [f"params.yaml: {line}" for line in explain(key, error)]
        except ParamError as error:
            wrong.append(str(error))
    if not wrong:
        wrong = [f"params.yaml: {line}" for key in built for line in _beside(key, built)]
    if wrong:
        raise ParamError("\n".join(wrong))
    return Stage(stage=stage, **built)


def _exists(dotted: str) -> bool:
    """Say whether a parameter that `params.yaml` leaves at its default is called `dotted`."""
    section, *names = dotted.split(".")
    found: Any = section_class(section) if section in SECTIONS else None
    for name in names:
        fields = getattr(found, "model_fields", {})
        found = fields[name].annotation if name in fields else None
    return found is not None


@cache
def _tell(message: str) -> None:
    print(message, file=sys.stderr)


@cache
def adapter(key: str) -> TypeAdapter:
    """Return what checks the values of `key` of `params.yaml`. Raises ParamError where there is no such key."""
    if key in _SCALARS:
        return TypeAdapter(_SCALARS[key])
    if key not in SECTIONS:
        raise ParamError(f"params.yaml has no section '{key}'; there are: {', '.join(KEYS)}.")
    return TypeAdapter(section_class(key))


def section_class(section: str) -> Any:
    """Return the class of `section`, whose fields have ranges and defaults."""
    return getattr(importlib.import_module(f"membership.settings.{section}"), section.capitalize())


def _beside(key: str, built: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between section `key` and the others that were built, as its module's `beside` says."""
    check = key in SECTIONS and getattr(importlib.import_module(f"membership.settings.{key}"), "beside", None)
    return list(check(built)) if check else []


def explain(section: str, error: ValidationError) -> list[str]:
    """Return a line for each problem of `error`: the key below `section`, its value and what is allowed."""
    lines = []
    for problem in error.errors():
        key = ".".join([section, *(str(part) for part in problem["loc"])])
        message = problem["msg"].removeprefix("Value error, ")
        kind = problem["type"]
        if kind == "missing":
            lines.append(f"{key}: missing; add it")
        elif kind == "extra_forbidden":
            lines.append(f"{key} = {_short(problem['input'])}: unknown key; remove it or correct it")
        else:
            lines.append(f"{key} = {_short(problem['input'])}: {message}")
    return lines


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
