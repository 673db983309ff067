"""What only whole tables tell: of which kind events are, which of them repeat others, and in which zone they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from membership.base.dialect import COUNTS
from membership.base.schemas import CONTACT, KINDS, PURCHASE, RENEWAL
from membership.data.guessing import item_rules, kinds, rates, words
from membership.data.guessing.found import Group, Remark, TableGuess

_LOOKED = {"view", "play", "visit"}
_DONE = {"visit", "play", "booking", "trip"}  # kinds that the name of a file or of its times tells


def finished(made: Mapping[str, TableGuess], field: str, zone: str, currency: str) -> dict[str, TableGuess]:
    """Return the mappings with what only all of them tell: kinds of events without one, zones, which way rates lead."""
    found = {}
    upright = {"rates": rates.upright(made["rates"], currency)} if "rates" in made else {}
    made = item_rules.in_known_shops(made)
    for table, one in {**made, **upright}.items():
        mapping, remarks = dict(one.mapping), list(one.remarks)
        given = {*mapping["columns"], *mapping.get("constants", {})}
        if table == "events":
            billed = "contracts" in made and "amount" in given and _are_bills(one)
            kind = RENEWAL if billed else words.LONE_KIND.get(field, PURCHASE)
            if "kind" not in given:
                code = "bills" if billed else "lone_kind"
                remarks.append(Remark("constants.kind", code, {"kind": kind, "field": field}))
            mapping = _with_kind(mapping, kind)
            if "contracts" in made and "kinds" in mapping:
                mapping["kinds"] = _without_bills(mapping["kinds"])
        if zone != "UTC" and not _in_utc(one):
            mapping["timezone"] = zone
        found[table] = replace(one, mapping=mapping, remarks=tuple(remarks))
    return found


def with_named_kind(one: TableGuess) -> TableGuess:
    """Let events of no kind be what the name of their file or times says, where nothing is sold: visits, plays."""
    if one.table != "events":
        return one
    if any(set(words.plain(source.stem).split()) & words.CLAIMS for source in one.sources):
        return _claimed(one)
    if "amount" in one.mapping["columns"]:
        return one
    names = [*(source.stem for source in one.sources), one.parts["at"].column]
    kind = next((kind for name in names if (kind := kind_of(name)) in _DONE), None)
    if kind is None:
        return one
    lone = "kind" not in {*one.mapping["columns"], *one.mapping.get("constants", {})}
    remarks = (Remark("constants.kind", "named_kind"),) if lone else ()
    return replace(one, mapping=_with_kind(one.mapping, kind), remarks=(*one.remarks, *remarks))


def _claimed(one: TableGuess) -> TableGuess:
    """Claims on a policy are contacts: what they pay goes to the member and is not spent."""
    columns = {ours: theirs for ours, theirs in one.mapping["columns"].items() if ours != "amount"}
    lone = "kind" not in {*columns, *one.mapping.get("constants", {})}
    remarks = [remark for remark in one.remarks if not remark.key.startswith(("columns.amount", "amount"))]
    remarks += [Remark("constants.kind", "claims")] if lone else []
    mapping = _with_kind({**one.mapping, "columns": columns}, CONTACT)
    converted = None if one.converted is None else one.converted.drop(columns="amount", errors="ignore")
    return replace(one, mapping=mapping, remarks=tuple(remarks), converted=converted)


def kind_of(name: str) -> str | None:
    """Return the kind of event that a name tells, in the singular or the plural; None where it tells none."""
    return words.kind_of(name, KINDS) or words.kind_of(name.rstrip("s"), KINDS)


def cancellations(groups: Sequence[Group] | None, made: Mapping[str, TableGuess]) -> str:
    """Return a pattern of order ids that are cancellations: letters before those of negative quantities."""
    if not groups or not {"order_id", "quantity"} <= set(made["events"].parts) or made["events"].converted is not None:
        return ""
    parts, group = made["events"].parts, groups[0]
    order, quantity = (group.columns[parts[role].column] for role in ("order_id", "quantity"))
    negative = quantity.numbers(quantity.marks()) < 0
    prefix = order.cells.str.extract(r"^\s*([A-Za-z]+)\d", expand=False)
    for letters, rows in prefix[negative].value_counts().head(1).items():
        if (
            rows >= 0.5 * negative.sum()
            and negative[prefix == letters].mean() > 0.95
            and (prefix == letters).mean() < 0.5
        ):
            return f"^{letters}"
    return ""


def repeats(made: Mapping[str, TableGuess]) -> bool:
    """Say whether equal rows are events that came again: looks on days without a clock, without ids."""
    events = made.get("events")
    if events is None or "event_id" in events.parts:
        return False
    looked = bool({*events.mapping.get("kinds", {}).values()} & _LOOKED) and not _clocks(events).any()
    return looked or _twice_in_an_order(events)


def _twice_in_an_order(events: TableGuess) -> bool:
    """Say whether orders list an item twice, where no column counts: equal rows, of orders that have others as well.

    Where all rows of an order come again, the order was exported twice.
    """
    if "order_id" not in events.parts or "quantity" in events.parts:
        return False
    whole = events.converted is not None
    rows = events.converted if whole else pd.concat([one.frame for one in events.sources], ignore_index=True)
    order = rows["order_id" if whole else events.parts["order_id"].column]
    again = rows.duplicated(keep=False) & order.notna()
    exported = again.groupby(order, dropna=False).transform("all")
    return int((again & ~exported).sum()) > int((again & exported).sum())


def _are_bills(one: TableGuess) -> bool:
    """Say whether the name of a file of events, or of a column, is that of bills: of what a contract is paid by."""
    names = (*(source.stem for source in one.sources), *(part.column for part in one.parts.values()))
    return any(set(words.plain(name).split()) & set(words.BILLS) for name in names)


def _without_bills(known: Mapping[str, str | None]) -> dict[str, str | None]:
    """Kinds of events beside contracts, where a bill is what those are paid by, so that nothing is counted twice."""
    bills = {their for their in known if set(words.plain(their).split()) & set(words.BILLS)}
    return {their: RENEWAL if ours == PURCHASE and their in bills else ours for their, ours in known.items()}


def _with_kind(mapping: Mapping[str, object], kind: str) -> dict[str, object]:
    """The mapping of events with `kind` for those of which no column says more than that they happened."""
    given = {*mapping["columns"], *mapping.get("constants", {})}
    lone = {} if "kind" in given else {"constants": {**mapping.get("constants", {}), "kind": kind}}
    known = {their: kind if ours == kinds.HAPPENED else ours for their, ours in mapping.get("kinds", {}).items()}
    return {**mapping, **lone} | ({"kinds": known} if "kinds" in mapping else {})


def _in_utc(one: TableGuess) -> bool:
    """Whether all times of a table say their zone, are counts since 1970, or are days."""
    form = one.mapping.get("time_format")
    if form in ("epoch_s", "epoch_ms") or (form and "%z" in form):
        return True
    cells = _times(one)
    clocks = cells[cells.str.contains(":")].head(1000)
    return not len(clocks) or bool(clocks.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$").all())


def _clocks(one: TableGuess) -> pd.Series:
    """Whether each time says more than its day."""
    if one.mapping.get("time_format") in COUNTS:
        return pd.Series([True])
    return _times(one).str.contains(":")


def _times(one: TableGuess) -> pd.Series:
    """All times of a table, as text."""
    roles_of = [role for role in one.parts if role == "at" or role.endswith("_at")]
    if one.converted is not None:
        found = [one.converted[role] for role in roles_of if role in one.converted]
    else:
        named = [one.parts[role].column for role in roles_of]
        found = [source.frame[name] for source in one.sources for name in named if name in source.frame]
    return pd.concat([cells.dropna().astype(str) for cells in found] or [pd.Series(dtype=str)])
