"""A `params.yaml` of an earlier version, read as what it means now, with a message for each thing that has moved."""

import copy
from collections.abc import Mapping
from typing import Any

_MOVED = {  # dotted key of an earlier version -> where it is now; None: no parameter any more
    "profile.lifecycle": "lifecycle",
    "profile.strategy": "lifecycle.strategy",
    "profile": "needs",
    "response": "campaigns",
    "lifecycle.at_risk_gaps": None,
    "lifecycle.lapsed_gaps": None,
    "lifecycle.rhythm_quantile": None,
    "lifecycle.at_risk_p_alive": None,
    "lifecycle.lapsed_p_alive": None,
    "economics.order_word": "report.order_word",
    "value.at_risk_p_alive": None,
    "value.may_be_gone_p_alive": None,
    "evaluate.reach_costs": "campaigns.reach_costs",
    "value.worked_case": None,
    "check": None,
    "tiers.breakage": None,
    "quick.value.worked_case.members": None,
}
# dotted key -> the default of an earlier version, and today's: benefits and a next tier are told to who has them
_REWORDED = {
    "lifecycle.strategy.at_risk.action": (
        "Remind with a personal offer before the habit breaks",
        {"action": "Remind before the habit breaks"},
    ),
    "lifecycle.strategy.lapsed.action": (
        "Win back once with a personal offer, then rest",
        {"action": "Win back once, then rest"},
    ),
    "lifecycle.strategy.loyal.action": (
        "Thank, and show the way to the next tier",
        {"action": "Thank, and show the way to {next_tier}", "top_action": "Thank, and show what the top tier gives"},
    ),
}


def carry_over(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return `raw` in today's form, and what to tell its owner, one message for each key that moved.

    What stands at the new place already is never overwritten.
    """
    new, told = copy.deepcopy(dict(raw)), []
    for old, now in _MOVED.items():
        holder, last = _holder(new, old)
        if last not in holder:
            continue
        value = holder.pop(last)
        if now is None:
            told.append(f"params.yaml: {old} is no parameter any more and is not read; remove it.")
            continue
        target, name = _holder(new, now, make=True)
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            value = {**value, **target[name]}
        elif name in target:
            value = target[name]
        target[name] = value
        told.append(f"params.yaml: {old} is called {now} now and is read as that; rename it.")
    for key, (was, now) in _REWORDED.items():
        holder, last = _holder(new, key)
        if holder.get(last) == was:
            holder.update(now)
            said = ", ".join(f"{name}: {words!r}" for name, words in now.items())
            told.append(f"params.yaml: {key} is read as {said}: it is true of every member who gets it; reword it.")
    return new, told + _discounts(new)


def _discounts(raw: dict[str, Any]) -> list[str]:
    """Read a guardrail on the sum of discounts over the items of a list that were bought as one on their mean."""
    told, decide = [], raw.get("decide")
    guardrails = decide.get("guardrails") if isinstance(decide, dict) else None
    for row in guardrails if isinstance(guardrails, list) else []:
        stem, _, k = str(row.get("metric") if isinstance(row, dict) else "").rpartition("_at_")
        if stem == "discount_cost" and k.isdigit() and int(k):
            old, margin, row["metric"] = row["metric"], row.get("margin"), f"discount_per_item_at_{k}"
            read = ""
            if isinstance(margin, int | float):  # a sum of k items that moves by the margin: their mean by a k-th of it
                row["margin"] = margin / int(k)
                read = f", its margin of {margin:g} cents a member as {row['margin']:g} cents an item"
            told.append(
                f"params.yaml: decide.guardrails: metric {old} rose with every hit and is {row['metric']} now, the "
                f"mean over all listed items; it is read as that{read}. Rename it and set the margin that you mean."
            )
    return told


def _holder(raw: dict[str, Any], dotted: str, make: bool = False) -> tuple[dict[str, Any], str]:
    """Return the mapping that holds (or, with `make`, is to hold) the key `dotted`, and the key's last part."""
    if dotted.startswith("quick."):  # whose keys are dotted themselves
        quick = raw.get("quick")
        return quick if isinstance(quick, dict) else {}, dotted.removeprefix("quick.")
    *parents, last = dotted.split(".")
    node = raw
    for name in parents:
        inner = node.setdefault(name, {}) if make else node.get(name)
        if not isinstance(inner, dict):
            return {}, last
        node = inner
    return node, last
