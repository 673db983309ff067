"""A small simulated market with the tables that the tier designer reads, as the stages would have written them."""

import numpy as np
import pandas as pd

from membership.base import engine, files, paths, tables
from membership.benefits import facts
from membership.campaigns import reaction
from membership.data.sources import simulate
from membership.profile import lifecycle
from membership.settings import params
from membership.tiers import liability, qualifying, rules, thresholds
from membership.tiers.worth import Terms

MEMBERS = 160
LIMITS = {"tiers.search.budget": 20_000, "tiers.search.max_moves_per_year": 3.0, "tiers.search.round_to": 100}
OVERRIDES = LIMITS | {"benefits.budget": 15_000, "benefits.fairness.attributes": []}


def write() -> thresholds.Search:
    """Write the tables that the designer reads below the project's root; return the search behind them."""
    p = params.parse(params.read(), OVERRIDES)
    knobs = p.dataset.simulate.model_copy(update={"members": MEMBERS, "offers": 0, "views_per_order": 0.0})
    market = simulate.market(knobs, seed=3)
    for name in ("events", "members", "survey"):
        tables.write(name, getattr(market.canonical, name))
    members = market.canonical.members["member_id"]
    rng = np.random.default_rng(3)
    value = everything_about(members, rng)
    tables.write("value", value)
    persona = rng.choice(["thrifty", "curious"], MEMBERS)
    told = {"stage": "active", "persona": persona, "main_need": "bread", "answered_survey": False}
    empty = dict.fromkeys(("typicality", "stated_need", "top_category"))
    profile = pd.DataFrame({"member_id": members, **told, **empty})
    tables.write("profile", profile.astype({"typicality": float, "stated_need": "str", "top_category": "str"}))

    events, months = engine.load(engine.connect(), "events"), lifecycle.month_starts(p.windows)
    history = (events, members, months, p.tiers)
    amounts, settled = qualifying.amounts(*history), rules.settled(months, p.windows.start, p.tiers)
    breakage = liability.expected_breakage(qualifying.earning(*history), value, p.tiers, p.value.horizon_days)
    terms = Terms(p.tiers, p.economics.margin_rate, p.value.horizon_days, breakage)
    found = thresholds.search(amounts, value, terms, settled)
    ranks = rules.replay(amounts, found.rule)
    balance = pd.Series(0, index=ranks.index)
    ahead = qualifying.ahead(*history)
    tables.write("tiers", rules.standing(ranks, amounts, balance, found.rule, p.tiers, ahead))
    files.write_json(paths.models("points.json"), {"breakage": breakage})
    columns = [name for name in tables.ALL["features"].columns if name not in ("member_id", "as_of")]
    days = pd.DataFrame({"member_id": members, "as_of": months[-1]} | dict.fromkeys(columns, 1))
    tables.write("features", days)
    everybody = facts.facts(*(tables.read(name) for name in ("tiers", "value", "profile", "survey")), [])
    told = reaction.prior(p.benefits.catalogue, everybody, p.campaigns.reaction, names=("intercept", "log_odds"))
    files.write_json(paths.models("reaction.json"), told.to_json())
    return found


def everything_about(members: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Return table `value` with expected spend that differs between members; the rest is there for the schema."""
    spend = rng.lognormal(9.5, 0.8, len(members))
    scores = dict.fromkeys(("recency_score", "frequency_score", "monetary_score"), 3)
    chances = dict.fromkeys(("p_alive", "p_repurchase", "p_horizon"), 0.5)
    money = ("rfm_value", "value", "value_low", "value_high", "residual_value", "residual_low", "residual_high")
    known = {"expected_spend": spend, "expected_orders": spend / 3000, "rfm_segment": "loyal", "value_group": "others"}
    return pd.DataFrame({"member_id": members, **scores, **chances, **dict.fromkeys(money, 100.0), **known})
