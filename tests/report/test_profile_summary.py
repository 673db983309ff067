"""The profile table, its figures, and what the stage says of it."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.member_schemas import STAGES
from membership.profile import lifecycle, needs, personas, stated, survey
from membership.report.figures import needs as plots_needs
from membership.report.figures import profile as plots
from membership.report.old_words import profile as summary

matplotlib.use("Agg")

MEMBERS = pd.Index(["a", "b", "c"], name="member_id")
SCORES = pd.DataFrame({"wine": [1.5, -1, np.nan], "low prices": [0.5, 1, np.nan]}, index=MEMBERS)
NATURAL = pd.DataFrame(
    {"wine": [0.4, 0.1, np.nan], "low prices": [0.05, 0.2, np.nan], "bargains": [0.1, 0.3, np.nan]}, index=MEMBERS
)
EVIDENCE = pd.DataFrame(
    {"mean": [0.2, 0.1, 0.3], "spread": [0.1, 0.1, 0], "reliability": [0.8, 0.6, 0], "kept": [True, True, False]},
    index=pd.Index(["wine", "low prices", "evening shopping"], name="need"),
)
PREFERENCES = needs.Preferences(NATURAL, SCORES, EVIDENCE)
STAGE = pd.Series(["loyal", "loyal", "prospect"], index=MEMBERS, name="stage")
PERSONAS = personas.Personas(
    labels=pd.Series(["More wine", "More bread", personas.NEWCOMER], index=MEMBERS),
    typicality=pd.Series([0.9, 0.7, np.nan], index=MEMBERS),
    centres=SCORES.iloc[:2].set_axis(pd.Index(["More wine", "More bread"], name="persona")),
    examples=pd.Series({"More wine": "a", "More bread": "b"}),
    choice=pd.DataFrame(
        {"stability": [0.9, 0.4], "apart": [True, False], "chosen": [True, False]},
        index=pd.Index([2, 3], name="personas"),
    ),
    silhouette=0.6,
)
SHARES = pd.DataFrame({"member_id": ["a", "b"], "category": ["WINE", "BREAD"], "spend": [5, 5], "share": [1.0, 1.0]})
ANSWERS = pd.DataFrame({"age": ["old", survey.NO_ANSWER, survey.NO_ANSWER]}, index=MEMBERS)
SAID = pd.DataFrame({"member_id": ["a", "a", "b"], "need": ["wine", "tea", "wine"], "score": [0.5, 1.5, -0.5]})
VALUE = pd.DataFrame({"member_id": MEMBERS, "value": [100.0, 300, 0], "p_alive": [0.9, 0.7, 0], "p_repurchase": 0.5})
QUALITY = pd.DataFrame(0, index=["age"], columns=list(survey.PROBLEMS)).assign(blank=2, later=1)
TOLD = survey.Survey(pd.DataFrame(), pd.DataFrame(), ANSWERS, QUALITY, pd.DataFrame())
AGREED = pd.DataFrame({"correlation": [0.2, 0.6], "low": [0.1, 0.5], "high": [0.3, 0.7]}, index=["wine", "tea"])
FORETOLD = pd.DataFrame({"members": 2, "own": [1.0, 0.9], "drawn": [0.9, 0.8]}, index=["bargains", "big baskets"])
MOVES = pd.DataFrame(0, index=STAGES, columns=STAGES)
MOVES.loc["loyal", ["loyal", "lapsed"]] = 3, 1


def made():
    return summary.profile(SCORES, SAID, PERSONAS, STAGE, SHARES, ANSWERS)


def measured(found=PERSONAS):
    return summary.metrics(made(), found, MOVES, PREFERENCES, TOLD, AGREED, FORETOLD)


def said(metrics, facts=VALUE):
    selection = survey.selection(ANSWERS, facts.set_index("member_id"))
    cards = personas.cards(PERSONAS.labels, VALUE, SHARES, ANSWERS)
    return summary.conclusion(made(), cards, metrics, selection, "Both say the same.")


def test_every_member_has_one_row_with_needs_persona_stage_and_category(workspace):
    tables.write("profile", made())
    table = tables.read("profile").set_index("member_id")
    assert table["main_need"].to_dict() == {"a": "wine", "b": "low prices", "c": needs.UNKNOWN}
    assert table.loc["a", ["stage", "persona", "top_category"]].tolist() == ["loyal", "More wine", "WINE"]
    assert table["answered_survey"].to_dict() == {"a": True, "b": False, "c": False}
    assert table["typicality"].tolist()[:2] == [0.9, 0.7]
    assert table.loc["c", ["typicality", "top_category", "stated_need"]].isna().all()


def test_a_stated_need_is_the_one_stated_most_and_null_where_none_is_above_the_others():
    table = made().set_index("member_id")["stated_need"]
    assert table["a"] == "tea"
    assert table[["b", "c"]].isna().all()
    nobody = summary.profile(SCORES, SAID.iloc[:0], PERSONAS, STAGE, SHARES, ANSWERS)
    assert nobody["stated_need"].isna().all()


def test_the_example_is_that_of_the_largest_persona_or_else_the_first_member():
    assert summary.example(made(), PERSONAS) == "a"
    assert summary.example(made(), replace(PERSONAS, examples=PERSONAS.examples.iloc[:0])) == "a"


def test_stages_are_shown_in_order_with_the_empty_ones():
    table = summary.by_stage(STAGE, VALUE)
    assert list(table.index) == list(STAGES)
    assert table.loc["loyal", ["members", "value"]].tolist() == [2, 200]
    assert table.loc["lapsed", "members"] == 0
    assert table["share"].sum() == pytest.approx(1)


def test_members_by_the_price_of_what_they_choose():
    scores = pd.DataFrame({"low prices": [-1.0, 0, 1, np.nan]}, index=list("abcd"))
    natural = pd.DataFrame({"low prices": [-0.2, 0, 0.2, np.nan], "bargains": [0.1, 0.2, 0.4, np.nan]}, list("abcd"))
    value = pd.DataFrame({"member_id": list("abcd"), "value": [9.0, 5, 1, 0]})
    table = summary.price_groups(needs.Preferences(natural, scores, EVIDENCE), value)
    assert list(table.index) == ["trades up", "as usual", "buys cheaper"]
    assert table.loc["trades up"].tolist() == pytest.approx([1, 1 / 3, 0.2, 0.1, 9])
    assert table.loc["buys cheaper"].tolist() == pytest.approx([1, 1 / 3, -0.2, 0.4, 1])
    unknown = needs.Preferences(natural.iloc[:, :0], scores.iloc[:, :0], EVIDENCE.iloc[:0])
    assert summary.price_groups(unknown, value).empty


def test_metrics_say_what_was_found():
    found = measured()
    assert found["loyal_stay_rate"] == 0.75
    assert found["newcomer_share"] == pytest.approx(1 / 3)
    assert sum(found[f"stage_share_{stage}"] for stage in STAGES) == pytest.approx(1)
    assert (found["survey_left_out"], found["needs"]) == (3, 2)
    assert found["need_reliability"] == pytest.approx(0.7)
    assert found["need_agreement"] == pytest.approx(0.4)
    assert found["survey_stated_need_share"] == pytest.approx(1 / 3)
    assert (found["persona_stability"], found["persona_apart"]) == (0.9, 1)
    assert found["persona_typicality"] == pytest.approx(0.8)


def test_the_conclusion_agrees_with_the_metrics():
    text = said(measured())
    assert "**67% are loyal**" in text
    assert "*More bread*" in text
    assert "2 preferences tell members apart: on average 70%" in text
    assert "erred 15% less than taking all for the mean member, members' own figures 5% less" in text
    assert "33% answered the survey; 3 answers were left out" in text
    assert "Both say the same." in text
    assert "Nobody answered a survey" in said(measured() | {"survey_answered_share": 0.0})


@pytest.mark.parametrize(
    ("silhouette", "apart", "words"),
    [
        (0.6, True, "clearly separated (silhouette 0.60), further apart than groups that are found in a cloud"),
        (0.1, True, "weakly separated (silhouette 0.10), further apart"),
        (0.1, False, "no further apart"),
    ],
)
def test_personas_are_called_kinds_only_where_they_are_clear_and_not_by_chance(silhouette, apart, words):
    text = said(measured() | {"persona_silhouette": silhouette, "persona_apart": int(apart)})
    assert words in text
    assert ("kinds of members" in text) == (silhouette > 0.25 and apart)
    assert "fall into no personas" in said(measured() | {"personas": 1})


def test_those_who_answered_are_said_to_differ_only_where_they_do():
    members = pd.Index([f"m{i}" for i in range(6)], name="member_id")
    wide = pd.DataFrame({"age": ["old"] * 3 + [survey.NO_ANSWER] * 3}, index=members)
    alike = survey.selection(wide, pd.DataFrame({"value": [1.0, 2, 3, 1, 2, 3]}, index=members))
    apart = survey.selection(wide, pd.DataFrame({"net_value": [4.0, 5, 6, 1, 2, 3]}, index=members))
    assert "differ little" in summary.conclusion(made(), CARDS, measured(), alike, "")
    assert "(*net value* is 3.0 standard deviations higher)" in summary.conclusion(made(), CARDS, measured(), apart, "")


CARDS = personas.cards(PERSONAS.labels, VALUE, SHARES, ANSWERS)


def test_figures_are_titled_and_labelled():
    history = pd.DataFrame({"member_id": MEMBERS, "as_of": pd.Timestamp("2020-01-01"), "stage": STAGE.to_numpy()})
    response = pd.DataFrame({"answered": [1], "share": [1 / 3], "no_answer": [2]}, index=["age"])
    axes = [
        plots.needs_heatmap(PERSONAS.centres),
        plots.shares_by_month(lifecycle.shares(history, "stage", list(STAGES)), "Stages"),
        plots_needs.main_needs(needs.main_need(SCORES)),
        plots_needs.reliability(EVIDENCE, 0.2),
        plots_needs.prices_and_discounts(NATURAL),
        plots_needs.non_response(response),
        plots_needs.agreement(AGREED),
    ]
    assert all(ax.get_title() and (ax.get_xlabel() or ax.get_ylabel()) for ax in axes)
    matplotlib.pyplot.close("all")


def test_figures_of_nothing_say_so():
    nothing = stated.agreement(SCORES, SAID.iloc[:0], 0.95)
    axes = {
        "No personas": plots.needs_heatmap(PERSONAS.centres.iloc[:0]),
        "No survey": plots_needs.non_response(pd.DataFrame(columns=["answered", "share", "no_answer"])),
        "No need of which both": plots_needs.agreement(nothing),
        "Prices and discounts: the data do not": plots_needs.prices_and_discounts(NATURAL[["wine"]]),
    }
    assert [words for words, ax in axes.items() if not ax.get_title().startswith(words)] == []
    matplotlib.pyplot.close("all")


def test_tables_for_people_show_money_in_units_of_currency_and_shares_in_per_cent():
    shown = plots.readable(pd.DataFrame({"value": [12345.0], "share": [0.25], "members": [3]})).to_html()
    assert "123.45" in shown
    assert "25.0%" in shown
    assert ">3<" in shown
