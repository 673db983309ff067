"""A million members: 24 months of tiers, points and moves replayed, and six benefits allocated, in a fresh process.

`python -m benchmarks.programme_speed MEMBERS SEED` is one measurement and prints one JSON object: seconds of wall and
of CPU (imports and drawing the market left out) for each step, and the peak memory of the whole process, imports and
the market included. The process has the machine's cores to itself but one thread of linear algebra.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks import fresh, goals
from membership.base import files, seeds
from membership.benefits import allocation, payoff
from membership.campaigns import reaction
from membership.settings import params
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers
from membership.tiers import points, rules, thresholds
from membership.tiers.qualifying import CENTS
from membership.tiers.worth import Terms

SIZES = (10_000, 100_000, 1_000_000)
JUDGED = 1_000_000
SECONDS, MIB = 60.0, 4096.0
MONTHS = 24
READ = 20_000  # members on whom the assumed uplifts are read
PERSONAS, STAGES, GROUPS = 6, ("active", "loyal", "at_risk"), 4


def run(seed: int, sizes: Sequence[int] = SIZES) -> dict:
    """Return `rows`, one a number of members, with seconds of each step, and the goals at 1,000,000 members."""
    rows = [fresh.measure("benchmarks.programme_speed", members, seed) for members in sizes]
    return {"rows": rows, "goals": targets(rows)}


def targets(rows: Sequence[dict]) -> list[dict]:
    """Return the goals of what was measured at 1,000,000 members; none where that was not measured."""
    judged = [row for row in rows if row["members"] == JUDGED]
    return [
        goal
        for row in judged
        for goal in (
            goals.at_most("replay and allocation of 1,000,000 members, wall s", row["wall_s"], SECONDS),
            goals.at_most("the same, peak MiB", row["peak_mib"], MIB),
        )
    ]


def figure(rows: Sequence[dict], path: Path) -> None:
    """Draw CPU seconds of each step and peak memory against members, as an SVG file."""
    table = pd.DataFrame(rows).sort_values("members")
    steps = pd.DataFrame([row["steps"] for row in rows], index=[row["members"] for row in rows]).sort_index()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "programme", "font.size": 9}):
        drawing, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for name, seconds in steps.items():
            axes[0].loglog(steps.index, seconds, marker="o", markersize=4, label=name)
        axes[0].loglog(table["members"], table["cpu_s"], "k--", marker="o", markersize=4, label="all")
        axes[1].semilogx(table["members"], table["peak_mib"], marker="o", markersize=4, color="black")
        for ax, label in zip(axes, ("CPU seconds", "peak memory, MiB"), strict=True):
            ax.set(xlabel="members", ylabel=label)
            ax.grid(alpha=0.3)
        axes[0].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        axes[1].set_ylim(bottom=0)
        drawing.suptitle(f"Replay of {MONTHS} months and allocation of six benefits")
        with files.whole(path) as temporary:
            drawing.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(drawing)


@dataclass(frozen=True)
class Drawn:
    """A market as the replay takes it: whole cents of spend, members x months, and what allocation asks of members."""

    spend: pd.DataFrame
    facts: pd.DataFrame
    value: pd.DataFrame


def draw(members: int, seed: int) -> Drawn:
    """Draw monthly spend of `members`: gamma rates, whole orders of gamma amounts; personas, stages and two groups."""
    rng = seeds.rng(seed, f"programme-speed-{members}")
    rate, amount = rng.gamma(1.5, 2.0, members).astype("float32"), rng.lognormal(8.0, 0.5, members).astype("float32")
    spend = np.empty((members, MONTHS), dtype="int32", order="F")
    for month in range(MONTHS):
        orders = rng.poisson(rate)
        spend[:, month] = rng.standard_gamma(2.0 * orders, dtype="float64") * amount / 2
    ids = pd.Index(np.char.add("m", np.char.zfill(np.arange(members).astype("U8"), 8)), name="member_id", dtype="str")
    months = pd.date_range("2020-01-01", periods=MONTHS, freq="MS")
    facts = {
        "member_id": ids,
        "persona": _one_of([f"persona {number}" for number in range(PERSONAS)], members, rng),
        "stage": _one_of(STAGES, members, rng),
        "expected_spend": (3 * rate * amount).astype(float),
        "expected_orders": (3 * rate).astype(float),
        "chance": -np.expm1(-rate.astype(float) / 2),  # of an order within half a month
        **{name: _one_of([f"{name} {number}" for number in range(GROUPS)], members, rng) for name in ("age", "income")},
    }
    table = pd.DataFrame(facts)
    return Drawn(
        pd.DataFrame(spend, ids, months, copy=False), table, table[["member_id", "expected_spend", "expected_orders"]]
    )


def one(members: int, seed: int) -> dict:
    """Return what replay and allocation of `members` take in this process: members, seconds, peak, what came out."""
    p = params.parse(params.read())
    drawn, clock = draw(members, seed), fresh.Clock()
    scale = members / 2469  # the budgets of params.yaml are for the members of the default data
    search_limits = p.tiers.search.model_copy(update={"budget": p.tiers.search.budget * scale})
    terms = Terms(
        p.tiers.model_copy(update={"search": search_limits}),
        p.economics.margin_rate,
        p.value.horizon_days,
        1 - p.tiers.redeem_share,
    )
    settings = p.benefits.model_copy(update={"budget": p.benefits.budget * scale})
    amounts = clock.take("qualifying", lambda: rolling(drawn.spend, round(p.tiers.qualifying_days / 30)))
    found = clock.take("search", lambda: thresholds.search(amounts, drawn.value, terms, MONTHS // 2))
    ranks = clock.take("replay", lambda: rules.replay(amounts, found.rule))
    moves = clock.take("moves", lambda: rules.moves(ranks))
    last = clock.take("points", lambda: balance(drawn.spend, ranks, terms.settings, seed))
    rank = ranks.iloc[:, -1].to_numpy().astype(int)
    facts = drawn.facts.assign(tier_rank=rank, tier=pd.Categorical.from_codes(rank, categories=found.rule.names))
    given = clock.take("allocation", lambda: allocate(facts, settings, terms))
    came_out = {
        "moves": int(moves.to_numpy().sum()),
        "points": int(last),
        "benefits": int(given.given.sum()),
        "cost_over_budget": given.cost / settings.budget,
        "gap": given.gap,
    }
    return {"members": members, **clock.sums(), "steps": clock.steps, "found": came_out}


def rolling(spend: pd.DataFrame, months: int) -> pd.DataFrame:
    """Return the sums of spend over the last `months` months, int64 cents, in the shape of `spend`."""
    values = spend.to_numpy()
    total = np.empty(values.shape, dtype="int64", order="F")
    running = np.zeros(len(values), dtype="int64")
    for month in range(values.shape[1]):
        running += values[:, month]
        if month >= months:
            running -= values[:, month - months]
        total[:, month] = running
    return pd.DataFrame(total, spend.index, spend.columns, copy=False)


def multiplied(base: pd.DataFrame, ranks: pd.DataFrame, settings: Tiers) -> pd.DataFrame:
    """Return the points that each month's `base` points bring at the multiplier of the tier in which it began.

    For books from monthly totals, each of which counts as one order; rounded down.
    """
    multiplier = np.array([level.points_multiplier for level in settings.levels])
    total = np.empty(base.shape, dtype="int32", order="F")
    for month in range(base.shape[1]):
        began = ranks.iloc[:, month - 1].to_numpy() if month else np.zeros(len(base), dtype="int8")
        total[:, month] = np.floor(base.iloc[:, month].to_numpy() * multiplier[began] + 1e-9)
    return pd.DataFrame(total, base.index, base.columns, copy=False)


def balance(spend: pd.DataFrame, ranks: pd.DataFrame, settings: Tiers, seed: int) -> int:
    """Keep the books of points of all months and return how many are outstanding at the end."""
    base = pd.DataFrame(spend.to_numpy() // CENTS, spend.index, spend.columns, copy=False)
    earned = multiplied(base, ranks, settings)
    none = pd.DataFrame(np.zeros(spend.shape, dtype="int8", order="F"), spend.index, spend.columns, copy=False)
    claim = points.vouchers(points.redeemers(len(spend), settings, seed), settings.redeem_at)
    return int(points.keep(earned, none, claim, settings.points_expire_days).last.sum())


def allocate(facts: pd.DataFrame, settings: Benefits, terms: Terms) -> allocation.Allocation:
    """Allocate the benefits of the catalogue as they are assumed, in all tiers, personas and groups."""
    reacting = params.parse(params.read()).campaigns.reaction
    told = reaction.prior(settings.catalogue, facts.iloc[:READ], reacting, names=("intercept", "log_odds"))
    setting = payoff.Setting(facts, settings, terms.margin_rate, told, terms.points_share)
    return allocation.allocate(setting.options(), facts, settings)


def _one_of(names: Sequence[str], members: int, rng: np.random.Generator) -> pd.Categorical:
    return pd.Categorical.from_codes(rng.integers(0, len(names), members).astype("int8"), categories=list(names))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
