"""The policies of the loop; each sees only what its own members did, but the oracle, which knows the market.

`choose(world)` returns the benefit of each member for the month, -1 for none; `watch(world)` sees what came of it.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.loop_forecast import Forecast, first
from benchmarks.loop_market import BEFORE, CATALOGUE, FIXED, MARGIN, NAMES, PERSONAS, cost
from membership.base import seeds
from membership.benefits import allocation, explore, options, payoff
from membership.campaigns import reaction
from membership.repurchase import anyway
from membership.settings import params

REFIT = 3  # months between two fits of the forecast
EXPLORE = 1.0  # all get what is best under a draw of the beliefs: draws agree once effects are known
_KNOWN = ("intercept", "log_odds", "log_days_since", "log_order_value", "had")
COVARIATES = (*_KNOWN, *(f"persona={one}" for one in PERSONAS))
_PARAMS = params.parse(params.read())
_ASSUMED = np.array([one.uplift for one in CATALOGUE])


class Policy:
    """Nothing for anybody; and what the others share: the forecast, and the best within the budget."""

    def __init__(self, budget: float, seed: int) -> None:
        """`budget`: cents a month."""
        self.budget, self.seed, self.rng = budget, seed, seeds.rng(seed, "policy")

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        return np.full(len(world.came), -1)

    def watch(self, world) -> None:
        """See what came of the month that is over."""

    def known(self, world) -> pd.DataFrame:
        """Return what is forecast of the members before the month; the forecast is fitted anew every REFIT months."""
        if world.month == BEFORE:
            self.model = first(world.market)
        elif (world.month - BEFORE) % REFIT == 0:
            self.model = Forecast.fit(world)
        return self.model.facts(world)

    def best(self, facts: pd.DataFrame, uplift: np.ndarray) -> np.ndarray:
        """Return the allocation that nets most within the budget, at most one each, if `uplift` (n, B) holds."""
        spend, orders = (facts[f"expected_{of}"].to_numpy() for of in ("spend", "orders"))
        price = FIXED + (cost(spend, orders) - FIXED) * (1 + uplift)
        gain, allowed = MARGIN * uplift * spend[:, None], np.ones(uplift.shape, dtype=bool)
        ids, rank = facts["member_id"].to_numpy(), facts["tier_rank"].to_numpy()
        sure = options.additive(ids, rank, NAMES, allowed, np.ceil(np.round(price, 6)), gain, most=1)
        return allocation.allocate(sure, facts, self.settings).choice

    def until_spent(self, facts: pd.DataFrame, order: np.ndarray) -> np.ndarray:
        """Return the benefit that is assumed to bring most for its cost, given in this order until the budget ends."""
        spend, orders = (facts[f"expected_{of}"].to_numpy() for of in ("spend", "orders"))
        price = cost(spend, orders)
        benefit = int((MARGIN * _ASSUMED * spend.sum() / price.sum(axis=0)).argmax())
        given = np.full(len(order), -1)
        given[order[price[order, benefit].cumsum() <= self.budget]] = benefit
        return given

    @cached_property
    def settings(self):
        """The limits of the allocation: the budget alone."""
        whole = _PARAMS.benefits
        fair = whole.fairness.model_copy(update={"attributes": []})
        limits = {"budget": self.budget, "max_per_member": 1, "min_tier_share": 0.0, "fairness": fair}
        return whole.model_copy(update={**limits, "explore_share": EXPLORE, "catalogue": CATALOGUE})


class Alike(Policy):
    """Everybody alike: one benefit for members drawn at random, until the budget is spent."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        return self.until_spent(self.known(world), self.rng.permutation(len(world.came)))


class ByRisk(Policy):
    """The same benefit for those least likely to come, the least sure first."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        facts = self.known(world)
        return self.until_spent(facts, np.argsort(facts["chance"].to_numpy(), kind="stable"))


class Today(Policy):
    """Expected spend times the assumed uplift, the same for everybody."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        facts = self.known(world)
        return self.best(facts, np.tile(_ASSUMED, (len(facts), 1)))


class OneCampaign(Policy):
    """Benefits at random in the first month, then by an uplift model (T-learner, boosted) of what that showed."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        facts = self.known(world)
        if world.month == BEFORE:
            self.x, self.given = self.inputs(facts), at_random(facts, self.budget, self.rng)
            return self.given
        change = [model.predict(self.inputs(facts)) for model in self.models]
        base = np.maximum(change[0], 1e-9)[:, None]
        return self.best(facts, np.column_stack(change[1:]) / base - 1)

    def watch(self, world) -> None:
        """See what came of the month that is over."""
        if world.month == BEFORE + 1:
            spent = np.where(world.came, world.market.spent, 0)[:, BEFORE]
            arms = [self.given == arm for arm in range(-1, len(NAMES))]
            self.models = [_trees(self.seed).fit(self.x[arm], spent[arm]) for arm in arms]

    @staticmethod
    def inputs(facts: pd.DataFrame) -> np.ndarray:
        """Return what the model sees of members, (n, 8)."""
        columns = ["chance", "days_since_last", "expected_orders", "expected_spend"]
        return np.column_stack([facts[columns], pd.get_dummies(facts["persona"], dtype=float)])


class Loop(Policy):
    """Ours: allocate by what is believed, explore with a share of the members, and learn from every month."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        if world.month == BEFORE:
            self.anyway = world.came.copy()
        facts = self.known(replace(world, came=self.anyway))
        if world.month == BEFORE:
            self.belief = reaction.prior(CATALOGUE, facts, _PARAMS.campaigns.reaction, names=COVARIATES)
        setting = payoff.Setting(facts, self.settings, MARGIN, self.belief)
        found = explore.allocate(setting, self.seed, str(world.month))
        chances = dict(zip((f"propensity_{name}" for name in NAMES), found.propensity.T, strict=True))
        self.facts, self.given = facts.assign(**chances), found.allocation.choice
        return self.given

    def watch(self, world) -> None:
        """See what came of the month that is over."""
        month = world.month - 1
        spent = np.where(world.came, world.market.spent, 0)[:, month]
        got = {name: self.given == number for number, name in enumerate(NAMES)}
        log = self.facts.assign(ordered=world.came[:, month].astype(int), spend=spent, **got)
        self.belief = reaction.learn(self.belief, log)
        self.anyway[:, month] = world.came[:, month] & ~self._caused()

    def _caused(self) -> np.ndarray:
        """Draw who came, if they did, because of what they were given, (n,) of bool, by what is believed.

        The forecast without benefits is learned from the others: from what would have come without them.
        """
        chance = self.facts["chance"].to_numpy()
        alone = self.belief.chances(self.facts)[np.arange(len(chance)), np.maximum(self.given, 0)]
        return self.rng.random(len(chance)) < anyway.brought(chance, np.where(self.given >= 0, alone, chance))


class Oracle(Policy):
    """The best of each month for who knows every chance, response and fatigue."""

    def choose(self, world) -> np.ndarray:
        """Return the benefit of each member, (n,), -1 for none."""
        market, month = world.market, world.month
        chance, orders = market.chance[:, month], market.usual[:, month]
        ids = np.array([f"m{number:06d}" for number in range(len(chance))])
        expected = {"expected_orders": chance * orders, "expected_spend": chance * market.spend(month)}
        facts = pd.DataFrame({"member_id": ids, "tier_rank": 0, "tier": "Member", **expected})
        return self.best(facts, market.chances(month, world.had) / chance[:, None] - 1)


def at_random(facts: pd.DataFrame, budget: float, rng: np.random.Generator) -> np.ndarray:
    """Return none or one of the benefits with equal chances for members in random order, until the budget is spent."""
    price = cost(facts["expected_spend"].to_numpy(), facts["expected_orders"].to_numpy())
    given = rng.integers(-1, len(NAMES), len(facts))
    due = np.where(given >= 0, price[np.arange(len(given)), np.maximum(given, 0)], 0.0)
    order = rng.permutation(len(given))
    beyond = order[due[order].cumsum() > budget]
    given[beyond] = -1
    return given


def _trees(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8, random_state=seed, early_stopping=False)


POLICIES = {
    "nothing": Policy,
    "alike": Alike,
    "by risk": ByRisk,
    "today": Today,
    "one campaign": OneCampaign,
    "ours": Loop,
    "oracle": Oracle,
}
