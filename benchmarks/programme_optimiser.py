"""The optimisers against brute force: every allocation, and every set of thresholds, of many small random cases.

What brute force enumerates it judges by itself: limits and sums are written out here, not taken from the optimiser. The
thresholds of each case are judged by replaying the rule, where the search adds up sums that it worked out by threshold.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product

import numpy as np
import pandas as pd

from benchmarks import goals
from membership.base import seeds
from membership.base.errors import ParamError
from membership.benefits import allocation
from membership.benefits.payoff import Options
from membership.settings import params
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers
from membership.tiers import thresholds
from membership.tiers.worth import Terms

WITHIN = 0.99
_LIMITED = {"group": ("a", "b")}


def run(seed: int, allocations: int = 400, searches: int = 100) -> dict:
    """Return how far from the best by brute force the optimisers were, at worst, and the goals."""
    settings = params.parse(params.read())
    rng = seeds.rng(seed, "optimiser")
    given = pd.DataFrame(one_allocation(settings.benefits, rng) for _ in range(allocations))
    found = pd.DataFrame(one_search(settings.tiers, rng) for _ in range(searches))
    told = [
        goals.at_least("net of the allocation over the best by brute force, worst case", given["ratio"].min(), WITHIN),
        goals.at_most("cost of the allocation over its budget, worst case", given["over"].max(), 1),
        goals.at_most("other limits broken, cases", int(given["broken"].sum()), 0),
        goals.at_least("net of the thresholds over the best by brute force, worst case", found["ratio"].min(), WITHIN),
        goals.at_most("limits broken by the thresholds, cases", int(found["broken"].sum()), 0),
    ]
    cases = {"allocations": summary(given), "searches": summary(found)}
    return cases | {"goals": told}


def summary(cases: pd.DataFrame) -> dict:
    """Return how many cases there were, how many had an answer, how many met the best exactly, and mean and worst."""
    ratio = cases["ratio"].dropna()
    exact = int((ratio > 1 - 1e-9).sum())
    return {"cases": len(cases), "judged": len(ratio), "exact": exact, "mean": ratio.mean(), "worst": ratio.min()}


def one_allocation(settings: Benefits, rng: np.random.Generator) -> dict:
    """Draw a small case, allocate, and return its net over the best (`ratio`), cost over budget, limits broken."""
    options, facts, limits = small_case(settings, rng)
    best = best_allocation(options, facts, limits)
    try:
        chosen = allocation.allocate(options, facts, limits)
    except ParamError:  # right where brute force, too, finds nothing that could be given
        return {"ratio": 0.0 if best else np.nan, "over": 0.0, "broken": False}
    kept = next(iter(_keeping(chosen.given.ravel()[None], options, facts, limits)))
    best = chosen.net if best is None else best
    ratio = chosen.net / best if best else 1.0
    return {"ratio": ratio, "over": chosen.cost / limits.budget, "broken": not kept}


def small_case(settings: Benefits, rng: np.random.Generator) -> tuple[Options, pd.DataFrame, Benefits]:
    """Draw at most 14 options of 2 to 5 members in two tiers, with a budget for some of them, at times fair ones."""
    members, kinds = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    kinds = min(kinds, 14 // members)
    cost = rng.integers(5, 200, (members, kinds)).astype(float)
    gain = cost * rng.uniform(0.7, 3.0, cost.shape)
    rank = rng.integers(0, 2, members)
    names = np.array([f"m{number}" for number in range(members)])
    allowed = rng.random(cost.shape) < 0.9
    options = Options(names, rank, tuple(f"b{i}" for i in range(kinds)), allowed, cost, gain, 0 * cost)
    group = rng.permutation(np.resize(_LIMITED["group"], members))
    facts = pd.DataFrame({"member_id": names, "tier_rank": rank, "tier": rank.astype(str), "group": group})
    fair = rng.random() < 0.3
    fairness = {
        "attributes": ["group"] if fair else [],
        "min_ratio": rng.uniform(0.2, 0.6) if fair else 0.0,
        "min_group": 1,
    }
    budget = float(np.ceil(cost[allowed].sum() * rng.uniform(0.15, 0.8))) + 1
    changed = {
        "budget": budget,
        "max_per_member": int(rng.integers(1, kinds + 1)),
        "min_tier_share": float(rng.choice([0.0, 0.0, 0.1])),
        "fairness": settings.fairness.model_copy(update=fairness),
    }
    return options, facts, settings.model_copy(update=changed)


def best_allocation(options: Options, facts: pd.DataFrame, limits: Benefits) -> float | None:
    """Return the largest net of all allocations within the limits; None where there is none but giving nothing."""
    every = np.array(list(product([False, True], repeat=options.cost.size)))
    every = every[~(every & ~options.pays.ravel()).any(axis=1)]
    keeping = every[_keeping(every, options, facts, limits)]
    return float((keeping @ options.net.ravel()).max()) if len(keeping) else None


def _keeping(every: np.ndarray, options: Options, facts: pd.DataFrame, limits: Benefits) -> np.ndarray:
    """Return which of the allocations, (cases, members x benefits), keep all limits."""
    given = every.reshape(len(every), *options.cost.shape)
    cost = (given * options.cost).sum(axis=2)  # (cases, members)
    kept = (cost.sum(axis=1) <= limits.budget) & (given.sum(axis=2) <= limits.max_per_member).all(axis=1)
    dearest = np.sort(np.where(options.pays, options.cost, 0.0), axis=1)[:, -limits.max_per_member :].sum(axis=1)
    for _, mine in _parts(facts["tier_rank"]):
        floor = min(limits.min_tier_share * limits.budget, dearest[mine].sum())
        kept &= cost[:, mine].sum(axis=1) >= floor - 1e-9
    for attribute in limits.fairness.attributes:
        each = np.stack([cost[:, mine].mean(axis=1) for _, mine in _parts(facts[attribute])])
        kept &= each.min(axis=0) >= limits.fairness.min_ratio * each.max(axis=0) - 1e-9
    return kept


def _parts(column: pd.Series) -> Iterator[tuple[object, np.ndarray]]:
    return ((name, (column == name).to_numpy()) for name in sorted(column.unique()))


def one_search(settings: Tiers, rng: np.random.Generator) -> dict:
    """Draw a small case, search, and return its net over the best by brute force (`ratio`) and limits broken."""
    amounts, value, terms = small_history(settings, rng)
    grid = thresholds.candidates(amounts, terms.settings)
    every = [judge(combination, amounts, value, terms) for combination in combinations(grid.tolist(), 2)]
    allowed = [rule for rule in every if kept(rule, len(amounts), terms.settings)]
    found = thresholds.search(amounts, value, terms)
    if found.limits.gave_way:  # right where brute force, too, finds no rule
        return {"ratio": 0.0 if allowed else np.nan, "broken": False}
    mine = judge(found.rule.thresholds[1:], amounts, value, terms)
    best = max(rule["net"] for rule in allowed) if allowed else mine["net"]
    scale = max(abs(best), 1.0)
    return {"ratio": 1 - (best - mine["net"]) / scale, "broken": not kept(mine, len(amounts), terms.settings)}


def small_history(settings: Tiers, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, Terms]:
    """Draw what 30 members qualify with in 14 months, three tiers, and limits that bind now and then."""
    members = pd.Index([f"m{number:02d}" for number in range(30)], name="member_id")
    months = pd.date_range("2020-01-01", periods=14, freq="MS")
    typical = rng.lognormal(10, 1, (len(members), 1))
    amounts = np.rint(typical * rng.lognormal(0, 0.35, (len(members), len(months)))).astype("int64")
    value = pd.DataFrame({"member_id": members, "expected_spend": typical[:, 0] * rng.lognormal(0, 0.3, len(members))})
    levels = [
        level.model_copy(update={"uplift": uplift, "cost": cost})
        for level, uplift, cost in zip(settings.levels[:3], (0, *rng.uniform(0, 0.1, 2)), (0, 40, 150), strict=True)
    ]
    limits = {
        "budget": float(rng.uniform(0, 30_000)),
        "max_moves_per_year": float(rng.uniform(0.2, 2)),
        "min_share": float(rng.choice([0.0, 0.1])),
        "candidates": 10,
    }
    changed = {
        "levels": levels,
        "thresholds": None,
        "qualify_by": "spend",
        "points_per_order": 0,
        "grace_months": int(rng.integers(0, 3)),
        "search": settings.search.model_copy(update=limits),
    }
    own = settings.model_copy(update=changed)
    return pd.DataFrame(amounts, members, months), value.assign(expected_orders=1.0), Terms(own, 0.25, 90, 0.2)


def judge(rule: Sequence[int], amounts: pd.DataFrame, value: pd.DataFrame, terms: Terms) -> dict:
    """Return net, cost, moves a year and tier sizes of `rule`, member by member and month by month, as `worth` says."""
    settings, months = terms.settings, amounts.columns
    years = (months[-1] - months[0]).days / 365.25
    net, cost, moves, sizes = 0.0, 0.0, 0, [0] * len(settings.levels)
    for row, spend in zip(amounts.to_numpy(), value["expected_spend"], strict=True):
        ranks = one_member(row, rule, settings)
        moves += sum(abs(now - before) for before, now in pairwise(ranks))
        rank = ranks[-1]
        sizes[rank] += 1
        near = rank < len(rule) and row[-1] >= (1 - settings.pull.reach) * rule[rank]
        level, entry = settings.levels[rank], settings.levels[0]
        extra = level.uplift + settings.pull.uplift * near
        points = spend / 100 * settings.points_per_unit * (level.points_multiplier * (1 + extra) - 1)
        due = (level.cost - entry.cost) * terms.months + points * settings.point_value * (1 - terms.breakage)
        net, cost = net + terms.margin_rate * extra * spend - due, cost + due
    return {"rule": rule, "net": net, "cost": cost, "moves": moves / years / len(amounts), "sizes": sizes}


def one_member(amounts: Sequence[int], rule: Sequence[int], settings: Tiers) -> list[int]:
    """Return the rank of one member at each month: up at once, down by the number of short months in a row."""
    rank, short, ranks = 0, [0] * len(rule), []
    for amount in amounts:
        low = [amount < (1 - settings.grace_share) * threshold for threshold in rule]
        short = [count + 1 if below else 0 for count, below in zip(short, low, strict=True)]
        while rank and short[rank - 1] > settings.grace_months:
            rank -= 1
        rank = max(rank, sum(amount >= threshold for threshold in rule))
        ranks.append(rank)
    return ranks


def kept(rule: dict, members: int, settings: Tiers) -> bool:
    """Return whether a judged rule keeps budget, moves, least sizes and distance of the search."""
    limits, (low, high) = settings.search, rule["rule"]
    inside = rule["cost"] <= limits.budget * (1 + 1e-9) and rule["moves"] <= limits.max_moves_per_year * (1 + 1e-9)
    apart = low < (1 - settings.pull.reach) * high
    return bool(inside and apart and min(rule["sizes"][1:]) >= limits.min_share * members)
