"""A goal of the benchmark of the programme: what was found, what was asked, and whether it was reached."""


def at_least(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches from `asked` on."""
    return {"goal": goal, "found": float(found), "asked": f">= {asked:g}", "reached": bool(found >= asked)}


def at_most(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches up to `asked`."""
    return {"goal": goal, "found": float(found), "asked": f"<= {asked:g}", "reached": bool(found <= asked)}


def above(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches only above `asked`."""
    return {"goal": goal, "found": float(found), "asked": f"> {asked:g}", "reached": bool(found > asked)}


def told(goal: str, found: float) -> dict:
    """Return the row of a figure that is said, whatever it is."""
    return {"goal": goal, "found": float(found), "asked": "whatever it is", "reached": None}
