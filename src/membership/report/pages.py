"""What people read: the executed notebooks as pages, their figures, an index over all of it, the README's table."""

import base64
import html
import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html

from membership.base import files, graph, paths, results
from membership.base.errors import DataError

_TABLE = re.compile(r"(<!-- result -->\n).*?(<!-- /result -->)", re.DOTALL)


def save_page(executed: Path, page: Path) -> Path:
    """Write the executed notebook as one HTML page with its figures inside; return the page's path."""
    notebook = _read(executed)
    body, _ = HTMLExporter(template_name="lab", embed_images=True).from_notebook_node(notebook)
    files.write_text(page, body)
    return page


def save_figures(executed: Path) -> list[Path]:
    """Write each picture of the executed notebook beside it, named after the heading above it; return their paths."""
    notebook, heading, saved = _read(executed), "figure", []
    folder = executed.with_suffix("")
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)):
            heading = re.sub(r"[^a-z0-9]+", "-", found.group(1).lower()).strip("-")[:60]
        for output in cell.get("outputs", []):
            if picture := output.get("data", {}).get("image/png"):
                path = folder / f"{len(saved) + 1:02d}-{heading}.png"
                with files.whole(path) as temporary:
                    temporary.write_bytes(base64.b64decode(picture))
                saved.append(path)
    return saved


def metrics(stage: str) -> dict[str, float | str | None]:
    """Return what `stage` saved in `reports/metrics`; nothing where it saves no metrics."""
    return results.read_metrics(stage) if paths.reports("metrics", f"{stage}.json").exists() else {}


def save_index() -> Path:
    """Write `reports/index.html`: the summary, and every stage with its page and its numbers."""
    summary = paths.reports("summary.md")
    words = markdown2html(summary.read_text(encoding="utf-8")) if summary.exists() else "<p>No summary yet.</p>"
    rows = "".join(_row(node) for node in graph.nodes())
    page = _PAGE.format(style=_STYLE, summary=words, rows=rows)
    path = paths.reports("index.html")
    files.write_text(path, page)
    return path


def save_readme() -> None:
    """Put the result table of `reports/summary.md` between the README's markers, so that it is never typed."""
    readme, summary = paths.root() / "README.md", paths.reports("summary.md")
    table = _TABLE.search(summary.read_text(encoding="utf-8"))
    if table is None:
        raise DataError(f"{summary}: no table between <!-- result --> and <!-- /result -->; run `dvc repro -f report`.")
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        files.write_text(readme, _TABLE.sub(lambda _: table.group(0), text))


def _row(node: graph.Node) -> str:
    page = f"{node.notebook.stem}.html"
    title = html.escape(_title(node.notebook))
    name = f'<a href="{page}">{title}</a>' if paths.reports(page).exists() else title
    numbers = "".join(
        f"<tr><td>{html.escape(key)}</td><td>{_number(value)}</td></tr>" for key, value in metrics(node.name).items()
    )
    shown = f"<details><summary>numbers</summary><table>{numbers}</table></details>" if numbers else ""
    return f"<tr><td><code>{node.name}</code></td><td>{name}</td><td>{shown}</td></tr>\n"


def _title(notebook: Path) -> str:
    first = nbformat.read(notebook, as_version=4).cells[0].source
    return first.splitlines()[0].lstrip("# ")


def _number(value: float | str | None) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else html.escape(str(value))


def _read(executed: Path) -> nbformat.NotebookNode:
    """Read an executed notebook, keeping only the last state of each progress bar."""
    notebook = nbformat.read(executed, as_version=4)
    for cell in notebook.cells:
        merged: list[nbformat.NotebookNode] = []
        for output in cell.get("outputs", []):
            if merged and output.output_type == merged[-1].output_type == "stream" and output.name == merged[-1].name:
                merged[-1].text += output.text
            else:
                merged.append(output)
        for output in merged:
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*\r(?!\n)", "", output.text)
        if "outputs" in cell:
            cell.outputs = merged
    return notebook


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #1c2330 }
table { border-collapse: collapse; margin: .5rem 0; font-size: .9rem }
td, th { border-bottom: 1px solid #dde1e8; padding: .3rem .7rem; text-align: left; vertical-align: top }
a { color: #0b5cad } summary { cursor: pointer; color: #5a6474 } a.anchor-link { display: none }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Membership Lab</title><style>{style}</style></head><body>
{summary}
<h2>The notebooks, in reading order</h2>
<table><tr><th>stage</th><th>page</th><th></th></tr>
{rows}</table>
<p>Compare runs with <code>make ui</code>; load <code>actions.csv</code> (one row a member, money in cents)
into the campaign tool.</p>
</body></html>
"""
