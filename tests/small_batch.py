"""A batch run on a small simulated market, without notebooks: what a scorer is made of, and is compared with."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from membership.base import engine, files, paths, seeds, stored, tables
from membership.data import ingest
from membership.profile import lifecycle
from membership.recommend import baskets, chances, model, policies, policy, train
from membership.repurchase import anyway, candidates, purchase_days
from membership.repurchase import score as forecasts
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings import params
from membership.tiers import points, qualifying, rules
from membership.value import choose, origins, score

SMALL = {
    "device": "cpu",
    "dataset.source": "simulate",
    "dataset.timezone": "UTC",
    "dataset.simulate.members": 70,
    "dataset.simulate.items": 40,
    "recommend.min_item_purchases": 2,
    "recommend.k": 5,
    "train.origins": 2,
    "train.epochs": 1,
    "train.candidates": 5,
    "repurchase.candidates": ["own_rate", "hazard"],
    "repurchase.network.epochs": 2,
    "value.origins": 2,
    "value.learning_origins": 1,
    "value.bootstrap": 20,
    "value.candidates": ["mean", "recent_rate", "bgnbd", "bgnbd_covariates", "boosted", "ziln", "stack"],
    "value.boosting.iterations": 5,
    "value.network.epochs": 5,
}


def run(root: Path) -> None:
    """Leave in `root`, the project's root, the tables and models that a scorer is made of."""
    raw = params.override(params.read(root / "params.yaml"), SMALL)
    (root / "params.yaml").write_text(yaml.safe_dump(raw))
    p = params.parse(raw)
    cleaned = ingest.ingest(p)
    cleaned.data.save()
    tables.write("quality", cleaned.quality)
    con = engine.connect()
    events = engine.load(con, "events")
    _repurchase(p, events)
    _value(p, events, engine.load(con, "members"))
    months = lifecycle.month_starts(p.windows)
    members = tables.read("members")
    known = purchase_days.read(events, members, p.windows.start, p.windows.as_of, p.economics.activity_kinds)
    lived = lifecycle.history(known, p.windows, p.lifecycle, p.economics.repurchase_days)
    stored.save(paths.models("stages"), lived.now)
    known = lifecycle.current(lived.table).rename("stage").reset_index()
    known = known.assign(persona="Everybody", typicality=np.nan, main_need="x", stated_need=None, top_category=None)
    tables.write("profile", known.assign(answered_survey=False))
    _tiers(p, events, members["member_id"], months)
    _recommendations(p, events)
    given = pd.DataFrame(
        {"member_id": members["member_id"][:1], "benefit": "points_boost", "cost": 1.0, "gain": 2.0, "spread": 0.5}
    )
    given = given.assign(orders=0.1, deadweight=0.5, propensity=0.9, explored=False, item_id=None)
    tables.write("allocations", given)


def anyways(p, history: PurchaseDays) -> PurchaseDays:
    """Return `history` without the orders that benefits brought, by the log in the stored tables."""
    log = tables.read("exposures"), tables.read("offers")
    had = anyway.given(*log, p.campaigns.evidence, p.benefits.catalogue, p.dataset.timezone)
    left = anyway.without(history, had, p.economics.repurchase_days, p.seed)
    assert len(left.days) < len(history.days)  # or nothing is tried
    return left


def _repurchase(p, events) -> None:
    as_of = purchase_days.number(p.windows.as_of)
    history = anyways(p, purchase_days.read(events, tables.read("members"), p.windows.start, p.windows.as_of))
    fitted = candidates.fit(history, as_of, p.repurchase, p.seed)
    forecast = forecasts.Forecast.of(fitted.candidates["hazard"], history, as_of)
    days = p.economics.repurchase_days
    tables.write("repurchase", forecasts.table(forecast, history, as_of, days, p.repurchase.horizons))
    stored.save(paths.models("repurchase"), forecast)


def _value(p, events, members) -> None:
    known = origins.panel(events, members, p.windows, p.value)
    rolled = origins.roll(known, p.value, p.seed)
    fitted = origins.fit(known, rolled.predictions, p.value, p.seed)
    choice = choose.choose(rolled, p.value, seeds.rng(p.seed, "choose"), refused=fitted.refusals)
    errors = score.band(rolled, choice, known.days, p.value)
    chances = forecasts.chances(tables.read("repurchase"), p.value.horizon_days)
    tables.write("value", score.table(fitted, choice, errors, known.now, chances, p.value, p.economics, p.seed))
    stored.save(paths.models("worth"), score.Worth.of(fitted, choice, errors))


def _tiers(p, events, members: pd.Series, months: pd.DatetimeIndex) -> None:
    rule = rules.rule(p.tiers, [5000, 10000, 30000])
    amounts = qualifying.amounts(events, members, months, p.tiers)
    ranks = rules.replay(amounts, rule)
    books = points.replay(qualifying.earning(events, members, months, p.tiers), ranks, p.tiers, p.seed)
    ahead = qualifying.ahead(events, members, months, p.tiers)
    tables.write("tiers", rules.standing(ranks, amounts, books.last, rule, p.tiers, ahead))
    stored.save(paths.models("tiers"), rule)


def _recommendations(p, events) -> None:
    items, day = tables.read("items"), p.windows.as_of
    products, settings = baskets.of_products(events, items), p.train.settings.model_dump()
    files.write_json(paths.models("tuned.json"), {"settings": settings})
    data = train.samples(products, items, day, p.recommend, p.train, p.seed)
    fitted = train.fit(data, model.Settings(**settings), p.train, p.seed, p.device).model
    model.save(fitted, paths.models("next_basket"))
    arms = {
        "champion": policies.fit("gp_topfreq", {}, products, items, day, p),
        "challenger": policy.serve(fitted, products, items, day, p),
    }
    members = np.sort(tables.read("members")["member_id"].to_numpy(dtype=str))
    listed = [policy.listed(one, items, members, p.recommend.k).assign(policy=name) for name, one in arms.items()]
    order = tables.read("repurchase").set_index("member_id")["p_repurchase"]
    probable = {"champion": "gp_topfreq", "challenger": "model"}
    tables.write("recommendations", chances.within(pd.concat(listed), order, probable))
