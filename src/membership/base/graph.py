"""What `dvc.yaml` says of a stage, and the hashes that lead from a number back to code, data and parameters."""

import copy
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from membership.base import paths
from membership.base.errors import ParamError, ProjectError

_MOST = 100_000  # values in a YAML file


@dataclass(frozen=True)
class Node:
    """A stage of the pipeline: its name, its notebook, and the files it declares, relative to the root.

    `without` are those of `deps`, or folders of them, that it can do without where they were not possible; `kept` are
    those of `outs` that are only ever added to, so that nothing replaces them.
    """

    name: str
    notebook: Path
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    without: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def needed(self) -> list[str]:
        """Those of `deps` that it cannot do without."""
        return [name for name in self.deps if not any(Path(name).is_relative_to(one) for one in self.without)]


def nodes() -> list[Node]:
    """Return the stages that have a notebook, in the order of `dvc.yaml`."""
    books = {path.stem.split("_", 1)[1]: path for path in sorted(paths.root().glob("notebooks/[1-9]*_*.ipynb"))}
    return [_node(name, books[name], stage) for name, stage in _stages().items() if name in books]


def after(name: str) -> list[Node]:
    """Return the stages that need, directly or not, what the stage called `name` makes, in the order of `dvc.yaml`."""
    every = nodes()
    made, found = set(node(name).outs), set()
    while new := [one for one in every if one.name not in found and made.intersection(one.deps)]:
        found.update(one.name for one in new)
        made.update(out for one in new for out in one.outs)
    return [one for one in every if one.name in found]


def node(name: str) -> Node:
    """Return the stage called `name`. Raises ProjectError, naming the stages there are."""
    known = {each.name: each for each in nodes()}
    if name not in known:
        raise ProjectError(f"no stage '{name}': dvc.yaml and notebooks/ have {', '.join(known)}.")
    return known[name]


def stage(name: str) -> dict[str, Any]:
    """Return what `dvc.yaml` says under `meta` of the stage called `name`: which parameters it sees, for example."""
    stages = _stages()
    if name not in stages:
        raise ParamError(f"stage '{name}' is not in dvc.yaml; there are: {', '.join(stages)}.")
    return stages[name].get("meta", {})


def deps(name: str) -> list[str]:
    """Return the files that the stage called `name` reads, relative to the root."""
    return _names(_stages()[name].get("deps"))


def maker(path: str) -> str:
    """Return the stage whose output `path` (relative to the root) is. Raises ProjectError where there is none."""
    for name, stage in _stages().items():
        if path in _names(stage.get("outs")):
            return name
    raise ProjectError(f"no stage in dvc.yaml makes {path}.")


def digest(path: str, algorithm: str) -> str | None:
    """Return the hex digest of a file under the root (md5 is DVC's hash of it); None where there is none."""
    file = paths.root() / path
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def digests(files: tuple[str, ...], algorithm: str) -> dict[str, str]:
    """Return path -> digest of every file in `files`, folders opened."""
    found = [name for each in files for name in _open(each)]
    return {name: value for name in found if (value := digest(name, algorithm)) is not None}


def _stages() -> dict[str, Any]:
    return read_yaml(paths.root() / "dvc.yaml").get("stages", {})


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping of the project. Raises ParamError, naming the file, where it is missing or broken."""
    try:
        found = copy.deepcopy(_parsed(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError as error:
        raise ParamError(f"{path}: no such file; run inside the project.") from error
    except OSError as error:
        raise ParamError(f"{path}: cannot be read ({error.strerror}); it must be a file that you may read.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ParamError(f"{path}: line {line} is not UTF-8 ({error.reason}); save the file as UTF-8.") from error
    except yaml.YAMLError as error:
        raise ParamError(f"{path}: not valid YAML ({' '.join(str(error).split())}).") from error
    except (RecursionError, ValueError) as error:  # a ValueError is of a date or number that there cannot be
        told = error if isinstance(error, ValueError) else "nested too deeply"
        raise ParamError(f"{path}: not valid YAML ({told}).") from error
    if not isinstance(found, dict):
        raise ParamError(f"{path}: {_whole(found)}; it must be a mapping, lines of `key: value`.")
    return found


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """Parse YAML once: a stage asks for `dvc.yaml` and `params.yaml` many times, and each takes a tenth of a second."""
    found = yaml.load(text, _Loader)
    _count(found, {})
    return found


class _Loader(yaml.SafeLoader):
    """Reads plain values, and no key twice: the second would silently replace the first.

    A number that YAML 1.1 takes for another one, 010 for 8 or 1:30 for 90, is none.
    """

    def construct_plain_number(self, node: yaml.ScalarNode) -> int | float:
        """Return the number. Raises a YAMLError, with the line, for one to the base of 8 or 60."""
        if _OTHER_BASE.fullmatch(node.value):
            told = f"{node.value}: write the number to the base of 10, or, where it is text, quotes around it"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark)
        whole = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Return the mapping. Raises a YAMLError, with the line, for a key that is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_OTHER_BASE = re.compile(r"[-+]?(0[0-7_]+|[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?)")
for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_plain_number)


def _whole(found: Any) -> str:
    return "empty" if found is None else f"it holds a {type(found).__name__}"


def _count(value: Any, counted: dict[int, int]) -> int:
    """Return the values in `value`, those behind an alias each time it is used. Raises ValueError for too many.

    So it does for text that no file can hold, half a surrogate pair.
    """
    if isinstance(value, str):
        value.encode()
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in counted:
        counted[id(value)] = _MOST  # found again within itself, it has no end
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        counted[id(value)] = 1 + sum(_count(part, counted) for part in parts)
    if counted[id(value)] >= _MOST:
        raise ValueError(f"aliases within aliases make more than {_MOST:,} values of it; write out what you mean")
    return counted[id(value)]


def _open(name: str) -> list[str]:
    path = paths.root() / name
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [str(each.relative_to(paths.root())) for each in inside if each.is_file()]


def _node(name: str, notebook: Path, stage: dict) -> Node:
    outs = [*_names(stage.get("outs")), *_names(stage.get("metrics")), *_names(stage.get("plots"))]
    without = tuple(stage.get("meta", {}).get("without", []))
    kept = [one for one in stage.get("outs") or [] if isinstance(one, dict) and next(iter(one.values())).get("persist")]
    return Node(name, notebook, tuple(_names(stage.get("deps"))), tuple(outs), without, tuple(_names(kept)))


def _names(entries: list | None) -> list[str]:
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries or []]
