"""Needs: preferences against the population, and answers that are never guessed."""

import numpy as np
import pandas as pd
import pytest

from membership.base.profile_knobs import Lifecycle, Profile
from membership.profile import needs

SETTINGS = Profile(
    personas=2,
    min_purchase_days=3,
    min_category_share=0.05,
    lifecycle=Lifecycle(
        new_days=30,
        loyal_orders=12,
        loyal_days=90,
        rhythm_quantile=0.9,
        at_risk_gaps=1.5,
        lapsed_gaps=4,
        lapsed_days=90,
    ),
)


def features(**columns):
    members = len(next(iter(columns.values())))
    base = {
        "member_id": [f"m{i}" for i in range(members)],
        "purchase_days": 10,
        "age_days": 100.0,
        "orders": 10,
        "items_distinct": 20,
        "basket_items": 4.0,
        "discount_share": 0.1,
        "weekend_share": 0.3,
        "evening_share": 0.3,
        "main_channel_share": 1.0,
        "browse_to_buy": np.nan,
    }
    return pd.DataFrame({**base, **columns})


def category_shares(spend):
    rows = [(member, category, cents) for member, bought in spend.items() for category, cents in bought.items()]
    frame = pd.DataFrame(rows, columns=["member_id", "category", "spend"])
    return frame.assign(share=frame["spend"] / frame.groupby("member_id")["spend"].transform("sum"))


SHARES = category_shares({"m0": {"WINE": 900, "BREAD": 100}, "m1": {"BREAD": 1000}, "m2": {"BREAD": 2000, "TOYS": 1}})


def test_main_need_is_the_preference_furthest_above_the_populations():
    facts = features(discount_share=[0.1, 0.1, 0.9])
    scores = needs.standardise(needs.preferences(facts, SHARES, SETTINGS))
    assert needs.main_need(scores).to_dict() == {"m0": "wine", "m1": "bread", "m2": "bargains"}
    np.testing.assert_allclose(scores.loc["m2", "bargains"], np.sqrt(2))


def test_a_need_in_which_nobody_differs_sets_nobody_apart():
    scores = needs.standardise(needs.preferences(features(evening_share=[0.1] * 3), SHARES, SETTINGS))
    assert (scores["evening shopping"] == 0).all()


def test_what_is_known_of_nobody_and_a_small_category_are_left_out():
    columns = needs.preferences(features(discount_share=[0.1, 0.2, 0.3]), SHARES, SETTINGS).columns
    assert not {"looking around first", "toys"} & set(columns)
    assert {"bargains", "wine", "bread"} <= set(columns)


def test_one_member_alone_has_no_need_above_the_populations():
    scores = needs.standardise(needs.preferences(features(discount_share=[0.1]), SHARES, SETTINGS))
    assert (scores == 0).all(axis=None)
    assert needs.main_need(scores).tolist() == [needs.UNKNOWN]


def test_members_with_few_purchases_are_unknown_and_do_not_move_the_others():
    facts = features(discount_share=[0.1, 0.2, 0.9], purchase_days=[10, 10, 2])
    scores = needs.standardise(needs.preferences(facts, SHARES, SETTINGS))
    assert needs.main_need(scores)["m2"] == needs.UNKNOWN
    np.testing.assert_allclose(scores.loc[["m0", "m1"], "bargains"], [-1, 1])


def test_members_without_any_purchase_are_unknown():
    facts = features(purchase_days=[0], age_days=[0.0], orders=[0], items_distinct=[0], basket_items=[np.nan])
    scores = needs.standardise(needs.preferences(facts, SHARES.iloc[:0], SETTINGS))
    assert needs.main_need(scores).tolist() == [needs.UNKNOWN]


def test_variety_is_more_distinct_items_than_usual_for_as_many_purchases():
    facts = features(orders=[10, 20, 40, 20], items_distinct=[20, 40, 80, 70])
    variety = needs.preferences(facts, SHARES, SETTINGS)["variety"]
    assert variety.idxmax() == "m3"


def test_lift_is_share_of_spend_over_everybodys_share():
    everybody = {"BREAD": 3100 / 4001, "TOYS": 1 / 4001, "WINE": 900 / 4001}
    lift = needs.lift(SHARES, pd.Series(["m0"]))
    assert lift.to_dict() == pytest.approx(
        {"BREAD": 0.1 / everybody["BREAD"], "TOYS": 0, "WINE": 0.9 / everybody["WINE"]}
    )


def test_top_category_takes_the_first_by_name_of_equals():
    shares = category_shares({"a": {"Z": 5, "B": 5, "A": 1}})
    assert needs.top_category(shares).to_dict() == {"a": "B"}


def test_non_response_is_shown_and_strangers_are_left_out():
    survey = pd.DataFrame(
        [("a", "age", "25-34"), ("a", "likes", "tea"), ("a", "likes", "coffee"), ("x", "age", "65+")],
        columns=["member_id", "question", "answer"],
    )
    answers = needs.answers(survey, pd.Series(["a", "b"]))
    assert answers.loc["a"].to_dict() == {"age": "25-34", "likes": "coffee + tea"}
    assert answers.loc["b"].tolist() == [needs.NO_ANSWER] * 2
    assert needs.response(answers)["share"].tolist() == [0.5, 0.5]


def test_an_empty_survey_gives_every_member_and_no_question():
    empty = pd.DataFrame(columns=["member_id", "question", "answer"], dtype="str")
    answers = needs.answers(empty, pd.Series(["a", "b"]))
    assert answers.shape == (2, 0)
    assert needs.response(answers).empty
