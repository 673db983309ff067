"""What people read: the executed notebooks as pages, their figures, an index over all of it, the README's table."""

import base64
import html
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import TagRemovePreprocessor

from membership.base import absent, files, graph, paths
from membership.base.errors import DataError
from membership.report import words

CONCLUSION = "conclusion"  # the tag of the cell that a page begins with
# Belt and braces over escaping: a browser runs no script of a page and fetches nothing for it, its pictures are inside.
INERT = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; font-src data:; \
style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">"""
_EARLIER = re.compile(r"<!-- earlier run -->\n.*?<!-- /earlier run -->\n", re.DOTALL)
_TABLE = re.compile(r"(<!-- result -->\n).*?(<!-- /result -->)", re.DOTALL)


def save_page(executed: Path, page: Path) -> Path:
    """Write the executed notebook as one HTML page with its figures inside; return the page's path."""
    exporter = HTMLExporter(
        template_name="lab",
        template_file="notebook_page.html.j2",
        extra_loaders=[jinja2.PackageLoader("membership.report")],
        embed_images=True,
    )
    exporter.register_preprocessor(TagRemovePreprocessor(remove_input_tags={CONCLUSION}, enabled=True), enabled=True)
    body, _ = exporter.from_notebook_node(_concluded(_read(executed)), resources={"inert": INERT})
    files.write_text(page, body)
    return page


def step_over(source: Path, executed: Path, why: str, made: Iterable[str] = ()) -> None:
    """Let the executed copy of notebook `source` say in its first lines why its question cannot be answered.

    `made` are outputs that there are in spite of that. It stopped where that was seen, or was not begun: then there is
    no copy of this run.
    """
    notebook = nbformat.read(executed if executed.exists() else source, as_version=4)
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        cell.outputs = [output for output in cell.outputs if output.output_type != "error"]
    told = nbformat.v4.new_markdown_cell(words.render("not_possible_stage", why=why, made=list(made)))
    notebook.cells = [cells[0], told, *cells[1:]]
    files.write_text(executed, nbformat.writes(notebook))


def mark_earlier(failed: str, own: bool) -> list[Path]:
    """Let what people read of the stages after `failed` say that it is of an earlier run; return what was marked.

    `own`: so does the page of `failed` itself, which this run has not written.
    """
    stages, told = graph.after(failed), words.render("earlier_run", stage=failed)
    found = [paths.reports(f"{node.notebook.stem}.html") for node in [*([graph.node(failed)] if own else []), *stages]]
    found += [paths.reports("summary.md")] if any(node.name == "report" for node in stages) else []
    marked = [page for page in found if page.exists()]
    for page in marked:
        text = _EARLIER.sub("", page.read_text(encoding="utf-8"))
        start = text.index(">", text.index("<body")) + 1 if page.suffix == ".html" else 0
        said = markdown2html(told) if page.suffix == ".html" else f"{told}\n\n"
        files.write_text(page, f"{text[:start]}<!-- earlier run -->\n{said}<!-- /earlier run -->\n{text[start:]}")
    return marked


def refresh() -> list[Path]:
    """Bring the texts of all pages up to date with their notebooks, without running any; return what was written.

    So are pages of a version that still loaded scripts.
    """
    written = []
    for node in graph.nodes():
        executed, page = paths.reports("notebooks", node.notebook.name), paths.reports(f"{node.notebook.stem}.html")
        if executed.exists() and (_retold(executed, node.notebook) or not _inert(page)):
            written.append(save_page(executed, page))
    return written


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


def metrics(stage: str, root: Path | None = None) -> dict[str, float | None]:
    """Return what `stage` saved in `reports/metrics`, of the project or of another `root`.

    Nothing where it has not run; where it was not possible, why: {"not_possible": reason}.
    """
    path = (root or paths.root()) / "reports" / "metrics" / f"{stage}.json"
    if (why := absent.reason(path)) is not None:
        return {absent.KEY: why}
    return files.read_json(path) if path.exists() else {}


def save_index() -> Path:
    """Write `reports/index.html`: the summary, and every stage with its page and its numbers."""
    summary = paths.reports("summary.md")
    words = markdown2html(summary.read_text(encoding="utf-8")) if summary.exists() else "<p>No summary yet.</p>"
    rows = "".join(_row(node) for node in graph.nodes())
    page = _PAGE.format(inert=INERT, style=_STYLE, summary=words, rows=rows)
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


def _concluded(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Move what is tagged as the conclusion below the title, and drop the bare heading that it stood under."""
    first, *rest = notebook.cells
    tagged = [CONCLUSION in cell.metadata.get("tags", []) for cell in rest]
    for cell in (cell for cell, moved in zip(rest, tagged, strict=True) if moved):
        cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]  # no progress bars there
    bare = [
        after and cell.cell_type == "markdown" and re.fullmatch(r"#+ [^\n]*", cell.source.strip()) is not None
        for cell, after in zip(rest, [*tagged[1:], False], strict=False)
    ]
    kept = [cell for cell, moved, dropped in zip(rest, tagged, bare, strict=True) if not (moved or dropped)]
    notebook.cells = [first, *(cell for cell, moved in zip(rest, tagged, strict=True) if moved), *kept]
    return notebook


def _retold(executed: Path, source: Path) -> bool:
    """Put the texts of the notebook `source` into its executed copy; say whether any had changed."""
    told = {cell.id: cell.source for cell in nbformat.read(source, as_version=4).cells if cell.cell_type == "markdown"}
    notebook = nbformat.read(executed, as_version=4)
    stale = [cell for cell in notebook.cells if cell.source != told.get(cell.id, cell.source)]
    for cell in stale:
        cell.source = told[cell.id]
    if stale:
        files.write_text(executed, nbformat.writes(notebook))
    return bool(stale)


def _inert(page: Path) -> bool:
    """Say whether a page loads nothing, and is of this run: a failed one has marked those of an earlier one."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return "Content-Security-Policy" in text and not _EARLIER.search(text)


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
<html lang="en"><head><meta charset="utf-8">{inert}<title>Membership Lab</title><style>{style}</style></head><body>
{summary}
<h2>The notebooks, in reading order</h2>
<table><tr><th>stage</th><th>page</th><th></th></tr>
{rows}</table>
<p>Compare runs with <code>make ui</code>; load <code>actions.csv</code> (one row a member, money in cents)
into the campaign tool.</p>
</body></html>
"""
