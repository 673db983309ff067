"""Whether another engine computes the tables that DuckDB computes: `python -m benchmarks.parity --out JSON`.

Each table of the pipeline that is an Ibis expression is made on both from the stored events, members, items and offers
of the last run; the tables called `source` are the default data as they are read. Whole numbers, money, texts and times
have to be equal, reals to 1e-9 (relative, or absolute below 1), and so do keys and order. A run may be stopped at any
time: what OUT says is the same is not made again. It takes PySpark and Java 17.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine, files, tables
from membership.base.schemas import MEANING
from membership.base.timeline import Window
from membership.campaigns import audience
from membership.data import abuse, activity, features, habits, ingest
from membership.data.canonical import Canonical
from membership.data.clean import clean
from membership.data.sources import complete_journey
from membership.evaluate import guardrails, hits, live_plan
from membership.monitor import realised
from membership.profile import history, lifecycle
from membership.profile import repurchase as spells
from membership.recommend import baskets
from membership.repurchase import dated, purchase_days
from membership.settings import params
from membership.settings.engine import Engine
from membership.tiers import qualifying
from membership.trials import outcomes
from membership.value import diagnostics, horizon

REAL = 1e-9
T = TypeVar("T")
QUALIFY = ("spend", "points", "orders", "quantity", "measure")


@dataclass(frozen=True)
class Market:
    """The stored tables as one engine sees them, and the parameters by which other tables are made of them.

    `products`: the events of what can be recommended. `day`: as of; `window` ends and `after` begins there; so do the
    last of `cutoffs` and of `months`.
    """

    chosen: Engine
    con: ibis.BaseBackend
    p: params.Stage
    events: ir.Table
    items: ir.Table
    members: ir.Table
    products: ir.Table
    day: date
    window: Window
    after: Window
    cutoffs: list[date]
    months: pd.DatetimeIndex
    _made: dict = field(default_factory=dict, repr=False)

    @classmethod
    def on(cls, chosen: Engine, p: params.Stage) -> "Market":
        """Return the stored tables on the engine `chosen`."""
        con = engine.connect(chosen)
        events, items, members = (engine.load(con, name) for name in ("events", "items", "members"))
        products, day = baskets.of_products(events, tables.read("items")), p.windows.as_of
        windows = Window(p.windows.start, day), Window(day, p.windows.holdout_end)
        cutoffs = [day - timedelta(days=90 * back) for back in (2, 1, 0)]
        months = lifecycle.month_starts(p.windows)
        return cls(chosen, con, p, events, items, members, products, day, *windows, cutoffs, months)

    def once(self, make: Callable[["Market"], T]) -> T:
        """Return what `make` makes of this market, made only the first time."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]


def main() -> None:
    """Print a row a table, and write them where --out says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", default="spark", help="as engine.name in params.yaml")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", help="tables, separated by commas")
    asked = parser.parse_args()
    p = params.parse(params.read())
    other = p.engine.model_copy(update={"name": asked.engine})
    rows = _earlier(asked.out, asked.engine)
    wanted = {name: make for name, make in made(asked.only).items() if name not in {row["table"] for row in rows}}
    for row in compared(Market.on(Engine(), p), Market.on(other, p), wanted):
        print(json.dumps(row), flush=True)
        rows.append(row)
        if asked.out:
            files.write_json(asked.out, {"engine": asked.engine, "tables": rows})
    print(f"{sum(row['differs'] is None for row in rows)} of {len(rows)} tables are the same")


def _earlier(out: Path | None, name: str) -> list[dict[str, object]]:
    """Return the rows of an earlier run on engine `name` whose tables were the same: those are not made again."""
    if out is None or not out.is_file():
        return []
    found = files.read_json(out)
    return [row for row in found["tables"] if row["differs"] is None] if found["engine"] == name else []


def made(only: str | None = None) -> dict[str, Callable[[Market], pd.DataFrame]]:
    """Return the functions that make a table of a market, by its name."""
    return {name: TABLES[name] for name in (only.split(",") if only else TABLES)}


def compared(
    ours: Market, theirs: Market, wanted: dict[str, Callable[[Market], pd.DataFrame]]
) -> Iterator[dict[str, object]]:
    """Return for each table: rows, seconds on each engine, and in what it `differs` (null: in nothing)."""
    for name, make in wanted.items():
        frames, seconds = [], []
        for market in (ours, theirs):
            began = time.perf_counter()
            try:
                frames.append(make(market))
            except Exception as error:  # an engine may refuse in any way; the row says how
                frames.append(f"{type(error).__name__}: {str(error).strip()[:300]}")
            seconds.append(round(time.perf_counter() - began, 2))
        failed = next((frame for frame in frames if isinstance(frame, str)), None)
        yield {
            "table": name,
            "rows": 0 if failed else len(frames[0]),
            "seconds": seconds[0],
            "seconds_other": seconds[1],
            "differs": failed or difference(*frames),
        }


def difference(one: pd.DataFrame, other: pd.DataFrame) -> str | None:
    """Return the first thing in which the two differ; None where they are the same."""
    one, other = one.reset_index(), other.reset_index()
    if list(one.columns) != list(other.columns):
        return f"columns {list(one.columns)} and {list(other.columns)}"
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} rows"
    for column in one.columns:
        ours, theirs = one[column], other[column]
        missing = ours.isna().to_numpy() != theirs.isna().to_numpy()
        if missing.any():
            return f"{column}: {missing.sum()} are missing in one"
        there = ours.notna().to_numpy()
        ours, theirs = _plain(ours[there]), _plain(theirs[there])
        if ours.dtype.kind == "f" or theirs.dtype.kind == "f":
            apart = np.abs(ours.astype(float) - theirs.astype(float)) / np.maximum(np.abs(ours.astype(float)), 1)
            if len(apart) and apart.max() > REAL:
                return f"{column}: up to {apart.max():.3g} apart"
        elif (ours != theirs).any():
            at = np.flatnonzero(ours != theirs)
            return f"{column}: {len(at)} values, e.g. {ours[at[0]]!r} and {theirs[at[0]]!r} in row {at[0]}"
    return None


def _plain(column: pd.Series) -> np.ndarray:
    """The values without what only the type says: whole numbers of any width, times of any unit, days as times."""
    if len(column) and isinstance(column.iloc[0], date):
        column = pd.to_datetime(column)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("datetime64[us]").to_numpy()
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    return column.astype(str).to_numpy(dtype=object)


def _source(name: str) -> Callable[[Market], pd.DataFrame]:
    """A table of the default data as it is read."""
    keys = list(tables.ALL[name].key)
    return lambda market: getattr(market.once(_read), name).sort_values(keys, ignore_index=True)


def _read(market: Market) -> Canonical:
    con = engine.connect(market.chosen)  # of its own: what is read takes the name of the stored events
    return complete_journey.read(market.p.dataset.timezone, market.p.dataset.currency, con).held()


def _cleaned(name: str) -> Callable[[Market], pd.DataFrame]:
    """A table as cleaning leaves it when it is given the stored ones."""
    return lambda market: market.once(_clean)[name]


def _clean(market: Market) -> dict[str, pd.DataFrame]:
    stored = {table: tables.read(table) for table in ("members", "survey", "offers", "exposures")}
    events = tables.read("events").drop(columns=list(MEANING))
    items = tables.read("items").drop(columns="is_product")
    given = Canonical(events=events, items=items, **stored)
    found = clean(given, market.p.clean, market.p.economics, engine.connect(market.chosen))
    return {"events": found.data.held().events, "items": found.data.items, "quality": found.quality}


def _signs(market: Market) -> pd.DataFrame:
    others = {table: tables.read(table) for table in ("members", "items", "survey", "offers", "exposures")}
    return abuse.signs(Canonical(events=market.events, **others))


def _qualifying(by: str) -> Callable[[Market], pd.DataFrame]:
    def make(market: Market) -> pd.DataFrame:
        settings = market.p.tiers.model_copy(update={"qualify_by": by})
        members = tables.read("members")["member_id"]
        return qualifying.amounts(market.events, members, market.months, settings).set_axis(
            market.months.astype(str), axis=1
        )

    return make


def _earning(market: Market) -> pd.DataFrame:
    found = qualifying.earning(market.events, tables.read("members")["member_id"], market.months, market.p.tiers)
    points = {
        f"{name}_{at}": column for name in ("earned", "reversed") for at, column in enumerate(getattr(found, name).T)
    }
    return pd.DataFrame({"row": found.row, "month": found.month, "ordered": found.ordered} | points)


def _after(market: Market) -> pd.DataFrame:
    found = qualifying.after(market.events, tables.read("members")["member_id"], market.months, 30)
    return pd.concat(found, axis=1).set_axis(range(sum(part.shape[1] for part in found.values())), axis=1)


def _purchase_days(market: Market) -> pd.DataFrame:
    days = purchase_days.active_days(market.events, market.day, market.p.economics.activity_kinds)
    return days.order_by("member_id", "day").to_pandas()


def _prices(market: Market) -> pd.DataFrame:
    settings = market.p.repurchase.model_copy(update={"dated": ["price"]})
    found = dated.read(market.events, tables.read("offers"), settings, market.p.windows.start, market.day)
    return pd.DataFrame(found.values, columns=found.names)


def _seen(part: str) -> Callable[[Market], pd.DataFrame]:
    return lambda market: getattr(history.halves(market.events, market.items, market.window)[1], part)


def _cohorts(market: Market) -> pd.DataFrame:
    cohort = spells.cohorts(market.events, tables.read("members"), market.p.windows, 30)
    return spells.retention(market.events, cohort, market.p.windows, 0.95)


def _targets(market: Market) -> pd.DataFrame:
    known = baskets.history(market.products, market.day, market.p.recommend)
    found = baskets.targets(market.products, market.after, known)
    row, column = found.matrix.nonzero()
    return pd.DataFrame({"member_id": found.members[row], "item_id": known.items[column]})


def _bought(market: Market) -> pd.DataFrame:
    known = baskets.history(market.products, market.day, market.p.recommend)
    targets = baskets.targets(market.products, market.after, known)
    bought = hits.bought(market.products, targets, known, market.after)
    return bought.join(hits.whole(market.events, bought, market.after), on="member_id")


def _audience(market: Market) -> pd.DataFrame:
    p = market.p
    found = audience.schedule(tables.read("offers"), p.dataset.timezone, p.windows, p.campaigns, 14)[0]
    return audience._activity(market.events, found, market.day, p.economics.repurchase_days)


def _observed(market: Market) -> pd.DataFrame:
    members = tables.read("members")["member_id"]
    starts = pd.date_range(market.day - timedelta(days=28), periods=2, freq="14D").as_unit("us")
    rows = pd.DataFrame({"member_id": members}).merge(pd.DataFrame({"at": starts}), how="cross")
    return outcomes.observe(market.events, rows.assign(unit=rows["at"].astype(str)), 14, market.day, "parity")


def _entrants(market: Market) -> pd.DataFrame:
    known = baskets.history(market.products, market.day, market.p.recommend)
    return live_plan.entrants(market.products, known, market.after.end, 4)


TABLES: dict[str, Callable[[Market], pd.DataFrame]] = {
    **{f"source {name}": _source(name) for name in ("events", "members", "items", "survey", "offers", "exposures")},
    **{f"cleaned {name}": _cleaned(name) for name in ("events", "items", "quality")},
    "events by week": lambda m: ingest.by_week(m.events),
    "events shown": lambda m: ingest.some(m.events),
    "signs of abuse": _signs,
    "features": lambda m: features.table(m.events, m.members, m.cutoffs),
    "category_shares": lambda m: features.category_table(m.events, m.items, m.cutoffs, 0.0),
    "weekly activity": lambda m: activity.weekly(m.events, m.window),
    "repurchase by month": lambda m: activity.repurchase(m.events, m.window, 14),
    "active members": lambda m: activity.active(m.events, m.day, m.p.economics.activity_kinds).to_frame(index=False),
    "purchase days": _purchase_days,
    "price level": _prices,
    "spent": lambda m: horizon.spent(m.events, 30)(m.cutoffs[1]).sort_index().to_frame(),
    "repeats by week": lambda m: diagnostics.repeats_by_week(m.events, m.cutoffs[1], m.day).to_frame(),
    "habits": lambda m: habits.at(m.events, m.items, m.day),
    "levels of habits": lambda m: habits.levels(m.events, m.items, m.day),
    **{f"half of history: {part}": _seen(part) for part in ("facts", "shares", "counts", "levels")},
    "spells": lambda m: spells.spells(m.events, m.cutoffs[1], m.day),
    "cohorts": _cohorts,
    "basket lines": lambda m: baskets.history_lines(m.products, m.day, m.p.recommend),
    "next baskets": _targets,
    "baskets hit": _bought,
    "prices": lambda m: guardrails.prices(m.events, m.day),
    **{f"qualifying {by}": _qualifying(by) for by in QUALIFY},
    "points earned": _earning,
    "months after": _after,
    "campaign panel": _audience,
    "trial outcomes": _observed,
    "entrants of a live test": _entrants,
    "realised": lambda m: realised.did(m.events, m.after, 14).sort_index(),
}

if __name__ == "__main__":
    main()
