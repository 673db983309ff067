"""Plans of contracts: how long the period of each is, by its name and by how long members keep it."""

import pandas as pd

from membership.data.guessing import words
from membership.data.guessing.build import Build
from membership.data.guessing.cells import times

_PERIODS = {
    "year": ("annual", "annually", "yearly", "year", "jahr", "jahrlich", "annuel", "anual", "annuale"),
    "week": ("weekly", "week", "woche", "wochentlich", "semaine", "semanal"),
    "month": ("monthly", "month", "monat", "monatlich", "mensuel", "mensual", "mensile"),
}
_QUARTER = ("quarterly", "quarter", "quartal", "trimestre", "trimestral")
_TRIAL = ("trial", "test", "probe", "probemonat", "essai", "prueba", "free trial")
_LEFT = (
    "churn",
    "churned",
    "cancel",
    "cancelled",
    "canceled",
    "cancellation",
    "gekundigt",
    "terminated",
    "none",
    "left",
)


def plans(one: Build) -> dict[str, object]:
    """Return the fields of the mapping that say what plans are: plan -> its period, None where the member left.

    Without a column of ends each row is a change: a plan runs until the member's next row.
    """
    part = one.parts.get("plan")
    if part is None or "period" in one.parts:
        return {}
    names = sorted(set(one.group.columns[part.column].cells.dropna().str.strip()))
    changes = {"changes": True} if "ends_at" not in one.parts else {}
    terms = {name: _terms(name, one) for name in names}
    return changes | {"plans": terms if changes else {name: term for name, term in terms.items() if term is not None}}


def _terms(name: str, one: Build) -> dict[str, object] | None:
    tokens = set(words.plain(name).split())
    if tokens & set(_LEFT):
        return None
    if tokens & set(_TRIAL):
        return {"period": "day", "every": _usual_days(name, one) or 7, "auto_renew": False}
    if tokens & set(_QUARTER):
        return {"period": "month", "every": 3}
    return {"period": next((period for period, said in _PERIODS.items() if tokens & set(said)), "month")}


def _usual_days(name: str, one: Build) -> int | None:
    """The median days from the start of a plan to the member's next row."""
    member, start = (one.group.frame[one.parts[role].column] for role in ("member_id", "starts_at"))
    rows = pd.DataFrame(
        {
            "member": member,
            "at": times(start, one.formats["starts_at"]),
            "plan": one.group.frame[one.parts["plan"].column].str.strip(),
        }
    )
    rows = rows.sort_values(["member", "at"])
    days = (rows.groupby("member")["at"].shift(-1) - rows["at"]).dt.days[rows["plan"] == name].dropna()
    return int(days.median()) if len(days) and days.median() >= 1 else None
