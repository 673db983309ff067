"""All stages of a copy of the project in one process: the code cells alone, without pages, MLflow or DVC.

Numbers are those of `dvc repro`; left out is what takes most of the time where data are small: to start a kernel and
libraries for each stage.
"""

import ast
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from membership.base import files, graph
from membership.base.errors import NotPossible
from membership.pipeline import fingerprint, possible


def run(root: Path) -> dict[str, str]:
    """Run every stage of the project at `root`, which `$MEMBERSHIP_ROOT` names; return stage -> why it failed.

    Stages after one that failed do not run, as with DVC. Where each failed is in the file `cells.log`.
    """
    fingerprint.main()
    failed: dict[str, str] = {}
    where: list[str] = []
    for node in graph.nodes():
        before = next((one for one in failed if set(graph.node(one).outs) & set(node.deps)), None)
        if before is not None:
            failed[node.name] = f"not run, since {before} failed"
            continue
        try:
            why = possible.missing(node) or _run(node)
            if why is not None:
                possible.step_over(node, root / "reports" / "notebooks" / node.notebook.name, why, root)
        except Exception as error:  # whatever a stage raises is what is looked for
            failed[node.name] = f"{type(error).__name__}: {error}"
            where.append(f"stage {node.name}\n{traceback.format_exc()}")
    files.write_text(root / "cells.log", "\n".join(where))
    return failed


def stage(node: graph.Node, after: Callable[[int], None] = lambda cell: None) -> None:
    """Run the stage `node`; `after` is told the number of each code cell that has run. Raises what its cells raise."""
    import matplotlib

    matplotlib.use("Agg")
    with _in(node.notebook.parent, node.name):
        _cells(node.notebook, after)


def _run(node: graph.Node) -> str | None:
    """Run the stage; return why it was not possible, None where it was."""
    try:
        stage(node)
    except NotPossible as error:
        return str(error)
    return None


def _cells(notebook: Path, after: Callable[[int], None]) -> None:
    """Run the code cells as a kernel does: the last expression of each is shown."""
    import matplotlib.pyplot as plt

    names = {"__name__": "notebook"}
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            place = f"{notebook.stem}[{number}]"
            try:
                exec(compile(tree, place, "exec"), names)  # noqa: S102 -- the project's own notebooks
                if shown is not None:
                    _show(eval(compile(ast.Expression(shown.value), place, "eval"), names))
                for figure in plt.get_fignums():
                    plt.figure(figure).canvas.draw()
            finally:
                plt.close("all")
            after(number)


def _show(value: object) -> None:
    for form in ("_repr_html_", "_repr_markdown_", "__repr__"):
        if hasattr(value, form):
            getattr(value, form)()
            return


@contextmanager
def _in(folder: Path, stage: str) -> Iterator[None]:
    before, where = os.environ.get("MEMBERSHIP_STAGE"), Path.cwd()
    os.environ["MEMBERSHIP_STAGE"] = stage
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(where)
        os.environ.pop("MEMBERSHIP_STAGE")
        if before is not None:
            os.environ["MEMBERSHIP_STAGE"] = before
