"""Plans of contracts: how long the period of each is, by its name and by how long members keep it."""

from collections.abc import Mapping

import pandas as pd

from membership.base.schemas import PERIODS
from membership.data.guessing import words
from membership.data.guessing.build import Build
from membership.data.guessing.cells import Column, times

_PERIODS = {
    "year": ("annual", "annually", "yearly", "year", "jahr", "jahrlich", "annuel", "anual", "annuale"),
    "week": ("weekly", "week", "woche", "wochentlich", "semaine", "semanal"),
    "month": ("monthly", "month", "monat", "monatlich", "mensuel", "mensual", "mensile"),
}
_QUARTER = ("quarterly", "quarter", "quartal", "trimestre", "trimestral")
_HALF = ("half", "semi", "semiannual", "semiannually", "halbjahrlich", "biannual", "semestriel")
_SAME, _MONTH = 3, 365.25 / 12  # days by which terms of one length differ: months do
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
        return {} if part else {"constants": {"plan": one.group.name}}
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
    named = next((period for period, said in _PERIODS.items() if tokens & set(said)), None)
    return _fixed(name, one) if named is None and "ends_at" in one.parts else {"period": named or "month"}


def _fixed(name: str, one: Build) -> dict[str, object]:
    """The terms of a plan whose contracts all end, each as long as the others: paid once; else by the month."""
    rows = one.group.frame[one.group.frame[one.parts["plan"].column].str.strip() == name]
    starts, ends = (times(rows[one.parts[role].column], one.formats[role]) for role in ("starts_at", "ends_at"))
    days = (ends - starts).dt.days
    if days.isna().any() or days.max() - days.min() > _SAME:
        return {"period": "month"}
    usual = int(days.median())
    months = round(usual / _MONTH)
    if months and abs(usual - months * _MONTH) <= _SAME:
        return {
            "period": "year" if months == 12 else "month",
            "every": 1 if months == 12 else months,
            "auto_renew": False,
        }
    return {"period": "day", "every": max(usual, 1), "auto_renew": False}


def spelled(column: Column) -> dict[str, tuple[str, int]] | None:
    """Return value -> period and how many of it, of a column of periods in other words (monthly); else None."""
    values = sorted(set(column.cells.dropna().str.strip()) - {""})
    found = {value: _period(value) for value in values}
    return None if set(values) <= set(PERIODS) or None in found.values() else found


def with_periods(one: Build, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` of contracts, written anew, with their periods in the pipeline's words."""
    said = spelled(one.group.columns[one.parts["period"].column]) if "period" in one.parts else None
    if said is None:
        return rows
    every = rows["period"].map({value: str(number) for value, (_, number) in said.items()})
    return rows.assign(period=rows["period"].map({value: name for value, (name, _) in said.items()}), every=every)


def with_terms(rows: pd.DataFrame, mapping: Mapping[str, object]) -> pd.DataFrame:
    """Return `rows` of contracts with the period that the `mapping` gives their plan, where they do not say it."""
    terms = mapping.get("plans", {})
    if "period" in rows or not terms or mapping.get("changes"):
        return rows
    plan = rows["plan"].str.strip()
    return rows.assign(
        period=plan.map({name: one["period"] for name, one in terms.items()}),
        every=plan.map({name: one.get("every", 1) for name, one in terms.items()}),
    )


def _period(value: str) -> tuple[str, int] | None:
    tokens = set(words.plain(value).split())
    half = tokens & set(_HALF)
    if tokens & set(_QUARTER):
        return "month", 3
    named = next((period for period, said in _PERIODS.items() if tokens & {period, *said}), None)
    return ("month", 6) if half else None if named is None else (named, 1)


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
