"""Parameters: `params.yaml` is the only home of a value, and `dvc.yaml` says which stage sees which of them."""

import copy
import html
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from pydantic import ValidationError

from membership.base import paths
from membership.base.errors import ParamError
from membership.settings.knobs import Params


class UndeclaredError(ParamError, AttributeError):
    """A parameter that the stage does not declare, and so may not see."""


class Stage(SimpleNamespace):
    """The parameters that one stage may see: the keys it declares in `dvc.yaml`, and no other."""

    def __getattr__(self, name: str) -> Any:
        raise UndeclaredError(f"stage '{self.stage}' does not declare '{name}': add it to its params in dvc.yaml.")

    def _repr_html_(self) -> str:
        values = {key: _dump(value) for key, value in vars(self).items() if key != "stage"}
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        return f'<pre style="max-height: 14em; overflow: auto; font-family: monospace">{html.escape(text)}</pre>'


def load(stage: str, overrides: Mapping[str, Any] | None = None) -> Stage:
    """Return the checked parameters of `stage`, with `overrides` such as `{"value.horizon_days": 30}` applied.

    Raises ParamError, one line, naming key, value and what is allowed.
    """
    everything = parse(read(), overrides)
    declared = stage_keys(stage)
    return Stage(stage=stage, **{key: getattr(everything, key) for key in declared})


def parse(raw: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Params:
    """Check `raw` (the content of a `params.yaml`) with dotted `overrides` applied."""
    raw = override(raw, overrides or {})
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ParamError(_explain(error)) from error


def read(path: Path | None = None) -> dict[str, Any]:
    """Read `params.yaml` as it stands, unchecked."""
    return _yaml(path or paths.root() / "params.yaml")


def override(raw: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `raw` with the dotted keys of `overrides` set. An unknown key is an error, not an addition."""
    changed = copy.deepcopy(dict(raw))
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        node: Any = changed
        for name in parents:
            node = node.get(name) if isinstance(node, dict) else None
        if not isinstance(node, dict) or last not in node:
            raise ParamError(f"override {dotted} = {value!r}: params.yaml has no such key.")
        node[last] = value
    return changed


def stage_keys(stage: str) -> list[str]:
    """Return the keys of `params.yaml` that `stage` declares in `dvc.yaml`."""
    stages = _yaml(paths.root() / "dvc.yaml").get("stages", {})
    if stage not in stages:
        raise ParamError(f"stage '{stage}' is not in dvc.yaml; there are: {', '.join(stages)}.")
    return list(stages[stage].get("params", []))


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamError(f"{path}: no such file; run inside the project.") from error
    except yaml.YAMLError as error:
        raise ParamError(f"{path}: not valid YAML ({' '.join(str(error).split())}).") from error


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        kind = problem["type"]
        if kind == "missing":
            lines.append(f"params.yaml: {key}: missing; add it")
        elif kind == "extra_forbidden":
            lines.append(f"params.yaml: {key} = {problem['input']!r}: unknown key; remove it or mend its spelling")
        elif not key:
            lines.append(f"params.yaml: {message}")
        else:
            lines.append(f"params.yaml: {key} = {_short(problem['input'])}: {message}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _dump(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
