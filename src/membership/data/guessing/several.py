"""Several contracts of a member at a time, such as policies: what they pay, as events."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import CANCEL, PURCHASE, RENEWAL
from membership.data import contracts
from membership.data.guessing import plans
from membership.data.guessing.found import Remark, TableGuess

_COLUMNS = ("event_id", "member_id", "item_id", "kind", "at", "amount", "order_id")
_KINDS = (PURCHASE, RENEWAL, CANCEL)
_DAY = pd.Timedelta(days=1)


def known_until(rows: pd.DataFrame) -> pd.Timestamp | None:
    """Return the day until which contracts are known: after the last end, where some have ended and others run on.

    `rows` have starts_at and ends_at, as text in ISO 8601. None where the ends say nothing of it.
    """
    if "ends_at" not in rows:
        return None
    starts, ends = (pd.to_datetime(rows[name], errors="coerce") for name in ("starts_at", "ends_at"))
    open_ends = ends.isna()
    if not open_ends.any() or open_ends.all() or starts.isna().all():
        return None
    return max(starts.max(), ends.max()).normalize() + _DAY


def alone(found: Mapping[str, TableGuess], rows: pd.DataFrame) -> dict[str, TableGuess]:
    """Return the tables, whose contracts have no events beside them, with the day until which contracts are known.

    `rows` are those of table `contracts` as it is written anew. Where a member has several at a time, they are events.
    """
    deals = found["contracts"]
    if (events := as_events(deals, plans.with_terms(rows, deals.mapping))) is not None:
        return {table: guess for table, guess in found.items() if table != "contracts"} | {"events": events}
    if (until := known_until(rows)) is None:
        return dict(found)
    mapping, remarks = {**deals.mapping, "until": str(until.date())}, (Remark("until", "until"), *deals.remarks)
    return {**found, "contracts": replace(deals, mapping=mapping, remarks=remarks)}


def as_events(one: TableGuess, rows: pd.DataFrame) -> TableGuess | None:
    """Return the events of contracts that have ids and of which a member has several at a time; else None.

    `rows` are those of table `contracts` as it is written anew. Each first payment is a purchase of its plan, later
    ones are renewals; a member left with the end of the last contract that ran. What pays nothing makes no event.
    """
    deals = _deals(rows)
    if deals is None or not _at_a_time(deals):
        return None
    try:
        whole = contracts.checked(deals.assign(member_id=deals.index.astype(str)))
    except DataError:
        return None  # as contracts, the pipeline's reader says what is wrong
    end = known_until(rows) or deals["starts_at"].max().normalize() + _DAY
    made = contracts.payments(whole, end, "UTC", "EUR").sort_values("event_id", ignore_index=True)
    deal = made["event_id"].str.extract(r"^contract (\d+)/")[0].astype(int)
    made["member_id"] = deal.map(deals["member_id"])
    made = made[(made["kind"] != CANCEL) | _last_of_member(made, deals)]
    written = made.assign(
        at=made["local_at"].dt.strftime("%Y-%m-%d"), amount=(made["amount"] / 100).map("{:.2f}".format)
    )
    written = written[list(_COLUMNS)].astype(object).reset_index(drop=True)
    reasons = (Remark("paths", "written", {"why": "several_contracts", "group": one}),)
    return replace(
        one, table="events", parts={}, remarks=reasons,
        mapping={"columns": {name: name for name in _COLUMNS}, "kinds": {kind: kind for kind in _KINDS}},
        converted=written.where(written.notna(), None),
    )  # fmt: skip


def _deals(rows: pd.DataFrame) -> pd.DataFrame | None:
    """The rows with their types; None where they name no ids, ends, or periods of contracts."""
    if not {"contract_id", "ends_at", "period", "price"} <= set(rows) or rows["contract_id"].duplicated().any():
        return None
    times = {name: pd.to_datetime(rows[name], errors="coerce") for name in ("starts_at", "ends_at")}
    price = (100 * pd.to_numeric(rows["price"], errors="coerce")).round()
    every = pd.to_numeric(rows["every"], errors="coerce") if "every" in rows else 1
    found = rows[["member_id", "plan", "period"]].assign(**times, price=price, every=every)
    return found.reset_index(drop=True)


def _at_a_time(deals: pd.DataFrame) -> bool:
    """Whether a member's contracts run beside each other: not that one ends where the next begins."""
    ends = deals["ends_at"].fillna(pd.Timestamp.max)
    ordered = deals.assign(over=ends).sort_values(["member_id", "starts_at"])
    before = ordered.groupby("member_id")["over"].shift()
    return bool((before > ordered["starts_at"] + contracts.FOLLOWS).any())


def _last_of_member(made: pd.DataFrame, deals: pd.DataFrame) -> pd.Series:
    """Whether no contract of the member runs at the time of each event."""
    ends = deals["ends_at"].fillna(pd.Timestamp.max)
    pairs = made[["member_id", "local_at"]].reset_index().merge(deals.assign(over=ends), on="member_id")
    runs = (pairs["starts_at"] <= pairs["local_at"]) & (pairs["over"] > pairs["local_at"])
    return ~made.index.isin(pairs.loc[runs, "index"]) & pd.Series(True, made.index)
