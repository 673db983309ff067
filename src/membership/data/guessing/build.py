"""One table of one group of files: its parts, how its times and numbers are written, what its events are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import RATING
from membership.data.guessing import cells, happened, item_rules, marks, rates, roles, words
from membership.data.guessing.cells import Column, Marks
from membership.data.guessing.found import Group, Remark, Told
from membership.data.guessing.kinds import Kinds
from membership.data.guessing.roles import KEY, NAME, VALUES, Part

KEYS = {"members": "member_id", "items": "item_id", "offers": "offer_id"}
_TIMES = ("at", "joined_at", "left_at", "starts_at", "ends_at", "redeemed_at", "asked_at")
_ANY_DAY = pd.Timestamp("2001-01-01")  # a Monday, from which times count where nothing tells their start
_BEFORE = 400  # days before the start of a course or contract at which people did something already
_LONGEST = 24 * 3660  # hours since a start


@dataclass(frozen=True)
class Build:
    """What a table is made of. `formats`, `marks`: part -> how it is written; `extra`: more fields of FileTable."""

    table: str
    group: Group
    parts: Mapping[str, Part]
    formats: Mapping[str, str]
    marks: Mapping[str, Marks]
    kinds: Kinds | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    begin: pd.Timestamp | None = None  # from when times count, where they are hours or days since a start


def build(table: str, group: Group, told: Told, joined: pd.Timestamp | None) -> Build:
    """Return the parts of `table` in `group`. Raises DataError where what is needed cannot be seen.

    `joined`: the day after the last member joined, from which times without a date are taken to count.
    """
    parts = _parts(table, group, told)
    formats, remarks = _formats(parts, group.columns, told)
    extra: dict[str, object] = {"year": told.year} if told.year else {}
    begin, found, constants = None, None, {}
    if table == "events":
        if "at" not in parts:
            parts["at"], begin, remark = _since(group, told, joined)
            formats["at"] = "relative"
            remarks.append(remark)
        found = happened.kinds_of(parts, group, told)
        constants = _happened(parts, group.columns, found, extra, remarks)
    how, more = marks.of_parts(parts, group.columns, group.sources[0].shape.get("delimiter"))
    remarks += more
    if table == "events" and _negative(parts, group.columns, how):
        extra["negative_amounts"] = "returns"
        remarks.append(Remark("negative_amounts", "negative"))
    if table == "item_rules" and (rule := item_rules.rule(group, parts)) is not None:
        constants = {"rule": rule}
        remarks.append(Remark("constants.rule", "named_rule"))
    if table == "rates" and (days := rates.held_days(parts, group, formats)):
        extra["holds_days"] = days
        remarks.append(Remark("holds_days", "holds_days", {"days": days}))
    return Build(table, group, parts, formats, how, found, constants, extra, tuple(remarks), begin)


def _happened(
    parts: dict[str, Part],
    columns: Mapping[str, Column],
    found: Kinds | None,
    extra: dict[str, object],
    remarks: list[Remark],
) -> dict[str, str]:
    """Settle what was paid for what in events; return the constants of those that are ratings and nothing else."""
    _price(parts, columns, extra, remarks)
    _without_one_currency(parts, columns)
    _item_of_service(parts)
    _item_of_plan(parts, columns)
    _item_by_name(parts, columns)
    rated = None if found is not None or {"amount", "measure"} & set(parts) else _rating(parts, columns)
    if rated is None:
        return {}
    parts["measure"] = rated
    remarks.append(Remark("constants.kind", "rated", {"column": rated.column}))
    return {"kind": RATING}


def _parts(table: str, group: Group, told: Told) -> dict[str, Part]:
    made = {role: name for role, name in (group.laid.made or {}).items() if role in roles.TABLES[table]}
    if table == "contracts" and "at" in made:
        made["starts_at"] = made["at"]
    said = {role: name for role, name in told.roles.items() if name in group.columns and role in roles.TABLES[table]}
    found = roles.parts(table, group.columns, made | said)
    found = {
        role: Part(role, part.column, group.laid.layout, 4.0)
        if made.get(role) == part.column and role not in said
        else part
        for role, part in found.items()
    }
    if table == "contracts" and "plan" not in found and (plan := _plan(found, group)) is not None:
        found["plan"] = plan
    key = KEYS.get(table)
    if key and (key not in found or (not group.columns[found[key].column].unique and key not in said)):
        taken = {part.column for role, part in found.items() if role != key}
        unique = [name for name, one in group.columns.items() if one.unique and name not in taken]
        unique.sort(key=lambda name: "id" not in words.plain(name).split())
        if unique:
            found[key] = Part(key, unique[0], KEY, 1.0, tuple(unique[1:2]))
    return found


def _plan(parts: Mapping[str, Part], group: Group) -> Part | None:
    """What contracts are for where no column is called a plan: the product, else the text of the fewest values."""
    used = {part.column for part in parts.values()} | set(group.laid.used)
    free = {name: one for name, one in group.columns.items() if name not in used and one.filled}
    free = {name: one for name, one in free.items() if roles.can_be("plan", one) and not one.unique}
    said = (*words.ROLES["item_id"], *words.ROLES["category"], *words.ROLES["name"])
    likely = [name for name in free if words.likeness(name, said) >= 1]
    texts = sorted((name for name, one in free.items() if not one.is_number), key=lambda name: free[name].distinct)
    best = next(iter((*likely, *texts)), None)
    return None if best is None else Part("plan", best, "sold", 1.0)


def _formats(
    parts: Mapping[str, Part], columns: Mapping[str, Column], told: Told
) -> tuple[dict[str, str], list[Remark]]:
    """Part -> format of its times, and what is not sure about them."""
    found, remarks = {}, []
    for role in (role for role in _TIMES if role in parts):
        column = columns[parts[role].column]
        said = told.time_format if told.time_format and (role == "at" or not column.time_formats) else None
        forms = [said] if said else column.time_formats
        if not forms:
            raise DataError(
                f"column '{column.name}' ({role}): no format of times reads {', '.join(map(repr, column.seen[:4]))}; "
                "say it: --time-format '%d/%m/%Y %H:%M' (or epoch_s, epoch_ms, excel_days), or another column: --role."
            )
        found[role], unsure = (said, False) if said else cells.day_first(column.seen, forms)
        if found[role] != "iso" and not column.name.endswith(" (made)"):
            example = column.seen[0]
            remarks.append(
                Remark(
                    "time_format",
                    "day_or_month" if unsure else "format",
                    {"column": column.name, "example": example, "format": found[role]},
                )
            )
    return found, remarks


def since_start(columns: Mapping[str, Column]) -> str | None:
    """Return the column whose times count hours or days from a start that nobody says; None where there is none."""
    for name, column in columns.items():
        if (
            words.likeness(name, ("time", "hour", "hours", "day", "days", "date", "since start", "stunde", "tag", "t"))
            >= 2
            and column.is_whole
        ):
            numbers = [float(value) for value in column.seen]
            if column.distinct > 2 and min(numbers) >= -_BEFORE and max(numbers) <= _LONGEST:
                return name
    return None


def _since(group: Group, told: Told, joined: pd.Timestamp | None) -> tuple[Part, pd.Timestamp, Remark]:
    name = since_start(group.columns)
    if name is None:
        raise DataError(f"{group.sources[0].source}: no column of times; name it: --role at=COLUMN.")
    code = "told" if told.begin is not None else "after_joining" if joined is not None else "nothing"
    begin = {"told": told.begin, "after_joining": joined, "nothing": _ANY_DAY}[code]
    return Part("at", name, VALUES, 1.0), begin, Remark("columns.at", f"since_{code}", {"column": name, "begin": begin})


def _price(
    parts: dict[str, Part], columns: Mapping[str, Column], extra: dict[str, object], remarks: list[Remark]
) -> None:
    """Decide between the price of a unit and that of a line; where a file has both, the line's is taken."""
    unit, amount, quantity = parts.get("unit_price"), parts.get("amount"), parts.get("quantity")
    if unit is not None and amount is None and quantity is not None:
        parts["amount"] = Part("amount", unit.column, unit.reason, unit.score, unit.others)
        extra["amount"] = "unit_price"
        remarks.append(Remark("amount", "unit_price_name", {"column": unit.column}))
    elif unit is not None and amount is None:
        parts["amount"] = Part("amount", unit.column, unit.reason, unit.score, unit.others)
    elif amount is not None and quantity is not None and roles.ambiguous_price(amount.column):
        item = columns[parts["item_id"].column] if "item_id" in parts else None
        one = roles.is_unit_price(columns[amount.column], columns[quantity.column], item, lambda column: column.marks())
        if one or one is None:
            extra["amount"] = "unit_price"
        remarks.append(
            Remark(
                "amount",
                "price_by_values" if one is not None else "price_assumed",
                {"column": amount.column, "unit": one is not False},
            )
        )
    parts.pop("unit_price", None)


def _without_one_currency(parts: dict[str, Part], columns: Mapping[str, Column]) -> None:
    """A column with one currency alone says that of the data set, and needs no mapping."""
    if "currency" in parts and len({value.upper() for value in columns[parts["currency"].column].seen}) == 1:
        del parts["currency"]


def _item_of_plan(parts: dict[str, Part], columns: Mapping[str, Column]) -> None:
    """What a bill is for is the plan that it names, where nothing else is its item."""
    used = {part.column for part in parts.values()}
    likes = {name: words.likeness(name, words.ROLES["plan"]) for name, one in columns.items() if name not in used}
    named = [name for name, like in likes.items() if like >= 3 and roles.can_be("plan", columns[name])]
    if "item_id" not in parts and named:
        parts["item_id"] = Part("item_id", max(named, key=likes.get), "plan", 3.0)


def _item_by_name(parts: dict[str, Part], columns: Mapping[str, Column]) -> None:
    """Where no id tells items apart, their names do."""
    name = parts.get("name")
    if "item_id" not in parts and "event_id" not in parts and name is not None and columns[name.column].distinct > 1:
        parts["item_id"] = Part("item_id", name.column, "named", name.score)


def _rating(parts: Mapping[str, Part], columns: Mapping[str, Column]) -> Part | None:
    """The column that says how an item was rated, where there is one."""
    used = {part.column for part in parts.values()}
    likely = [
        name
        for name, one in columns.items()
        if name not in used and one.is_number and words.likeness(name, words.ROLES["score"]) >= 2
    ]
    return Part("measure", likely[0], NAME, 2.0, tuple(likely[1:])) if likely and "item_id" in parts else None


def _item_of_service(parts: dict[str, Part]) -> None:
    """What a ticket is about is its item, where nothing else is one."""
    if (
        "item_id" not in parts
        and "event_id" in parts
        and "amount" not in parts
        and ("subcategory" in parts or "category" in parts)
    ):
        about = parts.get("subcategory", parts.get("category"))
        parts["item_id"] = Part("item_id", about.column, "about", about.score)


def _negative(parts: Mapping[str, Part], columns: Mapping[str, Column], how: Mapping[str, Marks]) -> bool:
    """Whether rows give money back without saying so by their quantity."""
    if "amount" not in parts or "amount" not in how:
        return False
    back = columns[parts["amount"].column].numbers(how["amount"]) < 0
    if "quantity" in parts and "quantity" in how:
        back &= ~(columns[parts["quantity"].column].numbers(how["quantity"]) < 0)
    return bool(back.any())
