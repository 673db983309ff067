"""Thresholds found by search: those that bring most within a budget and a limit of moves, exactly on a grid.

A member's rank is the sum of automata, one a threshold (see `tiers`), so gain, cost and moves of a rule are sums over
its levels of functions of that level's threshold alone. For every candidate amount the replay is run once; what the
members in it or just below it spend, collect and how often they move is its row of the `curve`. A rule is then one
candidate a level: binary x[l, c], and

    max  sum net[l, c] x[l, c]     s. t.  sum cost x <= budget,  sum moves x <= limit,  sum_c x[l, c] = 1,
         members in each tier at least min_share, and each threshold above the one before by more than `pull.reach`,

so that whoever is just below one threshold has reached the one before and is pulled once. That is a small integer
programme, solved by HiGHS to optimality: no rule on the grid is better. Where no rule keeps all limits, those give way
that must, by as little as possible, and it is told which. The net is linear in the uplifts, so the rule with the most
net at their means is the one with the most expected net over all that they may be.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.base.errors import NotPossible, ParamError
from membership.settings.tiers import Tiers
from membership.stats import ranges
from membership.tiers import rules, worth
from membership.tiers.ladder import Ladder, Limits
from membership.tiers.rules import Rule
from membership.tiers.worth import Appraisal, Terms

_EQUAL = 1e-7  # share of the largest net of any level within which rules count as equally good


@dataclass(frozen=True)
class Choices:
    """What there is to choose from: for each level above the entry tier, arrays (levels, candidates)."""

    curve: pd.DataFrame  # see `curve`
    terms: Terms
    members: int

    @property
    def thresholds(self) -> np.ndarray:
        """The candidates, rising."""
        return self.curve["threshold"].to_numpy()

    @property
    def gain(self) -> np.ndarray:
        """Cents of extra margin of the step up to a level, and of the pull towards it."""
        step, pull = np.diff(self.terms.levels("uplift")), self.terms.settings.pull.uplift
        spend, near = self.curve["spend"].to_numpy(), self.curve["near_spend"].to_numpy()
        return self.terms.margin_rate * (step[:, None] * spend + pull * near)

    @property
    def cost(self) -> np.ndarray:
        """Cents that the step up to a level costs."""
        terms, pull = self.terms, self.terms.settings.pull.uplift
        multiplier = terms.levels("points_multiplier")
        points = np.diff(multiplier * (1 + terms.levels("uplift")))[:, None] * self.curve["points"].to_numpy()
        points += (multiplier[:-1] * pull)[:, None] * self.curve["near_points"].to_numpy()
        lasting = np.diff(terms.levels("cost"))[:, None] * terms.months * self.curve["members"].to_numpy()
        return lasting + terms.point_cost * points

    def sd(self, chosen: np.ndarray) -> float:
        """Return the standard deviation of the net with `chosen` (levels,) candidates: see `Appraisal.spread`."""
        terms, at = self.terms, self.curve.iloc[chosen]
        multiplier, sds = terms.levels("points_multiplier"), terms.levels("uplift_sd")[1:]
        inside = [at[name].to_numpy() - np.r_[at[name].to_numpy()[1:], 0] for name in ("spend", "points")]
        own = (terms.margin_rate * inside[0] - terms.point_cost * multiplier[1:] * inside[1]) * sds
        pull = terms.margin_rate * at["near_spend"] - terms.point_cost * multiplier[:-1] * at["near_points"]
        spread = [0.0, *own, pull.sum() * terms.settings.pull.uplift_sd]
        return float(ranges.sd(spread, correlation=terms.correlation))

    def ladder(self) -> Ladder:
        """Return the limits of the choice as an integer programme."""
        settings = self.terms.settings
        least = int(np.ceil(settings.search.min_share * self.members))
        moves, members = self.curve["moves"].to_numpy(), self.curve["members"].to_numpy(dtype=float)
        return Ladder(self.thresholds, self.cost, moves, members, least, settings.pull.reach)


@dataclass(frozen=True)
class Search:
    """The thresholds found (or, where `settings` lists them, given), and how good they are."""

    rule: Rule
    appraisal: Appraisal
    bound: float  # cents of net that no rule on the grid exceeds within the limits
    choices: Choices
    limits: Limits

    @property
    def gap(self) -> float:
        """Share of the bound by which the rule may be below the best one."""
        return max(0.0, (self.bound - self.appraisal.net) / self.bound) if self.bound > 0 else 0.0


def candidates(amounts: pd.DataFrame, settings: Tiers) -> np.ndarray:
    """Return amounts to try as thresholds, rising: quantiles of the last month's positive amounts, rounded.

    With `search.min_share` 0 a tier may be empty: amounts that nobody has ever reached or come near are added, one a
    level. Where nobody has anything that qualifies, these are all there are: everybody stays in the entry tier.
    """
    last, step = amounts.iloc[:, -1].to_numpy(), settings.search.round_to
    positive = last[last > 0]
    if len(positive):
        shares = np.linspace(0, 1, settings.search.candidates + 2)[1:-1]
        rounded = np.floor(np.quantile(positive, shares) / step + 0.5).astype("int64") * step
        found = np.unique(np.maximum(rounded, step))
    else:
        found = np.array([step], dtype="int64")
    if settings.search.min_share == 0 or not len(positive):
        top = max(int(amounts.to_numpy().max()), int(found[-1]))
        for _ in settings.levels[1:]:
            top = (int(top / (1 - settings.pull.reach)) // step + 1) * step
            found = np.r_[found, top]
    return found


def curve(amounts: pd.DataFrame, value: pd.DataFrame, grid: np.ndarray, terms: Terms, settled: int = 0) -> pd.DataFrame:
    """Return one row a candidate of `grid`: what the members in it (or above) and near it add up to.

    Columns threshold; members, spend (expected cents over the horizon) and points (expected base points) of those who
    are in it in the last month; near_spend and near_points of those not in it but within `pull.reach` below it; moves
    (into it and out of it, a member and year, from column `settled` on).
    """
    settings, values, rows = terms.settings, amounts.to_numpy(), []
    future = worth.expected(value, amounts)
    spend, points = future["expected_spend"].to_numpy(), worth.base_points(future, settings)
    times = rules.yearly(amounts.columns, settled) / max(len(values), 1)
    for threshold in grid:
        moved, before = 0, None
        for month, inside in enumerate(rules.automaton(values, threshold, settings.grace_share, settings.grace_months)):
            moved += int((inside != before).sum()) if month > settled else 0
            before = inside.copy()
        near = ~before & (values[:, -1] >= (1 - settings.pull.reach) * threshold)
        rows.append(
            (threshold, before.sum(), spend @ before, points @ before, spend @ near, points @ near, moved * times)
        )
    columns = ["threshold", "members", "spend", "points", "near_spend", "near_points", "moves"]
    return pd.DataFrame(rows, columns=columns)


def search(amounts: pd.DataFrame, value: pd.DataFrame, terms: Terms, settled: int = 0) -> Search:
    """Return the rule that is expected to bring most within the limits of `tiers.search`, and how it was found.

    `amounts`: what qualifies, by month (index member_id); `value`: member_id, expected_spend, expected_orders. Of
    rules that bring the same, the one with the lowest thresholds. Where `tiers.thresholds` lists them, they are used,
    whatever the limits. Limits that no rule keeps give way: see `Ladder.nearest`. Raises NotPossible where there are
    fewer members than tiers or nobody has spent anything, ParamError where thresholds are all in each other's reach.
    """
    settings = terms.settings
    if len(amounts) < len(settings.levels):
        raise NotPossible(
            f"tiers: {len(settings.levels)} tiers for {len(amounts)} members; allowed: at most as many tiers as "
            "members. Remove levels in tiers.levels of params.yaml."
        )
    grid = np.union1d(candidates(amounts, settings), np.array(settings.thresholds or [], dtype="int64"))
    choices = Choices(curve(amounts, value, grid, terms, settled), terms, len(amounts))
    asked = settings.search
    limits = Limits(asked.budget, asked.max_moves_per_year, int(np.ceil(asked.min_share * len(amounts))))
    thresholds, bound = settings.thresholds, np.nan
    if not thresholds:
        thresholds, bound, limits = best(choices)
    rule = rules.rule(settings, thresholds)
    return Search(rule, worth.appraise(rule, amounts, value, terms, settled), bound, choices, limits)


def best(choices: Choices) -> tuple[list[int], float, Limits]:
    """Return the thresholds that bring most within the limits, the bound (cents) that no others exceed, and the limits.

    Where no rule keeps those of `tiers.search`, the nearest ones. Raises ParamError where there is no rule at all.
    """
    asked, ladder, net = choices.terms.settings.search, choices.ladder(), choices.gain - choices.cost
    limits = Limits(asked.budget, asked.max_moves_per_year, ladder.least)
    found = ladder.solve(net, limits.budget, limits.moves)
    if found is None:
        limits = ladder.nearest(limits.budget, limits.moves)
        if limits is None:
            raise ParamError(
                f"params.yaml: tiers.pull.reach = {choices.terms.settings.pull.reach:g}: no thresholds of "
                f"{len(choices.curve)} amounts are out of each other's reach for {choices.terms.settings.names[1:]}; "
                "lower it, or raise tiers.search.candidates, or have fewer levels."
            )
        ladder = replace(ladder, least=limits.least)
        found = ladder.solve(net, limits.budget, limits.moves)
    # of rules that bring the same, the lowest thresholds: most members get most
    position = np.broadcast_to(np.arange(net.shape[1], dtype=float), net.shape)
    enough = (net, found.best - _EQUAL * float(np.abs(net).max()))
    lowest = ladder.solve(-position, limits.budget, limits.moves, enough)
    return choices.thresholds[(lowest or found).chosen].tolist(), found.bound, limits


def tradeoff(search: Search, multiples: list[float], confidence: float) -> pd.DataFrame:
    """Return what other limits would bring: `multiples` of the budget and of the moves, the other limit as it is.

    They are multiples of the limits that the search kept, so where one gave way, of the nearest.

    Columns limit ("budget" or "moves"), at, net with net_low, net_high and p_pays (chance that it is above 0), cost
    (cents), moves, and one column of thresholds a tier; limits that no rule keeps are left out.
    """
    choices, budget, moves = search.choices, search.limits.budget, search.limits.moves
    asked = [("budget", times * budget, times * budget, moves) for times in multiples]
    asked += [("moves", times * moves, budget, times * moves) for times in multiples]
    ladder = replace(choices.ladder(), least=search.limits.least)
    net, rows = choices.gain - choices.cost, []
    for limit, at, budget, most in asked:
        found = ladder.solve(net, budget, most)
        if found is not None:
            levels = np.arange(len(found.chosen))
            cost, moved = choices.cost[levels, found.chosen].sum(), ladder.moves[found.chosen].sum()
            sd = choices.sd(found.chosen)
            around = (*ranges.normal(found.best, sd, confidence), float(ranges.chance_above_zero(found.best, sd)))
            rows.append((limit, at, found.best, *around, cost, moved, *choices.thresholds[found.chosen]))
    told = ["net", "net_low", "net_high", "p_pays", "cost", "moves"]
    columns = ["limit", "at", *told, *choices.terms.settings.names[1:]]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(["at", *told], float))  # there may be no row
