"""Personas: found where they are, named uniquely, defined where there are too few members."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib import pyplot as plt
from sklearn.metrics import adjusted_rand_score

from membership.base.errors import ParamError
from membership.profile import personas
from membership.profile.survey import NO_ANSWER
from membership.report.figures import personas as plots_personas
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


def test_figures_show_what_was_chosen_and_take_a_choice_of_nothing():
    found = fit(separated()[0])
    for choice in (found.choice, found.choice.iloc[:0]):
        assert "resamples" in plots_personas.stability(choice, 0.75).get_title()
        assert "chance" in plots_personas.silhouettes(choice).get_title()
    assert plots_personas.typicality(found.labels, found.typicality).get_xlim() == (0, 1)
    plt.close("all")


@given(arrays(float, (6, 3), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0])))
@settings(max_examples=30, deadline=None)
def test_names_are_unique_even_where_personas_are_alike(centres):
    names = personas.names(pd.DataFrame(centres, columns=NEEDS[:3]))
    assert len(set(names)) == len(centres)


def test_a_card_says_size_value_purchases_and_answers_by_hand():
    labels = pd.Series({"a": "P", "b": "P", "c": "Q"}, name="persona")
    value = pd.DataFrame({"member_id": list("abc"), "value": [100.0, 300.0, 100.0], "p_repurchase": [0.5, 0.7, 0.1]})
    shares = pd.DataFrame({"member_id": list("abc"), "category": ["WINE", "WINE", "BREAD"], "spend": [10, 10, 20]})
    answers = pd.DataFrame({"age": ["old", NO_ANSWER, "young"], "buys": ["tea + jam", "tea", "jam"]}, index=list("abc"))
    recent = pd.Series({"a": True, "b": False, "c": True})
    cards = personas.cards(labels, value, shares, answers, recent, pd.Series({"P": "b", "Q": "c"}))
    assert cards.loc["P", ["members", "mean_value", "value_share", "repurchased"]].tolist() == [2, 200.0, 0.8, 0.5]
    assert cards.loc["P", ["answered", "answered_share", "example"]].tolist() == [2, 1.0, "b"]
    assert cards.loc["P", "p_repurchase"] == pytest.approx(0.6)
    assert cards.loc["P", "buys"] == "wine x2.0"
    assert cards.loc["P", "answers"] == "age: old (+50%, n 1), buys: tea (+33%, n 2)"
    assert cards["share"].sum() == pytest.approx(1)


def test_a_card_of_members_without_purchases_or_survey_is_blank_not_guessed():
    labels = pd.Series({"a": "P"}, name="persona")
    value = pd.DataFrame({"member_id": ["a"], "value": [0.0], "p_repurchase": [0.0]})
    shares = pd.DataFrame({"member_id": [], "category": [], "spend": []}).astype({"category": "str"})
    card = personas.cards(labels, value, shares, pd.DataFrame(index=["a"])).loc["P"]
    assert (card["buys"], card["answers"], card["answered"], card["example"]) == ("", NO_ANSWER, 0, "")
    assert np.isnan(card["repurchased"])
