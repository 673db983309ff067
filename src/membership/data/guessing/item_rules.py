"""Tables that say which items may be listed: which rule their rows are, and for members of which shop."""

from collections.abc import Mapping
from dataclasses import replace

from membership.base.schemas import AGE, AVAILABLE, BLOCKED, ITEM_RULES, PINNED
from membership.data.guessing import words
from membership.data.guessing.found import Group, Remark, TableGuess
from membership.data.guessing.roles import Part

_SAID = {  # rule -> words within the name of a file
    BLOCKED: {"block", "blocked", "blocklist", "delisted", "recall", "recalls", "recalled", "gesperrt"},
    PINNED: {"pin", "pins", "pinned", "featured"},
    AGE: {"age", "ages", "alter"},
}


def rule(group: Group, parts: Mapping[str, Part]) -> str | None:
    """Return the rule that all rows of `group` are, by the file's name; None where a column says it."""
    if "rule" in parts:
        return None
    tokens = set(words.plain(group.name).split())
    return next((one for one, said in _SAID.items() if tokens & said), AVAILABLE)


def are_rules(group: Group, parts: Mapping[str, Part]) -> bool:
    """Say whether rows name items and a rule that is known here; an age limit has a number, a pin need not."""
    if "item_id" not in parts:
        return False
    if "rule" in parts:
        return set(group.columns[parts["rule"].column].seen) <= set(ITEM_RULES)
    return rule(group, parts) != AGE or "limit" in parts


def in_known_shops(made: Mapping[str, TableGuess]) -> dict[str, TableGuess]:
    """Return the tables with rules of shops only where members have a shop, which is then called as here.

    Without one, an item that some shop has may be listed to all; other rules of shops are left out.
    """
    one = made.get("item_rules")
    shop = None if one is None else one.parts.get("shop")
    if shop is None:
        return dict(made)
    members = made.get("members")
    columns = {} if members is None else dict(members.mapping["columns"])
    name = next((ours for ours, theirs in columns.items() if words.likeness(theirs, words.ROLES["shop"]) >= 3), None)
    if name is not None:
        named = {("shop" if ours == name else ours): theirs for ours, theirs in columns.items()}
        converted = None if members.converted is None else members.converted.rename(columns={name: "shop"})
        if converted is not None:
            named = {ours: ours for ours in converted}
        known = replace(members, mapping={**members.mapping, "columns": named}, converted=converted)
        return {**made, "members": known}
    rest = {table: guess for table, guess in made.items() if table != "item_rules"}
    if one.mapping.get("constants", {}).get("rule") != AVAILABLE:
        return rest
    kept = {ours: theirs for ours, theirs in one.mapping["columns"].items() if ours != "shop"}
    remarks = [Remark("constants.rule", "any_shop"), *(said for said in one.remarks if said.key != "columns.shop")]
    return rest | {"item_rules": replace(one, mapping={**one.mapping, "columns": kept}, remarks=tuple(remarks))}
