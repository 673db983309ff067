"""The profile table and what the stage says of it."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.member_schemas import STAGES
from membership.profile import lifecycle, needs, personas, plots, summary

matplotlib.use("Agg")

MEMBERS = pd.Index(["a", "b", "c"], name="member_id")
SCORES = pd.DataFrame({"wine": [1.5, -1, np.nan], "bread": [0.5, 1, np.nan]}, index=MEMBERS)
STAGE = pd.Series(["loyal", "loyal", "prospect"], index=MEMBERS, name="stage")
PERSONAS = personas.Personas(
    labels=pd.Series(["More wine", "More bread", personas.NEWCOMER], index=MEMBERS),
    centres=SCORES.iloc[:2].set_axis(pd.Index(["More wine", "More bread"], name="persona")),
    silhouette=0.6,
)
SHARES = pd.DataFrame({"member_id": ["a", "b"], "category": ["WINE", "BREAD"], "spend": [5, 5], "share": [1.0, 1.0]})
ANSWERS = pd.DataFrame({"age": ["old", needs.NO_ANSWER, needs.NO_ANSWER]}, index=MEMBERS)
VALUE = pd.DataFrame({"member_id": MEMBERS, "value": [100.0, 300, 0], "p_alive": [0.9, 0.7, 0], "p_repurchase": 0.5})


def made():
    return summary.profile(SCORES, PERSONAS, STAGE, SHARES, ANSWERS)


def test_every_member_has_one_row_with_need_persona_stage_and_category(workspace):
    tables.write("profile", made())
    table = tables.read("profile").set_index("member_id")
    assert table["main_need"].to_dict() == {"a": "wine", "b": "bread", "c": needs.UNKNOWN}
    assert table.loc["a", ["stage", "persona", "top_category"]].tolist() == ["loyal", "More wine", "WINE"]
    assert table["answered_survey"].to_dict() == {"a": True, "b": False, "c": False}
    assert pd.isna(table.loc["c", "top_category"])


def test_stages_are_shown_in_order_with_the_empty_ones():
    table = summary.by_stage(STAGE, VALUE)
    assert list(table.index) == list(STAGES)
    assert table.loc["loyal", ["members", "value"]].tolist() == [2, 200]
    assert table.loc["lapsed", "members"] == 0
    assert table["share"].sum() == pytest.approx(1)


def test_metrics_and_conclusion_agree():
    moves = pd.DataFrame(0, index=STAGES, columns=STAGES)
    moves.loc["loyal", ["loyal", "lapsed"]] = 3, 1
    found = summary.metrics(made(), PERSONAS, moves)
    assert found["loyal_stay_rate"] == 0.75
    assert found["newcomer_share"] == pytest.approx(1 / 3)
    assert sum(found[f"stage_share_{stage}"] for stage in STAGES) == pytest.approx(1)
    text = summary.conclusion(made(), personas.cards(PERSONAS.labels, VALUE, SHARES, ANSWERS), found)
    assert "**67% are loyal**" in text
    assert "*More bread*" in text
    assert "clearly separated" in text


def test_figures_are_titled_and_labelled():
    history = pd.DataFrame({"member_id": MEMBERS, "as_of": pd.Timestamp("2020-01-01"), "stage": STAGE.to_numpy()})
    rates = lifecycle.rates(lifecycle.transitions(history, "stage", list(STAGES)))
    axes = [
        plots.needs_heatmap(PERSONAS.centres),
        plots.main_needs(needs.main_need(SCORES)),
        plots.shares_by_month(lifecycle.shares(history, "stage", list(STAGES)), "Stages"),
        plots.transition_matrix(rates, "Moves"),
    ]
    assert all(ax.get_title() and (ax.get_xlabel() or ax.get_ylabel()) for ax in axes)
    assert plots.needs_heatmap(PERSONAS.centres.iloc[:0]).get_title().startswith("No personas")
    matplotlib.pyplot.close("all")


def test_tables_for_people_show_money_in_units_of_currency_and_shares_in_per_cent():
    shown = plots.readable(pd.DataFrame({"value": [12345.0], "share": [0.25], "members": [3]})).to_html()
    assert "123.45" in shown
    assert "25.0%" in shown
    assert ">3<" in shown
