"""Stated needs: scored like revealed ones, named by source, and compared with them."""

import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import ParamError
from membership.profile import stated, survey
from membership.settings import params

BASE = params.parse(params.read()).needs


def told(*rows):
    """Return a survey of rows of member, question, kind and answer."""
    answers = pd.DataFrame(list(rows), columns=["member_id", "question", "kind", "answer"]).astype("str")
    answers["number"] = pd.to_numeric(answers["answer"], errors="coerce").where(answers["kind"] == "scale")
    nothing = pd.DataFrame()
    return survey.Survey(answers, nothing, nothing, nothing, nothing)


def needs(*rows, categories=(), **mapping):
    found = stated.needs(told(*rows), list(categories), BASE.model_copy(update={"needs_from_answers": mapping}))
    return found.pivot_table(index="member_id", columns="need", values="score")


def single(question="best", **answers):
    return [(member, question, "single", answer) for member, answer in answers.items()]


def test_a_mapped_answer_states_a_need_in_standard_deviations_of_those_who_answered():
    found = needs(*single(a="Low prices", b="other", c="other", d="other"), best={"low prices": "bargains"})
    assert found["bargains"].to_dict() == pytest.approx({"a": np.sqrt(3)} | dict.fromkeys("bcd", -1 / np.sqrt(3)))


def test_an_answer_that_is_a_category_states_the_need_of_that_name_whatever_its_case():
    found = needs(*single(a="wine", b="BREAD"), categories=["WINE", "Bread"])
    assert list(found.columns) == ["bread", "wine"]
    assert found.loc["a", "wine"] == pytest.approx(1)


def test_a_scale_states_its_need_by_degrees():
    rows = [(member, "price", "scale", answer) for member, answer in zip("abc", "135", strict=True)]
    found = needs(*rows, price="bargains")["bargains"]
    assert found.tolist() == pytest.approx([-np.sqrt(1.5), 0, np.sqrt(1.5)])


def test_several_choices_state_several_needs():
    rows = [("a", "likes", "multiple", "wine"), ("a", "likes", "multiple", "bread"), ("b", "likes", "multiple", "wine")]
    found = needs(*rows, categories=["wine", "bread"])
    assert found["bread"].to_dict() == pytest.approx({"a": 1, "b": -1})
    assert found["wine"].to_dict() == {"a": 0, "b": 0}  # all said it: it sets nobody apart


def test_two_questions_on_one_need_are_averaged():
    rows = [*single(a="cheap", b="good"), ("a", "price", "scale", "1"), ("b", "price", "scale", "5")]
    assert needs(*rows, best={"cheap": "bargains"}, price="bargains")["bargains"].tolist() == [0, 0]


def test_demographics_state_no_need():
    found = stated.needs(told(*single("age", a="65+", b="25-34")), ["WINE"], BASE)
    assert found.empty
    assert list(found.columns) == ["member_id", "need", "score"]
    agreed = stated.agreement(pd.DataFrame({"wine": [1.0, 2.0]}, index=["a", "b"]), found, 0.95)
    assert agreed.empty
    assert stated.verdict(agreed, found).stated == 0


@pytest.mark.parametrize(
    ("rows", "mapping", "words"),
    [
        ([("a", "price", "scale", "1")], {"price": {"1": "bargains"}}, "a scale states one need"),
        (single(a="cheap"), {"best": "bargains"}, "only a scale states a need as a whole"),
    ],
)
def test_a_mapping_that_does_not_fit_its_question_is_refused(rows, mapping, words):
    with pytest.raises(ParamError, match=words):
        needs(*rows, **mapping)


def test_the_table_names_the_source_of_every_score_and_holds_no_unknown(workspace):
    scores = pd.DataFrame({"wine": [1.0, np.nan], "bread": [0.5, np.nan]}, index=pd.Index(["a", "b"], name="member_id"))
    said = pd.DataFrame({"member_id": ["b", "a"], "need": "wine", "score": [2.0, -2.0]})
    tables.write("needs", stated.table(scores, said))
    rows = tables.read("needs")[["member_id", "need", "source", "score"]].to_numpy().tolist()
    assert rows == [
        ["a", "bread", "behaviour", 0.5],
        ["a", "wine", "behaviour", 1.0],
        ["a", "wine", "survey", -2.0],
        ["b", "wine", "survey", 2.0],
    ]


def long(wide):
    return wide.rename_axis("member_id").reset_index().melt("member_id", var_name="need", value_name="score").dropna()


def test_agreement_by_hand():
    members = list("abcdef")
    scores = pd.DataFrame({"wine": [1.0, 2, 3, 4, 5, np.nan], "tea": 1.0}, index=members)
    said = long(pd.DataFrame({"wine": [-1.0, -1, 1, 2, 3, 9], "rum": 1.0}, index=members))
    agreed = stated.agreement(scores, said, 0.95)
    assert list(agreed.index) == ["wine"]
    row = agreed.loc["wine"]
    assert row[["members", "stating", "revealed", "silent"]].tolist() == [5, 3, 4, 1.5]
    assert row["correlation"] == pytest.approx(0.9746794)  # ranks 1.5, 1.5, 3, 4, 5 against 1 to 5
    assert row["low"] < row["correlation"] < row["high"]


def test_agreement_where_nobody_differs_is_not_known():
    scores = pd.DataFrame({"wine": 1.0}, index=list("abcde"))
    agreed = stated.agreement(scores, long(pd.DataFrame({"wine": range(5)}, index=list("abcde"))), 0.95)
    assert np.isnan(agreed.loc["wine", "correlation"])
    found = stated.verdict(agreed, pd.DataFrame({"need": ["wine"]}))
    assert (found.stated, found.compared, found.agree, found.contradict) == (1, 1, [], [])
    assert np.isnan(found.correlation)


def test_a_true_agreement_is_found_and_chance_is_not_called_one():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(400, 2))
    index = [f"m{i}" for i in range(400)]
    scores = pd.DataFrame(truth + rng.normal(size=truth.shape), columns=["wine", "tea"], index=index)
    said = pd.DataFrame({"wine": truth[:, 0] + rng.normal(size=400), "tea": rng.normal(size=400)}, index=index)
    agreed = stated.agreement(scores, long(said), 0.95)
    assert agreed.loc["wine", "low"] > 0.3
    assert agreed.loc["tea", "low"] < 0 < agreed.loc["tea", "high"]
    found = stated.verdict(agreed, long(said))
    assert (found.stated, found.compared, found.agree, found.contradict) == (2, 2, ["wine"], [])
    assert found.correlation == agreed["correlation"].median()
    against = stated.verdict(stated.agreement(-scores, long(said), 0.95), long(said))
    assert (against.agree, against.contradict) == ([], ["wine"])
