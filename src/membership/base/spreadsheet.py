"""CSV for people: what a spreadsheet would run as a formula is text, and what is read back is what was written.

A cell of text that begins like a formula gets an apostrophe before it, by which spreadsheets know text; one that
begins with apostrophes and then like a formula gets one more, so that none is lost or won on the way back. Numbers
stay numbers.
After OWASP, "CSV injection".
"""

import csv
import re
from pathlib import Path

import pandas as pd

from membership.base import files

_BEGINS = r"(?:\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n])"  # full-width signs count as the plain ones
_FORMULA, _QUOTED = re.compile(f"'*{_BEGINS}"), re.compile(f"'+{_BEGINS}")


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` without its index to a CSV file, whole or not at all; text that looks like a formula is quoted."""
    shown, texts = frame.rename(columns=inert), list(map(str, frame))
    for place in range(shown.shape[1]):
        column = shown.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_datetime64_any_dtype(column):
            texts += [str(cell) for cell in column.unique()]
            shown.isetitem(place, column.astype(object).map(inert))
    # The csv module leaves a bare carriage return unquoted, at which readers would begin a new row.
    quoting = csv.QUOTE_NONNUMERIC if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL
    files.write_text(path, shown.to_csv(index=False, lineterminator="\n", quoting=quoting))


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file that `write` wrote: every cell as the text that it was, an empty one as ""."""
    with path.open(encoding="utf-8", newline="") as stream:
        frame = pd.read_csv(stream, dtype="str", keep_default_na=False, na_filter=False, lineterminator="\n")
    return frame.rename(columns=original).map(original)


def inert(cell: object) -> object:
    """Return `cell` as a spreadsheet shows it and does not run it; only text changes.

    >>> inert("=1+1"), inert("'=1+1"), inert("bread"), inert("'s"), inert(-5)
    ("'=1+1", "''=1+1", 'bread', "'s", -5)
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def original(cell: str) -> str:
    """Return the text that `inert` made `cell` of."""
    return cell[1:] if _QUOTED.match(cell) else cell
