"""Does the loop pay? Try, learn, allocate over twelve months: `python -m benchmarks.loop --out JSON`.

Markets with known responses (`loop_market`), policies with equal budgets (`loop_policies`), judged month by month by
true incremental orders and true net margin: what is expected of a month, given who has which benefit and how often
before, less what the same members bring without. Seeds 1 to 20 are the report; develop on 1001 and later.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import goals, loop_market, loop_policies
from benchmarks.loop_market import BEFORE, MONTHS, World
from membership.base import files, seeds
from membership.base.progress import bar

MEMBERS = 10_000
SEEDS = range(1, 21)
SETTLED = 5  # months after which ours is compared with the oracle
SHARE, MOONSHOT, BETTER, LOSS = 0.8, 0.9, 0.9, 0.02
NOTHING, TODAY, OURS, ORACLE = "nothing", "today", "ours", "oracle"


def one(seed: int, members: int, names=tuple(loop_policies.POLICIES), months: int = MONTHS) -> dict:
    """Return for each policy its months, on the market of `seed`, with the margin without benefits and the budget."""
    began, market = time.process_time(), loop_market.draw(members, seed)
    margin = loop_market.MARGIN * (market.chance * market.usual * market.amount[:, None])[:, BEFORE:].sum(axis=0)
    budget = loop_market.BUDGET * float(margin.mean())  # that of a year, however many months are lived
    rows = []
    for name in names:
        world = World.begin(market)
        policy = loop_policies.POLICIES[name](budget, seeds.child(seed, f"loop {name}"))
        for number in range(months):
            given = policy.choose(world)
            found = world.step(given)
            policy.watch(world)
            rows.append({"policy": name, "month": number + 1, **found})
    works = bool(np.any(market.shift))
    total = {
        "margin": float(margin[:months].sum()),
        "budget": budget,
        "works": works,
        "cpu_s": time.process_time() - began,
    }
    return {"seed": seed, "members": members, **total, "rows": rows}


def table(parts: list[dict]) -> pd.DataFrame:
    """Return all months: seed, works, policy, month, orders, net (cents), cost (cents), given (share), margin."""
    keys = ("seed", "works", "margin", "budget")
    return pd.concat([pd.DataFrame(part["rows"]).assign(**{key: part[key] for key in keys}) for part in parts])


def by_policy(found: pd.DataFrame) -> pd.DataFrame:
    """Return means over the markets where something works: net of all months and of the settled ones over the oracle's.

    Columns net (share of the margin without benefits), late, over_oracle, late_over_oracle, orders (a month), spent.
    """
    found = found[found["works"]]
    late = found[found["month"] > SETTLED]
    whole = found.groupby("policy")["net"].sum() / found.drop_duplicates(["seed"])["margin"].sum()
    tail = late.groupby("policy")["net"].sum()
    columns = {
        "net": whole,
        "over_oracle": whole / whole[ORACLE],
        "late_over_oracle": tail / tail[ORACLE],
        "orders": found.groupby("policy")["orders"].mean(),
        "spent": found.groupby("policy")["cost"].mean() / found["budget"].mean(),
    }
    order = [name for name in loop_policies.POLICIES if name in whole.index]
    return pd.DataFrame(columns).loc[order]


def regret(found: pd.DataFrame) -> pd.DataFrame:
    """Return by month and policy how far its net is below the oracle's, as a share of that, all markets together."""
    net = found[found["works"]].pivot_table(index="month", columns="policy", values="net", aggfunc="sum")
    return 1 - net.div(net[ORACLE], axis=0)


def targets(found: pd.DataFrame) -> list[dict]:
    """Return the goals; ratios are of sums over months, by market, then averaged."""
    late = found[found["month"] > SETTLED].pivot_table(index="seed", columns="policy", values="net", aggfunc="sum")
    whole = found.pivot_table(index="seed", columns="policy", values="net", aggfunc="sum")
    each = found.drop_duplicates("seed").set_index("seed")
    works, null = each.index[each["works"]], each.index[~each["works"]]
    share = (late[OURS] / late[ORACLE])[works]
    shrinks = regret(found)[OURS]
    beats = (whole[OURS] > whole[TODAY]).mean()
    told = [
        goals.at_least(f"net of ours over the oracle's, months {SETTLED + 1} on, mean", share.mean(), SHARE),
        goals.at_least("the same, moonshot", share.mean(), MOONSHOT),
        goals.told("the same, worst market", share.min()),
        goals.at_least("share of markets in which ours nets more than today's", beats, BETTER),
        goals.above(
            "regret of ours: first three months less last three", shrinks.iloc[:3].mean() - shrinks.iloc[-3:].mean(), 0
        ),
    ]
    if len(null):
        loss = (-whole[OURS] / each["margin"])[null].max()
        of_today = (whole[OURS] / whole[TODAY])[null].max()
        told.append(goals.at_most("where nothing works: loss of ours over the margin, worst market", loss, LOSS))
        told.append(goals.told("the same over the loss of today's, worst market", of_today))
    return told


def main() -> None:
    """Run the seeds that the JSON lacks, write it after each, print the table and the goals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add seeds to")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--policies", nargs="+", choices=loop_policies.POLICIES, default=list(loop_policies.POLICIES))
    given = parser.parse_args()
    kept = files.read_json(given.out)["parts"] if given.out.exists() else []
    parts = {part["seed"]: part for part in kept}
    for seed in bar([seed for seed in given.seeds if seed not in parts], "markets"):
        parts[seed] = one(seed, given.members, given.policies)
        files.write_json(given.out, {"parts": [parts[key] for key in sorted(parts)]})
    found = table([parts[key] for key in sorted(parts)])
    rows = targets(found) if {OURS, TODAY, ORACLE} <= set(given.policies) else []
    files.write_json(given.out, {"parts": [parts[key] for key in sorted(parts)], "goals": rows})
    cpu = sum(part["cpu_s"] for part in parts.values())
    shown = (by_policy(found), regret(found).T, pd.DataFrame(rows))
    sys.stdout.write("\n\n".join(one.round(3).to_string() for one in shown) + f"\n{cpu:.0f} CPU s\n")


if __name__ == "__main__":
    main()
