"""A small market as events, from which panels are built: members who join, buy at their own rate, and stop."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from meaning import meant

from membership.base import engine, seeds
from membership.base.schemas import MEANING
from membership.settings.value import Value
from membership.value import choose, origins, panel, score
from membership.value.panel import Panel

START = date(2020, 1, 1)
STEP = 30  # days from one cut-off to the next
CUTOFFS = [START + timedelta(days=90 + STEP * number) for number in range(6)]  # the last is when members are scored


def purchases(members: int, seed: int = 0, mean_gap_days: float = 12.0) -> pd.DataFrame:
    """Return member_id, day (after `START`) and amount (cents) of each purchase; one member in ten never buys."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(members):
        rate, mean = rng.gamma(1.5, 1 / 1.5 / mean_gap_days), 1000 * np.exp(rng.normal(0, 0.7))
        day, end = rng.uniform(0, 60), rng.exponential(250) + 30
        while number % 10 and day < min(end, 300):
            rows.append((f"m{number:04d}", int(day), max(int(rng.gamma(3, mean / 3)), 1)))
            day += rng.exponential(1 / rate)
    return pd.DataFrame(rows, columns=["member_id", "day", "amount"])


def build(bought: pd.DataFrame, members: int, cutoffs: list[date] = CUTOFFS, settings: Value | None = None) -> Panel:
    """Return the panel of `members` members who bought that, through the events table."""
    everybody = pd.DataFrame({"member_id": [f"m{number:04d}" for number in range(members)]})
    con = engine.connect()
    joined = con.create_table("members", ibis.memtable(everybody))
    return panel.build(events(bought, con), joined, cutoffs, settings=settings)


def events(bought: pd.DataFrame, con: ibis.BaseBackend | None = None) -> ir.Table:
    """Return the events table, in `con`, of those purchases."""
    stamps = pd.Timestamp(START) + pd.to_timedelta(bought["day"] * 24 + 12, unit="h")
    rows = bought.drop(columns="day").assign(
        local_at=stamps.astype("datetime64[us]"), kind="purchase", item_id="i", discount=0
    )
    kinds = dict.fromkeys(["member_id", "kind", "item_id", "order_id", "channel"], "string")
    kinds |= dict.fromkeys(MEANING, "boolean") | {"local_at": "timestamp", "amount": "int64", "discount": "int64"}
    rows = meant(rows).assign(order_id=pd.NA, channel=pd.NA).astype({"order_id": "string", "channel": "string"})
    return (con or engine.connect()).create_table("events", ibis.memtable(rows, schema=kinds))


def scored(known: Panel, p):
    """Return what was fitted, what was chosen, and the table `value`."""
    rolled = origins.roll(known, p.value, p.seed)
    fitted = origins.fit(known, rolled.predictions, p.value, p.seed)
    choice = choose.choose(rolled, p.value, seeds.rng(p.seed, "value.choose"), fitted.refusals)
    errors = score.band(rolled, choice, known.days, p.value)
    chances = at_own_rate(known.now, p.economics.repurchase_days, p.value.horizon_days)
    return fitted, choice, score.table(fitted, choice, errors, known.now, chances, p.value, p.economics, p.seed)


def at_own_rate(now: pd.DataFrame, repurchase_days: int, horizon_days: int) -> pd.DataFrame:
    """Return p_repurchase and p_horizon of members who go on as they did, indexed like the features `now`."""
    rate = (now["purchase_days"] + 0.5) / (now["age_days"] + 30)
    days = {"p_repurchase": repurchase_days, "p_horizon": horizon_days}
    return pd.DataFrame({name: -np.expm1(-rate * span) for name, span in days.items()})
