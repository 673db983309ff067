"""One event in, one forecast out: how long the stored forecast takes for one member, in this process.

Reads what `dvc repro` has made of the default data. A member's days, with an order on the last day before as_of as the
event that has just come in, become purchase days, a rhythm, and P(order within 7, 14 and 30 days).
"""

import time

import numpy as np
import pandas as pd

from benchmarks import goals
from membership.base import engine, paths, seeds, stored, tables
from membership.repurchase import candidates, purchase_days
from membership.repurchase.score import Forecast
from membership.settings import params

REQUESTS, MS = 500, 50.0
DAYS = (7, 14, 30)


def run(seed: int) -> dict:
    """Return what REQUESTS forecasts of one random member each take, in milliseconds, and the goal: 99 % of them."""
    p = params.parse(params.read())
    forecast = stored.load(paths.models("repurchase"), (*candidates.STORED, Forecast))
    days = purchase_days.active_days(engine.load(engine.connect(), "events"), p.windows.as_of).to_pandas()
    joined = tables.read("members").set_index("member_id")["joined_at"]
    asked = seeds.rng(seed, "repurchase-served").choice(joined.index.to_numpy(), REQUESTS)
    of_member = dict(tuple(days.groupby("member_id")))
    day = purchase_days.number(p.windows.as_of)
    taken = []
    for member in [*asked[:5], *asked]:  # the first answers load what later ones find loaded
        known, since = of_member.get(member, days.iloc[:0]), joined.loc[[member]]
        wall, cpu = time.perf_counter(), time.process_time()
        history = purchase_days.of(_ordered(known, member, day - 1), since, p.windows.start)
        forecast.chances(history, day, DAYS)
        taken.append((1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)))
    cpu, wall = np.array(taken[5:]).T
    told = [
        goals.at_most(f"CPU ms of a forecast, 99th percentile of {REQUESTS}", np.quantile(cpu, 0.99), MS),
        goals.told("the same, median", np.median(cpu)),
        goals.told("wall ms of a forecast, 99th percentile", np.quantile(wall, 0.99)),
        goals.told("the same, median", np.median(wall)),
    ]
    return {"model": type(forecast.model).__name__, "cpu_ms": cpu.tolist(), "wall_ms": wall.tolist(), "goals": told}


def _ordered(days: pd.DataFrame, member: str, day: int) -> pd.DataFrame:
    """Return the days of `member` with an order of 20.00 on `day`."""
    order = {"member_id": member, "day": day, "spend": 2000, "bought": True, "visited": False, "active": False}
    return pd.concat([days[days["day"] != day], pd.DataFrame([order])], ignore_index=True)
