"""The simulated market: its truth can be found again in the tables that the pipeline sees."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.data.sources import simulate
from membership.settings.dataset import Simulate

NEUTRAL = {
    "members": 1500,
    "items": 120,
    "days": 365,
    "start": "2017-01-01",
    "orders_per_month": 3.0,
    "rate_shape": 1.5,
    "churn_per_year": 0.3,
    "churn_shape": 2.0,
    "views_per_order": 2.0,
    "survey_response": 0.4,
    "personas": 0,
    "persona_contrast": 0.6,
    "offers": 6,
    "offer_response": 0.25,
}

FOREVER = np.datetime64("2100-01-01")


def knobs(**changes) -> Simulate:
    return Simulate(**{**NEUTRAL, **changes})


@pytest.fixture(scope="module")
def market():
    return simulate.market(knobs(), seed=1, timezone="America/New_York", currency="USD")


@pytest.fixture(scope="module")
def purchases(market):
    return market.canonical.events.query("kind == 'purchase'")


def frames(canonical) -> dict[str, pd.DataFrame]:
    return {field.name: getattr(canonical, field.name) for field in fields(canonical) if field.name in tables.ALL}


def test_every_table_keeps_to_its_schema_and_refers_to_rows_that_exist(market):
    checked = {name: tables.check(name, frame) for name, frame in frames(market.canonical).items()}
    events = checked["events"]
    assert set(events["kind"]) == {"view", "cart", "purchase", "return", "contact"}
    assert events["member_id"].isin(checked["members"]["member_id"]).all()
    assert events["item_id"].dropna().isin(checked["items"]["item_id"]).all()
    assert checked["exposures"]["offer_id"].isin(checked["offers"]["offer_id"]).all()
    assert checked["items"]["name"].is_unique
    assert events.loc[events["kind"] == "contact", "item_id"].isna().all()


def test_the_same_seed_gives_the_same_tables_and_another_seed_others():
    small = knobs(members=50)
    one, same, other = (frames(simulate.read(small, seed, "UTC", "EUR")) for seed in (1, 1, 2))
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, same[name])
    assert not one["events"].equals(other["events"])


def test_purchases_lie_between_joining_and_leaving_and_shops_close_at_night(market, purchases):
    life = market.truth.set_index("member_id").loc[purchases["member_id"]]
    local = purchases["local_at"].to_numpy()
    left = life["active_until"].fillna(FOREVER).to_numpy()
    assert (local >= life["active_from"].to_numpy()).all()
    assert (local < left).all()
    assert purchases["local_at"].dt.hour.between(8, 21).all()
    back = purchases["at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)
    assert (back == purchases["local_at"]).all()


def test_members_buy_at_their_own_rate_while_active():
    market = simulate.market(knobs(offers=0), seed=2)
    events, truth = market.canonical.events, market.truth.set_index("member_id")
    orders = events.query("kind == 'purchase'").groupby("member_id")["order_id"].nunique()
    orders = orders.reindex(truth.index, fill_value=0)
    until = truth["active_until"].fillna(pd.Timestamp("2018-01-01"))
    expected = truth["purchase_rate"] * (until - truth["active_from"]).dt.days
    assert orders.sum() == pytest.approx(expected.sum(), rel=0.02)
    standardised = (orders - expected) / np.sqrt(expected)
    assert standardised[expected > 5].std() == pytest.approx(1, abs=0.05)  # Poisson: the variance is the mean
    assert truth["purchase_rate"].mean() == pytest.approx(3 * 12 / 365.25, rel=0.06)


def test_the_share_that_leaves_within_a_year_is_the_one_asked_for():
    truth = simulate.market(knobs(members=20000, days=740, orders_per_month=0.05, offers=0), seed=3).truth
    within = (truth["active_until"] - truth["active_from"]) <= pd.Timedelta(days=365)
    assert within.mean() == pytest.approx(0.3, abs=0.012)
    nobody = simulate.market(knobs(members=50, churn_per_year=0), seed=3).truth
    assert nobody["active_until"].isna().all()


def test_what_members_buy_follows_their_taste(market, purchases):
    items = market.canonical.items.set_index("item_id")["category"]
    lines = pd.crosstab(purchases["member_id"], purchases["item_id"].map(items), normalize="index")
    often = purchases["member_id"].value_counts().loc[lambda count: count >= 100].index
    taste = market.truth.set_index("member_id").loc[often].filter(like="taste_")
    taste.columns = taste.columns.str.removeprefix("taste_")
    correlation = lines.loc[often, taste.columns].corrwith(taste, axis=1, method="spearman")
    assert len(often) > 300
    assert correlation.median() > 0.75
    assert taste.sum(axis=1).to_numpy() == pytest.approx(1)


def test_staples_come_back_on_the_members_own_cycle(market, purchases):
    busy = market.truth.query("purchase_rate > 0.25 and novelty < 0.3 and active_until.isna()")["member_id"]
    cycles = market.cycles[market.cycles["member_id"].isin(busy)].query("10 < cycle_days < 40")
    days = purchases.sort_values("local_at").groupby(["member_id", "item_id"])["local_at"]
    gaps = days.diff().dt.total_seconds().div(86400).groupby([purchases["member_id"], purchases["item_id"]]).median()
    found = cycles.join(gaps.rename("gap"), on=["member_id", "item_id"]).dropna()
    assert len(found) > 100
    assert found["gap"].corr(found["cycle_days"], method="spearman") > 0.6


def test_randomised_offers_cause_the_response_that_is_true():
    market = simulate.market(knobs(members=4000, orders_per_month=0.5), seed=4)
    exposures = market.canonical.exposures.assign(day=lambda frame: frame["at"].dt.normalize())
    purchases = market.canonical.events.query("kind == 'purchase'")
    truth = market.truth.set_index("member_id").loc[exposures["member_id"]].reset_index()
    active = truth["active_until"].fillna(FOREVER) > exposures["day"] + pd.Timedelta(days=14)
    orders = purchases.drop_duplicates("order_id")[["member_id", "local_at"]]
    near = exposures[["exposure_id", "member_id", "day"]].merge(orders, on="member_id")
    near = near[(near["local_at"] >= near["day"]) & (near["local_at"] < near["day"] + pd.Timedelta(days=14))]
    count = exposures["exposure_id"].map(near["exposure_id"].value_counts()).fillna(0)
    treated = exposures["arm"] == "treated"
    weight = active / exposures["propensity"]
    effect = np.average(count[treated], weights=weight[treated]) - np.average(count[~treated], weights=weight[~treated])
    assert effect == pytest.approx(truth.loc[active, "response"].mean(), abs=0.03)
    assert exposures.loc[treated, "redeemed_at"].notna().mean() > 0.1
    assert exposures.loc[~treated, "redeemed_at"].isna().all()


def test_propensities_are_the_shares_of_the_arms(market):
    exposures = market.canonical.exposures
    share = exposures.groupby(["offer_id", "arm"]).agg(size=("member_id", "size"), propensity=("propensity", "first"))
    observed = share["size"] / share.groupby("offer_id")["size"].transform("sum")
    assert observed.to_numpy() == pytest.approx(share["propensity"].to_numpy(), abs=0.06)


def test_answers_follow_true_tastes_and_only_some_members_answer(market):
    survey = market.canonical.survey
    assert survey["member_id"].nunique() / 1500 == pytest.approx(0.4, abs=0.04)
    said = survey.query("question == 'favourite_category'").set_index("member_id")["answer"]
    taste = market.truth.set_index("member_id").loc[said.index].filter(like="taste_")
    top = taste.idxmax(axis=1).str.removeprefix("taste_")
    assert 0.8 < (said == top).mean() < 0.95
    assert simulate.read(knobs(members=30, survey_response=0), 1, "UTC", "EUR").survey.empty


def test_views_and_carts_come_before_the_purchase(market):
    events = market.canonical.events
    counts = events["kind"].value_counts()
    orders = events.query("kind == 'purchase'")["order_id"].nunique()
    assert counts["view"] / orders == pytest.approx(2.0, rel=0.03)
    assert 0 < counts["cart"] < counts["view"]
    carts = events.query("kind == 'cart'").merge(
        events.query("kind == 'view'"), on=["member_id", "item_id"], suffixes=("", "_view")
    )
    assert carts["event_id"].nunique() == counts["cart"]
    assert (carts.groupby("event_id")["at_view"].min() < carts.groupby("event_id")["at"].min()).all()


def test_returns_give_back_what_was_paid(market):
    events = market.canonical.events
    returned = events.query("kind == 'return'")
    bought = events.query("kind == 'purchase'").set_index(["order_id", "item_id"])["amount"]
    paid = bought.loc[pd.MultiIndex.from_frame(returned[["order_id", "item_id"]])]
    assert len(returned) > 0
    assert (returned["amount"].to_numpy() == -paid.to_numpy()).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"members": 1, "items": 1, "offers": 0},
        {"members": 3, "items": 5, "days": 60, "orders_per_month": 0.0001},
        {"members": 40, "churn_per_year": 0.999, "offer_response": 0, "views_per_order": 0},
    ],
    ids=["one of each", "hardly an order", "everybody leaves"],
)
def test_odd_sizes_still_give_whole_tables(changes):
    for name, frame in frames(simulate.read(knobs(**changes), 1, "America/Sao_Paulo", "BRL")).items():
        tables.check(name, frame)


@pytest.fixture(scope="module")
def kinds_market():
    return simulate.market(knobs(personas=3, survey_response=0.8), seed=7)


def test_kinds_of_members_have_their_own_tastes_habits_and_rates(kinds_market):
    truth, kinds = kinds_market.truth, kinds_market.kinds
    assert len(kinds) == 3
    by_kind = truth.groupby("persona")
    assert by_kind.size().to_numpy() / len(truth) == pytest.approx(kinds.traits["share"].to_numpy(), abs=0.04)
    wants = kinds.wants.div(kinds.wants.sum(axis=1), axis=0)
    seen = by_kind[[f"taste_{category}" for category in wants]].mean()
    assert seen.to_numpy() == pytest.approx(wants.to_numpy(), abs=0.02)
    mean = kinds.traits["deal_a"] / (kinds.traits["deal_a"] + kinds.traits["deal_b"])
    assert by_kind["deal"].mean().to_numpy() == pytest.approx(mean.to_numpy(), abs=0.04)
    assert by_kind["purchase_rate"].mean().to_numpy() == pytest.approx(kinds.traits["rate"].to_numpy(), rel=0.15)
    assert truth["purchase_rate"].mean() == pytest.approx(3 * 12 / 365.25, rel=0.06)


def test_kinds_change_neither_who_joins_nor_what_is_sold(kinds_market, market):
    alike = simulate.market(knobs(survey_response=0.8), seed=7)
    pd.testing.assert_frame_equal(alike.canonical.items, kinds_market.canonical.items)
    pd.testing.assert_frame_equal(alike.canonical.members, kinds_market.canonical.members)
    assert market.kinds is None
    assert (market.truth["persona"] == 0).all()


def test_without_contrast_kinds_do_not_differ():
    kinds = simulate.market(knobs(personas=3, persona_contrast=0.0, members=50), seed=7).kinds
    assert kinds.traits.drop(columns="share").nunique().eq(1).all()
    assert np.ptp(kinds.wants.to_numpy(), axis=0) == pytest.approx(0)


def test_the_survey_asks_every_kind_of_question_and_each_is_skipped_by_some(kinds_market):
    survey, truth = kinds_market.canonical.survey, kinds_market.truth.set_index("member_id")
    tables.check("survey", survey)
    answered = survey["member_id"].nunique()
    shares = survey.groupby("question")["member_id"].nunique() / answered
    assert shares[["favourite_category", "matters_most", "price_importance"]].to_numpy() == pytest.approx(
        [0.95, 0.95, 0.9], abs=0.03
    )
    assert shares["wish"] == pytest.approx(0.3, abs=0.05)
    several = survey.query("question == 'buys_regularly'")["member_id"].value_counts()
    assert several.max() > 1
    single = survey[survey["question"] != "buys_regularly"]
    assert not single.duplicated(["member_id", "question"]).any()
    scale = survey.query("question == 'price_importance'").set_index("member_id")["answer"].astype(int)
    assert set(scale) == {1, 2, 3, 4, 5}
    assert scale.corr(truth.loc[scale.index, "deal"]) > 0.8
