"""A small programme: tiers searched and replayed on made-up members, and benefits for six members by hand."""

from dataclasses import dataclass

import known_reaction
import numpy as np
import pandas as pd

from membership.benefits import fairness, overview, payoff, sweeps
from membership.benefits.allocation import Allocation, allocate
from membership.settings import params
from membership.settings.benefits import Benefit, Benefits, Fairness
from membership.tiers import liability, points, risk, rules, thresholds, worth
from membership.tiers import overview as tier_overview

TIERS = params.parse(
    params.read(),
    {
        "tiers.qualify_by": "spend",
        "tiers.search.min_share": 0.05,
        "tiers.search.budget": 1e9,
        "tiers.search.max_moves_per_year": 50,
        "tiers.search.candidates": 20,
        "tiers.pull.reach": 0.1,
    },
).tiers
TERMS = worth.Terms(TIERS, margin_rate=0.25, horizon_days=90, breakage=0.2)
MONTHS = pd.date_range("2020-02-01", periods=6, freq="MS", name="as_of").as_unit("us")

CATALOGUE = [
    Benefit(name="gift", kind="exclusive_products", cost=10, uplift=0.1, uplift_sd=0.05),
    Benefit(name="too_dear", kind="exclusive_products", cost=9999, uplift=0.1, uplift_sd=0.05),
    Benefit(name="modest", kind="discount", cost=90, uplift=0.1, uplift_sd=0.05),
]
FAIR = Fairness(attributes=["age"], min_ratio=0.5, min_group=2)
BENEFITS = Benefits(budget=30, max_per_member=1, min_tier_share=0, fairness=FAIR, catalogue=CATALOGUE)
FACTS = pd.DataFrame(
    {
        "member_id": list("abcdef"),
        "tier": ["Member", "Member", "Gold", "Gold", "Gold", "Gold"],
        "tier_rank": [0, 0, 2, 2, 2, 2],
        "persona": "Cook",
        "stage": "active",
        "expected_spend": [4000.0, 4000.0, 4000.0, 4000.0, 100.0, 100.0],
        "expected_orders": 2.0,
        "chance": 0.5,
        "age": ["19-24", "19-24", "65+", "65+", "unknown", "unknown"],
    }
)
SETTING = payoff.Setting(FACTS, BENEFITS, 0.25, known_reaction.on_spend(CATALOGUE))


@dataclass(frozen=True)
class Given:
    """What the notebook of the benefits has at hand."""

    allocation: Allocation
    table: pd.DataFrame
    fair: pd.DataFrame
    ratios: pd.DataFrame
    metrics: dict


def benefits() -> Given:
    """Return the allocation of BENEFITS to the members of FACTS, and what is told of it."""
    options = SETTING.options()
    allocation = allocate(options, FACTS, BENEFITS)
    table = overview.benefit_table(allocation, payoff.break_even(SETTING), 0.95)
    fair = fairness.benefit_table(FACTS, allocation, BENEFITS, 0.95)
    ratios = sweeps.ratio(options, FACTS, BENEFITS, [0.2, 0.9])
    outlook = payoff.outlook(options, allocation.choice, 0.95)
    lost = overview.lost_to_fairness(ratios, BENEFITS)
    prices = sweeps.price_range(SETTING)
    found = overview.metrics(allocation, outlook, fair, lost, BENEFITS.budget, prices)
    return Given(allocation, table, fair, ratios, found)


def tiers() -> dict:
    """Return what the notebook of the tiers has at hand, by its names there."""
    random = np.random.default_rng(7)
    index = pd.Index([f"m{i:03d}" for i in range(120)], name="member_id")
    level = random.lognormal(11, 1, 120)
    amounts = pd.DataFrame(level[:, None] * random.uniform(0.3, 1.7, (120, 6)), index, MONTHS).astype("int64")
    value = pd.DataFrame({"member_id": index, "expected_spend": level, "expected_orders": 4.0, "value": level / 4})
    search = thresholds.search(amounts, value, TERMS)
    ranks = rules.replay(amounts, search.rule)
    base = (amounts // 600).astype("int32")
    redeems, knobs = np.arange(120) % 2 == 0, TIERS.model_copy(update={"redeem_at": 50, "points_expire_days": 90})
    books = points.keep(base, base * 0, points.vouchers(redeems, 50), 90)
    standing = rules.standing(ranks, amounts, books.last, search.rule, TIERS, amounts.iloc[:, -1] * 0.8)
    by_tier = tier_overview.by_tier(standing, value, TIERS)
    agreement = tier_overview.agreement(standing, value, TIERS)
    owed = liability.owed(books, liability.pace(value, ranks.iloc[:, -1], TIERS, 90), redeems, knobs, 0.95)
    return {
        "amounts": amounts, "value": value, "search": search, "ranks": ranks, "books": books, "standing": standing,
        "by_tier": by_tier, "agreement": agreement, "owed": owed,
        "monthly": tier_overview.by_month(ranks, amounts, books, TERMS),
        "sensitivity": risk.sensitivity(search, amounts, value),
        "metrics": tier_overview.metrics(search, by_tier, agreement, rules.moves(ranks), owed, 1_000.0, 0.95),
    }  # fmt: skip
