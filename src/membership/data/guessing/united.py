"""Who is one member: maps of ids, such as cards of a household, and the column that several files share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from membership.data.guessing import roles, words
from membership.data.guessing.cells import Column
from membership.data.guessing.found import Group
from membership.data.guessing.layouts import columns_of

UNITED = "united"  # a reason, and a layout
_OLD = {"old", "former", "previous", "duplicate", "merged", "source", "alias", "alternative", "from", "alt"}
_NEW = {
    "new", "current", "into", "master", "main", "primary", "surviving", "survivor", "golden", "canonical", "to",
    "household", "family", "haushalt", "foyer", "hogar",
}  # fmt: skip
_KNOWN = 0.5  # of the ids of a map are among the members of events


def taken_out(
    named: Mapping[str, Sequence[Group]], left: Sequence[Group]
) -> tuple[dict[str, list[Group]], list[Group]]:
    """Return the tables and what is left, with the first map of ids as table `aliases`.

    A map has two columns alone, an id a row, of which one is that of members and the names say which goes into which.
    """
    for group in (*(one for groups in named.values() for one in groups), *left):
        pair = _pair(group.columns)
        if pair and _knows(group, pair, named):
            kept = {table: [one for one in groups if one is not group] for table, groups in named.items()}
            rest = {table: groups for table, groups in kept.items() if groups}
            return rest | {"aliases": [_map(group, *pair)]}, [one for one in left if one is not group]
    return dict(named), list(left)


def by_one_column(named: Mapping[str, Sequence[Group]]) -> dict[str, list[Group]]:
    """Return the tables, files of events and contracts with the members that all of them have.

    Where the ids guessed in two files differ, a column of one name and of the same ids in all files is the member.
    """
    groups = [group for table in ("events", "contracts") for group in named.get(table, ())]
    ids = [_ids(group) for group in groups]
    if len(groups) < 2 or all(len(one & other) > _KNOWN * min(len(one), len(other)) for one in ids for other in ids):
        return {table: list(some) for table, some in named.items()}
    name = next((name for name in groups[0].columns if all(_holds(name, one, groups[0]) for one in groups)), None)
    shared = {
        id(one): replace(one, laid=replace(one.laid, made=dict(one.laid.made or {}) | {"member_id": name}))
        for one in groups
        if name is not None
    }
    return {table: [shared.get(id(one), one) for one in some] for table, some in named.items()}


def _holds(name: str, group: Group, first: Group) -> bool:
    """Whether `group` has ids of members in a column of this name, most of them those of the `first` group."""
    if name not in group.columns or words.likeness(name, words.ROLES["member_id"]) < 1:
        return False  # products and countries are in many files, too
    if not roles.can_be("member_id", group.columns[name]):
        return False
    here, there = (set(one.columns[name].cells.dropna().str.strip()) for one in (group, first))
    return len(here & there) > _KNOWN * min(len(here), len(there)) and len(here) < max(group.columns[name].filled, 2)


def _knows(group: Group, pair: tuple[str, str], named: Mapping[str, Sequence[Group]]) -> bool:
    """Whether one of the pair of columns holds ids of members in events or contracts of other files."""
    others = [one for table in ("events", "contracts") for one in named.get(table, ()) if one is not group]
    cells = [group.columns[name].cells.dropna().str.strip() for name in pair]
    return any(column.isin(_ids(other)).mean() >= _KNOWN for other in others for column in cells)


def _ids(group: Group) -> set[str]:
    """The ids of members in events or contracts."""
    made = dict(group.laid.made or {})
    found = made.get("member_id") or next(
        (part.column for role, part in roles.parts("events", group.columns, made).items() if role == "member_id"), None
    )
    return set() if found is None else set(group.columns[found].cells.dropna().str.strip())


def _pair(columns: Mapping[str, Column]) -> tuple[str, str] | None:
    """The column of ids that are united and that of the member they are; None where the names do not tell."""
    filled = [name for name, one in columns.items() if one.filled]
    if len(filled) != 2 or not all(roles.can_be("member_id", columns[name]) for name in filled):
        return None
    tokens = {name: set(words.plain(name).split()) for name in filled}
    for source, target in (filled, filled[::-1]):
        likes = words.likeness(target, words.ROLES["member_id"]) >= 1
        says = (tokens[target] & _NEW and not tokens[target] & _OLD) or tokens[source] & _OLD
        if likes and says and columns[source].filled == columns[source].distinct:
            return source, target
    return None


def _map(group: Group, source: str, target: str) -> Group:
    """The group as a map; rows that name no member unite nothing and are out."""
    frame = group.frame[[source, target]]
    whole = frame.notna().all(axis=1) & frame.apply(lambda one: one.fillna("").str.strip() != "").all(axis=1)
    laid = replace(
        group.laid, frame=frame[whole].reset_index(drop=True), layout=UNITED,
        made={"source_id": source, "member_id": target}, without=int((~whole).sum()),
    )  # fmt: skip
    plain = group.plain and bool(whole.all())
    return replace(
        group, laid=laid, columns=columns_of(laid.frame), plain=plain, why=group.why if whole.all() else UNITED
    )
