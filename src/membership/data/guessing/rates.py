"""Rates of currencies: a column a currency, how long a rate holds, and which way it leads."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from membership.data.guessing import cells, words, writing
from membership.data.guessing.cells import Column
from membership.data.guessing.found import Group, Remark, TableGuess
from membership.data.guessing.layouts import Laid
from membership.data.guessing.roles import Part

WIDE = "rates_wide"
CURRENCY, RATE = "currency (made)", "rate (made)"
_WEEK = 8  # days from a rate to the next one at most, for the first to hold until then


def wide(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Laid | None:
    """Return one row a currency and day of a table of a day and a column a currency; None where it is none."""
    codes = {name: code for name in columns if (code := _code(name)) is not None}
    days = [name for name, one in columns.items() if name not in codes and one.filled]
    if not codes or len(days) != 1 or not columns[days[0]].time_formats or len(set(codes.values())) < len(codes):
        return None
    if not all(columns[name].is_number or not columns[name].filled for name in codes):
        return None
    long = frame.melt(days, list(codes), var_name=CURRENCY, value_name=RATE)
    long[CURRENCY] = long[CURRENCY].map(codes)
    known = ~long[RATE].fillna("").str.strip().str.lower().isin(cells.NONE)
    made = {"at": days[0], "currency": CURRENCY, "rate": RATE}
    return Laid(long[known].reset_index(drop=True), WIDE, tuple(codes), made, int((~known).sum()))


def _code(name: str) -> str | None:
    found = {token.upper() for token in words.plain(name).split()} & set(words.CODES)
    return found.pop() if len(found) == 1 else None


def held_days(parts: Mapping[str, Part], group: Group, formats: Mapping[str, str]) -> int:
    """Return the most days, up to a week, that lie between a currency's rate and its next: weekends and holidays."""
    rows = group.frame[[parts["currency"].column]].set_axis(["currency"], axis=1)
    rows["day"] = cells.times(group.frame[parts["at"].column], formats["at"]).dt.normalize()
    apart = rows.drop_duplicates().sort_values(["currency", "day"]).groupby("currency")["day"].diff().dt.days
    between = apart[apart.between(1, _WEEK)].max() - 1
    return 0 if pd.isna(between) else int(between)


def codes(one: TableGuess) -> set[str]:
    """Return the currencies that have a rate."""
    return set(_rows(one)["currency"].dropna().str.strip().str.upper())


def upright(one: TableGuess, books: str) -> TableGuess:
    """Return rates that say what a unit of each currency is worth in `books`; those that say the reverse are turned.

    Where the name of the column does not tell, what currencies are roughly worth does.
    """
    if books not in words.WORTH or books.lower() in words.plain(one.parts["rate"].column).split():
        return one
    rows = _rows(one)
    rate = pd.to_numeric(rows["rate"], errors="coerce")
    code = rows["currency"].str.strip().str.upper()
    usual = np.log(rate.where(rate > 0)).groupby(code).median().drop(books, errors="ignore").dropna()
    likely = pd.Series(
        {name: np.log(words.WORTH[name] / words.WORTH[books]) for name in usual.index if name in words.WORTH}
    )
    usual = usual[likely.index]
    if usual.empty or (usual - likely).abs().sum() <= (usual + likely).abs().sum():
        return one
    turned = (1 / rate.where(rate > 0)).map(lambda value: None if pd.isna(value) else repr(float(value)))
    whole = rows.assign(rate=turned.where(turned.notna(), rows["rate"]))
    extra = {key: value for key, value in one.mapping.items() if key == "holds_days"}
    remark = Remark("columns.rate", "rates_turned", {"books": books, "example": usual.index[0]})
    paths = Remark("paths", "written", {"why": "rates_turned", "group": one})
    mapping = {"columns": {name: name for name in whole.columns}} | extra
    return replace(one, mapping=mapping, converted=whole, remarks=(remark, paths, *one.remarks))


def _rows(one: TableGuess) -> pd.DataFrame:
    """The rows of rates as they are written anew, also where they need not be."""
    if one.converted is not None:
        return one.converted
    frame = pd.concat([source.frame for source in one.sources], ignore_index=True)
    columns = one.mapping["columns"]
    marks = cells.Marks(one.mapping.get("decimal", "."), one.mapping.get("thousands"))
    found = {ours: frame[theirs].astype(object) for ours, theirs in columns.items()}
    found["rate"] = found["rate"].map(lambda cell: cells.plain_number(cell, marks))
    found["day"] = writing.iso(found["day"], one.mapping.get("time_format", "iso"))
    return pd.DataFrame(found, dtype=object)
