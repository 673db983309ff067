"""The whole rule on simulated markets: how often it ships nothing, and how often it finds what is there."""

import numpy as np
import pandas as pd
import pytest

from membership.evaluate import decide, experiment, guardrails
from membership.settings import params

MEMBERS, ITEMS, K = 300, 200, 5
EFFECT = 0.0265  # of recall: found with power .9 by 300 paired members whose differences vary by .14
CHAMPION, CHALLENGER = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {}}


@pytest.fixture
def p(workspace):
    margins = {"hit_at_10": 0.1, "discount_per_item_at_10": 25, "catalogue_coverage": 0.2, "fairness_spread": 0.05}
    rule = [{"metric": metric, "margin": margin} for metric, margin in margins.items()]
    return params.load("decide", {"evaluate.bootstrap": 100, "evaluate.aa_repeats": 20, "decide.guardrails": rule})


def market(rng: np.random.Generator, effect: float, cost: float = 0.0):
    """Return outcomes, recommendations, items, tiers and groups: a challenger that adds `effect`, at a `cost`."""
    ids = [f"m{number:03d}" for number in range(MEMBERS)]
    tier_rank = rng.integers(3, size=MEMBERS)
    tiers = pd.DataFrame({"member_id": ids, "tier": np.array(["A", "B", "C"])[tier_rank], "tier_rank": tier_rank})
    own, arms, lists = rng.beta(1, 4, MEMBERS), [], []
    for policy, gain in (("champion", 0.0), ("challenger", effect)):
        recall = own + gain + rng.normal(0, 0.1, MEMBERS)
        values = {
            "recall_at_10": recall,
            "hit_at_10": recall > 0.1,
            "discount_per_item_at_10": rng.gamma(2, 40, MEMBERS),
        }
        arm = tiers[["member_id", "tier"]].assign(policy=policy, **values).astype({"hit_at_10": float})
        arm["discount_per_item_at_10"] += cost * (policy == "challenger")
        items = np.argsort(rng.gumbel(size=(MEMBERS, ITEMS)) - np.log(np.arange(1, ITEMS + 1)), axis=1)[:, -K:]
        lists.append(
            pd.DataFrame({"policy": policy, "member_id": np.repeat(ids, K), "item_id": items.ravel().astype(str)})
        )
        arms.append(arm)
    groups = pd.DataFrame({"member_id": ids, "age": rng.choice(["young", "old", "unknown"], MEMBERS)})
    catalogue = pd.DataFrame({"item_id": [str(number) for number in range(ITEMS)]})
    return pd.concat(arms), pd.concat(lists), catalogue, tiers, groups


def decided(p, seed: int, effect: float, cost: float = 0.0) -> decide.Decision:
    """Return what the rule decides on a market of its own: all that it needs are frames."""
    outcomes, lists, items, _, groups = market(np.random.default_rng(seed), effect, cost)
    found = experiment.run(outcomes, lists, items, p.evaluate, seed)
    guards = guardrails.fairness(*experiment.arms(outcomes), found.primary, groups, 30, found.confidence)
    rows = decide.of_all_members(found.effects.assign(by=experiment.ALL), guards)
    return decide.decide(rows, p.evaluate, p.decide, CHAMPION, CHALLENGER)


def test_where_there_is_nothing_hardly_anything_is_shipped(p):
    shipped = sum(decided(p, seed, 0.0).verdict == "promote" for seed in range(30))
    assert shipped <= 4  # 2.5 % of 30 at most; 5 or more would come once in 1,000 times


def test_what_is_there_is_found_and_shipped(p):
    shipped = sum(decided(p, seed, EFFECT).verdict == "promote" for seed in range(20))
    assert shipped >= 14  # .9 of 20; fewer would come once in 400 times


def test_a_better_challenger_that_costs_too_much_is_not_shipped(p):
    kept = [decided(p, seed, 0.1, cost=50.0) for seed in range(10)]
    assert all("guardrail discount_per_item_at_10" in _failed(decision) for decision in kept)


def _failed(decision: decide.Decision) -> list[str]:
    return [check.name for check in decision.checks if check.result == "failed"]
