"""From files as people have them to a mapping: which file is which table, which column which part, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from membership.base.errors import DataError
from membership.data.guessing import (
    build,
    field,
    item_rules,
    layouts,
    mapping,
    meanings,
    opening,
    rates,
    roles,
    united,
    words,
)
from membership.data.guessing.found import Group, Guess, Told
from membership.data.guessing.opening import Opened
from membership.data.guessing.roles import SURE

_HINTED = ("members", "items", "offers")
_OVERLAP = 0.5  # of a key's values are in the events


def guess(sources: Sequence[str], told: Told) -> Guess:
    """Return what files, folders or database tables are. Raises DataError where what is needed cannot be seen."""
    opened = [table for source in sources for table in opening.opened(source)]
    groups = [_laid(group) for group in _grouped(opened)]
    _check(told, groups)
    named, left = _named(groups, told)
    named = named if "member_id" in told.roles else united.by_one_column(named)
    named, left = _with_heads(named, left, told)
    if "events" not in named and "contracts" not in named:
        raise DataError(_nothing(groups))
    named, left = united.taken_out(named, left)
    named, left = _through_contracts(named, left)
    named, left = _by_keys(named, left, told)
    made = mapping.tables(named, told)
    zone, zone_by = field.zone(opened, made, told)
    currency, currency_by = field.currency(opened, made, told)
    name, seen = field.field(groups, made, told)
    made = meanings.finished(made, name, zone, currency)
    return Guess(
        tables=made,
        field=name,
        field_words=seen,
        timezone=zone,
        timezone_by=zone_by,
        currency=currency,
        currency_by=currency_by,
        cancellation_pattern=meanings.cancellations(named.get("events"), made),
        repeats=meanings.repeats(made),
        doubts=tuple(one for group in named.get("events", []) for one in roles.doubts(group.columns)),
        unused=tuple(source.source for group in left for source in group.sources),
    )


def _check(told: Told, groups: Sequence[Group]) -> None:
    """Raise DataError where what was told names a part, a column, a table or a file that there is not."""
    columns = {name for group in groups for name in group.columns}
    files = {group.name for group in groups}
    for option, one, there, allowed in (
        *((f"--role {role}={name}", "part", role in words.ROLES, words.ROLES) for role, name in told.roles.items()),
        *((f"--role {role}={name}", "column", name in columns, columns) for role, name in told.roles.items()),
        *((f"--table {name}={table}", "file", name in files, files) for name, table in told.tables.items()),
        *(
            (f"--table {name}={table}", "table", table in roles.TABLES, roles.TABLES)
            for name, table in told.tables.items()
        ),
    ):
        if not there:
            raise DataError(f"{option}: there is no such {one}; there are: {', '.join(sorted(allowed))}.")


def _grouped(opened: Sequence[Opened]) -> list[list[Opened]]:
    """Files with the same columns and shape belong to one table."""
    found: dict[tuple, list[Opened]] = {}
    for one in opened:
        found.setdefault(tuple(one.frame.columns), []).append(one)
    return list(found.values())


def _laid(sources: list[Opened]) -> Group:
    same = all(one.shape == sources[0].shape and one.plain for one in sources)
    frame = pd.concat([one.frame for one in sources], ignore_index=True) if len(sources) > 1 else sources[0].frame
    frame = frame.dropna(how="all").reset_index(drop=True)
    columns = layouts.columns_of(frame)
    found = rates.wide(frame, columns) or layouts.laid(frame, columns, sources[0].stem)
    if found.layout:
        columns = layouts.columns_of(found.frame)
    why = found.layout or next((one.why for one in sources if one.why), "" if same else "shapes")
    return Group(tuple(sources), found, columns, same and not found.layout, why)


def _named(groups: Sequence[Group], told: Told) -> tuple[dict[str, list[Group]], list[Group]]:
    """Table -> its groups, by their columns and names; and the groups that neither tells of."""
    named: dict[str, list[Group]] = {}
    left = []
    for group in groups:
        table = told.tables.get(group.name) or _table(group, told)
        if table is None or (group.name not in told.tables and _are_pauses(group)):
            left.append(group)
        else:
            named.setdefault(table, []).append(group)
    return named, left


def _are_pauses(group: Group) -> bool:
    """Say whether rows tell from when to when a contract rested, which no table holds."""
    return bool(set(words.plain(group.name).split()) & words.PAUSES)


def _table(group: Group, told: Told) -> str | None:
    columns = group.columns
    like = {role: max((words.likeness(name, words.ROLES[role]) for name in columns), default=0) for role in words.ROLES}
    if max(like["member_id"], like["item_id"], like["order_id"]) < 1 and _are_rates(group):
        return "rates"
    hint = max(words.TABLES, key=lambda table: words.likeness(group.name, words.TABLES[table]))
    hint = hint if words.likeness(group.name, words.TABLES[hint]) >= 1 else None
    if hint == "item_rules" and like["member_id"] < SURE:
        return hint if item_rules.are_rules(group, roles.parts(hint, columns, {})) else None
    events = roles.parts("events", columns, told.roles | dict(group.laid.made or {}))
    member, at = events.get("member_id"), events.get("at")
    named_member = member is not None and (member.score >= 1 or hint in (None, "events"))
    if like["question"] >= 3 and like["answer"] >= 3 and named_member:
        return "survey"
    sold = max(like[role] for role in ("item_id", "order_id", "unit_price"))
    if named_member and _are_contracts(like, hint, sold):
        return "contracts"
    happened = at is not None and at.score >= 2 and words.likeness(at.column, words.ROLES["joined_at"]) < 2
    keyed = any(one.unique for one in columns.values())
    if hint in _HINTED and keyed and not happened and not (named_member and hint != "members"):
        return hint
    if (
        named_member
        and columns[member.column].unique
        and (not happened or max(like["joined_at"], like["left_at"]) >= 3)
        and sold < 3
    ):
        return "members" if len(columns) > 1 else None
    if named_member and like["offer_id"] >= 2 and max(sold, like["amount"], like["kind"] - 1) < 2:
        return "exposures"
    if named_member and (at is not None or build.since_start(columns) is not None):
        return "events"
    if like["offer_id"] >= 3 and member is None:
        return "offers"
    return None


def _are_contracts(like: Mapping[str, float], hint: str | None, sold: float) -> bool:
    """Say whether members' rows are plans or policies, by how `like` parts its columns are called and its file's name.

    A file called so need not name a plan: a period, or an end and a price, will do.
    """
    termed = max(like["period"], like["auto_renew"]) >= 3
    dated = max(like["starts_at"], like["ends_at"]) >= (1 if termed else 2)
    if max(like["plan"], like["auto_renew"]) >= 3 and dated and sold < 3:
        return True
    priced = like["ends_at"] >= 3 and like["amount"] >= SURE
    return hint == "contracts" and like["starts_at"] >= 3 and (termed or priced)


def _are_rates(group: Group) -> bool:
    """Say whether a table of nobody's has a currency, a day and a rate."""
    return {"currency", "at", "rate"} == set(roles.parts("rates", group.columns, dict(group.laid.made or {})))


def _with_heads(
    named: dict[str, list[Group]], left: list[Group], told: Told
) -> tuple[dict[str, list[Group]], list[Group]]:
    """Put lines of orders that name neither member nor time together with the orders that do."""
    for head in named.get("events", []):
        keys = [name for name, one in head.columns.items() if one.unique and roles.can_be("order_id", one)]
        for lines in left:
            for name, one in lines.columns.items():
                key = next(
                    (key for key in keys if not one.unique and _overlap(one.cells, head.frame[key]) >= 0.8), None
                )
                if key is not None:
                    frame = layouts.joined_lines(head.frame, key, lines.frame, name)
                    joined = layouts.Laid(frame, layouts.LINES, (name,), head.laid.made)
                    both = Group(
                        (*head.sources, *lines.sources), joined, layouts.columns_of(frame), False, layouts.LINES
                    )
                    others = [group for group in named["events"] if group is not head]
                    return named | {"events": [both, *others]}, [group for group in left if group is not lines]
    return named, left


def _through_contracts(named: dict[str, list[Group]], left: list[Group]) -> tuple[dict[str, list[Group]], list[Group]]:
    """Let events that name a contract and no member, such as claims on a policy, be those of its member."""
    for deals in named.get("contracts", []):
        found = roles.parts("contracts", deals.columns, dict(deals.laid.made or {}))
        if not {"member_id", "contract_id"} <= set(found):
            continue
        key, member = (found[role].column for role in ("contract_id", "member_id"))
        for one in left:
            same = key in one.columns and _overlap(one.columns[key].cells, deals.columns[key].cells) >= 0.8
            if not same or not deals.columns[key].unique or "at" not in roles.parts("events", one.columns, {}):
                continue
            holders = deals.frame.set_index(key)[member]
            frame = one.frame.assign(**{member: one.frame[key].map(holders)}).drop(columns=key)
            laid = layouts.Laid(frame, layouts.CONTRACTS, (key,), {"member_id": member})
            whose = Group((*one.sources, *deals.sources), laid, layouts.columns_of(frame), False, layouts.CONTRACTS)
            return named | {"events": [*named.get("events", []), whose]}, [other for other in left if other is not one]
    return named, left


def _by_keys(
    named: dict[str, list[Group]], left: list[Group], told: Told
) -> tuple[dict[str, list[Group]], list[Group]]:
    """Name the tables of members, items and offers that are left by whose ids their unique column holds."""
    ids = _ids(named, told)
    named = {table: [_keyed(group, table, ids) for group in groups] for table, groups in named.items()}
    still = []
    for group in left:
        scores = {
            (table, name): (_overlap(cells, one.cells), words.plain(str(cells.name)) == words.plain(name))
            for table, columns in ids.items() for cells in columns for name, one in group.columns.items() if one.unique
        }  # fmt: skip
        likely = {key: (alike, share) for key, (share, alike) in scores.items() if share >= _OVERLAP}
        best = max(likely, key=likely.get, default=None)  # small numbers are ids of anything: the same name goes first
        if _are_pauses(group) or best is None or best[0] in named:
            still.append(group)
        else:
            named = named | {best[0]: [group]}
    return named, still


def _keyed(group: Group, table: str, ids: Mapping[str, Sequence[pd.Series]]) -> Group:
    """The group with the unique column as its key whose values the events know, where the guessed key is not known."""
    key, known = build.KEYS.get(table), ids.get(table, ())
    if key is None or not known:
        return group
    found = roles.parts(table, group.columns, dict(group.laid.made or {})).get(key)

    def share(name: str) -> float:
        return max(_overlap(cells, group.columns[name].cells) for cells in known)

    unique = [name for name, one in group.columns.items() if one.unique and roles.can_be(key, one)]
    best = max(unique, key=share, default=None)
    if best is None or share(best) < _OVERLAP or found is None or share(found.column) >= _OVERLAP:
        return group
    return replace(group, laid=replace(group.laid, made={**(group.laid.made or {}), key: best}))


def _ids(named: Mapping[str, Sequence[Group]], told: Told) -> dict[str, list[pd.Series]]:
    """Table -> the ids of its rows in events and contracts."""
    ids: dict[str, list[pd.Series]] = {}
    known = [(table, group) for table in ("events", "contracts") for group in named.get(table, [])]
    for table, group in known:
        found = roles.parts(table, group.columns, told.roles | dict(group.laid.made or {}))
        for role, key in (("member_id", "members"), ("item_id", "items"), ("offer_id", "offers")):
            if role in found and found[role].column in group.frame:
                ids.setdefault(key, []).append(group.frame[found[role].column])
    return ids


def _overlap(cells: pd.Series, others: pd.Series) -> float:
    """The share of different `cells` that are among `others`."""
    some = cells.dropna().str.strip().str.removesuffix(".0").unique()
    return (
        float(pd.Series(some).isin(set(others.dropna().str.strip().str.removesuffix(".0"))).mean())
        if len(some)
        else 0.0
    )


def _nothing(groups: Sequence[Group]) -> str:
    """What is missing where no file holds events."""
    lines = []
    for group in groups:
        found = roles.parts("events", group.columns, {})
        lacks = [
            what
            for role, what in (("member_id", "column of member ids that come again"), ("at", "column of times"))
            if role not in found
        ]
        names = ", ".join(
            f"'{name}' (e.g. {one.seen[0]!r})" if one.seen else f"'{name}' (empty)"
            for name, one in list(group.columns.items())[:12]
        )
        lines.append(f"{group.sources[0].source}: no {' and no '.join(lacks) or 'events'} found; there are: {names}.")
    return "\n".join(
        [
            *lines,
            "Needed is who did something and when. Say it: --role member_id=COLUMN --role at=COLUMN, --time-format.",
        ]
    )
