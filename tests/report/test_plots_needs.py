"""Figures, tables and words of needs and personas: titled and labelled, not drawn of nothing, true to the numbers."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from membership.base.member_schemas import STAGES
from membership.profile import lifecycle, needs, personas, stated
from membership.report import words
from membership.report.figures import needs as needs_figures
from membership.report.figures import personas as personas_figures
from membership.report.figures import profile as profile_figures

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
CENTRES = SCORES.iloc[:2].set_axis(pd.Index(["More wine", "More bread"], name="persona"))
AGREED = pd.DataFrame({"correlation": [0.2, 0.6], "low": [0.1, 0.5], "high": [0.3, 0.7]}, index=["wine", "tea"])
CHOICE = pd.DataFrame(
    {
        "stability": [0.9, 0.4], "stability_sd": 0.1, "silhouette": [0.3, 0.1], "chance": [0.1, np.nan],
        "chance_sd": 0.01, "chosen": [True, False],
    },
    index=pd.Index([2, 3], name="personas"),
)  # fmt: skip
CARDS = pd.DataFrame(
    {"members": [2, 1], "share": [2 / 3, 1 / 3], "mean_value": [12345.0, np.nan]},
    index=pd.Index(["More wine", "Newcomer"], name="persona"),
)
BOUGHT = pd.DataFrame([("More wine", "WINE", 1.52)], columns=["persona", "category", "lift"])
ANSWERED = pd.DataFrame(
    [("More wine", "age", "old", 0.5, 1), ("More wine", "job", "cook", 0.25, 4)],
    columns=["persona", "question", "answer", "more", "asked"],
)


def test_figures_are_titled_and_labelled():
    history = pd.DataFrame({"member_id": MEMBERS, "as_of": pd.Timestamp("2020-01-01"), "stage": STAGES[:3]})
    response = pd.DataFrame({"answered": [1], "share": [1 / 3], "no_answer": [2]}, index=["age"])
    labels, typical = pd.Series(["P", "P", "Q"], MEMBERS), pd.Series([0.9, 0.7, np.nan], MEMBERS)
    axes = [
        personas_figures.heatmap(CENTRES),
        personas_figures.stability(CHOICE, 0.75),
        personas_figures.silhouettes(CHOICE),
        personas_figures.typicality(labels, typical),
        profile_figures.shares_by_month(lifecycle.shares(history, "stage", list(STAGES)), "Stages"),
        needs_figures.main_needs(needs.main_need(SCORES)),
        needs_figures.reliability(EVIDENCE, 0.2),
        needs_figures.prices_and_discounts(NATURAL),
        needs_figures.non_response(response),
        needs_figures.agreement(AGREED),
    ]
    assert all(ax.get_title() and (ax.get_xlabel() or ax.get_ylabel()) for ax in axes)
    assert axes[3].get_xlim() == (0, 1)
    matplotlib.pyplot.close("all")


def test_nothing_is_drawn_of_nothing():
    nothing = [
        personas_figures.heatmap(CENTRES.iloc[:0]),
        personas_figures.typicality(pd.Series("Newcomer", MEMBERS), pd.Series(np.nan, MEMBERS)),
        needs_figures.non_response(pd.DataFrame(columns=["answered", "share", "no_answer"])),
        needs_figures.agreement(AGREED * np.nan),
        needs_figures.prices_and_discounts(NATURAL[["wine"]]),
    ]
    assert nothing == [None] * 5
    assert not matplotlib.pyplot.get_fignums()


def test_a_choice_without_candidates_is_drawn():
    assert personas_figures.stability(CHOICE.iloc[:0], 0.75).get_title()
    assert personas_figures.silhouettes(CHOICE.iloc[:0]).get_title()
    matplotlib.pyplot.close("all")


def test_tables_for_people_show_money_in_units_of_currency_and_shares_in_per_cent():
    shown = profile_figures.readable(pd.DataFrame({"value": [12345.0], "share": [0.25], "members": [3]})).to_html()
    assert all(told in shown for told in ("123.45", "25.0%", ">3<"))


def test_cards_show_what_a_persona_buys_and_answers():
    shown = personas_figures.cards(CARDS, BOUGHT, ANSWERED)
    assert shown.data.loc["More wine", ["buys", "answers"]].tolist() == [
        "wine x1.5",
        "age: old (+50%, n 1), job: cook (+25%, n 4)",
    ]
    assert shown.data.loc["Newcomer", ["buys", "answers"]].tolist() == ["", ""]
    assert "123.45" in shown.to_html()


METRICS = {
    "personas": 2, "persona_stability": 0.8, "persona_silhouette": 0.11, "persona_apart": 1, "needs": 21,
    "need_reliability": 0.83, "need_error_own": 0.81, "need_error_drawn": 0.79, "survey_answered_share": 0.32,
    "survey_left_out": 4, "need_slope": 0.97, "need_slopes": 20, "need_slopes_off": 5,
}  # fmt: skip
DIFFERENCE = pd.Series({"difference": -1.4}, name="net_value")
NONE = float("nan")
AGREES = stated.Verdict(3, 2, ["tea"], ["wine"], 0.4)


def said(metrics=(), best="More wine", difference=DIFFERENCE, verdict=AGREES, meaning="kinds"):
    values = {"meaning": meaning, "cards": CARDS, "best": best, "difference": difference, "stated": verdict}
    return words.render("needs", metrics=METRICS | dict(metrics), **values)


def test_the_conclusion_holds_the_numbers():
    assert all(
        told in said()
        for told in ("2 personas", "67%", "0.80", "0.11", "21", "83%", "79%", "32%", "1.4", "0.40", "0.97")
    )
    assert said() != said({"persona_apart": 0})


@pytest.mark.parametrize(
    "verdict",
    [stated.Verdict(0, 0, [], [], NONE), stated.Verdict(2, 0, [], [], NONE), stated.Verdict(1, 1, [], [], NONE)],
)
def test_the_conclusion_holds_where_little_is_known(verdict):
    nothing = {"needs": 0, "need_reliability": NONE, "need_error_own": NONE, "need_error_drawn": NONE}
    nothing |= {"need_slope": NONE, "need_slopes": 0}
    few = said(nothing | {"survey_left_out": 0}, None, None, verdict)
    assert few and "nan" not in few
    silent = said({"survey_answered_share": 0.0}, None, None, verdict)
    assert silent and words.render("stated_needs", stated=verdict) not in silent
    one = said({"personas": 1}, None, None, verdict, personas.Meaning.NONE)
    assert "0.80" not in one
