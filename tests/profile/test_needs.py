"""Needs: preferences against the population, evidence and not noise."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.base.timeline import Window
from membership.data.habits import COLUMNS
from membership.profile import needs
from membership.profile.history import Seen
from membership.settings import params
from membership.stats import credibility

SETTINGS = params.parse(params.read()).needs.model_copy(
    update={"min_purchase_days": 3, "min_category_share": 0.05, "min_level_share": 0.1, "min_reliability": 0.2}
)
COUNTS = {
    "orders": 100,
    "weekend_orders": 30,
    "evening_orders": 30,
    "channel_orders": 100,
    "channel_repeats": 100 * 99,
    "items": 400,
    "item_squares": 1700,
    "paid": 40_000,
    "line_squares": 4_000_000 + 400 * 50**2,
    "list_price": 44_000,
    "list_squares": 400 * 110**2,
    "discount": 4_000,
    "discount_squares": 400 * 12**2,
    "discount_products": 400 * 110 * 10,
    "shelf_price": 44_000,
    "shelf_squares": 400 * 112**2,
    "usual_price": 44_000,
    "usual_squares": 400 * 110**2,
    "price_products": 400 * 110**2,
    "brand_lines": 300,
    "brand_pairs": 1000,
    "brand_repeats": 500,
    "items_viewed": 0,
    "items_viewed_bought": 0,
}


def ids(members):
    return pd.Index([f"m{i}" for i in range(members)], name="member_id")


def features(members, **columns):
    base = {"member_id": ids(members), "purchase_days": 80, "age_days": 300.0, "items_distinct": 120}
    return pd.DataFrame({**base, **columns})


def habits(members, **columns):
    return pd.DataFrame({**COUNTS, **columns}, index=ids(members))[list(COLUMNS)]


def category_shares(spend):
    rows = [(member, category, cents) for member, bought in spend.items() for category, cents in bought.items()]
    frame = pd.DataFrame(rows, columns=["member_id", "category", "spend"])
    return frame.assign(share=frame["spend"] / frame.groupby("member_id")["spend"].transform("sum"))


SHARES = category_shares({"m0": {"WINE": 900, "BREAD": 100}, "m1": {"BREAD": 1000}, "m2": {"BREAD": 2000, "TOYS": 1}})
LEVELS = pd.DataFrame(columns=["member_id", "habit", "level", "amount"]).astype({"amount": "int64"})


def found(members=3, shares=SHARES, levels=LEVELS, facts=None, settings=SETTINGS, **columns):
    facts = features(members) if facts is None else facts
    return needs.preferences(facts, shares, habits(members, **columns), levels, settings)


def test_main_need_is_the_preference_furthest_above_the_populations():
    scores = found(discount=[2000, 2000, 12_000]).scores
    main = needs.main_need(scores)
    assert main["m0"] == "wine"
    assert main["m2"] == "bargains"


def test_a_score_is_in_true_standard_deviations_between_members():
    preferences = found(discount=[2000, 4000, 12_000])
    natural, spread = preferences.natural["bargains"], preferences.evidence.loc["bargains", "spread"]
    np.testing.assert_allclose(preferences.scores["bargains"], (natural - natural.mean()) / spread)
    assert natural.tolist() == pytest.approx([2 / 44, 4 / 44, 12 / 44], rel=0.1)  # shrunk, but by little


def test_a_share_of_few_purchases_is_shrunk_and_one_of_many_is_not():
    # the same share, 60 % on weekends: of 10 orders and of 1,000; the others are at 30 %
    facts = {"orders": [10, 1000, 100, 100, 100], "weekend_orders": [6, 600, 10, 30, 50]}
    weekend = found(5, **facts).natural["weekend shopping"]
    assert weekend["m0"] < weekend["m1"] < 0.6
    assert weekend["m1"] == pytest.approx(0.6, abs=0.01)


def test_a_preference_that_is_noise_is_no_need():
    rng = np.random.default_rng(1)
    members = 300
    chance = found(members, orders=20, weekend_orders=rng.binomial(20, 0.3, members))
    assert "weekend shopping" not in chance.natural
    assert not chance.evidence.loc["weekend shopping", "kept"]
    real = found(members, orders=20, weekend_orders=rng.binomial(20, rng.beta(1, 2, members)))
    assert real.evidence.loc["weekend shopping", "reliability"] > 0.6
    assert "weekend shopping" in real.scores


def test_buying_cheaper_than_usual_is_a_need_apart_from_discounts():
    cheap = {"shelf_price": [22_000, 44_000, 66_000], "price_products": [2_420_000, 4_840_000, 7_260_000]}
    preferences = found(**cheap, shelf_squares=[400 * 55**2, 400 * 110**2, 400 * 165**2])
    assert preferences.natural[needs.LOW_PRICES].tolist() == pytest.approx([0.5, 0, -0.5], abs=0.01)
    assert "bargains" not in preferences.scores  # all get the same discounts


def test_brands_and_channels_are_measured_against_the_largest():
    rows = [("m0", "brand", "Own", 90), ("m0", "brand", "Big", 10), ("m1", "brand", "Big", 100)]
    rows += [("m0", "channel", "web", 100), ("m1", "channel", "store", 100), ("m2", "channel", "store", 100)]
    rows += [("m2", "brand", "Big", 100), ("m2", "brand", "Rare", 1)]
    levels = pd.DataFrame(rows, columns=["member_id", "habit", "level", "amount"])
    preferences = found(levels=levels)
    assert preferences.natural["own brand"].tolist() == pytest.approx([0.9, 0, 0], abs=0.02)
    assert preferences.natural["web shopping"].tolist() == pytest.approx([1, 0, 0], abs=0.02)
    assert not {"big brand", "store shopping", "rare brand"} & set(preferences.evidence.index)


def test_loyalty_is_the_chance_that_two_purchases_are_of_one_brand():
    preferences = found(brand_repeats=[1000, 500, 0])
    assert preferences.natural["loyalty to brands"].tolist() == pytest.approx([1, 0.5, 0], abs=0.05)


def test_what_is_known_of_nobody_and_a_small_category_are_left_out():
    known = found(discount=[2000, 4000, 12_000])
    assert not {"looking around first", "toys"} & set(known.evidence.index)
    assert {"bargains", "wine", "bread"} <= set(known.natural)


def test_goods_without_a_category_are_no_need():
    shares = category_shares({f"m{i}": {"unknown": 100 * (i + 1), "Dairy": 900 - 100 * i} for i in range(3)})
    evidence = found(shares=shares).evidence
    assert "dairy" in evidence.index and "unknown" not in evidence.index


def test_browsing_of_a_member_who_never_browsed_is_unknown():
    looked = {"items_viewed": [50, 50, 50, 0], "items_viewed_bought": [0, 20, 45, 0]}
    natural = found(4, **looked).natural["looking around first"]
    assert natural.isna().tolist() == [False, False, False, True]


def test_one_member_alone_has_no_need_above_the_populations():
    assert needs.main_need(found(1, SHARES.query("member_id == 'm0'")).scores).tolist() == [needs.UNKNOWN]


def test_members_with_few_purchases_are_unknown_and_do_not_move_the_others():
    discounts = [2000, 4000, 12_000, 44_000]
    facts = features(4).assign(purchase_days=[80, 80, 80, 2])
    with_stranger = found(4, facts=facts, discount=discounts)
    assert with_stranger.scores.loc["m3"].isna().all()
    assert needs.main_need(with_stranger.scores)["m3"] == needs.UNKNOWN
    alone = found(3, discount=discounts[:3])
    np.testing.assert_allclose(with_stranger.scores["bargains"].iloc[:3], alone.scores["bargains"])


def test_members_without_any_purchase_are_unknown():
    facts = features(1, purchase_days=0, age_days=0.0, items_distinct=0)
    preferences = needs.preferences(facts, SHARES.iloc[:0], habits(1).iloc[:0], LEVELS, SETTINGS)
    assert needs.main_need(preferences.scores).tolist() == [needs.UNKNOWN]


def test_variety_is_more_distinct_items_than_usual_for_as_many_purchases():
    facts = features(40, items_distinct=[*np.tile([20, 40, 80], 13), 70])
    variety = found(40, facts=facts, items=[*np.tile([100, 200, 400], 13), 200]).natural["variety"]
    assert variety.idxmax() == "m39"


MONTH = Window(date(2020, 6, 1), date(2020, 7, 1))
NOTHING_KNOWN = needs.Stability({}, 150)


def window(members, **columns):
    """Return what members did in a month."""
    facts = features(members, purchase_days=8, age_days=30.0).set_index("member_id")
    return Seen(MONTH, facts, SHARES.iloc[:0], habits(members, **columns), LEVELS)


def test_the_error_of_prediction_by_hand():
    """Orders on weekends: 5 of 10 and 1 of 10 before; 4 of 10 and 4 of 10 in the time that follows."""
    before = found(2, orders=10, weekend_orders=[5, 1], settings=SETTINGS.model_copy(update={"min_reliability": 0.0}))
    row = needs.judged(before, window(2, orders=10, weekend_orders=4), NOTHING_KNOWN, SETTINGS).loc["weekend shopping"]
    shrunk = credibility.shrink(np.array([0.5, 0.1]), np.array([10.0, 10]), 10 * (0.25 + 0.09) / 18)
    mean = abs(0.4 - shrunk.mean)
    assert row["members"] == 2 and np.isnan(row["slope"])  # of two members nothing can be said
    assert row["own"] == pytest.approx(np.sqrt((0.1**2 + 0.3**2) / 2) / mean)
    assert row["shrunk"] == pytest.approx(np.sqrt(np.mean((0.4 - shrunk.figures) ** 2)) / mean)


def test_shrunk_figures_predict_better_than_raw_ones_and_than_the_mean():
    rng = np.random.default_rng(5)
    truth, n = rng.beta(3, 6, 400), rng.integers(3, 20, 400)
    before = found(400, orders=n, weekend_orders=rng.binomial(n, truth))
    after = window(400, orders=50, weekend_orders=rng.binomial(50, truth))
    row = needs.judged(before, after, NOTHING_KNOWN, SETTINGS).loc["weekend shopping"]
    assert row["shrunk"] < 0.9
    assert row["shrunk"] < row["own"]


def test_what_drifts_from_half_to_half_is_no_lasting_need():
    """Weekend shopping drifts as much as it lasts, evening shopping not at all."""
    rng, members = np.random.default_rng(6), 1500

    def month():
        """Return the counts of a half."""
        weekend = (lasting + rng.normal(0, 0.1, members)).clip(0, 1)
        counts = {"weekend_orders": rng.binomial(orders, weekend), "evening_orders": rng.binomial(orders, evening)}
        return counts | {"orders": orders}

    lasting, evening = rng.normal(0.5, 0.1, members), rng.normal(0.5, 0.1, members).clip(0, 1)
    orders = rng.integers(5, 100, members)
    first, second, later = (month() for _ in range(3))
    steady = needs.stability(*(window(members, **half) for half in (first, second)), SETTINGS)
    both = {name: first[name] + second[name] for name in first}
    known = needs.preferences(
        features(members, age_days=60.0), SHARES.iloc[:0], habits(members, **both), LEVELS, SETTINGS, steady
    )
    evidence = known.evidence.loc[["weekend shopping", "evening shopping"]]
    np.testing.assert_allclose(evidence["lasting"], [0.5, 1.0], atol=0.07)
    np.testing.assert_allclose(evidence["spread"], [0.1, 0.1], atol=0.01)
    rows = needs.judged(known, window(members, **later), steady, SETTINGS)
    naive = found(members, facts=features(members, age_days=60.0), **both)
    claimed = needs.judged(naive, window(members, **later), steady, SETTINGS)
    assert rows.loc["weekend shopping", "low"] < 1 < rows.loc["weekend shopping", "high"]
    assert claimed.loc["weekend shopping", "high"] < 0.9


def test_members_who_did_not_come_back_have_no_predictive_error():
    gone = window(2, **dict.fromkeys(COLUMNS, 0))
    gone = replace(gone, facts=gone.facts.assign(purchase_days=0, items_distinct=0))
    before = found(2, orders=10, weekend_orders=[5, 1])
    assert set(needs.judged(before, gone, NOTHING_KNOWN, SETTINGS).index) <= {"frequent visits"}  # which is 0 a day


def test_lift_is_share_of_spend_over_everybodys_share():
    everybody = {"BREAD": 3100 / 4001, "TOYS": 1 / 4001, "WINE": 900 / 4001}
    lift = needs.lift(SHARES, pd.Series(["m0"]))
    assert lift.to_dict() == pytest.approx(
        {"BREAD": 0.1 / everybody["BREAD"], "TOYS": 0, "WINE": 0.9 / everybody["WINE"]}
    )


def test_top_category_takes_the_first_by_name_of_equals():
    shares = category_shares({"a": {"Z": 5, "B": 5, "A": 1}})
    assert needs.top_category(shares).to_dict() == {"a": "B"}


def test_last_digits_do_not_change_the_main_need():
    scores = pd.DataFrame({"wine": [0.3, 0.5, 1e-15], "tea": [0.1 + 0.2, 0.5 - 1e-12, 0.0]})
    assert needs.main_need(scores).tolist() == ["wine", "wine", needs.UNKNOWN]
    assert needs.main_need(scores[["tea", "wine"]]).tolist() == ["tea", "tea", needs.UNKNOWN]


def test_members_by_the_price_of_what_they_choose():
    scores = pd.DataFrame({"low prices": [-1.0, 0, 1, np.nan]}, index=list("abcd"))
    natural = pd.DataFrame({"low prices": [-0.2, 0, 0.2, np.nan], "bargains": [0.1, 0.2, 0.4, np.nan]}, list("abcd"))
    value = pd.DataFrame({"member_id": list("abcd"), "value": [9.0, 5, 1, 0]})
    table = needs.price_groups(needs.Preferences(natural, natural, scores, pd.DataFrame()), value)
    assert list(table.index) == ["trades up", "as usual", "buys cheaper"]
    assert table.loc["trades up"].tolist() == pytest.approx([1, 1 / 3, 0.2, 0.1, 9])
    assert table.loc["buys cheaper"].tolist() == pytest.approx([1, 1 / 3, -0.2, 0.4, 1])
    unknown = needs.Preferences(natural.iloc[:, :0], natural, scores.iloc[:, :0], pd.DataFrame())
    assert needs.price_groups(unknown, value).empty
