"""A million members of 20 orders each: fitting every candidate for the next order, and scoring all members.

`python -m benchmarks.repurchase_speed TASK MEMBERS SEED` is one measurement and prints one JSON object: CPU seconds of
each step, with imports and drawing the members left out, and the peak memory of the whole process, members included.
TASK is fit, all candidates as they are fitted by default, or the name of a candidate that scores: P(order within 7, 14
and 30 days) of everybody, their rhythm included; it was fitted on a few thousand of them.
"""

import json
import sys

import numpy as np
import pandas as pd

from benchmarks import fresh, goals
from membership.base import seeds
from membership.repurchase import candidates, lessons, rhythm
from membership.repurchase.purchase_days import PurchaseDays
from membership.repurchase.score import Forecast
from membership.repurchase.stack import Stack
from membership.settings import params
from membership.settings.repurchase import Repurchase

MEMBERS, ORDERS = 1_000_000, 20
FIT_S, SCORE_S, MIB = 60.0, 10.0, 3072.0
SCORED = ("hazard", "boosted", "stack")
STACKED = ("mbg_cnbd", "logistic", "boosted", "hazard")  # parts, in equal weights
DAYS = (7, 14, 30)
_FITTED_ON = {"members": 5000, "rows": 20_000}  # of the candidates that score: neither changes their size
BEGINS, SEEN = 17_000, 600  # days since 1970; days from the first to the day of scoring


def run(seed: int, members: int = MEMBERS) -> dict:
    """Return `rows`, one a task, with CPU seconds of each step, and the goals."""
    tasks = ("fit", *SCORED)
    rows = [fresh.measure("benchmarks.repurchase_speed", task, members, seed) for task in tasks]
    told = []
    for row in rows:
        what = "fit of all candidates" if row["task"] == "fit" else f"scoring with {row['task']}"
        told.append(goals.at_most(f"{what}, CPU s", row["cpu_s"], FIT_S if row["task"] == "fit" else SCORE_S))
        told.append(goals.at_most(f"{what}, peak MiB", row["peak_mib"], MIB))
    return {"rows": rows, "goals": told}


def draw(members: int, rng: np.random.Generator) -> PurchaseDays:
    """Return members who joined on any day of the first third and have each bought on 20 days, at a pace of their own.

    All their days lie before the day of scoring; a fifth of the members has long stopped by then.
    """
    joined = BEGINS + rng.integers(0, SEEN // 3, members)
    pace = rng.gamma(2.0, 0.5, members) * np.where(rng.random(members) < 0.2, 0.3, 1.0)
    gaps = 1 + rng.poisson(np.repeat(10 * pace, ORDERS).clip(max=18)).reshape(members, ORDERS)
    gaps[:, 0] -= 1
    days = joined[:, None] + np.cumsum(gaps, axis=1)
    days -= np.maximum(days[:, -1:] - (BEGINS + SEEN - 1), 0)
    names = pd.Index([f"m{number:07d}" for number in range(members)], name="member_id")
    spend = rng.integers(100, 10_000, members * ORDERS)
    starts = np.arange(members + 1) * ORDERS
    return PurchaseDays(names, np.minimum(joined, days[:, 0]), starts, days.ravel(), spend)


def fit(history: PurchaseDays, day: int, settings: Repurchase, seed: int, clock: fresh.Clock) -> None:
    """Fit what `candidates.fit` fits, step by step."""
    known = clock.take("what was known", lambda: history.until(day))
    now = clock.take("rhythm", lambda: rhythm.at(known, day)[known.present(day)])
    taught = clock.take("lessons", lambda: lessons.of(known, day, settings))
    for name in settings.candidates:
        if name != "stack":
            clock.take(name, lambda name=name: candidates._one(name, known, now, day, lambda: taught, settings, seed))


def scorer(name: str, history: PurchaseDays, day: int, settings: Repurchase, seed: int) -> Forecast:
    """Return the forecast of the candidate `name`, fitted on evenly spread members."""
    few = history.every(-(-len(history.members) // _FITTED_ON["members"]))
    needed = list(STACKED) if name == "stack" else [name]
    fewer = settings.model_copy(update={"candidates": needed, "most_rows": _FITTED_ON["rows"]})
    fitted = candidates.fit(few, day, fewer, seed).candidates
    parts = tuple(fitted.values())
    model = Stack(parts, np.full(len(parts), 1 / len(parts))) if name == "stack" else parts[0]
    return Forecast.of(model, few, day)


def _main(task: str, members: int, seed: int) -> None:
    settings = params.parse(params.read()).repurchase
    history, day = draw(members, seeds.rng(seed, "repurchase-speed")), BEGINS + SEEN
    clock = fresh.Clock()
    if task == "fit":
        fit(history, day, settings, seed, clock)
    else:
        forecast = scorer(task, history, day, settings, seed)
        clock.take("scoring", lambda: forecast.chances(history, day, DAYS))
    row = {"task": task, "members": members, "steps": clock.steps} | clock.sums()
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
