"""Which column of events tells what happened, and what its values mean."""

from collections.abc import Mapping
from dataclasses import replace

from membership.base.schemas import CANCEL, RETURN
from membership.data.guessing import kinds, roles, words
from membership.data.guessing.cells import Column
from membership.data.guessing.found import Group, Told
from membership.data.guessing.kinds import Kinds
from membership.data.guessing.roles import SURE, VALUES, Part

_CODED = ("event", "behavior", "behaviour", "action", "activity", "interaction", "ereignis", "evento", "type", "kind")


def kinds_of(parts: dict[str, Part], group: Group, told: Told) -> Kinds | None:
    """Return what the events are, by the column of kinds; without one, None. A column that is none is given up.

    Raises DataError where the column holds codes that nobody told.
    """
    if "kind" not in parts:
        if (switched := _switched(parts, group, told)) is not None:
            return switched
        if (part := _by_values(parts, group)) is None:
            return None
        parts["kind"] = part
    part = parts["kind"]
    column = group.columns[part.column]
    sold = bool({"amount", "unit_price"} & set(parts))
    if part.reason != roles.TOLD and not told.kinds and not _says_kinds(part, column, sold):
        del parts["kind"]
        numbered = column.is_number and words.plain(column.name) == "art"  # short for articles
        if (_is_name(column) or numbered) and "item_id" not in parts:  # the name of a show or a race
            parts["item_id"] = Part("item_id", column.name, "named", part.score)
        return None
    found = kinds.kinds(column, told.kinds, "offer_id" in parts)
    if sold and kinds.is_state(column) and _one_row_an_order(parts, group):
        found = replace(found, known={value: None if kind == RETURN else kind for value, kind in found.known.items()})
    if not sold:
        found = replace(found, known=kinds.brought_back(found.known, column) | dict(told.kinds))
    if set(found.known) == set(found.known.values()):
        return Kinds({}, found.unknown) if not found.reached else found
    return found


def _switched(parts: dict[str, Part], group: Group, told: Told) -> Kinds | None:
    """What a column such as `cancelled`: yes or no tells; of a plan that renews itself it is the contract that ends."""
    for name, one in group.columns.items():
        if (known := kinds.switch(one)) is not None:
            parts["kind"] = Part("kind", name, VALUES, 1.0)
            void = CANCEL if _renews(group.columns) else None
            return Kinds({value: kind or void for value, kind in known.items()} | dict(told.kinds))
    return None


def _one_row_an_order(parts: Mapping[str, Part], group: Group) -> bool:
    """Whether orders have a row each and none gives money back: one that was paid back never counted elsewhere."""
    if "order_id" not in parts or not group.columns[parts["order_id"].column].unique:
        return False
    amounts = [group.columns[parts[role].column] for role in ("amount", "unit_price") if role in parts]
    return not any((one.numbers(one.marks()) < 0).any() for one in amounts)


def _renews(columns: Mapping[str, Column]) -> bool:
    return max(words.likeness(name, words.ROLES[role]) for name in columns for role in ("plan", "auto_renew")) >= SURE


def _by_values(parts: Mapping[str, Part], group: Group) -> Part | None:
    """The first column whose values nearly all tell a kind, of several kinds, whatever it is called."""
    used = {part.column for part in parts.values()}
    texts = {
        name: one
        for name, one in group.columns.items()
        if name not in used and 2 <= one.distinct <= 30 and not one.is_number
    }
    sure = [name for name, one in texts.items() if kinds.share_known(one) >= 0.9]
    several = [name for name in sure if len(set(kinds.kinds(texts[name], {}, False).known.values())) > 1]
    return Part("kind", several[0], VALUES, 1.0, tuple(several[1:])) if several else None


def _says_kinds(part: Part, column: Column, sold: bool) -> bool:
    """Whether a column called like kinds of events holds some: words that tell them, or codes that have to be told."""
    if kinds.share_known(column) >= (0.2 if kinds.is_state(column) else 0.5):
        return True
    if not (part.score >= 3 and set(words.plain(column.name).split()) & set(_CODED) and 1 < column.distinct <= 12):
        return False
    return column.is_whole or (part.score >= 3.3 and not (sold and _is_name(column)))


def _is_name(column: Column) -> bool:
    return "name" in words.plain(column.name).split()
