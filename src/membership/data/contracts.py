"""Contracts: what a member pays for, from when to when, and how often; and the payments that they make.

A contract is paid at its start and at the end of each of its periods for as long as it runs: these are its due dates,
counted from 0. A member has one contract at a time; another plan from some day on is another contract. Times are
local. Where a contract renews itself `ends_at` is null until it has ended; where it does not, `ends_at` is known from
the start.

    starts_at     due 1       due 2       ends_at
      |--- paid --)|--- paid --)|--- paid --)|
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base import tables
from membership.base.errors import DataError
from membership.base.schemas import CANCEL, PERIODS, PURCHASE, RENEWAL

_LENGTH = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}  # days, on average
_MONTHS = {"month": 1, "year": 12}
FOLLOWS = pd.Timedelta(days=3)  # a contract that starts so soon after another one of its member follows on from it
_SHOWN = 3  # bad rows that an error shows


@dataclass(frozen=True)
class Terms:
    """What a plan costs (cents a period; None: what the row says) and how long its period is: `every` of `period`."""

    period: str
    every: int = 1
    price: int | None = None
    auto_renew: bool = True  # until it is ended; else it ends with its first period


def period_days(contracts: pd.DataFrame) -> pd.Series:
    """Return the mean length of each contract's period in days."""
    return contracts["period"].map(_LENGTH).astype(float) * contracts["every"].astype(float)


def due(contracts: pd.DataFrame, number) -> pd.Series:
    """Return when payment `number` (0: at the start) of each contract falls due, on the day of the month of its start.

    A month that has no such day has it on its last: from 31 January on 28 February, then on 31 March.
    """
    start, number = contracts["starts_at"], pd.Series(number, contracts.index).astype("int64")
    steps = number * contracts["every"].astype("int64")
    by_day = start + pd.to_timedelta(steps * contracts["period"].map({"week": 7}).fillna(1).astype("int64"), unit="D")
    months = (steps * contracts["period"].map(_MONTHS).fillna(0).astype("int64")).to_numpy()
    first = start.to_numpy().astype("datetime64[M]") + months
    inside = np.minimum(start.dt.day.to_numpy() - 1, ((first + 1).astype("datetime64[D]") - 1 - first).astype("int64"))
    day = first.astype("datetime64[D]") + inside
    by_month = pd.Series(day, contracts.index).astype("datetime64[us]") + (start - start.dt.normalize())
    return by_month.where(contracts["period"].isin(list(_MONTHS)), by_day).astype("datetime64[us]")


def dues_before(contracts: pd.DataFrame, until) -> pd.Series:
    """Return how many due dates of each contract, its start among them, lie before `until` (a time, or one a row)."""
    until = pd.Series(until, contracts.index).astype("datetime64[us]")
    length = pd.to_timedelta(period_days(contracts), unit="D")
    number = ((until - contracts["starts_at"]) // length - 1).clip(lower=0).astype("int64")
    while (more := due(contracts, number) < until).any():  # the guess is two short at most
        number = number + more
    return number


def checked(rows: pd.DataFrame, source: str = "contracts") -> pd.DataFrame:
    """Return `rows` as table `contracts`; columns may be missing but for member_id, plan, starts_at and period.

    Without `contract_id` a member's contracts are numbered. One without end that another plan follows ends there;
    contracts of the same terms that follow on from each other are one. Raises DataError naming `source` (or the column
    `file`) and rows (the column `row`, if there is one): a contract that ends before it starts, overlaps another one
    of its member, has a negative or no price, or an unknown period.
    """
    found = rows.assign(**{name: rows.get(name, value) for name, value in _given(rows).items()})
    _refuse(source, found, found["starts_at"].isna(), "have no start", "a time in starts_at")
    _refuse(
        source, found, ~found["period"].isin(PERIODS), "have an unknown period",
        f"period: {', '.join(PERIODS)}, or dataset.files.contracts.plans: the period of each plan",
    )  # fmt: skip
    _refuse(source, found, ~(found["every"] >= 1), "have no whole number of periods", "every: 1 or more")
    _refuse(source, found, ~(found["price"] >= 0), "have a negative price or none", "0 or more; 0 is free")
    early = found["ends_at"] <= found["starts_at"]
    _refuse(source, found, early, "end before they start", "ends_at after starts_at, or empty for what runs on")
    fixed = ~found["auto_renew"].astype(bool) & found["ends_at"].isna()
    found["ends_at"] = found["ends_at"].mask(fixed, due(found, 1))
    found = found.sort_values(["member_id", "starts_at", "plan"], ignore_index=True)
    return tables.check("contracts", _joined(_one_at_a_time(source, found)))


def from_changes(rows: pd.DataFrame, plans: Mapping[str, Terms | None]) -> pd.DataFrame:
    """Return table `contracts` from changes of plan: member_id, plan, starts_at and, where known, price (cents).

    A plan runs, and renews itself if its terms say so, until the member's next row; a plan that is None in `plans`
    means that the member left. The same plan again is no change. Raises DataError naming the plans that `plans` lacks,
    and members who have two plans from the same time on.
    """
    unknown = sorted(set(rows["plan"].dropna()) - set(plans))
    if unknown or rows["plan"].isna().any():
        raise DataError(
            f"changes of plan: {', '.join(map(repr, unknown)) or 'an empty cell'}: not among the plans; there are: "
            f"{', '.join(map(repr, plans))}. Add each under dataset.files.contracts.plans, null where the member left."
        )
    known = rows.drop_duplicates(["member_id", "plan", "starts_at"]).sort_values(["member_id", "starts_at", "plan"])
    twice = known.duplicated(["member_id", "starts_at"], keep=False)
    _refuse("changes of plan", known, twice, "give a member two plans at the same time", "one plan a member and time")
    same = known["plan"].eq(known["plan"].shift()) & known["member_id"].eq(known["member_id"].shift())
    known = known[~same]
    follows = known["starts_at"].shift(-1).where(known["member_id"].eq(known["member_id"].shift(-1)))
    known = known.assign(ends_at=follows)[known["plan"].map(lambda plan: plans[plan] is not None)]
    terms = known["plan"].map(dict(plans))
    for name in ("period", "every", "auto_renew"):
        known[name] = terms.map(lambda one, name=name: getattr(one, name))
    price = terms.map(lambda one: one.price).astype(float)
    known["price"] = price.fillna(known["price"]) if "price" in known else price
    once = ~known["auto_renew"].astype(bool)
    known["ends_at"] = known["ends_at"].mask(once, _sooner(known["ends_at"], due(known, 1)))
    return checked(known, "changes of plan")


def known_at(contracts: pd.DataFrame, day) -> pd.DataFrame:
    """Return what was known before the time `day`: no contract that starts from then on, no end of one that renews."""
    begun = contracts[contracts["starts_at"] < day]
    return begun.assign(ends_at=begun["ends_at"].mask((begun["ends_at"] >= day) & begun["auto_renew"]))


def followed(contracts: pd.DataFrame) -> pd.Series:
    """Return whether each ended contract goes over into the next one of its member: a change of plan, or a renewal."""
    after = contracts["starts_at"].shift(-1).where(contracts["member_id"].eq(contracts["member_id"].shift(-1)))
    return (after <= contracts["ends_at"] + FOLLOWS).fillna(False)


def payments(contracts: pd.DataFrame, end, zone: str, currency: str) -> pd.DataFrame:
    """Return the events that `contracts` make before the time `end`: what was paid, and who left.

    The first paid period of a contract is a purchase, later ones are renewals; what is free is neither. A contract
    that ended without another one to follow is a cancellation. Columns are those of table `events` as sources give it.
    """
    begun = contracts[contracts["starts_at"] < end].reset_index(drop=True)
    count = dues_before(begun, _sooner(begun["ends_at"], end)) * (begun["price"] > 0)
    paid = begun.loc[begun.index.repeat(count)]
    number = paid.groupby(level=0).cumcount().to_numpy()
    paid = paid.reset_index(drop=True)
    order = paid["contract_id"] + "/" + (number + 1).astype(str)
    made = paid.assign(
        at=due(paid, number), order_id=order, item_id=paid["plan"], kind=np.where(number > 0, RENEWAL, PURCHASE)
    )
    gone = begun[(begun["ends_at"] < end) & ~followed(begun)]
    left = gone.assign(at=gone["ends_at"], order_id=None, item_id=None, kind=CANCEL, price=0)
    both = pd.concat([made, left], ignore_index=True)
    digits = both["order_id"].fillna(both["contract_id"] + "/" + CANCEL)
    return pd.DataFrame(
        {
            "event_id": "contract " + both["member_id"] + "/" + digits,
            **{name: both[name] for name in ("member_id", "item_id", "kind")},
            "at": _utc(both["at"], zone),
            "local_at": both["at"].astype("datetime64[us]"),
            "quantity": 1,
            "amount": both["price"].astype("int64"),
            "discount": 0,
            "currency": currency,
            "order_id": both["order_id"],
            "channel": None,
        }
    )


def _given(rows: pd.DataFrame) -> dict[str, object]:
    """Return what stands where `rows` have no such column."""
    return {"contract_id": None, "ends_at": pd.NaT, "every": 1, "price": 0, "auto_renew": True}


def _one_at_a_time(source: str, found: pd.DataFrame) -> pd.DataFrame:
    """Return contracts that end where another plan of their member starts; sorted by member and start."""
    same = found["member_id"].eq(found["member_id"].shift(-1))
    after = found["starts_at"].shift(-1).where(same)
    changes = (
        found["ends_at"].isna()
        & after.notna()
        & found["plan"].ne(found["plan"].shift(-1))
        & after.gt(found["starts_at"])
    )
    ends = found["ends_at"].mask(changes, after)
    overlap = after.notna() & ~changes & (ends.isna() | (after < ends))
    _refuse(
        source, found, overlap | overlap.shift(fill_value=False), "overlap another one of their member",
        "one contract at a time: a change of plan ends the one before it where the next starts",
    )  # fmt: skip
    number = (found.groupby("member_id").cumcount() + 1).astype(str)
    return found.assign(ends_at=ends, contract_id=found["contract_id"].fillna(found["member_id"] + "/" + number))


def _joined(found: pd.DataFrame) -> pd.DataFrame:
    """Return contracts of which those of the same terms that follow on the day they are due are one."""
    terms = ["member_id", "plan", "period", "every", "price"]
    before = found.shift()
    same = (found[terms] == before[terms]).all(axis=1)
    ended = found["ends_at"].notna()
    whole = pd.Series(False, found.index)
    closed = found[ended]
    last = dues_before(closed, closed["ends_at"])
    whole[ended] = due(closed, last).dt.normalize() == closed["ends_at"].dt.normalize()
    joins = (
        same & whole.shift(fill_value=False) & (found["starts_at"].dt.normalize() == before["ends_at"].dt.normalize())
    )
    if not joins.any():
        return found
    group = (~joins).cumsum()
    first, last = found.groupby(group).head(1).set_axis(group[~joins]), found.groupby(group).tail(1)
    ends, renews = (last[name].set_axis(group.loc[last.index]) for name in ("ends_at", "auto_renew"))
    return first.assign(ends_at=ends, auto_renew=renews).reset_index(drop=True)


def _refuse(source: str, rows: pd.DataFrame, bad: pd.Series, what: str, allowed: str) -> None:
    if not (bad := bad.fillna(True).astype(bool)).any():
        return
    first = rows[bad].head(_SHOWN)
    where = first["file"].iloc[0] if "file" in first else source
    shown = "; ".join(
        f"row {row.get('row', number)} (member {row['member_id']}, {row['plan']}, {_day(row['starts_at'])} to "
        f"{_day(row.get('ends_at'))}, price {row.get('price')})"
        for number, row in first.iterrows()
    )
    raise DataError(
        f"{where}: contracts: {int(bad.sum())} of {len(rows)} {what}: {shown}. Allowed: {allowed}. Fix them in the "
        "file, or the mapping in params.yaml."
    )


def _sooner(times: pd.Series, other) -> pd.Series:
    """Return the sooner of `times`, null for never, and `other`."""
    return times.where(times < other, other)


def _day(at) -> str:
    return "no end" if at is None or pd.isna(at) else f"{at:%Y-%m-%d}"


def _utc(local: pd.Series, zone: str) -> pd.Series:
    """Return UTC times at which clocks in `zone` show `local`, as `data.clock` reads skipped and repeated hours."""
    there = local.dt.tz_localize(zone, ambiguous=np.zeros(len(local), bool), nonexistent=pd.Timedelta(hours=1))
    return there.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
