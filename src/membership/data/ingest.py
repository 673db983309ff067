"""Ingest: behaviour from the chosen source, cleaned, checked against the windows, and cut to a stable sample."""

from dataclasses import replace
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine, seeds
from membership.base.errors import DataError
from membership.data import contracts, forgotten, membership_span, purchases, suggest
from membership.data.canonical import Canonical
from membership.data.clean import Cleaned, clean
from membership.data.sources import complete_journey, files, simulate
from membership.settings import params
from membership.settings.dataset import Dataset
from membership.settings.windows import Windows

LOOKED_AT = 5_000  # events from which a made-up one is made, or up to twice as many


def ingest(p: params.Stage) -> Cleaned:
    """Return the canonical tables of `p.dataset`, clean, of at most `max_members` members, and their quality.

    Events lie in the engine of `p`. The quality is that of the whole source before `clean.known_until`. Members whose
    events all come on or after that, or `clean.latest`, are left out: nothing is known about them yet. Raises DataError
    where the data do not cover `p.windows`.
    """
    con = engine.connect(p.engine)
    raw, until = read(p.dataset, p.seed, con), p.clean.known_until
    late = to_come(raw, min(p.clean.latest, until or p.clean.latest))
    cleaned = clean(_before(raw, until) if until else raw, p.clean, p.economics, con)
    check_windows(cleaned.data.events, p.windows)
    members = membership_span.settled(cleaned.data.members, cleaned.data.events)
    data = without(replace(cleaned.data, members=members), late)
    return replace(cleaned, data=sample(data, p.dataset.max_members, p.seed))


def known(p: params.Stage, day: date | None) -> tuple[Canonical, date]:
    """Return the same tables as they were known on `day`, or on the day after the last event, and that day.

    No window has to be covered. Raises DataError where `day` is later than that: nobody knows yet what happened.
    """
    con = engine.connect(p.engine)
    raw = read(p.dataset, p.seed, con)
    seen = first_seen(raw)
    cleaned = clean(raw, p.clean, p.economics, con).data.held()
    end = cleaned.events["local_at"].max().date() + timedelta(days=1)
    if day is not None and day > end:
        raise DataError(
            f"AS_OF = {day}: the data end before {end}; allowed: at most {end}. Bring the newer events first."
        )
    now = day or end
    events = cleaned.events[cleaned.events["local_at"] < pd.Timestamp(now)]
    deals = contracts.known_at(cleaned.contracts, pd.Timestamp(now))
    members = membership_span.settled(cleaned.members, events)
    data = without(replace(cleaned, members=members, events=events, contracts=deals), to_come(raw, now, seen))
    return sample(data, p.dataset.max_members, p.seed), now


def _before(raw: Canonical, until: date) -> Canonical:
    """Return `raw` without the events on local day `until` and later; those without a time stay, to be counted."""
    events = engine.table(raw.events)
    return replace(raw, events=events.filter((events.local_at < ibis.timestamp(until.isoformat())).fill_null(True)))


def first_seen(raw: Canonical) -> pd.Series:
    """Return the time of each member's first event, by member_id."""
    events = engine.table(raw.events).drop_null("member_id")
    first = events.group_by("member_id").agg(first=events.local_at.min()).order_by("member_id").to_pandas()
    return first.set_index("member_id")["first"]


def to_come(raw: Canonical, latest: date, first: pd.Series | None = None) -> pd.Index:
    """Return the members whose first event is on or after `latest` and who are not known to have joined before.

    `first` is that of `first_seen`, where it is known.
    """
    first = first_seen(raw) if first is None else first
    joined = raw.members.loc[raw.members["joined_at"] < pd.Timestamp(latest), "member_id"]
    return first.index[first >= pd.Timestamp(latest)].difference(pd.Index(joined))


def without(data: Canonical, members: pd.Index) -> Canonical:
    """Return `data` without `members` and what belongs to them."""
    return data.of_members(members, kept=False) if len(members) else data


def read(dataset: Dataset, seed: int, con: ibis.BaseBackend | None = None) -> Canonical:
    """Return the canonical tables of `dataset.source` as they are, without members who were forgotten.

    Events are laid into `con`, where there is one. Files are read by DuckDB whatever `con` is: their text is checked
    cell by cell there.
    """
    found = _source(dataset, seed, con)
    found = found.placed(con) if con else found
    gone = forgotten.among(found.members["member_id"])
    return without(found, gone) if len(gone) else found


def _source(dataset: Dataset, seed: int, con: ibis.BaseBackend | None) -> Canonical:
    zone, currency = dataset.timezone, dataset.currency
    if dataset.source == "files":
        return files.read(dataset.files, zone, currency, con if con and con.name == "duckdb" else None)
    if dataset.source == "simulate":
        return simulate.read(dataset.simulate, seed, zone, currency)
    return complete_journey.read(zone, currency, con)


def check_windows(events: pd.DataFrame | ir.Table, windows: Windows) -> None:
    """Raise DataError where `events` begin too late to fit on, or end before the holdout does.

    No windows fit a history of fewer than `suggest.LEAST_DAYS` days: it need only lie before the end of the holdout.
    """
    first, last = _days(events)
    end = last + timedelta(days=1)
    latest = windows.calibration_end if (end - first).days >= suggest.LEAST_DAYS else windows.holdout_end
    if first >= latest or end < windows.holdout_end:
        raise DataError(
            f"windows of params.yaml: the data go from {first} to {end} (local days, half-open), but the windows need "
            f"data from before calibration_end = {windows.calibration_end} to holdout_end = {windows.holdout_end}. "
            f"Allowed: calibration_end after {first} and holdout_end at most {end}. Change the windows or add data."
        )


def sample(data: Canonical, max_members: int | None, seed: int) -> Canonical:
    """Return `data` of the first `max_members` members in the order of a seeded hash of their ids.

    So a larger sample contains the smaller one, and more data do not change the order. Items and offers stay.
    """
    if max_members is None:
        return data
    members = data.members["member_id"]
    key = f"{seeds.child(seed, 'ingest/sample'):016d}"
    order = pd.util.hash_array(members.to_numpy(dtype=object), hash_key=key)
    ranked = pd.DataFrame({"order": order, "member_id": members}).sort_values(["order", "member_id"])
    return data.of_members(ranked["member_id"].head(max_members), kept=True)


def some(events: ir.Table) -> pd.DataFrame:
    """Return some thousands of `events` that lie evenly in the order of their ids."""
    step = max(events.count().to_pyarrow().as_py() // LOOKED_AT, 1)
    numbered = events.mutate(number=ibis.row_number().over(order_by=events.event_id))
    return numbered.filter(numbered.number % step == 0).order_by("event_id").drop("number").to_pandas()


def by_week(events: pd.DataFrame | ir.Table) -> pd.DataFrame:
    """Return the number of events of each kind in each week: columns week (its Monday, local), kind, events."""
    table = engine.table(events)
    counts = table.group_by(week=table.local_at.truncate("W"), kind=table.kind).agg(events=table.count())
    return counts.order_by("week", "kind").to_pandas()


def answers(survey: pd.DataFrame, fewest: int = 1) -> pd.DataFrame:
    """Return for each question how many members answered, how many answers differ, and the usual one.

    An answer that fewer than `fewest` gave is not told: it may be somebody's own words.
    """
    per_question = survey.groupby("question")
    counts = per_question.agg(members=("member_id", "nunique"), answers=("answer", "nunique"))
    usual = per_question["answer"].agg(lambda given: given.mode().iloc[0])
    shared = per_question["answer"].agg(lambda given: given.value_counts().iloc[0] >= fewest)
    return counts.assign(usual=usual.where(shared.astype(bool), ""))


def summary(cleaned: Cleaned) -> dict[str, int]:
    """Return the stage's metrics: counts, spend in cents (net of returns), and what cleaning did to the source."""
    data, rows = cleaned.data, cleaned.quality["left"]
    events = engine.table(data.events)
    orders = events.filter(purchases.is_purchase).select("member_id", order=purchases.order).distinct()
    paid = events.filter(purchases.is_paid).amount.sum()
    first, last = _days(events)
    return {
        "members": len(data.members),
        "members_left": int(data.members["left_at"].notna().sum()),
        "members_answering": data.survey["member_id"].nunique(),
        "items": len(data.items),
        "events": events.count().to_pyarrow().as_py(),
        "orders": orders.count().to_pyarrow().as_py(),
        "spend": int(paid.to_pyarrow().as_py() or 0),
        "days": (last - first).days + 1,
        "exposures": len(data.exposures),
        "rows_read": int(rows.iloc[0]),
        "rows_dropped": int(rows.iloc[0] - rows.iloc[-1]),
    }


def _days(events: pd.DataFrame | ir.Table) -> tuple[date, date]:
    """Return the local days of the first and of the last event."""
    rows = engine.table(events)
    first, last = rows.agg(first=rows.local_at.min(), last=rows.local_at.max()).to_pandas().iloc[0]
    return first.date(), last.date()
