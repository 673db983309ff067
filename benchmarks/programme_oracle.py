"""Searched tiers and benefits on simulated markets, against who knows them and against thresholds set by taste.

Three deciders; one form of policy (thresholds on spend, then benefits allocated), one budget, one limit of moves:

- *ours* sees the history alone: expected spend by Pareto/NBD and Gamma-Gamma, personas by clustering, responses by the
  assumption updated with the randomised campaigns, uplifts of tiers as assumed;
- the *oracle* knows each member's expected spend and persona, and every true uplift. It is the best of its own search
  and of all the other rules here, each with benefits allocated in that knowledge: no rule here can beat it;
- the *grid* of quantile and round thresholds below: each rule that keeps budget and moves in the eyes of *ours* gets
  its benefits as *ours* does, and the best one is chosen in hindsight, by true value.

All are judged by true expected net value, by `worth_of`: gain less cost of tiers and benefits at the market's
parameters, over the horizon, every member in the tier in which the replay of the history ends.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import flat_response, goals, programme_market
from benchmarks.programme_market import DAYS_A_MONTH, PERSONAS, Market
from membership.base import seeds
from membership.benefits import allocation
from membership.campaigns import effects
from membership.campaigns.audience import Audience
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.spend import GammaGamma
from membership.profile import clusters
from membership.settings import params
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers
from membership.tiers import rules, thresholds, worth
from membership.tiers.qualifying import CENTS
from membership.tiers.rules import Rule
from membership.tiers.worth import Terms

SHARE_OF_ORACLE = 0.95
CAMPAIGNS = 8  # randomised months of each benefit before the cut-off
MEMBERS = 2469  # for whom the budgets of params.yaml are made: those here grow with the members of the market
FIRST, _MONTH = pd.Timestamp("2020-01-01"), pd.Timedelta(days=DAYS_A_MONTH)
PAST = {"last month": 1, "last three months": 3, "ever": 1000}  # covariates of the campaigns: mean spend a day
QUANTILES = (
    (0.40, 0.70, 0.90), (0.50, 0.75, 0.90), (0.50, 0.80, 0.95), (0.60, 0.85, 0.97), (0.70, 0.90, 0.97),
    (0.75, 0.90, 0.98), (0.80, 0.95, 0.99), (0.90, 0.97, 0.99),
)  # fmt: skip
ROUND = (  # units of currency in the qualifying period
    (100, 250, 500), (100, 500, 1000), (200, 500, 1000), (250, 500, 1000), (250, 750, 1500), (500, 1000, 2000),
    (500, 1500, 3000), (1000, 2000, 3000), (1000, 2500, 5000),
)  # fmt: skip


@dataclass(frozen=True)
class Belief:
    """What a decider takes the market to be; the oracle's is true."""

    facts: pd.DataFrame  # member_id, persona, stage, expected_spend (cents over the horizon), expected_orders
    uplifts: pd.DataFrame  # of benefits, as `response` gives them
    terms: Terms  # with the uplifts of tiers and of the pull


@dataclass(frozen=True)
class Shared:
    """What the deciders of one market share: history, budgets and limits."""

    amounts: pd.DataFrame  # qualifying spend (cents), a row a member, a column a month
    settled: int
    benefits: Benefits


@dataclass(frozen=True)
class Policy:
    """A rule, and the benefits that each member is given: a choice (members,) of the options."""

    rule: Rule
    choice: np.ndarray


def run(seed: int, markets: int = 5, members: int = 40_000) -> dict:
    """Return `rows`, one a market, with true nets (cents), the grid and the goals."""
    p = params.parse(params.read())
    rows = [one(p, members, seeds.child(seed, f"oracle-{number}")) for number in range(markets)]
    share = np.array([row["ours"] / row["oracle"] for row in rows])
    over = np.array([row["ours"] / row["grid"] - 1 for row in rows])
    told = [
        goals.at_least("true net of ours over the oracle's, mean of the markets", share.mean(), SHARE_OF_ORACLE),
        goals.at_least("the same, worst market", share.min(), SHARE_OF_ORACLE),
        goals.above("true net of ours over the best grid rule's less 1, mean", over.mean(), 0),
        goals.above("the same, worst market", over.min(), 0),
        goals.at_most("planned cost over its budget, worst market", max(row["planned_cost"] for row in rows), 1),
        goals.told("true cost over the budget, worst market", max(row["true_cost"] for row in rows)),
    ]
    setup = {"members": members, "campaigns": CAMPAIGNS, "quantiles": QUANTILES, "round": ROUND}
    return {"rows": rows, "setup": setup, "goals": told}


def one(p, members: int, seed: int) -> dict:
    """Return what ours, the oracle and the grid are worth on one market drawn from `seed`."""
    assumed = {benefit.name: (benefit.uplift, benefit.uplift_sd) for benefit in p.benefits.catalogue}
    market = programme_market.draw(members, 24, assumed, CAMPAIGNS, seed)
    shared = _shared(p, market)
    ours, truth = seen(p, market, shared, seed), known(p, market, shared, seed)
    searched, perfect = (search(belief, shared) for belief in (ours, truth))
    kept = [rule for rule in grid(shared, ours) if keeps(rule, ours, shared)]
    mine, *others = (worth_of(plan(rule, ours, shared), truth, shared) for rule in (searched, *kept))
    knowing = [worth_of(plan(rule, truth, shared), truth, shared) for rule in (perfect, searched, *kept)]
    policy, limits = plan(searched, ours, shared), (ours.terms.settings.search.budget, shared.benefits.budget)
    planned, true = (np.array(costs(policy, belief, shared)) / limits for belief in (ours, truth))
    best = kept[int(np.argmax(others))] if kept else None
    return {
        "ours": mine,
        "oracle": max(*knowing, mine, *others),
        "oracle_search": knowing[0],
        "ours_with_known_benefits": knowing[1],
        "grid": max(others, default=np.nan),
        "grid_rules": len(kept),
        "thresholds": searched.thresholds[1:],
        "oracle_thresholds": perfect.thresholds[1:],
        "grid_thresholds": best and best.thresholds[1:],
        "planned_cost": planned.max(),
        "true_cost": true.max(),
    }


def seen(p, market: Market, shared: Shared, seed: int) -> Belief:
    """Return what the history tells: value models, clustering, and the assumption updated with the campaigns."""
    features = _features(market, p.benefits)
    orders = ParetoNbd.fit(features).expected_purchases(features, p.value.horizon_days)
    spend = orders * GammaGamma.fit(features).expected_spend(features)
    cloud = market.traits.to_numpy()  # how many personas there are is told: that they are found is another part's goal
    groups = clusters.fit(cloud, len(PERSONAS), seed).membership(cloud).argmax(axis=1)
    labels = np.array([f"persona {number}" for number in range(len(PERSONAS))])[groups]
    facts = _facts(market, labels, spend, orders)
    prior = flat_response.assumed(p.benefits.catalogue, sorted(set(facts["persona"])), p.tiers.names)
    own = {"evidence": {name: [name] for name in market.response.index}, "repeats": 1, "folds": 2}
    settings = p.campaigns.model_copy(update=own)
    found = effects.estimate(panel(market), pd.Series(labels), settings, seed).effects
    found = found[found["outcome"] == "spend"]
    cells = found[found["by"] == "persona"].drop(columns="tier")  # response does not hang on the tier: all get it
    cells = cells.merge(pd.DataFrame({"tier": p.tiers.names}), how="cross").assign(by="cell")
    told = pd.concat([found[found["by"] == "all"], cells], ignore_index=True)
    return Belief(facts, flat_response.updated(prior, told, settings), _terms(p, p.tiers, shared))


def known(p, market: Market, shared: Shared, seed: int) -> Belief:
    """Return the market as it is; uplifts of tiers are drawn from what is assumed of them, in rising order."""
    rng = seeds.rng(seed, "tiers")
    drawn = np.sort([max(rng.normal(level.uplift, level.uplift_sd), 0.0) for level in p.tiers.levels[1:]])
    pull = p.tiers.pull.model_copy(update={"uplift": max(rng.normal(p.tiers.pull.uplift, p.tiers.pull.uplift_sd), 0.0)})
    above = [level.model_copy(update={"uplift": float(u)}) for level, u in zip(p.tiers.levels[1:], drawn, strict=True)]
    settings = p.tiers.model_copy(update={"levels": [p.tiers.levels[0], *above], "pull": pull})
    spend, orders = market.expected_spend(p.value.horizon_days), market.expected_orders(p.value.horizon_days)
    facts = _facts(market, market.truth["persona"].to_numpy(), spend, orders)
    long = market.response.reset_index().melt("benefit", var_name="persona", value_name="uplift")
    uplifts = long.merge(pd.DataFrame({"tier": p.tiers.names}), how="cross").assign(uplift_sd=0.0, source="randomised")
    return Belief(facts, uplifts, _terms(p, settings, shared))


def grid(shared: Shared, belief: Belief) -> list[Rule]:
    """Return the rules of the stated grid: quantiles of the last month's positive amounts, and round amounts."""
    last = shared.amounts.iloc[:, -1]
    amounts = [np.quantile(last[last > 0], shares).round() for shares in QUANTILES]
    amounts += [CENTS * np.array(units) for units in ROUND]
    return [rules.rule(belief.terms.settings, each) for each in amounts]


def keeps(rule: Rule, belief: Belief, shared: Shared) -> bool:
    """Return whether `rule` keeps the budget and the limit of moves of the search, as `belief` sees it."""
    limits = belief.terms.settings.search
    found = worth.appraise(rule, shared.amounts, belief.facts, belief.terms, shared.settled)
    return found.cost <= limits.budget and found.moves <= limits.max_moves_per_year


def search(belief: Belief, shared: Shared) -> Rule:
    """Return the thresholds that bring most in the eyes of `belief`."""
    return thresholds.search(shared.amounts, belief.facts, belief.terms, shared.settled).rule


def plan(rule: Rule, belief: Belief, shared: Shared) -> Policy:
    """Return `rule` with the benefits that bring most in the eyes of `belief`."""
    facts, options = _options(rule, belief, shared)
    return Policy(rule, allocation.allocate(options, facts, shared.benefits).choice)


def worth_of(policy: Policy, truth: Belief, shared: Shared) -> float:
    """Return the expected net value (cents over the horizon) of tiers and benefits, at the market's parameters."""
    tier = worth.appraise(policy.rule, shared.amounts, truth.facts, truth.terms, shared.settled)
    _, options = _options(policy.rule, truth, shared)
    return tier.net + options.net(policy.choice)


def costs(policy: Policy, belief: Belief, shared: Shared) -> tuple[float, float]:
    """Return what tiers and benefits cost in the eyes of `belief` (cents over the horizon)."""
    tier = worth.appraise(policy.rule, shared.amounts, belief.facts, belief.terms, shared.settled)
    _, options = _options(policy.rule, belief, shared)
    return tier.cost, float(options.taken(options.cost, policy.choice).sum())


def panel(market: Market) -> Audience:
    """Return the campaigns as `response` takes them: spend a day in the campaign's month and in the one before."""
    monthly, rows, before = market.monthly.to_numpy() / DAYS_A_MONTH, [], []
    for number, campaign in market.campaigns.iterrows():
        month = campaign["month"]
        there = np.flatnonzero(monthly[:, : month - 1].sum(axis=1) > 0)  # who had bought before the placebo's month
        kept = {"offer_id": f"{number:03d}", "kind": campaign["benefit"], "start": FIRST + month * _MONTH}
        told = {
            "treated": market.arms[number, there],
            "outcome": monthly[there, month],
            "placebo": monthly[there, month - 1],
            "ordered": (monthly[there, month] > 0).astype(float),
            "ordered_before": (monthly[there, month - 1] > 0).astype(float),
        }
        rows.append(pd.DataFrame({"member_id": there, **told}).assign(**kept))
        before.append([_past(monthly[there, :until]) for until in (month, month - 1)])
    table = pd.concat(rows, ignore_index=True).assign(
        propensity=0.5, randomised=True, redeemed=False, tier="", tier_before="", stage="", stage_before=""
    )
    x, x_placebo = (pd.DataFrame(np.vstack(parts), columns=list(PAST)) for parts in zip(*before, strict=True))
    return Audience(table, x, x_placebo, pd.Series(dtype=int))


def _past(monthly: np.ndarray) -> np.ndarray:
    return np.column_stack([monthly[:, -months:].mean(axis=1) for months in PAST.values()])


def _shared(p, market: Market) -> Shared:
    monthly = market.monthly
    window = round(p.tiers.qualifying_days / DAYS_A_MONTH)
    total = np.pad(monthly.to_numpy().cumsum(axis=1), ((0, 0), (window, 0)))
    amounts = total[:, window:] - total[:, :-window]
    months = pd.date_range(FIRST, periods=market.months, freq="MS")
    fair = p.benefits.fairness.model_copy(update={"attributes": []})
    scale = len(monthly) / MEMBERS
    limits = {"budget": p.benefits.budget * scale, "min_tier_share": 0.0, "fairness": fair}
    benefits_ = p.benefits.model_copy(update=limits)
    return Shared(pd.DataFrame(amounts, monthly.index, months), window, benefits_)


def _terms(p, settings: Tiers, shared: Shared) -> Terms:
    limits = settings.search.model_copy(update={"budget": settings.search.budget * len(shared.amounts) / MEMBERS})
    return Terms(
        settings.model_copy(update={"search": limits}),
        p.economics.margin_rate,
        p.value.horizon_days,
        1 - p.tiers.redeem_share,
    )


def _facts(market: Market, persona: np.ndarray, spend: np.ndarray, orders: np.ndarray) -> pd.DataFrame:
    ids = market.truth["member_id"]
    columns = {
        "member_id": ids,
        "persona": persona,
        "stage": "active",
        "expected_spend": spend,
        "expected_orders": orders,
    }
    return pd.DataFrame(columns)


def _options(rule: Rule, belief: Belief, shared: Shared):
    rank = rules.replay(shared.amounts, rule).iloc[:, -1].to_numpy().astype(int)
    facts = belief.facts.assign(tier_rank=rank, tier=np.array(rule.names)[rank])
    points_share = belief.terms.point_cost * belief.terms.settings.points_per_unit / CENTS
    uplift = flat_response.by_cell(facts, belief.uplifts, shared.benefits)
    return facts, flat_response.options(facts, shared.benefits, belief.terms.margin_rate, uplift, points_share)


def _features(market: Market, catalogue: Benefits) -> pd.DataFrame:
    """Return what the value models are fitted to: purchase days, and spend a day after the first.

    What campaigns are assumed to have added is taken off: what is expected is spend without a programme.
    """
    assumed = {benefit.name: benefit.uplift for benefit in catalogue.catalogue}
    base = market.orders["amount"] / market.lifted(pd.Series(assumed))
    daily = market.orders.assign(day=np.floor(market.orders["day"]), amount=base)
    daily = daily.groupby(["member", "day"])["amount"].sum().reset_index()
    each = daily.groupby("member")
    first, last, days = each["day"].min(), each["day"].max(), each.size()
    rest = (each["amount"].sum() - each["amount"].first()) / (days - 1).where(days > 1)
    age = market.months * DAYS_A_MONTH - first
    columns = {"frequency": days - 1, "recency_days": last - first, "age_days": age, "repeat_spend_mean": rest}
    return pd.DataFrame(columns)
