"""Layouts that are not one row an event: a column a month, a date in parts, lines apart from their head, balances."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from membership.base.schemas import PURCHASE, RENEWAL
from membership.data.guessing import roles, words
from membership.data.guessing.cells import Column, column, times

WIDE, PARTS, CLOCK, LINES, HELD, LEDGER, CONTRACTS = (  # names of layouts
    "wide", "parts", "clock", "lines", "held", "ledger", "contracts",
)  # fmt: skip
AT = "at (made)"  # the column of times that a layout makes; no file calls one so
VALUE = "amount (made)"
KIND = "kind (made)"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_PARTS = ("year", "month", "day")
_POINTS = {"points", "miles", "punkte", "meilen", "puntos", "punti"}
_GONE = ("expir", "laps", "verfall")  # of points that ran out


@dataclass(frozen=True)
class Laid:
    """A frame of one row an event or member; `layout` says what was done to it, `used` with which columns.

    `made`: part -> column that was made; `without`: rows left out since nothing happened in them.
    """

    frame: pd.DataFrame
    layout: str = ""
    used: tuple[str, ...] = ()
    made: Mapping[str, str] = None
    without: int = 0


def columns_of(frame: pd.DataFrame) -> dict[str, Column]:
    """Return what the columns of `frame` hold."""
    return {name: column(name, frame[name]) for name in frame.columns}


def laid(frame: pd.DataFrame, columns: Mapping[str, Column], name: str) -> Laid:
    """Return `frame` of the file `name` in one row an event, where its layout is another one; else as it is."""
    months = {name: day for name in frame.columns if (day := _month(str(name))) is not None}
    if (
        len(months) >= 3
        and len(set(months.values())) == len(months)
        and all(columns[name].is_number or not columns[name].filled for name in months)
    ):
        return _melted(frame, months, name)
    found = _in_parts(frame, columns) or _held(frame, columns) or _ledger(frame, columns)
    return found if found is not None else _with_clock(frame, columns)


def _melted(frame: pd.DataFrame, months: Mapping[str, pd.Timestamp], name: str) -> Laid:
    """One row a member and month that holds something but 0: money, unless a name says what else is measured."""
    measured = any(words.likeness(one, words.ROLES["measure"]) >= 1 for one in (name, *months))
    keys = [name for name in frame.columns if name not in months]
    long = frame.melt(keys, list(months), var_name=AT, value_name=VALUE)
    long[AT] = long[AT].map({name: str(day.date()) for name, day in months.items()})
    blank = long[VALUE].isna() | long[VALUE].fillna("").str.strip().str.fullmatch(r"|-|0+([.,]0*)?")
    made = {"at": AT, "measure" if measured else "amount": VALUE}
    return Laid(long[~blank].reset_index(drop=True), WIDE, tuple(months), made, int(blank.sum()))


def _month(name: str) -> pd.Timestamp | None:
    """The first day of the month, or the day, that a column is named after."""
    text = name.strip().lower()
    if found := re.fullmatch(r"\D*?((?:19|20)\d{2})[-_/. ]?m?(0?[1-9]|1[0-2])(?:[-_/. ](\d{1,2}))?", text):
        return _day(found[1], found[2], found[3] or 1)
    if found := re.fullmatch(r"\D*?(0?[1-9]|1[0-2])[-_/. ]((?:19|20)\d{2})", text):
        return _day(found[2], found[1], 1)
    if (found := re.fullmatch(r"([a-z]{3})[a-z]*[-_/. ]*((?:19|20)?\d{2})", text)) and found[1] in _MONTHS:
        return _day(found[2] if len(found[2]) == 4 else f"20{found[2]}", _MONTHS.index(found[1]) + 1, 1)
    return None


def _day(year: object, month: object, day: object) -> pd.Timestamp | None:
    return pd.to_datetime(f"{year}-{int(month):02d}-{int(day):02d}", errors="coerce") or None


def dates_in_parts(columns: Mapping[str, Column]) -> dict[str, dict[str, str]]:
    """Return prefix in plain form -> {year, month and, where there is one, day: column}; the prefix may be empty."""
    found: dict[str, dict[str, str]] = {}
    for name in columns:
        tokens = words.plain(name).split()
        for part in _PARTS:
            if tokens and tokens[-1] in words.ROLES[part] and _within(columns[name], part):
                found.setdefault(" ".join(tokens[:-1]), {}).setdefault(part, name)
    return {prefix: parts for prefix, parts in found.items() if {"year", "month"} <= set(parts)}


def _within(values: Column, part: str) -> bool:
    low, high = {"year": (1900, 2100), "month": (1, 12), "day": (1, 31)}[part]
    return values.is_whole and all(low <= float(value) <= high for value in values.seen)


def _in_parts(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Laid | None:
    """The frame with a date for each set of columns of year and month; months in which nothing happened are out."""
    sets = dates_in_parts(columns)
    if not sets:
        return None
    made, new = {}, frame.copy()
    for prefix, parts in sets.items():
        role = _date_role(prefix)
        numbers = {part: pd.to_numeric(frame[name], errors="coerce") for part, name in parts.items()}
        stamps = pd.to_datetime(pd.DataFrame(numbers | ({} if "day" in numbers else {"day": 1})), errors="coerce")
        if role == "left_at" and "day" not in parts:  # a member until the month is over
            stamps = stamps + pd.offsets.MonthEnd(0)
        new[f"{role} (made)"] = stamps.dt.strftime("%Y-%m-%d").astype(object).where(stamps.notna(), None)
        made[role] = f"{role} (made)"
    used = tuple(name for parts in sets.values() for name in parts.values())
    empty = (
        _nothing_happened(new, columns, used) if "day" not in sets.get("", {"day": ""}) else pd.Series(False, new.index)
    )
    return Laid(new[~empty].drop(columns=list(used)).reset_index(drop=True), PARTS, used, made, int(empty.sum()))


def _date_role(prefix: str) -> str:
    if prefix and max(words.likeness(f"{prefix}", words.ROLES[role]) for role in ("left_at", "joined_at")) >= 1:
        return max(("left_at", "joined_at"), key=lambda role: words.likeness(prefix, words.ROLES[role]))
    return prefix or "at"


def _nothing_happened(frame: pd.DataFrame, columns: Mapping[str, Column], used: tuple[str, ...]) -> pd.Series:
    """Whether all counts of a row are 0, or the one that says how often: a month without activity is no event."""
    likes = {
        name: words.likeness(name, words.ROLES["quantity"])
        for name, one in columns.items()
        if name not in used and one.is_number and not one.is_code and {"0", "0.0"} & set(one.seen)
    }
    often = [name for name, like in likes.items() if like >= 2 and like == max(likes.values())]
    counts = often or list(likes)
    if not counts:
        return pd.Series(False, frame.index)
    return frame[counts].apply(pd.to_numeric, errors="coerce").fillna(0).eq(0).all(axis=1)


def _with_clock(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Laid:
    """The frame with one column of times where a day and its clock stand in two."""
    clocks = [
        name
        for name, one in columns.items()
        if one.seen and all(re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", value) for value in one.seen)
    ]
    days = [
        name for name, one in columns.items() if one.time_formats and all(":" not in value for value in one.seen[:50])
    ]
    if len(clocks) != 1 or not days:
        return Laid(frame)
    day = max(days, key=lambda name: (words.likeness(name, words.ROLES["at"]), -list(columns).index(name)))
    stamps = times(frame[day], columns[day].time_formats[0]).dt.strftime("%Y-%m-%d").astype(object)
    joined = (stamps + " " + frame[clocks[0]].str.strip()).where(stamps.notna() & frame[clocks[0]].notna(), stamps)
    new = frame.drop(columns=[day, clocks[0]]).assign(**{AT: joined.where(joined.notna(), frame[day])})
    return Laid(new, CLOCK, (day, clocks[0]), {"at": AT})


def _held(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Laid | None:
    """The frame of balances at ends of periods: the first of a product opens it, each later one says it is still held.

    Balances are a measure, not amounts paid; those of nothing are out.
    """
    like = {name: words.likeness(name, words.ROLES["balance"]) for name, one in columns.items() if one.is_number}
    balance = max(like, key=like.get, default=None)
    if balance is None or like[balance] < 1:
        return None
    parts = {role: part.column for role, part in roles.parts("events", columns, {"measure": balance}).items()}
    if not {"member_id", "at"} <= set(parts) or {"amount", "kind"} & set(parts) or columns[parts["member_id"]].unique:
        return None
    there = pd.to_numeric(columns[balance].numbers(columns[balance].marks()), errors="coerce").fillna(0) != 0
    kept = frame[there].reset_index(drop=True)
    day = times(kept[parts["at"]], columns[parts["at"]].time_formats[0])
    keys = kept[[parts[role] for role in ("member_id", "item_id") if role in parts]].assign(day=day)
    later = keys.sort_values("day", kind="stable").duplicated(list(keys.columns[:-1])).sort_index()
    kept[KIND] = later.map({False: PURCHASE, True: RENEWAL}).astype(object)
    return Laid(kept, HELD, (), {"kind": KIND, "measure": balance}, int((~there).sum()))


def _ledger(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Laid | None:
    """The frame of a ledger of points with their sign: what was earned is a purchase, the rest stands in the books."""
    parts = {role: part.column for role, part in roles.parts("events", columns, {}).items()}
    free = {
        name: one for name, one in columns.items() if set(words.plain(name).split()) <= {*_POINTS, "amount", "change"}
    }
    points = next(
        (name for name, one in free.items() if one.is_whole and set(words.plain(name).split()) & _POINTS), None
    )
    if points is None or not {"member_id", "at"} <= set(parts) or {"amount", "unit_price"} & ({*parts} - {points}):
        return None
    number = pd.to_numeric(frame[points], errors="coerce")
    if not (number < 0).any() or columns[parts["member_id"]].unique:
        return None
    texts = frame[parts["kind"]].fillna("").map(words.plain) if "kind" in parts else pd.Series("", frame.index)
    gone = texts.map(lambda text: any(word in text for word in _GONE)) & (number < 0)
    flows = {
        "earned": number.clip(lower=0),
        "redeemed": -number.clip(upper=0).mask(gone, 0),
        "expired": -number.where(gone, 0),
    }
    new = {f"{role} (made)": flow.fillna(0).map("{:.0f}".format).astype(object) for role, flow in flows.items()}
    happened = gone.map({True: "points expired", False: "points used"}).mask(number > 0, PURCHASE).astype(object)
    made = {role: f"{role} (made)" for role in flows} | {"kind": KIND}
    return Laid(frame.assign(**new, **{KIND: happened}), LEDGER, (points,), made)


def joined_lines(heads: pd.DataFrame, head_key: str, lines: pd.DataFrame, line_key: str) -> pd.DataFrame:
    """Return the lines of orders with what their heads say; columns of both keep the lines' cells.

    What an order came to is not said again on each line: not at all where lines have prices, else on the first alone.
    """
    totals = [
        name for name in heads.columns
        if words.is_total(name) and name not in (head_key, *lines.columns) and column(name, heads[name]).is_number
    ]  # fmt: skip
    priced = any(map(words.is_price, lines.columns))
    more = heads[[name for name in heads.columns if name == head_key or name not in lines.columns]]
    more = more.drop(columns=totals) if priced else more
    both = lines.merge(more, left_on=line_key, right_on=head_key, how="inner", suffixes=("", " (head)"))
    if totals and not priced:
        both.loc[both.duplicated(line_key), totals] = None
    return both
