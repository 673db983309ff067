"""What each benefit costs and is expected to bring, and how strong the response must be for it to pay.

With S expected spend and O expected orders of a member over the horizon, u the growth of orders and v that of spend
(`lift`; v = u where spend per order stays), and m the margin rate, a set of benefits brings m v S and costs
c + s S (1 + v) + o O (1 + u): c cents a member, a share s of spend and o cents an order, each summed over the set. The
last two are also due on the orders that would have come anyway: who is sure to come costs, and brings nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import ParamError
from membership.benefits.lift import BLOCK, Lift, lift, sets
from membership.benefits.options import Options
from membership.campaigns.reaction import Reaction
from membership.settings.benefits import Benefit, Benefits
from membership.stats import ranges

REFUSED = "refused"  # column of facts: the member wants no benefits


@dataclass(frozen=True)
class Setting:
    """What the economics of benefits rest on."""

    facts: pd.DataFrame  # one row a member, see `facts.facts`
    settings: Benefits
    margin_rate: float
    reaction: Reaction
    points_share: float = 0.0  # what points at the base rate cost, as a share of spend
    times: Mapping[str, float] | None = None  # benefit -> factor of its response, 0: switched off; None: 1 for all

    @property
    def names(self) -> tuple[str, ...]:
        """The benefits of the catalogue."""
        return tuple(benefit.name for benefit in self.settings.catalogue)

    @cached_property
    def lift(self) -> Lift:
        """The members as the beliefs see them."""
        return lift(self.facts, self.reaction, self.names, self.times)

    @cached_property
    def allowed(self) -> np.ndarray:
        """Who may have which benefit, (members, benefits) of bool."""
        found = np.column_stack([eligible(benefit, self.facts) for benefit in self.settings.catalogue])
        on = [self.times is None or self.times[name] != 0 for name in self.names]
        return np.asfortranarray(found & on)

    @cached_property
    def due(self) -> np.ndarray:
        """Cents a member, share of spend and cents an order of each benefit: (3, benefits)."""
        catalogue = self.settings.catalogue
        shares = [one.cost_share + ((one.multiplier or 1.0) - 1) * self.points_share for one in catalogue]
        return np.array([[one.cost for one in catalogue], shares, [one.cost_per_order for one in catalogue]])

    def options(self, response: float = 1.0, off: float = 0.0) -> Options:
        """Return what can be given, where every shift is `response` times what is believed, and `off` sds off that.

        Raises ParamError for a persona of the catalogue that nobody has.
        """
        _known_personas(self.facts, self.settings)
        together = sets(self.names, self.settings.max_per_member, self.settings.exclusions)
        moved, spend, orders = self.lift.moved(response, off), self._expected("spend"), self._expected("orders")
        arrays = {name: np.zeros((len(spend), len(together)), order="F") for name in ("cost", "gain", "orders")}
        for start in range(0, len(spend), BLOCK):
            rows = slice(start, start + BLOCK)
            for at, row in enumerate(together):
                grown = moved.of(np.flatnonzero(row), rows)
                for name, values in zip(arrays, self.money(row, spend[rows], orders[rows], *grown), strict=True):
                    arrays[name][rows, at] = values
        return Options(
            self.facts["member_id"].to_numpy(),
            self.facts["tier_rank"].to_numpy(),
            self.names,
            together,
            self.allowed,
            **arrays,
            usual=orders,
            order_worth=self.settings.order_worth,
            by_orders=-orders[:, None] * self.due[2],
            by_spend=-spend[:, None] * self.due[1],
            margin=self.margin_rate * spend,
            lift=moved,
        )

    def money(self, row: np.ndarray, spend: np.ndarray, orders: np.ndarray, u: np.ndarray, v: np.ndarray):
        """Return cost, gain and extra orders of the set `row` (benefits,), where orders grow by u and spend by v."""
        fixed, share, per_order = self.due[:, row].sum(axis=1)
        cost = fixed + share * spend * (1 + v) + per_order * orders * (1 + u)
        return np.ceil(np.round(cost, 6)), self.margin_rate * v * spend, u * orders

    def _expected(self, what: str) -> np.ndarray:
        return self.facts[f"expected_{what}"].to_numpy(dtype=float)


def eligible(benefit: Benefit, facts: pd.DataFrame) -> np.ndarray:
    """Return who of `facts` may have the benefit, by tier, stage, persona and consent: (members,) of bool."""
    may = (facts["tier_rank"] >= benefit.min_tier).to_numpy()
    for column, among in (("stage", benefit.stages), ("persona", benefit.personas)):
        if among is not None:
            may = may & facts[column].isin(among).to_numpy()
    return may & ~facts[REFUSED].to_numpy(dtype=bool) if REFUSED in facts else may


def break_even(setting: Setting) -> pd.DataFrame:
    """Return the break-even uplift of each benefit: for all who may have it together, and for the median member.

    One row for each benefit and tier, and one with tier "all"; columns benefit, tier, members (who may have it),
    break_even (the uplift at which gain equals cost, were it the same for all; infinite where no response pays, NaN
    where nobody may have it), median_member (the same for the median member), uplift and uplift_sd (believed: the mean
    weighted by expected spend), p_pays (probability that giving it to all of them pays).
    """
    facts, options = setting.facts, setting.options()
    spend, orders = (facts[f"expected_{name}"].to_numpy(dtype=float) for name in ("spend", "orders"))
    tiers = facts.sort_values("tier_rank")["tier"].unique().tolist()
    rows = []
    for at, benefit in enumerate(setting.settings.catalogue):
        fixed, share, per_order = setting.due[:, at]
        variable = share * spend + per_order * orders
        margin, uplift = setting.margin_rate * spend - variable, setting.lift.of([at])[1]
        for tier in ["all", *tiers]:
            those = setting.allowed[:, at] & (True if tier == "all" else (facts["tier"] == tier).to_numpy())
            due, left, weight = (fixed + variable)[those], margin[those], spend[those]
            everyone = np.where(those, at, -1)
            sd, mean = float(ranges.sd(options.doubts(everyone).sum(axis=0))), _weighted(uplift[those], weight)
            expected = (left * uplift[those]).sum() - due.sum()
            chance = _above_zero(expected, sd) if those.any() else np.nan
            middle = np.median(_ratio(due, left)) if those.any() else np.nan
            overall = float(_ratio(due.sum(), left.sum())) if those.any() else np.nan
            of_mean = _mean_sd(setting, at, those, weight)
            rows.append((benefit.name, tier, int(those.sum()), overall, middle, mean, of_mean, chance))
    columns = ["benefit", "tier", "members", "break_even", "median_member", "uplift", "uplift_sd", "p_pays"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Outlook:
    """Gain less cost of an allocation when the responses are uncertain (normal), in cents over the horizon."""

    net: float
    sd: float
    low: float
    high: float
    p_pays: float  # probability that it brings more than it costs


def outlook(options: Options, choice: np.ndarray, confidence: float) -> Outlook:
    """Return what a choice may bring: errors in the beliefs are the same for all members, and normal."""
    return outlook_of(options.net(choice), options.doubts(choice).sum(axis=0), confidence)


def outlook_of(net: float, doubts: np.ndarray, confidence: float) -> Outlook:
    """Return the same of a net, cents, and of what its independent errors would each add to it."""
    sd = float(ranges.sd(doubts))
    low, high = ranges.normal(net, sd, confidence)
    return Outlook(float(net), sd, float(low), float(high), _above_zero(net, sd))


def _mean_sd(setting: Setting, at: int, those: np.ndarray, weight: np.ndarray) -> float:
    """Return the sd of the mean uplift, weighted by `weight`, of benefit `at` over `those`."""
    if not those.any():
        return np.nan
    rows = np.flatnonzero(those)
    part = weight / weight.sum() if weight.sum() > 0 else np.full(len(rows), 1 / len(rows))
    return float(ranges.sd(setting.lift.doubts([at], rows, np.zeros(len(rows)), part).sum(axis=(0, 1))))


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


def _known_personas(facts: pd.DataFrame, settings: Benefits) -> None:
    known = set(facts["persona"].unique())
    for benefit in settings.catalogue:
        strangers = sorted(set(benefit.personas or []) - known)
        if strangers and known:
            raise ParamError(
                f"params.yaml: benefits.catalogue: {benefit.name}: personas {strangers}: nobody has them; "
                f"allowed: {sorted(known)}."
            )
