"""Which column of a file plays which part in a canonical table: by what it is called, then by what it holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from membership.data.guessing import words
from membership.data.guessing.cells import Column

NAME, VALUES, TOLD, KEY = "name", "values", "told", "key"  # why a column was taken for its part
SURE = 2.0  # likeness of a name from which it alone decides
_NEEDS_MORE = (
    "quantity",
    "discount",
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
    "rates": ("currency", "at", "rate"),
    "item_rules": ("item_id", "rule", "shop", "starts_at", "ends_at", "limit"),
    "aliases": ("source_id", "member_id"),
    "contracts": ("member_id", "contract_id", "plan", "starts_at", "ends_at", "amount", "period", "auto_renew"),
}  # fmt: skip
_TIMES = ("at", "starts_at", "ends_at", "joined_at", "left_at", "redeemed_at", "asked_at")
_NUMBERS = ("amount", "unit_price", "discount", "cost", "measure", "propensity", "quantity", "rate", "limit", *FLOWS)
_READ = ("amount", "unit_price", "quantity", "discount")  # parts that have to be read as numbers
_DIGITS = ("excel_days", "epoch_s", "epoch_ms", "%Y%m%d", "%y%m%d")  # times that look like any number
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


def canonical(table: str) -> dict[str, str]:
    """Return part -> column of `table`, of those parts that it calls otherwise."""
    own = {"contracts": {"amount": "price"}, "rates": {"at": "day"}, "item_rules": {"limit": "value"}}
    return {"offer_kind": "kind", "unit_price": "amount"} | own.get(table, {})


def parts(table: str, columns: Mapping[str, Column], told: Mapping[str, str]) -> dict[str, Part]:
    """Return part -> column for `table`, each column once; `told` (part -> column) goes before every guess."""
    found = {role: Part(role, name, TOLD, 4.0) for role, name in told.items() if role in TABLES[table]}
    free = {name: column for name, column in columns.items() if name not in told.values() and column.filled}
    ranked = _ranked([role for role in TABLES[table] if role not in told], free)
    for score, role, name in ranked:
        if role not in found and name not in {part.column for part in found.values()}:
            like = [other for likeness, part, other in ranked if part == role and likeness >= min(score, 3.0)]
            others = tuple(other for other in like if other != name and _same(columns[name], columns[other]))
            found[role] = Part(role, name, NAME, score, others)
    return _with_shapes(found, free) if table == "events" else found


def _ranked(wanted: Sequence[str], free: Mapping[str, Column]) -> list[tuple[float, str, str]]:
    """Likeness, part and column of all pairs that fit, the surest first.

    A column whose name says outright what it is, is nothing else by a mere word within its name.
    """
    ranks = {name: rank for rank, name in enumerate(free)}
    dated = any(map(_is_moment, free.values()))
    outright = {name: _outright(name, column) for name, column in free.items()}
    pairs = [(words.likeness(name, words.ROLES[role]), role, name) for role in wanted for name in free]
    likely = [
        (like, role, name)
        for like, role, name in pairs
        if like >= (SURE if role in _NEEDS_MORE or outright[name] else 1)
        and can_be(role, free[name])
        and not (role in _TIMES and like < SURE and dated and not _is_moment(free[name]))  # digits, beside a date
    ]
    return sorted(likely, key=lambda one: (-one[0], wanted.index(one[1]), ranks[one[2]]))


def _outright(name: str, column: Column) -> bool:
    loose = ("rate", "score", "limit")  # parts by what else is there
    said = {role: one for role, one in words.ROLES.items() if role not in loose}
    return any(words.likeness(name, one) >= 3 and can_be(role, column) for role, one in said.items())


def _with_shapes(found: dict[str, Part], free: Mapping[str, Column]) -> dict[str, Part]:
    """Return `found` with what names do not tell of events: the only times, the ids that come again, the only cents."""
    for role in ("at", "member_id", "amount"):
        if role not in found and not (role == "amount" and "unit_price" in found):
            used = {part.column for part in found.values()}
            left = {name: one for name, one in free.items() if name not in used and not _outright(name, one)}
            at = free.get(found["at"].column) if "at" in found else None
            part = _by_values(role, left, at, dated=any(map(_is_moment, free.values())))
            found |= {} if part is None else {role: part}
    name = found.get("name")
    if "member_id" not in found and name is not None and _may_be_a_member(free[name.column], None, False):
        del found["name"]  # people's, not of what they bought
        found["member_id"] = Part("member_id", name.column, VALUES, 1.0)
    return found


def doubts(columns: Mapping[str, Column]) -> list[tuple[str, str, str]]:
    """Return column, part and an example of columns that are called like amounts or counts, and hold something else."""
    found = []
    for name, column in columns.items():
        role = max(_READ, key=lambda one: words.likeness(name, words.ROLES[one]))
        if words.likeness(name, words.ROLES[role]) >= 3 and column.filled and not can_be(role, column):
            odd = [value for value in column.seen if not re.search(r"\d", value)]
            found.append((name, role, (odd or list(column.seen))[0]))
    return found


def can_be(role: str, column: Column) -> bool:
    """Say whether what `column` holds fits the part."""
    if role in _TIMES:
        return bool(column.time_formats)
    if role in _NUMBERS:
        return column.is_number and column.time_formats != ["iso"]
    if role in ("member_id", "source_id", "item_id", "order_id", "event_id", "offer_id", "contract_id"):
        return not _is_moment(column) and not _has_cents(column) and (role != "event_id" or column.unique)
    if role == "currency":
        return all(value.upper() in words.CODES or value in words.SIGNS for value in column.seen)
    if role in ("kind", "offer_kind", "arm", "period", "plan", "rule"):
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
    if role == "name":
        return not _is_moment(column) and "id" not in words.plain(column.name).split()
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
    return any(form not in _DIGITS for form in column.time_formats)


def _has_cents(column: Column) -> bool:
    return column.has_cents and not column.is_code


def _by_values(role: str, free: Mapping[str, Column], at: Column | None, dated: bool) -> Part | None:
    """The column that can only be meant, whatever its name; `dated`: some column holds dates as people write them."""
    if role == "at":
        fits = [
            name
            for name, column in free.items()
            if column.time_formats
            and (column.time_formats[0] not in ("excel_days", "%Y%m%d", "%y%m%d") or column.distinct > 1)
            and (_is_moment(column) or not dated)  # beside a date, digits are a number
        ]
    elif role == "amount":
        fits = [name for name, column in free.items() if _has_cents(column) and not _of_no_money(name)]
    else:
        fits = [name for name, column in free.items() if _may_be_a_member(column, at, True)]
        fits = fits or [name for name, column in free.items() if _may_be_a_member(column, at, False)]
        if not any(re.fullmatch(r"f\d+", name) for name in fits):  # without a header the first is the likeliest
            fits.sort(key=lambda name: -free[name].distinct)
    return Part(role, fits[0], VALUES, 1.0, tuple(fits[1:])) if fits else None


def _of_no_money(name: str) -> bool:
    """Numbers of this name are minutes, miles or nights, what is held or how it was rated, not what was paid."""
    return max(words.likeness(name, words.ROLES[role]) for role in ("measure", "balance", "score")) >= 1


def _may_be_a_member(column: Column, at: Column | None, as_id: bool) -> bool:
    """An id, or if not `as_id` a name, that comes again at other times; an order's comes again at the same."""
    if (
        not can_be("member_id", column)
        or not 1 < column.distinct < column.filled
        or column.distinct < 0.002 * column.filled
    ):
        return False
    looks = column.is_number or all(
        (not as_id or bool(re.search(r"\d|@", value))) and len(value.split()) <= 3 for value in column.seen[:100]
    )
    if not looks or at is None:
        return looks
    pairs = column.cells.to_frame("id").assign(at=at.cells).dropna().drop_duplicates()
    times = pairs.groupby("id")["at"].size()
    return bool((times > 1).sum() > 0.2 * (column.cells.groupby(column.cells).size() > 1).sum())
