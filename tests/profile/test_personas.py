"""Personas: found where they are, named uniquely, defined where there are too few members."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

from membership.base import params
from membership.profile import needs, personas

PROFILE = params.parse(params.read()).profile.model_copy(update={"personas": 3})
NEEDS = ["bargains", "wine", "variety", "bread"]


def separated(members_each=40):
    centres = np.array([[2.0, -1, 0, 0], [0, 2, -1, 0], [-1, 0, 2, 0]])
    truth = np.repeat([0, 1, 2], members_each)
    noise = np.random.default_rng(5).normal(0, 0.2, (len(truth), 4))
    scores = pd.DataFrame(centres[truth] + noise, columns=NEEDS).rename_axis("member_id")
    return scores.set_axis([f"m{i:03d}" for i in range(len(truth))]).rename_axis("member_id"), truth


def test_well_separated_personas_are_recovered_and_named_by_what_sets_them_apart():
    scores, truth = separated()
    found = personas.fit(scores, PROFILE, seed=1)
    assert adjusted_rand_score(truth, found.labels) == 1
    assert set(found.labels) == {"More bargains, less wine", "More wine, less variety", "More variety, less bargains"}
    assert found.silhouette > 0.5


def test_the_same_seed_gives_the_same_personas():
    scores, _ = separated()
    first, again = personas.fit(scores, PROFILE, seed=1), personas.fit(scores, PROFILE, seed=1)
    pd.testing.assert_series_equal(first.labels, again.labels)
    pd.testing.assert_frame_equal(first.centres, again.centres)


def test_unknown_members_are_newcomers_and_do_not_make_a_persona():
    scores, _ = separated()
    scores.iloc[:5] = np.nan
    found = personas.fit(scores, PROFILE, seed=1)
    assert (found.labels.iloc[:5] == personas.NEWCOMER).all()
    assert (found.labels.iloc[5:] != personas.NEWCOMER).all()
    assert personas.NEWCOMER not in found.centres.index


def test_fewer_different_members_than_personas_are_one_persona():
    scores, _ = separated()
    alone = personas.fit(scores.iloc[:1], PROFILE, seed=1)
    assert alone.labels.tolist() == [personas.EVERYBODY]
    nobody = personas.fit(scores.iloc[:2] * np.nan, PROFILE, seed=1)
    assert nobody.labels.tolist() == [personas.NEWCOMER] * 2
    assert nobody.centres.empty


def test_as_many_members_as_personas_get_one_each():
    scores, _ = separated(1)
    assert personas.fit(scores, PROFILE, seed=1).labels.nunique() == 3


@given(arrays(float, (6, 3), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0])))
@settings(max_examples=30, deadline=None)
def test_names_are_unique_even_where_personas_are_alike(centres):
    names = personas.names(pd.DataFrame(centres, columns=NEEDS[:3]))
    assert len(set(names)) == len(centres)


def test_a_card_says_size_value_purchases_and_answers():
    labels = pd.Series({"a": "P", "b": "P", "c": "Q"}, name="persona")
    value = pd.DataFrame({"member_id": list("abc"), "value": [100.0, 300.0, 50.0], "p_repurchase": [0.5, 0.7, 0.1]})
    shares = pd.DataFrame({"member_id": list("abc"), "category": ["WINE", "WINE", "BREAD"], "spend": [10, 10, 20]})
    answers = pd.DataFrame({"age": ["old", needs.NO_ANSWER, "young"]}, index=list("abc"))
    cards = personas.cards(labels, value, shares, answers)
    assert cards.loc["P", ["members", "mean_value", "answered"]].tolist() == [2, 200.0, 0.5]
    assert cards.loc["P", "p_repurchase"] == pytest.approx(0.6)
    assert cards.loc["P", "buys"] == "wine x2.0"
    assert cards.loc["P", "answers"] == "age: old (+50%)"
    assert cards["share"].sum() == pytest.approx(1)


def test_a_card_of_members_without_purchases_or_survey_is_blank_not_guessed():
    labels = pd.Series({"a": "P"}, name="persona")
    value = pd.DataFrame({"member_id": ["a"], "value": [0.0], "p_repurchase": [0.0]})
    shares = pd.DataFrame({"member_id": [], "category": [], "spend": []}).astype({"category": "str"})
    card = personas.cards(labels, value, shares, pd.DataFrame(index=["a"])).loc["P"]
    assert (card["buys"], card["answers"], card["answered"]) == ("", needs.NO_ANSWER, 0)
