"""A goal of a benchmark: what was found, what was asked, and whether it was reached."""


def at_least(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches from `asked` on."""
    return {"goal": goal, "found": float(found), "asked": f">= {asked:g}", "reached": bool(found >= asked)}


def at_most(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches up to `asked`."""
    return {"goal": goal, "found": float(found), "asked": f"<= {asked:g}", "reached": bool(found <= asked)}


def above(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches only above `asked`."""
    return {"goal": goal, "found": float(found), "asked": f"> {asked:g}", "reached": bool(found > asked)}


def below(goal: str, found: float, asked: float) -> dict:
    """Return the row of a goal that `found` reaches only below `asked`."""
    return {"goal": goal, "found": float(found), "asked": f"< {asked:g}", "reached": bool(found < asked)}


def within(goal: str, found: float, asked: float, tolerance: float) -> dict:
    """Return the row of a goal that `found` reaches where it is at most `tolerance` from `asked`."""
    reached = bool(abs(found - asked) <= tolerance)
    return {"goal": goal, "found": float(found), "asked": f"{asked:.7g} +- {tolerance:.2g}", "reached": reached}


def between(goal: str, found: float, low: float, high: float) -> dict:
    """Return the row of a goal that `found` reaches from `low` to `high`, both included."""
    return {"goal": goal, "found": float(found), "asked": f"{low:g} to {high:g}", "reached": bool(low <= found <= high)}


def told(goal: str, found: float) -> dict:
    """Return the row of a figure that is said, whatever it is."""
    return {"goal": goal, "found": float(found), "asked": "whatever it is", "reached": None}
