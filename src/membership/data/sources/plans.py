"""The user's contracts, a row a contract or a row a change of plan, as table `contracts`."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import RENEWAL
from membership.data import contracts
from membership.data.clock import to_local
from membership.data.sources.parsing import types
from membership.settings.dataset import ContractTable

_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_DAY = pd.Timedelta(days=1)


def read(rows: ir.Table, mapping: ContractTable, zone: str) -> pd.DataFrame:
    """Return table `contracts` of the parsed `rows`, of which the last file's row of a contract stands.

    Raises DataError as `contracts.checked`, naming file and rows.
    """
    times = [name for name in ("starts_at", "ends_at") if name in rows.columns]
    found = rows.mutate(**{name: to_local(rows[name], zone) for name in times}).order_by("file", "row").to_pandas()
    found[times] = found[times].astype("datetime64[us]")
    if "price" in found:
        found["price"] = (found["price"].astype(float) * 100).round()
    _refuse_nobody(found)
    terms = {plan: _terms(plan, mapping) for plan in mapping.plans}
    if mapping.changes:
        return contracts.from_changes(found, terms)
    key = ["member_id", "contract_id"] if "contract_id" in found else ["member_id", "plan", "starts_at"]
    found = found.drop_duplicates(key, keep="last")
    for name in ("period", "every", "price", "auto_renew") if terms else ():
        said = found["plan"].map({plan: getattr(one, name) for plan, one in terms.items()})
        found[name] = found[name].fillna(said) if name in found else said
    if "auto_renew" in mapping.columns | mapping.constants:
        found["auto_renew"] = _truth(found)
    return contracts.checked(found)


def joined(members: pd.DataFrame, deals: pd.DataFrame) -> pd.DataFrame:
    """Return `members` and those who have a contract alone; who is not known to have joined did with the first one."""
    if deals.empty:
        return members
    first = deals.groupby("member_id")["starts_at"].min()
    new = pd.DataFrame({"member_id": first.index.difference(pd.Index(members["member_id"]))})
    every = pd.concat([members, new.reindex(columns=members.columns)], ignore_index=True) if len(new) else members
    return every.assign(joined_at=every["joined_at"].fillna(every["member_id"].map(first)))


def events(deals: pd.DataFrame, mapping: ContractTable, seen: datetime | None, zone: str, currency: str) -> ir.Table:
    """Return the events of `contracts.payments` before `mapping.until`, or the day after the last thing that was seen.

    Seen are starts, an event at the time `seen`, and, where rows are changes of plan, the ends that rows say. An end
    in a row of a contract may lie ahead of the day on which the file was written, and so does not count.
    """
    told = deals["auto_renew"].astype(bool) & mapping.changes
    last = pd.Series([deals["starts_at"].max(), deals.loc[told, "ends_at"].max(), pd.Timestamp(seen)]).max()
    end = last.normalize() + _DAY if mapping.until is None else pd.Timestamp(mapping.until)
    made = contracts.payments(deals, end, zone, currency).astype({"channel": "str"})
    schema = {name: kind for name, kind in types("events").items() if name in made}
    return ibis.memtable(made[list(schema)], schema=schema)


def of_bills(rows: ir.Table, deals: pd.DataFrame) -> ir.Table:
    """Return `rows` of events, in which a renewal that names no item is of the plan that ran then, or ran last."""
    plan_of = ibis.memtable(deals[["member_id", "starts_at", "plan"]])
    bills = rows.filter(rows.kind == RENEWAL, rows.item_id.fill_null("") == "")
    bills = bills.select("event_id", "member_id", "local_at")
    of_each = bills.join(plan_of, [bills.member_id == plan_of.member_id, plan_of.starts_at <= bills.local_at])
    last = of_each.group_by("event_id").agg(plan=of_each.plan.argmax(of_each.starts_at))
    both = rows.left_join(last, "event_id").drop("event_id_right")
    return both.mutate(item_id=both.item_id.fill_null(both.plan)).drop("plan").select(*rows.columns)


def _terms(plan: str, mapping: ContractTable) -> contracts.Terms | None:
    one = mapping.plans[plan]
    price = None if one is None or one.price is None else round(100 * one.price)
    return one and contracts.Terms(one.period, one.every, price, one.auto_renew)


def _truth(found: pd.DataFrame) -> np.ndarray:
    said = found["auto_renew"].astype("str").str.lower()
    known = said.isin([*_YES, *_NO])
    if not known.all():
        bad = found[~known].iloc[0]
        raise DataError(
            f"{bad['file']}: auto_renew: {int((~known).sum())} bad values, e.g. {bad['auto_renew']!r} in row "
            f"{bad['row']}. Allowed: {', '.join(_YES)}; {', '.join(_NO)}. Fix the file, or the mapping in params.yaml."
        )
    return said.isin(_YES).to_numpy()


def _refuse_nobody(found: pd.DataFrame) -> None:
    bad = found[found["member_id"].isna() | found["plan"].isna()]
    if len(bad):
        first = bad.iloc[0]
        raise DataError(
            f"{first['file']}: contracts: {len(bad)} rows have no member or no plan, e.g. row {first['row']}. "
            "Allowed: both in every row. Fix the file, or the mapping in params.yaml."
        )
