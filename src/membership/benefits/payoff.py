"""What each benefit costs and is expected to bring, and how strong the response must be for it to pay.

The response (`uplifts`) is an assumption or, at best, an estimate; an allocation is only as good as that.
With S expected spend and O expected orders of a member over the horizon, u the uplift and m the margin rate, a benefit
brings m u S and costs c + (s S + o O)(1 + u): c cents a member, a share s of spend and o cents an order, the last two
also on the extra purchases. Both are linear in u, so break-even and uncertainty are exact and need no simulation.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError, ParamError
from membership.settings.benefits import Benefit, Benefits
from membership.stats import ranges


@dataclass(frozen=True)
class Options:
    """Cost and gain of every benefit for every member; arrays (members, benefits), money in cents over the horizon."""

    members: np.ndarray  # ids
    tier_rank: np.ndarray
    benefits: tuple[str, ...]
    allowed: np.ndarray  # whether the member may have the benefit
    cost: np.ndarray  # whole cents, rounded up
    gain: np.ndarray  # margin on the extra spend
    spread: np.ndarray  # what one standard deviation more uplift would add to gain less cost

    @property
    def net(self) -> np.ndarray:
        """Gain less cost."""
        return self.gain - self.cost

    @property
    def pays(self) -> np.ndarray:
        """Whether the member may have the benefit and it brings more than it costs: nothing else is ever given."""
        return self.allowed & (self.gain > self.cost)

    def frame(self, which: np.ndarray | None = None) -> pd.DataFrame:
        """Return the allowed ones, or `which` (members, benefits), by member and benefit: one row each.

        Columns member_id, tier_rank, benefit, cost, gain, spread.
        """
        member, benefit = np.nonzero(self.allowed if which is None else which)
        columns = {
            "member_id": self.members[member],
            "tier_rank": self.tier_rank[member],
            "benefit": np.array(self.benefits)[benefit],
            "cost": self.cost[member, benefit],
            "gain": self.gain[member, benefit],
            "spread": self.spread[member, benefit],
        }
        return pd.DataFrame(columns).sort_values(["member_id", "benefit"], ignore_index=True)


def options(
    facts: pd.DataFrame, settings: Benefits, margin_rate: float, uplifts: pd.DataFrame, points_share: float = 0.0
) -> Options:
    """Return what each benefit would cost and bring for each member: what `allocation.allocate` chooses from.

    `facts`: one row a member, see `facts.facts`; `uplifts`: benefit, persona, tier, uplift and uplift_sd (shares of
    expected spend), see `response`; `points_share`: what points at the base rate cost, as a share of spend.

    Raises ParamError for a persona of the catalogue that nobody has, DataError for an uplift that is missing.
    """
    _known_personas(facts, settings)
    expected = facts["expected_spend"].to_numpy(dtype=float)
    cells, labels = _persona_and_tier(facts)
    shape = (len(facts), len(settings.catalogue))
    arrays = {name: np.zeros(shape, order="F") for name in ("cost", "gain", "spread")}
    allowed = np.zeros(shape, dtype=bool, order="F")
    for column, benefit in enumerate(settings.catalogue):
        fixed, variable = _cost(benefit, facts, points_share)
        uplift, deviation = _uplift(uplifts, benefit.name, labels)[:, cells]
        arrays["cost"][:, column] = np.ceil(np.round(fixed + variable * (1 + uplift), 6))
        arrays["gain"][:, column] = margin_rate * uplift * expected
        arrays["spread"][:, column] = (margin_rate * expected - variable) * deviation
        allowed[:, column] = eligible(benefit, facts)
    names = tuple(benefit.name for benefit in settings.catalogue)
    return Options(facts["member_id"].to_numpy(), facts["tier_rank"].to_numpy(), names, allowed, **arrays)


def eligible(benefit: Benefit, facts: pd.DataFrame) -> np.ndarray:
    """Return who of `facts` may have the benefit, by tier, stage and persona: (members,) of bool."""
    may = (facts["tier_rank"] >= benefit.min_tier).to_numpy()
    for column, among in (("stage", benefit.stages), ("persona", benefit.personas)):
        if among is not None:
            may = may & facts[column].isin(among).to_numpy()
    return may


def break_even(
    facts: pd.DataFrame, settings: Benefits, margin_rate: float, uplifts: pd.DataFrame, points_share: float = 0.0
) -> pd.DataFrame:
    """Return the break-even uplift of each benefit: for all who may have it together, and for the median member.

    One row for each benefit and tier, and one with tier "all"; columns benefit, tier, members (who may have it),
    break_even (the uplift at which gain equals cost; infinite where no response pays, NaN where nobody may have it),
    median_member (the same for the median member), uplift and uplift_sd (as in `uplifts`, weighted by expected
    spend), p_pays (probability that giving it to all of them pays, for a normal uplift).
    """
    cells, labels = _persona_and_tier(facts)
    spend = facts["expected_spend"].to_numpy(dtype=float)
    tiers = facts.sort_values("tier_rank")["tier"].unique().tolist()
    rows = []
    for benefit in settings.catalogue:
        fixed, variable = _cost(benefit, facts, points_share)
        margin, may = margin_rate * spend - variable, eligible(benefit, facts)
        uplift, deviation = _uplift(uplifts, benefit.name, labels)[:, cells]
        for tier in ["all", *tiers]:
            those = may if tier == "all" else may & (facts["tier"] == tier).to_numpy()
            due, left, weight = (fixed + variable)[those], margin[those], spend[those]
            mean, sd = _weighted(uplift[those], weight), _weighted(deviation[those], weight)
            expected = (left * uplift[those]).sum() - due.sum()
            chance = _above_zero(expected, abs((left * deviation[those]).sum())) if those.any() else np.nan
            middle = np.median(_ratio(due, left)) if those.any() else np.nan
            overall = float(_ratio(due.sum(), left.sum())) if those.any() else np.nan
            rows.append((benefit.name, tier, int(those.sum()), overall, middle, mean, sd, chance))
    columns = ["benefit", "tier", "members", "break_even", "median_member", "uplift", "uplift_sd", "p_pays"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Outlook:
    """Gain less cost of an allocation when the uplifts are uncertain (normal), in cents over the horizon."""

    net: float
    sd: float
    low: float
    high: float
    p_pays: float  # probability that it brings more than it costs


def outlook(options: Options, given: np.ndarray, confidence: float) -> Outlook:
    """Return what `given` (members, benefits) may bring if the uplift of each benefit is off by the same for everybody.

    Errors of different benefits are independent of each other. Gain less cost is then normal with the sum over
    benefits of the squared sums of `spread` as variance.
    """
    net = float(options.net[given].sum())
    by_benefit = np.where(given, options.spread, 0.0).sum(axis=0)
    sd = float(ranges.sd(by_benefit))
    low, high = ranges.normal(net, sd, confidence)
    return Outlook(net, sd, float(low), float(high), _above_zero(net, sd))


def _above_zero(mean: float, sd: float) -> float:
    return float(scipy.stats.norm.cdf(mean / sd)) if sd else float(mean > 0)


def _ratio(due: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return due / left; infinite where nothing is left of the margin, 0 where nothing is due."""
    due, left = np.asarray(due, dtype=float), np.asarray(left, dtype=float)
    safe = np.where(left > 0, left, 1.0)
    return np.where(due <= 0, 0.0, np.where(left > 0, due / safe, np.inf))


def _weighted(values: np.ndarray, weights: np.ndarray) -> float:
    if not len(values):
        return np.nan
    return float(np.average(values, weights=weights if weights.sum() > 0 else None))


def _cost(benefit: Benefit, facts: pd.DataFrame, points_share: float) -> tuple[float, np.ndarray]:
    """Return cents that are due whatever the response, and those (members,) that grow with spend and orders."""
    share = benefit.cost_share + ((benefit.multiplier or 1.0) - 1) * points_share
    variable = share * facts["expected_spend"].to_numpy(dtype=float)
    if benefit.cost_per_order:
        variable = variable + benefit.cost_per_order * facts["expected_orders"].to_numpy(dtype=float)
    return benefit.cost, variable


def _persona_and_tier(facts: pd.DataFrame) -> tuple[np.ndarray, pd.MultiIndex]:
    """Return each member's pair of persona and tier as a code, and what the codes mean."""
    persona, personas = pd.factorize(facts["persona"], sort=True)
    tier, tiers = pd.factorize(facts["tier"], sort=True)
    labels = pd.MultiIndex.from_product([personas.astype("str"), tiers.astype("str")], names=["persona", "tier"])
    return persona * len(tiers) + tier, labels


def _uplift(uplifts: pd.DataFrame, benefit: str, labels: pd.MultiIndex) -> np.ndarray:
    """Return uplift and its standard deviation of each of `labels`: shape (2, labels)."""
    mine = uplifts[uplifts["benefit"] == benefit].set_index(["persona", "tier"])[["uplift", "uplift_sd"]]
    found = mine.reindex(labels)
    if found.isna().to_numpy().any():
        missing = found.index[found.isna().any(axis=1)][0]
        raise DataError(
            f"uplifts: none for benefit {benefit!r}, persona {missing[0]!r}, tier {missing[1]!r}; "
            "give one row for each benefit, persona and tier, e.g. by response.assumed."
        )
    return found.to_numpy().T


def _known_personas(facts: pd.DataFrame, settings: Benefits) -> None:
    known = set(facts["persona"].unique())
    for benefit in settings.catalogue:
        strangers = sorted(set(benefit.personas or []) - known)
        if strangers and known:
            raise ParamError(
                f"params.yaml: benefits.catalogue: {benefit.name}: personas {strangers}: nobody has them; "
                f"allowed: {sorted(known)}."
            )
