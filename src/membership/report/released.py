"""Totals to hand out, with noise: differential privacy, with a budget that is spent once and shown.

A release is of one `as_of` and of what `_asked` names, all of it public. It is drawn once and kept in
`reports/released.json`: whoever asks for the same again gets the same, whatever the data say by then, since new noise
on the same people would tell more of them, and that a release was drawn anew would tell that something had changed.
What was spent on all releases adds up; where no more is left, the last one stands.

Pages, pictures and metrics are no part of this: they are told as `few` and `coarse` do. Nor are the rules by which a
member is in a tier or a stage: they are taken as given, though thresholds and models were learned from all members.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from membership.base import absent, engine, files, paths, tables
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.data import contributions
from membership.settings.params import Stage
from membership.stats import noise

FILE = "reports/released.json"
SHARE = 0.95  # of members whom a limit that is not given does not cut
TOTALS, FINE = 5, 100  # how many there are; they are counted in hundredths, so that what is cut is not rounded
COLUMNS = ("total", "group", "value", "within", "most", "epsilon")


@dataclass(frozen=True)
class Released:
    """What may be handed out, and what it has cost.

    `rows`: `total` and `group`, `value` (spend in cents), `within` (95 % of the noise is not larger), `most` (what one
    member adds at most), `epsilon` (of the total, all groups together). `of`: the `as_of` of the release. `spent`:
    epsilon of all releases, of `budget`; `exhausted`: what is asked for now would take more than is left.
    """

    rows: pd.DataFrame
    of: str | None
    spent: float
    budget: float | None
    exhausted: bool


@dataclass(frozen=True)
class _Total:
    name: str
    each: pd.DataFrame  # members x groups, integers, not below 0
    most: int  # what one member may add to all groups together


def released(p: Stage, draw: bool) -> Released:
    """Return the release that the parameters of stage `report` ask for, or the last one.

    `draw`: may spend, and keeps the account; without it, as by hand, only what is kept is told.
    """
    kept, budget, asked = list(_kept()), p.privacy.epsilon, _asked(p)
    if draw:
        _keep(kept)  # there is an account, though nothing may be on it
    if budget is None:
        return Released(pd.DataFrame(columns=COLUMNS), None, _spent(kept), None, False)
    found = next((one for one in kept if one["asked"] == asked), None)
    exhausted = found is None and _spent(kept) + asked["epsilon"] > budget * (1 + 1e-9)
    if found is None and draw and not exhausted:
        found = {"asked": asked, "rows": _drawn(p, asked["epsilon"])}
        kept.append(found)
        _keep(kept)  # at once: should the stage fail later, its page shows these
    shown = found or (kept[-1] if kept else {"asked": {"as_of": None}, "rows": []})
    rows = pd.DataFrame(shown["rows"], columns=COLUMNS)
    return Released(rows, shown["asked"]["as_of"], _spent(kept), budget, exhausted)


def _kept() -> list[dict[str, Any]]:
    path = paths.root() / FILE
    if not path.exists() or absent.reason(path) is not None:
        return []
    try:
        return files.read_json(path)["releases"]
    except (DataError, KeyError) as error:
        told = f"{path}: not readable; take it back from git, since it says what of privacy.epsilon is spent."
        raise DataError(told) from error


def _keep(releases: list[dict[str, Any]]) -> None:
    files.write_json(paths.root() / FILE, {"releases": releases})


def _spent(kept: list[dict[str, Any]]) -> float:
    """Return the epsilon of all releases: of each, of its totals."""
    return sum(one["asked"]["epsilon"] for one in kept)


def _asked(p: Stage) -> dict[str, Any]:
    """Return what a release is of, public all of it."""
    budget = p.privacy.epsilon
    return {
        "as_of": str(p.windows.as_of),
        "epsilon": None if budget is None else budget / p.privacy.releases,
        "months": [str(day.date()) for day in contributions.months(p.windows)],
        "tiers": p.tiers.names,
        "most_orders": p.privacy.most_orders,
        "most_spend": p.privacy.most_spend,
    }


def _drawn(p: Stage, epsilon: float) -> list[dict[str, Any]]:
    """Return the rows of a new release: totals, and limits that are not given, each for an equal part of `epsilon`."""
    monthly = contributions.by_month(engine.load(engine.connect(p.engine), "events"), contributions.months(p.windows))
    limits = {contributions.ORDERS: p.privacy.most_orders, contributions.SPEND: p.privacy.most_spend}
    unknown = [name for name, most in limits.items() if most is None]
    part, rows = epsilon / (TOTALS + len(unknown)), []
    for name in unknown:
        limits[name] = noise.quantile(_of_everybody(monthly[name]), SHARE, part)
        rows.append(_row(f"limit of {name}", "", limits[name], epsilon=part))
    for total in _totals(p, monthly, limits):
        most = FINE * total.most
        told = noise.sums(contributions.limited(FINE * total.each.to_numpy(), most).sum(axis=0), most, part)
        within = noise.within(total.most, part)
        for group, value in zip(total.each, told, strict=True):
            rows.append(_row(total.name, group, max(round(int(value) / FINE), 0), within, total.most, epsilon=part))
    return rows


def _totals(p: Stage, monthly: dict[str, pd.DataFrame], limits: dict[str, int]) -> Iterator[_Total]:
    """Yield the totals, TOTALS of them at most."""
    groups = {"tiers": ("tier", "members by tier", p.tiers.names), "profile": ("stage", "members by stage", STAGES)}
    for table, (column, name, known) in groups.items():
        if len(found := tables.read(table, or_empty=True)):
            yield _Total(name, contributions.one_each(found[column], known), 1)
    orders = monthly[contributions.ORDERS]
    if months := orders.shape[1]:
        yield _Total("members who ordered", (orders > 0).astype("int64"), months)
        for name, most in limits.items():
            yield _Total(name, monthly[name], most)


def _of_everybody(monthly: pd.DataFrame) -> np.ndarray:
    """Return what each member did in all months together, also of who did nothing."""
    members = tables.read("members")["member_id"]
    return monthly.sum(axis=1).reindex(members, fill_value=0).to_numpy()


def _row(
    total: str,
    group: str | pd.Timestamp,
    value: int,
    within: int | None = None,
    most: int | None = None,
    *,
    epsilon: float,
) -> dict[str, Any]:
    name = f"{group:%Y-%m}" if isinstance(group, pd.Timestamp) else group
    return dict(zip(COLUMNS, (total, name, value, within, most, epsilon), strict=True))
