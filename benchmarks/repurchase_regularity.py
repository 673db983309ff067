"""How often 95 % intervals of MBG/CNBD-k hold the true regularity k, on simulated markets of 1,000 members.

Markets are those of `repurchase_market`, seen whole. Intervals are Wald's, of the logarithm of k. With times as they
are the model is true, and the goal is that of 400 fair draws. On whole days, where purchases of one day are one, the
likelihood of whole days is an approximation; how often its intervals hold is told, not asked.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import goals
from benchmarks.repurchase_market import REGULARITY, SEEN, Buyers, draw
from membership.base import files, seeds
from membership.base.progress import bar
from membership.lifetimes.mbg_cnbd import SUMS, MbgCnbd

MEMBERS, CONFIDENCE = 1000, 0.95
ROUNDED = 10  # of so many markets, one is also read on whole days
_APART = 0.01 / 25  # chance that intervals which hold what they promise leave the band
_SAVED = 20  # markets after which the file is written


def run(seed: int, count: int, out: Path) -> dict:
    """Return `markets` (times, market, number, value, low, high), `rows`, one a kind and times, and the goals.

    `count` markets of each kind; those that `out` already has stay, so that a run that was ended goes on.
    """
    before = files.read_json(out) if out.exists() else {}
    markets = before.get("regularity", {}).get("markets", [])
    done = {(row["times"], row["market"], row["number"]) for row in markets}
    plan = [
        key for number in range(count) for kind in REGULARITY for times in ("as they are", "whole days")
        if (key := (times, kind, number)) not in done and (times != "whole days" or number % ROUNDED == 0)
    ]  # fmt: skip
    for step, (times, kind, number) in enumerate(bar(plan, "regularity")):
        markets.append(one(times, kind, number, seed))
        if step % _SAVED == 0:
            files.write_json(out, before | {"regularity": summed(markets)})
    return summed(markets)


def one(times: str, kind: str, number: int, seed: int) -> dict:
    """Return k and its interval in market `number` of a kind, the same however many are drawn."""
    rng = seeds.rng(seed, f"regularity-{kind}-{number}")
    known = draw(MEMBERS, REGULARITY[kind], SEEN, rng).known(0, SEEN)
    rounded = times == "whole days"
    seen = on_whole_days(known) if rounded else known
    found = MbgCnbd.fit(features(seen, SEEN), whole_days=rounded).estimate.table(CONFIDENCE).loc["k"]
    return {"times": times, "market": kind, "number": number} | found[["value", "low", "high"]].to_dict()


def on_whole_days(buyers: Buyers) -> Buyers:
    """Return purchases on whole days, those of one day as one."""
    days = pd.DataFrame({"row": buyers.row, "day": np.floor(buyers.time)}).drop_duplicates()
    return Buyers(days["row"].to_numpy(), days["day"].to_numpy())


def features(buyers: Buyers, end: float) -> pd.DataFrame:
    """Return what the model reads, of purchases in the order of members and times."""
    table = pd.DataFrame({"row": buyers.row, "time": buyers.time})
    of_member = table.groupby("row")["time"]
    first, last = of_member.min(), of_member.max()
    gaps = of_member.diff().clip(lower=1e-9)  # clumpy gaps may be shorter than the clock can tell
    terms = zip(SUMS, (np.log(gaps), 1 / gaps, 1 / gaps**2), strict=True)
    sums = {name: term.groupby(table["row"]).sum() for name, term in terms}
    columns = {"frequency": of_member.size() - 1, "recency_days": last - first, "age_days": end - first}
    return pd.DataFrame(columns | sums)


def summed(markets: list[dict]) -> dict:
    """Return the markets, how often the truth was held, and the goals."""
    rows = []
    for (times, kind), part in pd.DataFrame(markets).groupby(["times", "market"], sort=False):
        k = REGULARITY[kind]
        held = int(((part["low"] <= k) & (k <= part["high"])).sum())
        named = {"times": times, "market": kind, "truth": k, "markets": len(part)}
        rows.append(named | {"held": held, "mean": float(part["value"].mean())})
    told = []
    for row in rows:
        low, high = stats.binom.interval(1 - _APART, row["markets"], CONFIDENCE)
        name = f"k = {row['truth']:g}, times {row['times']}: intervals that hold it, of {row['markets']}"
        asked = row["times"] == "as they are"
        told.append(goals.between(name, row["held"], low, high) if asked else goals.told(name, row["held"]))
    return {"markets": markets, "rows": rows, "goals": told}
