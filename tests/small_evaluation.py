"""A small evaluation, made by hand: outcomes, recommendations, items and tiers of forty members."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from membership.evaluate import experiment
from membership.settings import params

METRICS = ["recall_at_10", "hit_at_10", "explore_recall_at_10"]


@dataclass
class World:
    """The tables that `experiment.run` reads; tests change them before they run it."""

    outcomes: pd.DataFrame
    recommendations: pd.DataFrame
    items: pd.DataFrame
    tiers: pd.DataFrame
    knobs: params.Stage

    def run(self) -> experiment.Comparison:
        return experiment.run(self.outcomes, self.recommendations, self.items, self.knobs.evaluate, self.knobs.seed)

    def rows(self) -> pd.DataFrame:
        """Return the metrics over all members, index metric, as the decision reads them."""
        return self.run().effects.set_index("metric")

    def values(self, policy: str, metric: str = "recall_at_10") -> np.ndarray:
        return self.outcomes.loc[self.outcomes["policy"] == policy, metric].to_numpy()

    def change(self, policy: str, values: np.ndarray, metrics: list[str] = METRICS) -> None:
        """Give the members of an arm these values of every metric, or of `metrics`."""
        for metric in metrics:
            self.outcomes.loc[self.outcomes["policy"] == policy, metric] = values


@pytest.fixture
def knobs(workspace):
    """The project's parameters, with guardrails on the metrics that this small evaluation has."""
    margins = {"explore_recall_at_10": 0.005, "hit_at_10": 0.01, "catalogue_coverage": 0.01}
    rule = [{"metric": metric, "margin": margin} for metric, margin in margins.items()]
    changes = {"evaluate.bootstrap": 200, "evaluate.aa_repeats": 60, "decide.guardrails": rule}
    return params.load("decide", changes)


@pytest.fixture
def tiers():
    members = [f"m{number:02d}" for number in range(40)]
    rank = np.repeat([0, 1], 20)
    return pd.DataFrame({"member_id": members, "tier": np.array(["Member", "Gold"])[rank], "tier_rank": rank})


@pytest.fixture
def world(tiers, knobs):
    """A challenger that is better for every member, by 0.05 to 0.15."""
    rng = np.random.default_rng(1)
    champion = rng.uniform(0, 0.8, 40)
    recommendations = pd.DataFrame(
        {
            "policy": np.repeat(["champion", "challenger"], 40),
            "member_id": np.tile(tiers["member_id"], 2),
            "rank": 1,
            "item_id": ["a"] * 40 + ["a"] * 20 + ["b"] * 20,
        }
    )
    items = pd.DataFrame({"item_id": list("abcd"), "name": ["Apples", "Bread", "Cheese", "Dates"]})
    arms = [tiers[["member_id", "tier"]].assign(policy=policy) for policy in ("champion", "challenger")]
    world = World(pd.concat(arms, ignore_index=True), recommendations, items, tiers, knobs)
    world.change("champion", champion)
    world.change("challenger", champion + rng.uniform(0.05, 0.15, 40))
    return world
