"""Which column of a file plays which part in a canonical table: by what it is called, then by what it holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from membership.data.guessing import words
from membership.data.guessing.cells import Column

NAME, VALUES, TOLD, KEY = "name", "values", "told", "key"  # why a column was taken for its part
SURE = 2.0  # likeness of a name from which it alone decides
_NEEDS_MORE = (
    "quantity",
    "discount",
    "measure",
    "currency",
    "event_id",
    "cost",
    "arm",
    "propensity",
)  # a word within is too little

FLOWS = ("earned", "redeemed", "expired")  # of points
TABLES: dict[str, tuple[str, ...]] = {  # table -> its parts
    "events": (
        "member_id", "at", "kind", "item_id", "order_id", "event_id", "amount", "unit_price", "quantity", "discount",
        "currency", "channel", "name", "category", "subcategory", "brand", "measure", "offer_id",
    ),
    "members": ("member_id", "joined_at", "left_at"),
    "items": ("item_id", "name", "category", "subcategory", "brand"),
    "offers": ("offer_id", "offer_kind", "cost", "starts_at", "ends_at"),
    "exposures": ("member_id", "offer_id", "at", "arm", "propensity", "redeemed_at"),
    "survey": ("member_id", "question", "answer", "asked_at"),
    "points": ("member_id", "at", "earned", "redeemed", "expired"),
    "contracts": ("member_id", "contract_id", "plan", "starts_at", "ends_at", "amount", "period", "auto_renew"),
}  # fmt: skip
_UNITS = (
    "price",
    "preis",
    "prix",
    "precio",
    "prezzo",
    "prijs",
    "preco",
    "cost",
)  # of a unit or of a line: the values say


@dataclass(frozen=True)
class Part:
    """A column taken for a part: why, how like its name is, and other columns that would have done as well."""

    role: str
    column: str
    reason: str
    score: float = 0.0
    others: tuple[str, ...] = ()


def parts(table: str, columns: Mapping[str, Column], told: Mapping[str, str]) -> dict[str, Part]:
    """Return part -> column for `table`, each column once; `told` (part -> column) goes before every guess."""
    wanted = [role for role in TABLES[table] if role not in told]
    free = {name: column for name, column in columns.items() if name not in told.values() and column.filled}
    elsewhere = {
        name: max(words.likeness(name, words.ROLES[role]) for role in words.ROLES if can_be(role, column))
        for name, column in free.items()
    }
    scored = [(like, role, name) for role in wanted for name, column in free.items() if can_be(role, column)
              and ((like := words.likeness(name, words.ROLES[role])) >= SURE or elsewhere[name] < 3)]  # fmt: skip
    ranked = sorted(
        (one for one in scored if one[0] >= (SURE if one[1] in _NEEDS_MORE else 1)),
        key=lambda one: (-one[0], wanted.index(one[1]), list(columns).index(one[2])),
    )
    found = {role: Part(role, name, TOLD, 4.0) for role, name in told.items() if role in TABLES[table]}
    for score, role, name in ranked:
        if role not in found and name not in {part.column for part in found.values()}:
            others = tuple(
                other
                for like, part, other in ranked
                if part == role and other != name and like >= min(score, 3.0) and _same(columns[name], columns[other])
            )
            found[role] = Part(role, name, NAME, score, others)
    for role in (
        role for role in ("at", "member_id", "amount") if role in wanted and role not in found and table == "events"
    ):
        if (
            part := _by_values(
                role,
                {
                    name: column
                    for name, column in free.items()
                    if elsewhere[name] < 3 and name not in {one.column for one in found.values()}
                },
                columns.get(found["at"].column) if "at" in found else None,
            )
        ) is not None:
            found[role] = part
    return found


def can_be(role: str, column: Column) -> bool:
    """Say whether what `column` holds fits the part."""
    if role in ("at", "starts_at", "ends_at", "joined_at", "left_at", "redeemed_at", "asked_at"):
        return bool(column.time_formats)
    if role in ("amount", "unit_price", "discount", "cost", "measure", "propensity", "quantity", *FLOWS):
        return column.is_number and column.time_formats != ["iso"]
    if role in ("member_id", "item_id", "order_id", "event_id", "offer_id", "contract_id"):
        return not _is_moment(column) and not _has_cents(column) and (role != "event_id" or column.unique)
    if role == "currency":
        return all(value.upper() in words.CODES or value in words.SIGNS for value in column.seen)
    if role in ("kind", "offer_kind", "arm", "period", "plan"):
        return (
            column.distinct <= 60
            and not _is_moment(column)
            and not _has_cents(column)
            and (role != "kind" or column.distinct < max(column.filled, 2))
        )
    if role == "question":
        return column.distinct <= 500
    if role in ("year", "month", "day"):
        low, high = {"year": (1900, 2100), "month": (1, 12), "day": (1, 31)}[role]
        return column.is_whole and all(low <= float(value) <= high for value in column.seen)
    return role == "answer" or not _is_moment(column)


def is_unit_price(price: Column, quantity: Column, item: Column | None, marks) -> bool | None:
    """Say whether a price is that of one unit, by lines of an item in several quantities; None where none tell."""
    if item is None:
        return None
    price_of, number = price.numbers(marks(price)), quantity.numbers(marks(quantity))
    lines = item.cells.to_frame("item").assign(price=price_of, number=number)
    lines = lines[(lines["number"] > 0) & (lines["price"] > 0)].head(100_000)
    several = lines.groupby("item")["number"].nunique()
    lines = lines[lines["item"].isin(several.index[several > 1])]
    if len(lines) < 10:
        return None
    spread = [
        lines.assign(value=value).groupby("item")["value"].agg(lambda one: one.std() / one.mean()).median()
        for value in (lines["price"], lines["price"] / lines["number"])
    ]
    return bool(spread[0] <= spread[1])


def ambiguous_price(name: str) -> bool:
    """Say whether a column of this name may hold the price of a unit as well as that of a line."""
    return any(token in _UNITS for token in words.plain(name).split())


def _same(one: Column, other: Column) -> bool:
    """Two columns of equal cells are no choice."""
    return not one.cells.equals(other.cells)


def _is_moment(column: Column) -> bool:
    return any(form not in ("excel_days", "epoch_s", "epoch_ms", "%Y%m%d") for form in column.time_formats)


def _has_cents(column: Column) -> bool:
    return column.is_number and not column.is_whole and not column.is_code


def _by_values(role: str, free: Mapping[str, Column], at: Column | None) -> Part | None:
    """The column that can only be meant, whatever its name."""
    if role == "at":
        fits = [
            name
            for name, column in free.items()
            if column.time_formats and (column.time_formats[0] not in ("excel_days", "%Y%m%d") or column.distinct > 1)
        ]
    elif role == "amount":
        fits = [name for name, column in free.items() if _has_cents(column)]
    else:
        fits = [name for name, column in free.items() if _may_be_a_member(column, at)]
        fits.sort(key=lambda name: -free[name].distinct) if not any(
            re.fullmatch(r"f\d+", name) for name in fits
        ) else None
    return Part(role, fits[0], VALUES, 1.0, tuple(fits[1:])) if fits else None


def _may_be_a_member(column: Column, at: Column | None) -> bool:
    """An id that comes again at other times; an order's comes again at the same."""
    if (
        not can_be("member_id", column)
        or not 1 < column.distinct < column.filled
        or column.distinct < 0.002 * column.filled
    ):
        return False
    looks = all(re.search(r"\d|@", value) and len(value.split()) <= 2 for value in column.seen[:100])
    if not looks or at is None:
        return looks
    pairs = column.cells.to_frame("id").assign(at=at.cells).dropna().drop_duplicates()
    times = pairs.groupby("id")["at"].size()
    return bool((times > 1).sum() > 0.2 * (column.cells.groupby(column.cells).size() > 1).sum())
