"""A made-up market whose members differ in how surely they come, with three benefits of uncertain effect."""

import numpy as np
import pandas as pd

from membership.benefits.payoff import Setting
from membership.campaigns import reaction
from membership.settings.benefits import Benefit, Benefits, Fairness
from membership.settings.campaigns import Reacting

CATALOGUE = [
    Benefit(name="gift", kind="exclusive_products", cost=20, uplift=0.05, uplift_sd=0.03, places=60),
    Benefit(name="discount", kind="discount", cost_share=0.02, uplift=0.1, uplift_sd=0.06),
    Benefit(name="delivery", kind="free_shipping", cost_per_order=20, uplift=0.08, uplift_sd=0.05),
]
FAIR = Fairness(attributes=["age"], min_ratio=0.7, min_group=5)


def setting(members=400, seed=1, **changed):
    rng = np.random.default_rng(seed)
    orders = rng.gamma(2.0, 1.0, members)
    facts = pd.DataFrame(
        {
            "member_id": [f"m{number:05d}" for number in range(members)],
            "tier_rank": rng.integers(0, 2, members),
            "tier": "any",
            "persona": "any",
            "stage": "active",
            "expected_orders": orders,
            "expected_spend": orders * rng.lognormal(8, 0.5, members),
            "chance": rng.beta(2, 1, members),
            "age": rng.choice(["old", "young", "unknown"], members),
        }
    )
    knobs = {"budget": 6000.0, "max_per_member": 2, "min_tier_share": 0.1, "explore_share": 0.3}
    settings = Benefits(catalogue=CATALOGUE, fairness=FAIR, **(knobs | changed))
    told = reaction.prior(CATALOGUE, facts, Reacting(), names=("intercept", "log_odds"))
    return Setting(facts, settings, 0.25, told)
