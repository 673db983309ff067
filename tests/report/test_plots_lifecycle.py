"""Figures and words of the lifecycle: titled, labelled, true to the numbers, and drawn of very little too."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from membership.base.member_schemas import STAGES
from membership.profile import lifecycle_metrics, moves, repurchase, strategy
from membership.report import words
from membership.report.figures import lifecycle as plots_lifecycle
from membership.settings import params

matplotlib.use("Agg")
SETTINGS = params.load("lifecycle").lifecycle
MONTHS = pd.date_range("2020-01-01", periods=4, freq="MS", name="as_of")


SEPARATED = pd.DataFrame(
    {"auc": 0.8, "auc_chance": 0.85, **dict.fromkeys(STAGES, np.nan), "loyal": 0.9, "active": 0.6, "at_risk": 0.35},
    index=MONTHS,
)


def steps(members=40):
    rng = np.random.default_rng(1)
    rows = {
        "member_id": np.repeat([f"m{n}" for n in range(members)], 4), "as_of": np.tile(MONTHS, members),
        "stage": rng.choice(["active", "loyal"], members * 4),
    }  # fmt: skip
    return moves.intervals(pd.DataFrame(rows), "stage", list(STAGES), 0.95, 50, rng)


def spells(size=60):
    waited = np.minimum(1 + np.arange(size), 50)
    index = [f"m{n}" for n in range(size)]
    return pd.DataFrame({"entry": 0, "exit": waited, "ended": waited < 50, "waited": waited}, index=index)


GROUPS = pd.Series(["active", "loyal"] * 30, spells().index)
RETAINED = pd.DataFrame(
    {"cohort": ["2020-01", "2020-01"], "month": [0, 1], "members": 9, "bought": [9, 3], "share": [1, 1 / 3],
     "low": [0.7, 0.1], "high": [1.0, 0.6]}
)  # fmt: skip


def test_figures_are_titled_and_labelled():
    axes = [
        plots_lifecycle.moves(steps(), "Moves"),
        plots_lifecycle.separation(SEPARATED, 14),
        plots_lifecycle.next_purchase(repurchase.curves(spells(), GROUPS, 0.95), "stage", 60),
        plots_lifecycle.next_purchase(repurchase.curves(spells(), GROUPS, 0.95, "gap"), "stage", 60, "gap"),
        plots_lifecycle.cohorts(RETAINED),
        plots_lifecycle.retention(RETAINED),
    ]
    assert all(ax.get_title() and ax.get_xlabel() and ax.get_ylabel() for ax in axes)
    matplotlib.pyplot.close("all")


def test_each_cell_of_the_moves_shows_share_and_interval():
    ax = plots_lifecycle.moves(steps(), "Moves")
    words = [text.get_text() for text in ax.texts if text.get_text()]
    assert len(words) == 2 * len(STAGES)  # two stages were ever left
    assert all("%\n" in word and "-" in word for word in words)
    matplotlib.pyplot.close("all")


def test_a_curve_starts_at_zero_and_shows_who_still_waits():
    ax = plots_lifecycle.next_purchase(repurchase.curves(spells(), GROUPS, 0.95), "stage", 60)
    for line in ax.get_lines():
        assert line.get_ydata()[0] == 0
        assert (np.diff(line.get_ydata()) >= 0).all()
    assert {"30", "still waiting:"} <= {text.get_text() for text in ax.texts}
    matplotlib.pyplot.close("all")


def test_of_many_groups_the_largest_are_drawn_and_the_title_says_so():
    curve = repurchase.curves(spells(), GROUPS, 0.95)["active"]
    ax = plots_lifecycle.next_purchase({f"g{number}": curve for number in range(9)}, "cohort", 60)
    assert len(ax.get_lines()) == 7
    assert "the 7 largest of 9" in ax.get_title()
    matplotlib.pyplot.close("all")


def test_figures_of_very_little_are_drawn():
    empty = RETAINED.iloc[:0]
    assert plots_lifecycle.cohorts(empty) is None
    assert plots_lifecycle.retention(empty).get_title()
    assert plots_lifecycle.next_purchase({}, "stage", 60).get_title()
    assert plots_lifecycle.moves(steps(0), "Moves").get_title() == "Moves"
    matplotlib.pyplot.close("all")


def test_tables_for_people_show_intervals():
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95)
    stage = GROUPS.rename_axis("member_id")
    value = pd.DataFrame({"member_id": stage.index, "value": 1000.0})
    todo = strategy.table(stage, value, steps(), rates, SETTINGS.strategy)
    assert " to " in plots_lifecycle.strategy(todo).to_html()
    page = plots_lifecycle.comparison(repurchase.compare(spells(), GROUPS, 14, 50, 0.95)).to_html()
    assert "23% (" in page
    assert "median wait" in page


STAGE = pd.Series(["loyal", "lapsed"], pd.Index(["m0", "m1"], name="member_id"))


def measured(moved=None, rates=None, pooled=RETAINED.iloc[1:], separated=SEPARATED):
    moved = steps() if moved is None else moved
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95) if rates is None else rates
    return lifecycle_metrics.metrics(STAGE, separated, moved, rates, pooled)


def test_the_metrics_of_the_lifecycle_by_hand():
    found = measured()
    assert found["repurchase_at_origin"] == pytest.approx(14 / 60)
    assert (found["stage_auc"], found["ordered_at_risk"]) == pytest.approx((0.8, 0.35)) and "ordered_new" not in found
    assert found["loyal_stay_low"] < found["loyal_stay_rate"] < found["loyal_stay_high"]
    assert found["retention_month_1"] == pytest.approx(1 / 3)
    assert (found["stage_share_loyal"], found["stage_share_new"]) == (0.5, 0)
    assert sum(found[f"stage_share_{stage}"] for stage in STAGES) == pytest.approx(1)
    moved = steps().assign(share=0.75)
    assert measured(moved)["lapsed_return_rate"] == 0.25


def test_metrics_of_single_stages_come_with_the_members_that_they_tell_of():
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95)
    shares, rate, *moved = lifecycle_metrics.sizes(STAGE, steps(), rates)
    assert sum(shares.values()) == len(STAGE) and sum(rate.values()) == rates["members"].sum()
    assert {name for name in measured() if name.startswith(("stage_share", "repurchase_l"))} < {*shares, *rate}
    assert [set(one) < set(measured()) for one in moved] == [True, True]
    assert lifecycle_metrics.sizes(STAGE, steps().iloc[:0], rates)[3] == {"lapsed_return_rate": None}


def test_metrics_that_nobody_knows_are_left_out():
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95).iloc[:0]
    found = measured(steps(0), rates, RETAINED.iloc[:0], SEPARATED.iloc[:0])
    assert not {"repurchase_at_origin", "repurchase_loyal", "loyal_stay_low", "retention_month_1"} & set(found)


def concluded(metrics, extremes, slipping):
    values = {"extremes": extremes, "slipping": slipping, "p_stages": 0.5, "days": 14, "confidence": 0.95}
    return words.render("lifecycle", metrics=metrics, **values)


def test_the_conclusion_holds_the_numbers():
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95)
    value = pd.DataFrame({"member_id": ["m0", "m1"], "value": [300.0, 100.0]})
    todo = strategy.table(STAGE, value, steps(), rates, SETTINGS.strategy)
    text = concluded(measured(), repurchase.extremes(rates), strategy.slipping(todo))
    assert "**25%**" in text and "23%" in text and "35%" in text and "0.800" in text


def test_the_conclusion_of_very_little_names_no_unknown_number():
    rates = repurchase.rates(spells(), GROUPS, 14, 0.95).iloc[:0]
    little = measured(steps(0), rates, RETAINED.iloc[:0], SEPARATED.iloc[:0])
    text = concluded(little, repurchase.extremes(rates), float("nan"))
    assert text and "nan" not in text and "-%" not in text
