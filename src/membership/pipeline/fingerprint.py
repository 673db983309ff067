"""What each stage computes with, written down: the stage `fingerprint`, on which all others depend.

`data/code/<stage>.json` holds the hashes of the code cells of its notebook and of every module that they import, and
the parameters that it sees. Comments, docstrings and all of the room `report` are left out, so that a change of words,
a figure or a page makes only the stage `report` stale, and saving a notebook with its outputs makes none stale.
"""

import ast
import hashlib
import io
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from membership.base import files, graph, paths
from membership.base.errors import ProjectError
from membership.pipeline import beforehand
from membership.settings import params

_LEFT_OUT = ("membership.report", "membership.pipeline")  # what is shown or logged is no part of what is computed


def main() -> int:
    """Write the fingerprints of all stages, all parameters checked first; return the exit status."""
    try:
        beforehand.checked()
        found = {f"{node.name}.json": of(node) for node in graph.nodes()}
        for name, content in found.items():
            files.write_json(paths.data("code", name), content)
        for path in paths.data("code").iterdir():
            if path.name not in found:
                path.unlink()
    except ProjectError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def of(node: graph.Node) -> dict[str, Any]:
    """Return the fingerprint of a stage: `notebook` (a hash), `code` (module -> hash), `params` (key -> values)."""
    cells = [cell.source for cell in nbformat.read(node.notebook, as_version=4).cells if cell.cell_type == "code"]
    names = {"membership.base.kernels"} | {name for cell in cells for name in imports(cell)}
    names |= {f"membership.settings.{key}" for key in params.stage_keys(node.name) if key in params.SECTIONS}
    found = {
        "notebook": _hash("\n".join(cells)),
        "code": code(names),
        "params": _seen(node.name),
    }
    return found | ({"shown": shown()} if graph.stage(node.name).get("shows") else {})


def _seen(stage: str) -> dict[str, Any]:
    """Return the parameters of `stage`; of a section that `dvc.yaml` names under `meta: of` those fields alone."""
    found = params.load(stage).plain()
    parts = graph.stage(stage).get("of", {}).items()
    return found | {section: {name: found[section][name] for name in names} for section, names in parts}


def shown() -> dict[str, str]:
    """Return the hashes of what people look at, file -> hash: the room `report` and the texts of all notebooks.

    It is the fingerprint of a stage that `dvc.yaml` marks with `meta: {shows: true}`.
    """
    room = sorted(
        path
        for path in (paths.root() / "src/membership/report").rglob("*")
        if path.suffix in (".py", ".j2", ".css", ".js", ".po")
    )
    read = {path: path.read_text(encoding="utf-8") for path in room}
    found = {path: _parsed(text).hash if path.suffix == ".py" else _hash(text) for path, text in read.items()}
    for node in graph.nodes():
        cells = nbformat.read(node.notebook, as_version=4).cells
        found[node.notebook] = _hash("\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    return {path.relative_to(paths.root()).as_posix(): value for path, value in found.items()}


def code(names: set[str], left_out: tuple[str, ...] = _LEFT_OUT) -> dict[str, str]:
    """Return the hashes of `modules`, module -> hash, without their comments and docstrings."""
    return {name: _module(name).hash for name in modules(names, left_out)}


def modules(names: set[str], left_out: tuple[str, ...] = _LEFT_OUT) -> list[str]:
    """Return the modules of this package among `names`, and all that those import in turn, sorted.

    Rooms that are `left_out` are not entered.
    """
    todo, found = set(names), set()
    while todo:
        name = todo.pop()
        if name in found or name.startswith(left_out) or not _file(name).exists():
            continue
        found.add(name)
        todo |= _module(name).imports
    return sorted(found)


def imports(source: str) -> set[str]:
    """Return the names of this package that `source` imports, modules or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "membership"}


def plain(source: str) -> str:
    r"""Return Python `source` without comments, docstrings and empty lines.

    >>> plain("x = 1  # one\n\n# two\ny = 2\n")
    'x = 1\ny = 2'
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]]
    for docstring in _docstrings(source):
        for number in range(docstring.lineno - 1, docstring.end_lineno):
            lines[number] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


@dataclass(frozen=True)
class _Module:
    hash: str
    imports: frozenset[str]


def _module(name: str) -> _Module:
    return _parsed(_file(name).read_text(encoding="utf-8"))


@cache
def _parsed(source: str) -> _Module:
    return _Module(_hash(plain(source)), frozenset(imports(source)))


def _docstrings(source: str) -> Iterator[ast.Expr]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str())):
                    yield node.body[0]


def _file(name: str) -> Path:
    return paths.root().joinpath("src", *name.split(".")).with_suffix(".py")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
