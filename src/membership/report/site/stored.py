"""What the site is made of: tables, series of figures and conclusions that stages have stored. Nothing is computed."""

from pathlib import Path

import nbformat
import pandas as pd
from nbconvert.filters import markdown2html

from membership.base import absent, graph, paths, tables
from membership.base.errors import DataError, NotPossible
from membership.report import few, language
from membership.report.pages import CONCLUSION


class NotMade(DataError):
    """A stage that makes what a page shows has not run yet."""


def table(name: str) -> pd.DataFrame:
    """Return the stored table `name`. Raises NotPossible with the reason, NotMade where its stage has not run."""
    try:
        return tables.read(name)
    except DataError as error:
        raise NotMade(str(error)) from error


def series(name: str) -> pd.DataFrame:
    """Return what `reports/plots/<name>.csv` holds but groups too small to be told; raises as `table` does."""
    path = paths.reports("plots", f"{name}.csv")
    if not path.exists():
        raise NotMade(f"{path.name} has not been made yet; run `dvc repro`, which makes it.")
    frame = pd.read_csv(path)
    if absent.KEY in frame:
        raise NotPossible(str(frame[absent.KEY].iloc[0]))
    return frame[frame[few.MEMBERS].notna()].reset_index(drop=True) if few.MEMBERS in frame else frame


def conclusion(stage: str) -> str | None:
    """Return, as HTML, what the executed notebook of `stage` concludes; None where it has not been executed."""
    executed = paths.reports("notebooks", graph.node(stage).notebook.name)
    if not executed.exists():
        return None
    cells = nbformat.read(executed, as_version=4).cells
    if (why := absent.reason(paths.reports("metrics", f"{stage}.json"))) is not None:
        return markdown2html(cells[1].source) if len(cells) > 1 else why
    told = [cell for cell in cells if CONCLUSION in cell.metadata.get("tags", [])]
    outputs = [output for cell in told for output in cell.get("outputs", []) if "data" in output]
    return "\n".join(markdown2html(_spoken(found)) for found in outputs if "text/markdown" in found["data"])


def _spoken(output: nbformat.NotebookNode) -> str:
    """Return the Markdown of an output, in the language that is spoken where the run of the notebook had it."""
    others = output.get("metadata", {}).get("text/markdown", {}).get(language.OTHERS, {})
    return others.get(language.current(), output["data"]["text/markdown"])


def page(stage: str) -> Path:
    """Return where the page of the whole notebook of `stage` lies."""
    return paths.reports(f"{graph.node(stage).notebook.stem}.html")
