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

from membership.base import batches, files

_BEGINS = r"(?:\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n])"  # full-width signs count as the plain ones
_FORMULA, _QUOTED = re.compile(f"'*{_BEGINS}"), re.compile(f"'+{_BEGINS}")


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` without its index to a CSV file, whole or not at all; text that looks like a formula is quoted."""
    texts = [place for place, dtype in enumerate(frame.dtypes) if not _plain(dtype)]
    # The csv module leaves a bare carriage return unquoted, at which readers would begin a new row.
    returns = any("\r" in str(name) for name in frame) or any(_returns(frame.iloc[:, place]) for place in texts)
    quoting = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with files.whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        for block in batches.blocks(len(frame)):  # as text, a million members would take gigabytes
            shown = frame.iloc[block].rename(columns=inert)
            for place in texts:
                shown.isetitem(place, shown.iloc[:, place].astype(object).map(inert))
            shown.to_csv(stream, header=not block.start, index=False, lineterminator="\n", quoting=quoting)


def _plain(dtype: object) -> bool:
    """Return whether cells of this type are numbers or times, of which nothing is a formula."""
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)


def _returns(column: pd.Series) -> bool:
    return bool(column.astype("str").str.contains("\r", regex=False, na=False).any())


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
