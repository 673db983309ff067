"""What tiers are worth: the assumed extra margin of members in them or just below, less what the tiers cost.

Everything is compared with everybody being in the entry tier. In tier r a member who spends S and collects P base
points brings and costs, with p the pull on those just below the next threshold (else 0),

    gain = margin_rate x S x (u_r + p)
    cost = (c_r - c_0) x months + point_cost x P x (m_r x (1 + u_r + p) - m_0)

u uplift, c cost a member-month, m points multiplier; point_cost = point_value x (1 - breakage). The uplifts are
ASSUMED, or weighed with what designs have told (see `beliefs`), so the net has a range: it is linear in each u_r and in
p, and each of them is off by its own `uplift_sd`.
That spend rises before a threshold: Kivetz, Urminsky and Zheng (2006), the goal gradient; Taylor and Neslin (2005),
points pressure.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from membership.base import files, paths
from membership.settings.tiers import Tiers
from membership.stats import ranges
from membership.tiers import beliefs, rules
from membership.tiers.qualifying import CENTS
from membership.tiers.rules import YEAR, Rule

MONTH = YEAR / 12  # days


@dataclass(frozen=True)
class Terms:
    """What gains and costs are calculated with."""

    settings: Tiers
    margin_rate: float
    horizon_days: int  # over which spend is expected and costs are counted
    breakage: float  # share of points never redeemed
    # of the errors of the uplifts of `settings.levels` and of the pull; None: they are independent
    correlation: np.ndarray | None = field(default=None, compare=False)

    @property
    def months(self) -> float:
        """The horizon in months."""
        return self.horizon_days / MONTH

    @property
    def point_cost(self) -> float:
        """Expected cents that a point costs."""
        return self.settings.point_value * (1 - self.breakage)

    @property
    def points_share(self) -> float:
        """What points at the base rate are expected to cost, as a share of spend."""
        return self.point_cost * self.settings.points_per_unit / CENTS

    def levels(self, name: str) -> np.ndarray:
        """Return the knob `name` of every level from the entry tier up."""
        return np.array([getattr(level, name) for level in self.settings.levels], dtype=float)


def known_terms(settings: Tiers, margin_rate: float, horizon_days: int) -> Terms:
    """Return the terms with what stage `tiers` has stored: breakage, and the uplifts used where designs have told any.

    Raises DataError where it has not run.
    """
    known = files.read_json(paths.models("points.json"))
    return believed(Terms(settings, margin_rate, horizon_days, known["breakage"]), known.get("learned"))


def believed(terms: Terms, learned: dict | None) -> Terms:
    """Return `terms` with the uplifts of `learned` (`Beliefs.to_json`) in place of those assumed; None: as they are."""
    if not learned:
        return terms
    found = beliefs.from_json(learned)
    return replace(terms, settings=found.used(terms.settings), correlation=found.correlation)


@dataclass(frozen=True)
class Appraisal:
    """What a rule is expected to bring over the horizon."""

    rule: Rule
    # index tier, from the entry tier up: threshold, members, gain, cost, net; own_spread and pull_spread: what one
    # standard deviation more of the tier's uplift, and of the pull on its members, would add to net (cents)
    levels: pd.DataFrame
    moves: float  # levels risen or fallen, a member and year, in the replay
    correlation: np.ndarray | None = field(default=None, compare=False)  # see `Terms`

    @property
    def gain(self) -> float:
        """Cents of extra margin."""
        return float(self.levels["gain"].sum())

    @property
    def cost(self) -> float:
        """Cents that the tiers cost, compared with everybody in the entry tier."""
        return float(self.levels["cost"].sum())

    @property
    def net(self) -> float:
        """Cents of gain less cost."""
        return self.gain - self.cost

    @property
    def spread(self) -> pd.Series:
        """What one standard deviation more of each tier's uplift, and of the pull, would add to net, in cents."""
        own = self.levels["own_spread"].rename(lambda name: f"tier {name}")
        return pd.concat([own, pd.Series({"pull": self.levels["pull_spread"].sum()})])

    @property
    def sd(self) -> float:
        """The standard deviation of the net, in cents, from how uncertain the uplifts are."""
        return float(ranges.sd(self.spread, correlation=self.correlation))

    @property
    def p_pays(self) -> float:
        """The chance that the net is above 0."""
        return float(ranges.chance_above_zero(self.net, self.sd))

    def range(self, confidence: float) -> tuple[float, float]:
        """Return low and high of the net, from how uncertain the uplifts are."""
        low, high = ranges.normal(self.net, self.sd, confidence)
        return float(low), float(high)

    def by_level(self, confidence: float) -> pd.DataFrame:
        """Return `levels` with net_low, net_high and p_pays (chance of a net above 0) in place of the spreads."""
        spreads, net = ["own_spread", "pull_spread"], self.levels["net"]
        sd = ranges.sd(self.levels[spreads], axis=1)
        low, high = ranges.normal(net, sd, confidence)
        return self.levels.drop(columns=spreads).assign(
            net_low=low, net_high=high, p_pays=ranges.chance_above_zero(net, sd)
        )


def usual_order(value: pd.DataFrame) -> float:
    """Return what an order usually comes to, in cents: expected spend over expected orders; 0 where none is expected.

    `value` has expected_spend and expected_orders of all members over the horizon.
    """
    orders = float(value["expected_orders"].sum())
    return float(value["expected_spend"].sum()) / orders if orders > 0 else 0.0


def settled(settings: Tiers, value: pd.DataFrame, amounts: pd.DataFrame, margin_rate: float) -> Tiers:
    """Return `settings` with all that are shares in cents: see `Tiers.settled`; `amounts` is what qualifies, by month.

    The usual amount is the median of the last month's positive ones.
    """
    last = amounts.iloc[:, -1]
    usual = float(last[last > 0].median()) if (last > 0).any() else 0.0
    return settings.settled(margin_rate * float(value["expected_spend"].sum()), usual_order(value), usual)


def base_points(value: pd.DataFrame, settings: Tiers) -> np.ndarray:
    """Return the base points that each member of table `value` is expected to collect over the horizon."""
    on_orders = settings.points_per_order * value["expected_orders"] if settings.points_per_order else 0
    return (value["expected_spend"] * settings.points_per_unit / CENTS + on_orders).to_numpy()


def expected(value: pd.DataFrame, amounts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of table `value` of the members of `amounts`, in their order; of others, nothing is expected."""
    columns = value.columns.intersection(["expected_spend", "expected_orders"])
    return value.set_index("member_id")[columns].reindex(amounts.index, fill_value=0.0)


def appraise(rule: Rule, amounts: pd.DataFrame, value: pd.DataFrame, terms: Terms, settled: int = 0) -> Appraisal:
    """Return what `rule` is expected to bring with every member in the tier that the replay ends in.

    `amounts`: what qualifies, by month; `value`: member_id, expected_spend (and expected_orders, where orders earn
    points) over the horizon. Moves are counted from column `settled` on. A member pulled counts in the tier below.
    """
    ranks = rules.replay(amounts, rule)
    rank, future = ranks.iloc[:, -1].to_numpy(), expected(value, amounts)
    pulled = near(rank, amounts.iloc[:, -1].to_numpy(), rule, terms)
    spend, points = future["expected_spend"].to_numpy(), base_points(future, terms.settings)
    gain, cost = gain_and_cost(rank, pulled, spend, points, terms)
    slope = terms.margin_rate * spend - terms.point_cost * points * terms.levels("points_multiplier")[rank]
    count = len(rule.names)
    table = pd.DataFrame(
        {
            "threshold": rule.thresholds,
            "members": np.bincount(rank, minlength=count),
            "gain": np.bincount(rank, gain, minlength=count),
            "cost": np.bincount(rank, cost, minlength=count),
            "own_spread": np.bincount(rank, slope, minlength=count) * terms.levels("uplift_sd"),
            "pull_spread": np.bincount(rank, slope * pulled, minlength=count) * terms.settings.pull.uplift_sd,
        },
        index=pd.Index(rule.names, name="tier"),
    )
    moves = rules.moves_per_year(ranks, settled)
    return Appraisal(rule, table.assign(net=table["gain"] - table["cost"]), moves, terms.correlation)


def near(rank: np.ndarray, amount: np.ndarray, rule: Rule, terms: Terms) -> np.ndarray:
    """Return who is within `pull.reach` below the next threshold: bool (members,)."""
    coming = np.r_[rule.thresholds[1:], np.iinfo("int64").max][rank]
    return amount >= (1 - terms.settings.pull.reach) * coming


def gain_and_cost(rank: np.ndarray, pulled: np.ndarray, spend: np.ndarray, points: np.ndarray, terms: Terms):
    """Return what each member brings and costs in tier `rank`, in cents: two arrays (members,).

    All but `terms` are (members,): `pulled` as by `near`; `spend` (cents) and base `points` over the horizon.
    """
    cost, multiplier = terms.levels("cost"), terms.levels("points_multiplier")
    extra = terms.levels("uplift")[rank] + terms.settings.pull.uplift * pulled
    on_points = points * (multiplier[rank] * (1 + extra) - multiplier[0])
    return terms.margin_rate * extra * spend, (cost[rank] - cost[0]) * terms.months + terms.point_cost * on_points
