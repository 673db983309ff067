"""Personas: found where they are, named uniquely, defined where there are too few members."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

from membership.base import tables
from membership.base.errors import ParamError
from membership.profile import needs, needs_metrics, personas, survey
from membership.profile.survey import NO_ANSWER
from membership.settings import params

PROFILE = params.parse(params.read(), {"needs.personas.bootstrap": 6, "needs.personas.most": 4}).needs
NEEDS = ["bargains", "wine", "variety", "bread"]
NO_LEVELS = pd.DataFrame({"member_id": [], "habit": [], "level": [], "amount": []})


def separated(members_each=40):
    centres = np.array([[2.0, -1, 0, 0], [0, 2, -1, 0], [-1, 0, 2, 0]])
    truth = np.repeat([0, 1, 2], members_each)
    noise = np.random.default_rng(5).normal(0, 0.2, (len(truth), 4))
    scores = pd.DataFrame(centres[truth] + noise, columns=NEEDS).rename_axis("member_id")
    return scores.set_axis([f"m{i:03d}" for i in range(len(truth))]).rename_axis("member_id"), truth


def fit(scores, levels=NO_LEVELS, seed=1):
    return personas.fit(scores, levels, PROFILE, seed)


def test_well_separated_personas_are_recovered_counted_and_named_by_what_sets_them_apart():
    scores, truth = separated()
    found = fit(scores)
    assert adjusted_rand_score(truth, found.labels) == 1
    assert set(found.labels) == {"More bargains, less wine", "More wine, less variety", "More variety, less bargains"}
    assert found.silhouette > 0.5
    assert found.choice.index[found.choice["chosen"]].tolist() == [3]


def test_the_same_seed_gives_the_same_personas():
    scores, _ = separated()
    first, again = fit(scores), fit(scores)
    pd.testing.assert_series_equal(first.labels, again.labels)
    pd.testing.assert_series_equal(first.typicality, again.typicality)
    pd.testing.assert_frame_equal(first.choice, again.choice)


def test_unknown_members_are_newcomers_and_do_not_make_a_persona():
    scores, _ = separated()
    scores.iloc[:5] = np.nan
    found = fit(scores)
    assert (found.labels.iloc[:5] == personas.NEWCOMER).all()
    assert (found.labels.iloc[5:] != personas.NEWCOMER).all()
    assert personas.NEWCOMER not in found.centres.index
    assert found.typicality.isna().tolist() == [True] * 5 + [False] * 115


def test_an_example_is_a_member_of_its_persona_and_a_typical_one():
    found = fit(separated()[0])
    assert found.labels[found.examples].tolist() == list(found.examples.index) == list(found.centres.index)
    assert (found.typicality[found.examples] > 0.99).all()


def test_a_member_halfway_between_two_personas_is_borderline():
    scores, _ = separated()
    scores.loc["m999"] = (scores.iloc[:40].mean() + scores.iloc[40:80].mean()) / 2
    typicality = fit(scores).typicality
    assert typicality["m999"] < 0.9
    assert typicality.drop("m999").min() > 0.99


def test_members_without_stable_groups_are_one_persona():
    cloud = pd.DataFrame(np.random.default_rng(2).normal(size=(150, 4)), columns=NEEDS)
    found = fit(cloud.set_axis([f"m{i:03d}" for i in range(150)]).rename_axis("member_id"))
    assert set(found.labels) == {personas.EVERYBODY}
    assert np.isnan(found.silhouette)
    assert (found.typicality == 1).all()


def test_fewer_members_than_personas_need_are_one_persona_and_nobody_is_none():
    scores, _ = separated()
    alone = fit(scores.iloc[:1])
    assert alone.labels.tolist() == [personas.EVERYBODY]
    assert alone.examples.tolist() == ["m000"]
    nobody = fit(scores.iloc[:2] * np.nan)
    assert nobody.labels.tolist() == [personas.NEWCOMER] * 2
    assert nobody.centres.empty
    assert nobody.choice.empty


def test_categories_lie_where_items_were_bought_and_not_where_money_went():
    members = [f"m{i:02d}" for i in range(60)]
    scores = pd.DataFrame({"wine": [5.0, -5.0] * 30, "variety": 0.0}, index=pd.Index(members, name="member_id"))
    rows = [
        (m, "category", c, n)
        for i, m in enumerate(members)
        for c, n in zip(("Wine", "Bread"), (9, 1) if i < 30 else (1, 9), strict=True)
    ]
    levels = pd.DataFrame(rows, columns=["member_id", "habit", "level", "amount"])
    where = personas.points(scores, levels, PROFILE)
    assert set(where) == {"variety", "wine", "bread"}
    assert where["wine"].to_numpy() == pytest.approx([1.0] * 30 + [-1.0] * 30)
    assert where["bread"].to_numpy() == pytest.approx([-1.0] * 30 + [1.0] * 30)


def test_a_range_of_personas_that_ends_before_it_starts_is_refused():
    with pytest.raises(ParamError, match="fewest must not be above most"):
        params.parse(params.read(), {"needs.personas.fewest": 5, "needs.personas.most": 4})


@pytest.mark.parametrize(
    ("silhouette", "apart", "meaning"), [(0.6, True, "kinds"), (0.1, True, "tendencies"), (0.6, False, "tendencies")]
)
def test_personas_are_kinds_only_where_they_are_clear_and_not_by_chance(silhouette, apart, meaning):
    found = fit(separated()[0])
    assert replace(found, silhouette=silhouette, choice=found.choice.assign(apart=apart)).meaning == meaning
    assert replace(found, centres=found.centres.iloc[:1]).meaning == "none"


def test_last_digits_change_no_persona():
    scores, _ = separated()
    scores.iloc[:40], scores.iloc[40:80], scores.iloc[80:] = scores.iloc[0], scores.iloc[40], scores.iloc[80]
    between = (scores.iloc[[0, 40]].mean() + 0).to_frame("m999").T.rename_axis("member_id")
    both = pd.concat([scores, between])
    first = fit(both)
    for seed in range(5):
        noise = np.random.default_rng(seed).choice([-1e-12, 0.0, 1e-12], both.shape)
        again = fit(both + noise)
        pd.testing.assert_series_equal(again.labels, first.labels)
        pd.testing.assert_series_equal(again.examples, first.examples)


@given(arrays(float, (6, 3), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0])))
@settings(max_examples=30, deadline=None)
def test_names_are_unique_even_where_personas_are_alike(centres):
    names = personas.names(pd.DataFrame(centres, columns=NEEDS[:3]))
    assert len(set(names)) == len(centres)


LABELS = pd.Series({"a": "P", "b": "P", "c": "Q"}, name="persona")
ANSWERS = pd.DataFrame({"age": ["old", NO_ANSWER, "young"], "buys": ["tea + jam", "tea", "jam"]}, index=list("abc"))


def made(labels=LABELS, examples=None):
    nothing = pd.Series(dtype=float)
    examples = pd.Series({"P": "b", "Q": "c"}) if examples is None else examples
    return personas.Personas(labels, nothing, pd.DataFrame(), examples, pd.DataFrame(), 0.5)


def test_a_card_says_size_value_and_answers_by_hand():
    value = pd.DataFrame({"member_id": list("abc"), "value": [100.0, 300.0, 100.0], "p_repurchase": [0.5, 0.7, 0.1]})
    cards = personas.cards(made(), value, ANSWERS, pd.Series({"a": True, "b": False, "c": True}))
    assert cards.loc["P", ["members", "mean_value", "value_share", "repurchased"]].tolist() == [2, 200.0, 0.8, 0.5]
    assert cards.loc["P", ["answered", "answered_share"]].tolist() == [2, 1.0]
    assert cards.loc["P", "p_repurchase"] == pytest.approx(0.6)
    assert cards["share"].sum() == pytest.approx(1)
    assert personas.most_valuable(cards) == "P"
    assert personas.most_valuable(cards.rename(index={"P": personas.NEWCOMER})) == "Q"
    assert personas.most_valuable(cards.assign(mean_value=np.nan)) is None


def test_what_a_persona_buys_and_answers_by_hand():
    spend = {"member_id": list("abc"), "category": ["WINE", "WINE", "BREAD"], "spend": [10, 10, 20]}
    bought = personas.bought(LABELS, pd.DataFrame(spend))
    assert bought.to_numpy().tolist() == [["P", "WINE", 2.0], ["Q", "BREAD", 2.0]]
    answered = personas.answered(LABELS, ANSWERS).set_index("persona")
    told = answered.loc["P", ["question", "answer", "asked"]]
    assert told.to_numpy().tolist() == [["age", "old", 1], ["buys", "tea", 2]]
    assert answered.loc["P", "more"].tolist() == pytest.approx([1 / 2, 1 / 3])


def test_a_card_of_members_without_purchases_or_survey_is_blank():
    labels = pd.Series({"a": "P"}, name="persona")
    value = pd.DataFrame({"member_id": ["a"], "value": [0.0], "p_repurchase": [0.0]})
    shares = pd.DataFrame({"member_id": [], "category": [], "spend": []}).astype({"category": "str"})
    answers = pd.DataFrame(index=["a"])
    card = personas.cards(made(labels, pd.Series(dtype="str")), value, answers, pd.Series(dtype=bool)).loc["P"]
    assert card["answered"] == 0
    assert np.isnan(card["repurchased"]) and np.isnan(card["value_share"])
    assert personas.bought(labels, shares).empty
    assert personas.answered(labels, answers).empty


MEMBERS = pd.Index(list("abc"), name="member_id")
SCORES = pd.DataFrame({"wine": [1.5, -1, np.nan], "low prices": [0.5, 1, np.nan]}, MEMBERS)
FOUND = personas.Personas(
    labels=pd.Series(["P", "Q", personas.NEWCOMER], SCORES.index),
    typicality=pd.Series([0.9, 0.7, np.nan], SCORES.index),
    centres=SCORES.iloc[:2].set_axis(["P", "Q"]),
    examples=pd.Series({"P": "a", "Q": "b"}),
    choice=pd.DataFrame({"stability": [0.9, 0.4], "apart": [True, False], "chosen": [True, False]}, [2, 3]),
    silhouette=0.6,
)
SAID = pd.DataFrame({"member_id": ["a", "a", "b"], "need": ["wine", "tea", "wine"], "score": [0.5, 1.5, -0.5]})
SHARES = pd.DataFrame({"member_id": ["a", "b"], "category": ["WINE", "BREAD"], "spend": [5, 5]})
TOLD = pd.DataFrame({"age": ["old", NO_ANSWER, NO_ANSWER]}, SCORES.index)


def test_every_member_has_one_row_with_needs_persona_and_category(workspace):
    tables.write("personas", personas.table(SCORES, SAID, FOUND, SHARES, TOLD))
    table = tables.read("personas").set_index("member_id")
    assert table["main_need"].to_dict() == {"a": "wine", "b": "low prices", "c": needs.UNKNOWN}
    assert table.loc["a", ["persona", "top_category", "need_score"]].tolist() == ["P", "WINE", 1.5]
    assert table["answered_survey"].to_dict() == {"a": True, "b": False, "c": False}
    assert table["typicality"].tolist()[:2] == [0.9, 0.7]
    assert table.loc["c", ["typicality", "top_category", "stated_need"]].isna().all()


def test_a_stated_need_is_the_one_stated_most_and_null_where_none_is_above_the_others():
    table = personas.table(SCORES, SAID, FOUND, SHARES, TOLD).set_index("member_id")["stated_need"]
    assert table["a"] == "tea"
    assert table[["b", "c"]].isna().all()
    assert personas.table(SCORES, SAID.iloc[:0], FOUND, SHARES, TOLD)["stated_need"].isna().all()


def test_the_metrics_of_needs_by_hand():
    evidence = pd.DataFrame({"reliability": [0.8, 0.6, 0], "kept": [True, True, False]})
    quality = pd.DataFrame(0, index=["age"], columns=list(survey.PROBLEMS)).assign(blank=2, later=1)
    told = survey.Survey(pd.DataFrame(), pd.DataFrame(), TOLD, quality, pd.DataFrame())
    agreed = pd.DataFrame({"correlation": [0.2, 0.6]})
    slopes = {"slope": [0.9, np.nan], "low": [0.85, np.nan], "high": [0.95, np.nan]}
    error = pd.DataFrame({"own": [1.0, 0.9], "shrunk": [0.9, 0.8], **slopes}, index=["low & prices", "wine"])
    table = personas.table(SCORES, SAID, FOUND, SHARES, TOLD)
    preferences = needs.Preferences(SCORES, SCORES, SCORES, evidence)
    found = needs_metrics.metrics(table, FOUND, preferences, told, agreed, error)
    assert found == pytest.approx(
        {
            "members": 3, "survey_answered_share": 1 / 3, "survey_stated_need_share": 1 / 3, "survey_left_out": 3,
            "need_agreement": 0.4, "needs": 2, "need_reliability": 0.7, "need_error_own": 0.95,
            "need_error_drawn": 0.85, "newcomer_share": 1 / 3, "personas": 2, "persona_silhouette": 0.6,
            "persona_stability": 0.9, "persona_apart": 1, "persona_typicality": 0.8, "persona_largest_share": 1 / 3,
            "main_need_largest_share": 1 / 3, "need_slope": 0.9, "need_slopes": 1, "need_slopes_off": 1,
            "slope_low___prices": 0.9, "slope_low___prices_low": 0.85, "slope_low___prices_high": 0.95,
        }
    )  # fmt: skip
