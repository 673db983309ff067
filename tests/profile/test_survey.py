"""The survey: answers that count, answers that do not, and silence that is never filled."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError, ParamError
from membership.profile import survey
from membership.settings import params
from membership.settings.needs import Question

AS_OF = date(2017, 6, 1)
MEMBERS = pd.Series(["a", "b", "c"])
BASE = params.parse(params.read()).needs


def table(*rows):
    frame = pd.DataFrame(list(rows), columns=["member_id", "question", "answer", "asked_at"])
    frame["asked_at"] = pd.to_datetime(frame["asked_at"]).astype("datetime64[us]")
    return frame.astype({"member_id": "str", "question": "str", "answer": "str"})


def read(*rows, **declared):
    asked = {name: Question(**kind) for name, kind in declared.items()}
    return survey.read(table(*rows), MEMBERS, BASE.model_copy(update={"survey": asked}), AS_OF)


def test_non_response_is_shown_and_nothing_is_guessed():
    found = read(("a", "age", "25-34", None), ("b", "age", "35-44", None), ("a", "tea", "yes", None))
    assert found.wide.loc["a"].to_dict() == {"age": "25-34", "tea": "yes"}
    assert found.wide.loc["c"].tolist() == [survey.NO_ANSWER] * 2
    assert found.response["answered"].to_dict() == {"age": 2, "tea": 1}
    assert found.response["no_answer"].to_dict() == {"age": 1, "tea": 2}
    assert found.response["share"].to_dict() == pytest.approx({"age": 2 / 3, "tea": 1 / 3})


def test_an_empty_survey_gives_every_member_and_no_question():
    found = read()
    assert found.wide.shape == (3, 0)
    assert found.answers.empty
    assert found.text.empty
    assert found.quality.empty
    assert found.response.empty
    assert list(found.quality.columns) == ["kind", "declared", "given", *survey.PROBLEMS, "kept"]


def test_answers_of_unknown_members_are_left_out_and_counted():
    found = read(("a", "age", "25-34", None), ("stranger", "age", "65+", None))
    assert found.quality.loc["age", ["given", "unknown_member", "kept"]].tolist() == [2, 1, 1]
    assert found.answers["member_id"].tolist() == ["a"]


def test_blank_answers_are_no_answers():
    found = read(("a", "age", "  ", None), ("b", "age", " 25-34 ", None))
    assert found.quality.loc["age", ["blank", "kept"]].tolist() == [1, 1]
    assert found.wide["age"].tolist() == [survey.NO_ANSWER, "25-34", survey.NO_ANSWER]


def test_an_answer_given_after_the_cutoff_is_not_known_yet():
    found = read(("a", "age", "old", "2017-06-01 00:00"), ("b", "age", "young", "2017-05-31 23:59"))
    assert found.quality.loc["age", ["later", "kept"]].tolist() == [1, 1]
    assert found.answers["member_id"].tolist() == ["b"]


SINGLE = {"best": {"kind": "single"}}


def test_of_two_answers_to_a_single_choice_the_later_counts():
    found = read(("a", "best", "tea", "2017-01-02"), ("a", "best", "milk", "2017-01-01"), **SINGLE)
    assert found.wide.loc["a", "best"] == "tea"
    assert found.quality.loc["best", ["superseded", "contradictory", "kept"]].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "times",
    [(None, None), ("2017-01-01", "2017-01-01"), ("2017-01-01", None)],
    ids=["no times", "the same time", "one time unknown"],
)
def test_two_answers_of_which_none_is_known_to_be_later_contradict_each_other(times):
    found = read(("a", "best", "tea", times[0]), ("a", "best", "milk", times[1]), ("b", "best", "tea", None), **SINGLE)
    assert found.wide["best"].tolist() == [survey.NO_ANSWER, "tea", survey.NO_ANSWER]
    assert found.quality.loc["best", ["contradictory", "kept"]].tolist() == [2, 1]


def test_the_same_answer_twice_is_one_answer():
    rows = [("a", "best", "tea", "2017-01-01"), ("a", "best", "tea ", "2017-02-01")]
    found = read(*rows, **SINGLE)
    assert found.answers["answer"].tolist() == ["tea"]
    assert found.quality.loc["best", "contradictory"] == 0


def test_an_early_contradiction_is_settled_by_a_later_answer():
    rows = [("a", "best", "tea", "2017-01-01"), ("a", "best", "milk", "2017-01-01"), ("a", "best", "rum", "2017-02-01")]
    assert read(*rows, **SINGLE).wide.loc["a", "best"] == "rum"


def test_several_answers_to_a_multiple_choice_all_count():
    rows = [("a", "likes", "tea", None), ("a", "likes", "milk", None)]
    found = read(*rows, likes={"kind": "multiple"})
    assert found.wide.loc["a", "likes"] == "milk + tea"
    assert found.response.loc["likes", "answered"] == 1


def test_scale_answers_out_of_range_or_no_number_are_invalid_and_counted():
    rows = [("a", "price", "5", None), ("b", "price", "9", None), ("c", "price", "don't know", None)]
    found = read(*rows, price={"kind": "scale", "low": 1, "high": 5})
    assert found.quality.loc["price", ["invalid", "kept"]].tolist() == [2, 1]
    assert found.answers["number"].tolist() == [5.0]


def test_a_scale_of_which_no_answer_is_in_range_is_declared_wrongly():
    with pytest.raises(DataError, match=r"'price'.*'9'.*between 1 and 5.*needs.survey.price"):
        read(("a", "price", "9", None), price={"kind": "scale", "low": 1, "high": 5})


def test_free_text_is_kept_aside_and_never_scored():
    found = read(("a", "wish", "more tea, please", None), wish={"kind": "text"})
    assert found.text["answer"].tolist() == ["more tea, please"]
    assert found.answers.empty
    assert "wish" not in found.wide
    assert found.response.loc["wish", "answered"] == 1


def test_kinds_are_inferred_where_undeclared():
    many = pd.Series([f"m{i}" for i in range(40)])
    rows = [(member, "wish", f"wish number {i}", None) for i, member in enumerate(many)]
    rows += [(member, "likes", answer, None) for member in many[:10] for answer in ("tea", "milk")]
    rows += [(member, "price", str(1 + i % 5), None) for i, member in enumerate(many)]
    rows += [(member, "size", ["1", "2", "3+"][i % 3], None) for i, member in enumerate(many)]
    found = survey.read(table(*rows), many, BASE.model_copy(update={"survey": {}}), AS_OF)
    assert found.quality["kind"].to_dict() == {"likes": "multiple", "price": "scale", "size": "single", "wish": "text"}
    assert not found.quality["declared"].any()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"kind": "scale"}, "needs low and high"),
        ({"kind": "scale", "low": 5, "high": 1}, "low below high"),
        ({"kind": "single", "low": 1}, "for scales only"),
        ({"kind": "guess"}, "kind"),
    ],
)
def test_a_question_that_is_declared_wrongly_is_refused(kind, words):
    with pytest.raises(ParamError, match=words):
        params.parse(params.read(), {"needs.survey": {"q": kind}})


def test_whether_those_who_answered_differ_by_hand():
    wide = pd.DataFrame({"age": ["x", "x", survey.NO_ANSWER, survey.NO_ANSWER]}, index=list("abcd"))
    facts = pd.DataFrame({"value": [4.0, 6.0, 1.0, 3.0], "same": 1.0}, index=list("abcd"))
    found = survey.selection(wide, facts)
    assert found.loc["value"].tolist() == pytest.approx([5, 2, 3 / np.sqrt(2)])
    assert np.isnan(found.loc["same", "difference"])


def test_who_differs_is_not_known_where_nobody_answered():
    found = survey.selection(read().wide, pd.DataFrame({"value": [1.0, 2, 3]}, index=list("abc")))
    assert found.loc["value", "silent"] == 2
    assert np.isnan(found.loc["value", "difference"])


rows = st.tuples(
    st.sampled_from(["a", "b", "c", "stranger"]),
    st.sampled_from(["best", "likes", "price"]),
    st.sampled_from(["tea", "3", "9", " ", "milk"]),
    st.sampled_from([None, "2017-01-01", "2017-01-02", "2018-01-01"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, max_size=12, unique_by=lambda row: row[:3]), st.randoms(use_true_random=False))
def test_every_row_counts_once_or_is_left_out_for_one_reason_in_any_order(given_rows, random):
    declared = {"best": {"kind": "single"}, "likes": {"kind": "multiple"}}
    found = read(*given_rows, **declared, price={"kind": "single"})
    assert found.quality[[*survey.PROBLEMS, "kept"]].to_numpy().sum() == len(given_rows)
    single = found.answers[found.answers["kind"] == "single"]
    assert not single.duplicated(["member_id", "question"]).any()
    shuffled = list(given_rows)
    random.shuffle(shuffled)
    again = read(*shuffled, **declared, price={"kind": "single"})
    pd.testing.assert_frame_equal(found.answers, again.answers)
    pd.testing.assert_frame_equal(found.wide, again.wide)


def test_those_who_answered_differ_only_where_a_difference_is_above_a_tenth():
    members = pd.Index([f"m{i}" for i in range(6)], name="member_id")
    wide = pd.DataFrame({"age": ["old"] * 3 + [survey.NO_ANSWER] * 3}, index=members)
    alike = survey.selection(wide, pd.DataFrame({"value": [1.0, 2, 3, 1, 2, 3]}, index=members))
    assert survey.largest_difference(alike) is None
    facts = pd.DataFrame({"orders": [1.0, 2, 3, 2, 3, 4], "value": [4.0, 5, 6, 1, 2, 3]}, members)
    apart = survey.selection(wide, facts)
    found = survey.largest_difference(apart)
    assert (found.name, found["difference"]) == ("value", pytest.approx(3))
    assert survey.largest_difference(apart * np.nan) is None
