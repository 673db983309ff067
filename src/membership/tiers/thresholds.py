"""Thresholds found by search: those that bring most within a budget and a limit of moves, exactly on a grid.

A member's rank is the sum of automata, one a threshold (see `tiers`), so gain, cost and moves of a rule are sums over
its levels of functions of that level's threshold alone. For every candidate amount the replay is run once; what the
members in it or just below it spend, collect and how often they move is its row of the `curve`. A rule is then one
candidate a level: binary x[l, c], and

    max  sum net[l, c] x[l, c]     s. t.  sum cost x <= budget,  sum moves x <= limit,  sum_c x[l, c] = 1,
         members in each tier at least min_share, and each threshold above the one before by more than `pull.reach`,

so that whoever is just below one threshold has reached the one before and is pulled once. That is a small integer
programme, solved by HiGHS to optimality: no rule on the grid is better.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.settings.tiers import Pull, Tier, Tiers
from membership.stats import ranges
from membership.tiers import rules, worth
from membership.tiers.ladder import Ladder
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
        return float(ranges.sd([*own, pull.sum() * terms.settings.pull.uplift_sd]))

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

    @property
    def gap(self) -> float:
        """Share of the bound by which the rule may be below the best one."""
        return max(0.0, (self.bound - self.appraisal.net) / self.bound) if self.bound > 0 else 0.0


def candidates(amounts: pd.DataFrame, settings: Tiers) -> np.ndarray:
    """Return amounts to try as thresholds, rising: quantiles of the last month's positive amounts, rounded.

    With `search.min_share` 0 a tier may be empty: amounts that nobody has ever reached or come near are added, one a
    level. Raises DataError where nobody has anything that qualifies.
    """
    last, step = amounts.iloc[:, -1].to_numpy(), settings.search.round_to
    positive = last[last > 0]
    if not len(positive):
        raise DataError(
            f"tier thresholds: none of {len(last)} members has {settings.qualify_by} in the last "
            f"{settings.qualifying_days} days, so there is nothing to search on; list tiers.thresholds in params.yaml."
        )
    shares = np.linspace(0, 1, settings.search.candidates + 2)[1:-1]
    rounded = np.floor(np.quantile(positive, shares) / step + 0.5).astype("int64") * step
    found = np.unique(np.maximum(rounded, step))
    if settings.search.min_share == 0:
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
    whatever the limits. Raises DataError where there are fewer members than tiers or nobody has spent anything,
    ParamError where no rule keeps the limits, saying which and what can be had.
    """
    settings = terms.settings
    if len(amounts) < len(settings.levels):
        raise DataError(
            f"tiers: {len(settings.levels)} tiers for {len(amounts)} members; allowed: at most as many tiers as "
            "members. Remove levels in tiers.levels of params.yaml."
        )
    grid = candidates(amounts, settings)
    choices = Choices(curve(amounts, value, grid, terms, settled), terms, len(amounts))
    thresholds, bound = (settings.thresholds, np.nan) if settings.thresholds else best(choices)
    rule = rules.rule(settings, thresholds)
    return Search(rule, worth.appraise(rule, amounts, value, terms, settled), bound, choices)


def best(choices: Choices, budget: float | None = None, moves: float | None = None) -> tuple[list[int], float]:
    """Return the thresholds that bring most within the limits, and the bound (cents) that no others exceed.

    `budget` and `moves` stand in for those of `tiers.search`. Raises ParamError where no rule keeps the limits.
    """
    limits = choices.terms.settings.search
    budget = limits.budget if budget is None else budget
    moves = limits.max_moves_per_year if moves is None else moves
    ladder, net = choices.ladder(), choices.gain - choices.cost
    found = ladder.solve(net, budget, moves)
    if found is None:
        raise ParamError(_unmet(ladder, choices, budget, moves))
    # of rules that bring the same, the lowest thresholds: most members get most
    position = np.broadcast_to(np.arange(net.shape[1], dtype=float), net.shape)
    enough = (net, found.best - _EQUAL * float(np.abs(net).max()))
    lowest = ladder.solve(-position, budget, moves, enough)
    return choices.thresholds[(lowest or found).chosen].tolist(), found.bound


def tradeoff(choices: Choices, multiples: list[float], confidence: float) -> pd.DataFrame:
    """Return what other limits would bring: `multiples` of the budget and of the moves, the other limit as it is.

    Columns limit ("budget" or "moves"), at, net with net_low and net_high, cost (cents), moves, and one column of
    thresholds a tier; limits that no rule keeps are left out.
    """
    limits = choices.terms.settings.search
    budget, moves = limits.budget, limits.max_moves_per_year
    asked = [("budget", times * budget, times * budget, moves) for times in multiples]
    asked += [("moves", times * moves, budget, times * moves) for times in multiples]
    ladder, net, rows = choices.ladder(), choices.gain - choices.cost, []
    for limit, at, budget, most in asked:
        found = ladder.solve(net, budget, most)
        if found is not None:
            levels = np.arange(len(found.chosen))
            cost, moved = choices.cost[levels, found.chosen].sum(), ladder.moves[found.chosen].sum()
            around = ranges.normal(found.best, choices.sd(found.chosen), confidence)
            rows.append((limit, at, found.best, *around, cost, moved, *choices.thresholds[found.chosen]))
    columns = ["limit", "at", "net", "net_low", "net_high", "cost", "moves", *choices.terms.settings.names[1:]]
    return pd.DataFrame(rows, columns=columns)


def sensitivity(search: Search, amounts: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    """Return what becomes of the rule found, and what would be found instead, were all uplifts lower or higher.

    By one `uplift_sd` each, all at once. Index uplifts (lower, assumed, higher); columns net (cents, of the rule
    found), best_net (of the best rule then; NaN where no rule keeps the limits), and its thresholds, one a tier.
    """
    rows = []
    for sign in (-1, 0, 1):
        terms = replace(search.choices.terms, settings=_shifted(search.choices.terms.settings, sign))
        choices = replace(search.choices, terms=terms)
        limits = terms.settings.search
        found = choices.ladder().solve(choices.gain - choices.cost, limits.budget, limits.max_moves_per_year)
        there = [np.nan, *[np.nan] * len(choices.gain)]
        if found is not None:
            there = [found.best, *choices.thresholds[found.chosen]]
        rows.append((worth.appraise(search.rule, amounts, value, terms).net, *there))
    index = pd.Index(["lower", "assumed", "higher"], name="uplifts")
    return pd.DataFrame(rows, index=index, columns=["net", "best_net", *search.rule.names[1:]])


def _shifted(settings: Tiers, sign: int) -> Tiers:
    """Return `settings` with every uplift `sign` standard deviations off."""
    levels = [_moved(level, sign) for level in settings.levels]
    return settings.model_copy(update={"levels": levels, "pull": _moved(settings.pull, sign)})


def _moved(knob: Tier | Pull, sign: int) -> Tier | Pull:
    return knob.model_copy(update={"uplift": knob.uplift + sign * knob.uplift_sd})


def _unmet(ladder: Ladder, choices: Choices, budget: float, moves: float) -> str:
    """Say which limit no rule keeps, and what could be kept."""
    names, limits = choices.terms.settings.names[1:], choices.terms.settings.search
    every = np.broadcast_to(ladder.moves, ladder.cost.shape)
    cheapest, calmest = ladder.solve(-ladder.cost), ladder.solve(-every)
    if cheapest is None:
        return (
            f"params.yaml: tiers.search.min_share = {limits.min_share:g}: no thresholds out of each other's reach "
            f"(tiers.pull.reach) give each of {names} that share of {choices.members} members, with "
            f"{len(choices.curve)} amounts to choose from; lower it, or tiers.pull.reach, or have fewer levels."
        )
    if -cheapest.best > budget:
        return (
            f"params.yaml: tiers.search.budget = {budget:g}: the cheapest tiers cost {-cheapest.best:,.0f} cents over "
            "value.horizon_days; allowed: at least that, or with tiers.search.min_share 0 any, since tiers may then "
            "stay empty."
        )
    if -calmest.best > moves:
        return (
            f"params.yaml: tiers.search.max_moves_per_year = {moves:g}: the calmest tiers have {-calmest.best:.3g} "
            "moves a member and year; allowed: at least that. Raise it, or tiers.grace_share, or tiers.grace_months."
        )
    frugal, calm = ladder.solve(-ladder.cost, moves=moves), ladder.solve(-every, budget=budget)
    return (
        f"params.yaml: tiers.search: no rule costs at most budget = {budget:g} cents and has at most "
        f"max_moves_per_year = {moves:g}; with this budget the least is {-calm.best:.3g} moves a member and year, with "
        f"this limit of moves the cheapest tiers cost {-frugal.best:,.0f} cents. Raise one of them."
    )
