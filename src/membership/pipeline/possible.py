"""A stage whose question the data cannot answer says why, leaves empty outputs, and is stepped over."""

import sys
from pathlib import Path

from membership.base import absent, files, graph, paths, tables


def missing(node: graph.Node) -> str | None:
    """Return why something that `node` cannot do without was not possible; None where all is there."""
    reasons = (absent.reason(paths.root() / name) for name in node.needed)
    return next((why for why in reasons if why is not None), None)


def step_over(node: graph.Node, executed: Path, why: str, root: Path) -> None:
    """Leave outputs of `node` under `root` that say `why` there is nothing in them, and say so.

    What is only ever added to stays as it is; actions are those that no decision takes, where there are any.
    """
    from membership.pipeline import undecided
    from membership.report import memo, pages

    made = undecided.write(node, root) if node.name == "decide" else []
    made += [name for name in node.kept if (root / name).exists()]
    for name in (name for name in node.outs if name not in made):
        path = root / name
        absent.write(path, why, tables.empty(path.stem) if path.suffix == ".parquet" else None)
    if node.name == "report":
        files.write_text(root / "reports" / "summary.md", memo.not_possible())
    pages.step_over(node.notebook, executed, why, [name for name in made if name not in node.kept])
    print(f"\nstage {node.name}: not possible with these data: {why}", file=sys.stderr)
