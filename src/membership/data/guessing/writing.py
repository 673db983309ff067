"""Rows of files whose layout no mapping can say, written anew: canonical columns, plain numbers, times in ISO 8601."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from membership.data.guessing import cells, roles, words
from membership.data.guessing.cells import Column

if TYPE_CHECKING:
    from membership.data.guessing.build import Build


def rows(one: "Build", columns: Mapping[str, str]) -> pd.DataFrame:
    """Return canonical column -> text; what cannot be read stays as it is, so that the reader names it."""
    names = roles.canonical(one.table)
    formats = {names.get(role, role): form for role, form in one.formats.items()}
    marks = {names.get(role, role): how for role, how in one.marks.items()}
    found = {}
    for ours, theirs in columns.items():
        text = one.group.frame[theirs].astype(object)
        text = text.where(text.notna(), None).map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
        text = text.where(~text.map(lambda cell: isinstance(cell, str) and cell.lower() in cells.NONE), None)
        if formats.get(ours) == "relative":
            found[ours] = _since(text, theirs, one.begin)
        elif ours in formats:
            found[ours] = iso(text, formats[ours])
        elif ours in marks:
            found[ours] = text.map(lambda cell, how=marks[ours]: cells.plain_number(cell, how))
        else:
            found[ours] = text
    return pd.DataFrame(found, index=one.group.frame.index, dtype=object)


def moments(column: Column, form: str) -> pd.Series:
    """Return the cells of `column` as times."""
    return cells.times(column.cells, form)


def iso(text: pd.Series, form: str) -> pd.Series:
    """Return times that `form` reads as text in ISO 8601; what it does not read stays as it is."""
    if form == "iso":
        return text
    read = cells.times(text, form)
    day = form != "excel_days" and not any(sign in form for sign in ("%H", "%I", "epoch"))
    if form == "excel_days":
        day = bool((read.dropna() == read.dropna().dt.normalize()).all())
    zone = "+00:00" if "%z" in form or "epoch" in form else ""
    said = read.dt.strftime("%Y-%m-%d" if day else "%Y-%m-%d %H:%M:%S").astype(object) + ("" if day else zone)
    return said.where(read.notna(), text)


def _since(text: pd.Series, name: str, begin: pd.Timestamp) -> pd.Series:
    unit = "D" if set(words.plain(name).split()) & {"day", "days", "date", "tag"} else "h"
    read = begin + pd.to_timedelta(pd.to_numeric(text, errors="coerce"), unit=unit)
    return read.dt.strftime("%Y-%m-%d %H:%M:%S").astype(object).where(read.notna(), text)
