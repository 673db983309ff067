"""Benefits: what each costs and is assumed to bring, and who gets which so that the budget brings most.

The response is an assumption (`uplift` in `params.yaml`), not an estimate: what the allocation promises is only as
good as that. Allocation is a mixed-integer linear programme over member x benefit, solved by HiGHS.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp
from scipy.sparse import csr_array, vstack

from membership.base.errors import ParamError
from membership.base.programme_knobs import Benefits

_GAP = 1e-4  # relative distance from the best possible at which the search stops


@dataclass(frozen=True)
class Allocation:
    """Who gets what, and how good that is."""

    chosen: pd.DataFrame  # member_id, tier_rank, benefit, cost, gain (cents over the horizon)
    bound: float  # cents of gain less cost that no allocation exceeds (linear relaxation)
    shadow_price: float  # cents of gain less cost that one more cent of budget would bring

    @property
    def cost(self) -> float:
        """Cents spent over the horizon."""
        return float(self.chosen["cost"].sum())

    @property
    def net(self) -> float:
        """Cents of gain less cost over the horizon."""
        return float(self.chosen["gain"].sum() - self.chosen["cost"].sum())

    @property
    def gap(self) -> float:
        """Share of the bound by which the allocation may be below the best one."""
        return max(0.0, 1 - self.net / self.bound) if self.bound > 0 else 0.0


def economics(tiers: pd.DataFrame, value: pd.DataFrame, settings: Benefits, margin_rate: float) -> pd.DataFrame:
    """Return what each benefit would cost and bring for each member who may have it: the candidates of `allocate`.

    `cost`, in cents over the horizon and rounded up: the fixed cost, and the share of spend including the extra spend;
    `gain`, cents of margin on the extra spend, `uplift` times expected spend. Columns member_id, tier_rank, benefit,
    cost, gain; members are those of `tiers` whose tier is at least the benefit's `min_tier`.
    """
    facts = tiers[["member_id", "tier_rank"]].merge(value[["member_id", "expected_spend"]], on="member_id")
    parts = []
    for benefit in settings.catalogue:
        may = facts[facts["tier_rank"] >= benefit.min_tier]
        expected = may["expected_spend"]
        cost = np.ceil(benefit.cost + benefit.cost_share * (1 + benefit.uplift) * expected)
        gain = margin_rate * benefit.uplift * expected
        parts.append(may[["member_id", "tier_rank"]].assign(benefit=benefit.name, cost=cost, gain=gain))
    return pd.concat(parts, ignore_index=True).sort_values(["member_id", "benefit"], ignore_index=True)


def allocate(candidates: pd.DataFrame, settings: Benefits) -> Allocation:
    """Choose the candidates that bring most (sum of gain less cost) within budget, number a member and fairness.

    Only what pays for itself (gain above cost) is given. Fairness: each tier gets `min_tier_share` of the budget, or
    as much as it can use where that is less. The cost of what is chosen never exceeds the budget. Raises ParamError
    where the limits cannot be met together.
    """
    paying = candidates[candidates["gain"] > candidates["cost"]].reset_index(drop=True)
    if paying.empty or settings.budget == 0:
        return Allocation(paying.iloc[:0], bound=0.0, shadow_price=_best_return(paying))
    limits, net = _limits(paying, settings), _net(paying)
    relaxed = _relax(net, limits)
    whole = LinearConstraint(limits.rows, ub=limits.upper)
    found = milp(-net, integrality=1, bounds=Bounds(0, 1), constraints=whole, options={"mip_rel_gap": _GAP})
    if relaxed.x is None or found.x is None:
        raise ParamError(_unmet(settings, paying))
    chosen = _within(paying[found.x > 0.5], settings.budget)
    return Allocation(chosen.reset_index(drop=True), float(-relaxed.fun), float(-relaxed.ineqlin.marginals[0]))


def sweep(candidates: pd.DataFrame, settings: Benefits, multiples: list[float]) -> pd.DataFrame:
    """Return what other budgets, `multiples` (above 0) of the one in `settings`, would bring.

    Columns budget, net (cents) and shadow_price, from the linear relaxation: a bound that the whole-benefit
    allocation nearly reaches. Raises ParamError as `allocate` does.
    """
    paying = candidates[candidates["gain"] > candidates["cost"]].reset_index(drop=True)
    rows = []
    for multiple in multiples if len(paying) else []:
        other = settings.model_copy(update={"budget": settings.budget * multiple})
        relaxed = _relax(_net(paying), _limits(paying, other))
        if relaxed.x is None:
            raise ParamError(_unmet(other, paying))
        rows.append((other.budget, -relaxed.fun, -relaxed.ineqlin.marginals[0]))
    return pd.DataFrame(rows, columns=["budget", "net", "shadow_price"])


@dataclass(frozen=True)
class _Limits:
    rows: csr_array  # (1 + tiers + members, candidates): budget, then fairness by tier, then number a member
    upper: np.ndarray


def _net(paying: pd.DataFrame) -> np.ndarray:
    return (paying["gain"] - paying["cost"]).to_numpy()


def _relax(net: np.ndarray, limits: _Limits) -> OptimizeResult:
    return linprog(-net, A_ub=limits.rows, b_ub=limits.upper, bounds=(0, 1), method="highs")


def _limits(paying: pd.DataFrame, settings: Benefits) -> _Limits:
    cost = paying["cost"].to_numpy()
    tier, ranks = pd.factorize(paying["tier_rank"], sort=True)
    member, members = pd.factorize(paying["member_id"], sort=True)
    column = np.arange(len(paying))
    rows = [
        csr_array(cost[None, :]),
        csr_array((-cost, (tier, column)), shape=(len(ranks), len(paying))),
        csr_array((np.ones(len(paying)), (member, column)), shape=(len(members), len(paying))),
    ]
    fair = np.minimum(settings.min_tier_share * settings.budget, _usable(paying, settings).to_numpy())
    upper = np.r_[settings.budget, -fair, np.full(len(members), settings.max_per_member)]
    return _Limits(csr_array(vstack(rows)), upper)


def _usable(paying: pd.DataFrame, settings: Benefits) -> pd.Series:
    """Return what each tier could spend at most: its members' dearest benefits, as many as a member may have."""
    ordered = paying.sort_values("cost", ascending=False, kind="stable")
    dearest = ordered.groupby("member_id").head(settings.max_per_member)
    return dearest.groupby("tier_rank")["cost"].sum().sort_index()


def _within(chosen: pd.DataFrame, budget: float) -> pd.DataFrame:
    """Give up the least worthwhile of `chosen` while the solver's tolerance has overspent the budget."""
    rate = (chosen["gain"] / chosen["cost"].clip(lower=1)).sort_values(ascending=False, kind="stable")
    spent = chosen["cost"].loc[rate.index].cumsum()
    return chosen.loc[chosen.index.isin(spent.index[spent <= budget])]


def _best_return(paying: pd.DataFrame) -> float:
    """Return what the first cent of budget would bring: the best candidate's gain less cost for each cent of cost."""
    return float(((paying["gain"] - paying["cost"]) / paying["cost"].clip(lower=1)).max()) if len(paying) else 0.0


def _unmet(settings: Benefits, paying: pd.DataFrame) -> str:
    tiers = paying["tier_rank"].nunique()
    return (
        f"params.yaml: benefits.min_tier_share = {settings.min_tier_share}: no allocation gives each of {tiers} tiers "
        f"that share of benefits.budget = {settings.budget:g} within the budget; allowed: at most {1 / tiers:.3g}, "
        "and for a small budget less, since a benefit is given whole. Lower the share or raise the budget."
    )
