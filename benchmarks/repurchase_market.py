"""Simulated members whose buying is known: regular, random and clumpy, who stop for good after some purchase.

Gaps are Gamma(k, own rate) with rates Gamma(r, alpha), so that the mean number of purchases a day is the same for
each k; after every purchase, the first too, a member stops with a chance of Beta(a, b). First purchases fall on any
day. Data that are seen late begin `LATE` days after the first members joined. Days are whole, as stages have them:
purchases of one day are one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import goals
from membership.base import seeds
from membership.base.progress import bar
from membership.repurchase import candidates, choose, judge
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings import params
from membership.stats import calibration

REGULARITY = {"regular": 3.0, "random": 1.0, "clumpy": 0.5}  # k
RATE, STOP = (1.5, 12.0), (0.8, 8.0)  # r and mean days of a gap; a and b
SEEN, LATE = 365, 200  # days of history, and of what is left out before it where data are seen late
MEMBERS, DAYS = 1000, 14
CONFIDENCE = 0.95
MODEL = "mbg_cnbd"
_BEGINS = 17_000  # days since 1970


@dataclass(frozen=True)
class Buyers:
    """Every purchase of a market, by member and time."""

    row: np.ndarray  # (n,) the member
    time: np.ndarray  # (n,) days since the market began, not whole

    def known(self, begin: float, end: float) -> "Buyers":
        """Return the purchases from `begin` to before `end`."""
        kept = (self.time >= begin) & (self.time < end)
        return Buyers(self.row[kept], self.time[kept])

    def history(self, members: int) -> PurchaseDays:
        """Return the purchases on whole days; members can be seen from the first of theirs on."""
        table = pd.DataFrame({"row": self.row, "day": np.floor(self.time).astype(np.int64)}).drop_duplicates()
        table = table.sort_values(["row", "day"])
        counts = np.bincount(table["row"], minlength=members)
        starts = np.concatenate([[0], np.cumsum(counts)])
        names = pd.Index([f"m{number:06d}" for number in range(members)], name="member_id")
        day = _BEGINS + table["day"].to_numpy()
        joined = np.where(counts > 0, day[np.minimum(starts[:-1], len(day) - 1)], np.iinfo(np.int32).max)
        every = PurchaseDays(names, joined, starts, day, np.full(len(day), 1000))
        return every.only(counts > 0)


def draw(members: int, k: float, days: float, rng: np.random.Generator) -> Buyers:
    """Return what `members` buy whose first purchases fall within `days`; they are followed for 30 more."""
    r, gap = RATE
    rate, stop = rng.gamma(r, k / (gap * r), members), rng.beta(*STOP, members)
    clock, row = rng.uniform(0, days, members), np.arange(members)
    rows, times = [], []
    while len(row):
        rows.append(row)
        times.append(clock)
        clock = clock + rng.gamma(k, 1.0, len(row)) / rate[row]
        stays = (rng.random(len(row)) >= stop[row]) & (clock < days + 30)
        row, clock = row[stays], clock[stays]
    rows, times = np.concatenate(rows), np.concatenate(times)
    order = np.lexsort((times, rows))
    return Buyers(rows[order], times[order])


def run(seed: int) -> dict:
    """Return `rows`, `reliability` and the goals: of the model that the markets obey, and of what the rule chooses."""
    rows, steps = [], []
    cases = [(kind, late) for late in (0, LATE) for kind in REGULARITY]
    for kind, late in bar(cases, "markets"):
        market = draw(MEMBERS, REGULARITY[kind], late + SEEN, seeds.rng(seed, f"market-{kind}-{late}"))
        history = market.known(late, np.inf).history(MEMBERS)
        found = one(history, _BEGINS + late + SEEN, seed)
        named = {"market": kind, "seen from day": late}
        rows += [named | row for row in found["rows"]]
        steps += [named | row for row in found["reliability"]]
    return {"rows": rows, "reliability": steps, "goals": targets(rows, steps)}


def one(history: PurchaseDays, day: int, seed: int) -> dict:
    """Return `rows` and `reliability` of the model and of the chosen candidate, both fitted on `day`."""
    settings = params.parse(params.read()).repurchase
    known = history.until(day)
    rolled = judge.roll(known, day, DAYS, settings, seed)
    fitted = candidates.stacked(candidates.fit(known, day, settings, seed), settings, rolled.every.past)
    choice = choose.choose(rolled.judged, list(fitted.candidates), settings.confidence)
    seen = judge.observe(fitted, history, [day], DAYS)
    rows, steps = [], []
    for role, name in (("model", MODEL), ("the rule", choice.name)):
        score = judge.scores(seen.came, seen.chances[name], CONFIDENCE)
        table = calibration.reliability(seen.came, seen.chances[name], CONFIDENCE)
        held = table["predicted"].between(table["low"], table["high"])
        rows.append({"role": role, "candidate": name, "steps": len(table), "held": int(held.sum())} | score)
        steps += [{"role": role} | row for row in table.to_dict(orient="records")]
    return {"rows": rows, "reliability": steps}


def targets(rows: list[dict], steps: list[dict]) -> list[dict]:
    """Return the goals: slopes whose interval holds 1, and steps of chance whose interval holds the mean chance."""
    told = []
    for role in ("model", "the rule"):
        mine = [row for row in rows if row["role"] == role]
        held = sum(row["held"] for row in mine) / sum(row["steps"] for row in mine)
        slopes = sum(row["slope_low"] <= 1 <= row["slope_high"] for row in mine)
        told.append(goals.at_least(f"{role}: share of steps of chance that hold the mean chance", held, 0.9))
        told.append(goals.at_least(f"{role}: slopes whose interval holds 1, of {len(mine)}", slopes, len(mine) - 1))
    return told
