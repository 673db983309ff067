"""Figures, tables and words of the tiers and benefits, in the usual case and where there is nothing."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
import small_programme
from small_programme import BENEFITS, FACTS, FAIR, SETTING, TIERS

from membership.benefits import fairness, overview, payoff, sweeps
from membership.benefits.allocation import allocate
from membership.report import readable, words
from membership.report.figures import benefits as figures
from membership.report.figures import fairness as fairness_figures
from membership.report.figures import tiers as tier_figures
from membership.tiers import overview as tier_overview
from membership.tiers import points, rules, thresholds
from membership.tiers.ladder import Limits

NOTHING = BENEFITS.model_copy(update={"budget": 0.0})


@pytest.fixture(scope="module")
def tiers():
    return small_programme.tiers()


@pytest.fixture(scope="module")
def benefits():
    return small_programme.benefits()


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("change", [{}, {"thresholds": [100, 200, 300]}, {"qualify_by": "points"}])
def test_the_words_of_the_tiers_show_their_net_value(tiers, change):
    told = {"metrics": tiers["metrics"], "near": 0.1, "horizon_days": 90, "confidence": 0.95}
    told |= {"limits": tiers["search"].limits, "learned": False}
    text = words.render("tiers", settings=TIERS.model_copy(update=change), **told)
    shown = [tiers["metrics"][f"tiers_net{end}"] for end in ("", "_low", "_high", "_all_lower")]
    assert all(f"{cents / 100:,.0f}" in text for cents in shown)


def test_the_words_of_the_tiers_name_each_limit_that_gave_way(tiers):
    told = {"metrics": tiers["metrics"], "near": 0.1, "horizon_days": 90, "confidence": 0.95, "settings": TIERS}
    for learned in (True, False):
        limits = Limits(123_400.0, 0.67, 9, ("min_share", "moves", "budget"))
        text = words.render("tiers", **told, limits=limits, learned=learned)
        assert all(name in text for name in ("1,234", "0.67", "9 members", "search.budget", "max_moves", "min_share"))


def test_the_words_of_the_benefits_show_their_cost_and_what_is_given_to_nobody(benefits):
    metrics = benefits.metrics
    given = {"table": benefits.table, "horizon_days": 90, "confidence": 0.95}
    text = words.render("benefits", metrics=metrics | {"benefit_cost": 123_400.0}, **given)
    assert all(shown in text for shown in ("1,234", "too dear", "modest"))
    assert "0" in words.render("benefits", metrics=metrics | {"benefit_budget": 0}, **given)


def test_the_words_of_fairness_where_groups_are_limited_unlimited_or_unknown(benefits):
    fair, metrics = benefits.fair, benefits.metrics
    without = FAIR.model_copy(update={"attributes": []})
    for table, settings, shown in ((fair, FAIR, "50%"), (fair.assign(limited=False), FAIR, "67%"), (fair, without, "")):
        found = fairness.evenness(table, FACTS, settings)
        assert shown in words.render("fairness", found=found, metrics=metrics, settings=settings)


def test_figures_of_the_tiers_are_titled_and_labelled(tiers):
    search = tiers["search"]
    axes = [
        tier_figures.curves(search),
        *tier_figures.tradeoff(thresholds.tradeoff(search, [0.5, 1, 2], 0.95), TIERS.search),
        tier_figures.monthly_moves(rules.moves(tiers["ranks"]), 2),
        tier_figures.cost_by_month(tiers["monthly"]),
        tier_figures.distance(tier_overview.distances(tiers["standing"], search.rule)),
        tier_figures.outstanding(tiers["owed"].by_lot),
    ]
    assert all(ax.get_title() and ax.get_ylabel() and ax.get_xlabel() is not None for ax in axes)
    assert len(axes[0].get_lines()) == 3 + 3 + 1  # a curve and a threshold a level, and zero


def test_figures_of_the_benefits_are_titled_and_labelled(benefits):
    allocation, fair, ratios = benefits.allocation, benefits.fair, benefits.ratios
    axes = [
        figures.cost_by_tier(overview.cost_table(allocation, TIERS)),
        figures.break_even(payoff.break_even(SETTING)),
        figures.budget_sweep(sweeps.budget(allocation.options, FACTS, BENEFITS, [0.5, 1, 2], 0.95), BENEFITS.budget),
        figures.response_sweep(sweeps.response(SETTING, allocation.choice, [0.5, 1])),
        fairness_figures.price_of_fairness(ratios, 0.5),
        *fairness_figures.by_group(fair, "cost", "cost_low", "cost_high", "Benefits", "cost a member", scale=100),
    ]
    assert all(ax.get_title() and ax.get_xlabel() + ax.get_ylabel() for ax in axes)
    assert np.isfinite(axes[-1].get_xlim()).all()


def test_figures_of_nothing_are_empty_and_no_error():
    nothing = allocate(SETTING.options(), FACTS, NOTHING)
    assert figures.budget_sweep(sweeps.budget(nothing.options, FACTS, NOTHING, [1.0], 0.95), 0.0).get_title()
    ratios = sweeps.ratio(nothing.options, FACTS, NOTHING, [0.5])
    assert fairness_figures.price_of_fairness(ratios, 0.5).get_title()
    without = NOTHING.model_copy(update={"fairness": FAIR.model_copy(update={"attributes": [], "min_ratio": 0})})
    table = fairness.benefit_table(FACTS, nothing, without, 0.95)
    assert fairness_figures.by_group(table, "cost", "cost_low", "cost_high", "Benefits", "cost a member")


def test_tables_show_cents_in_units_of_currency_shares_per_cent_and_what_is_unknown(tiers):
    frame = pd.DataFrame({"cost": [1250_00.0], "share": [0.25], "members": [1200], "to_keep": np.nan, "kind": "<a>"})
    shown = readable.table(frame).to_html()
    assert all(text in shown for text in ("1,250<", "25.0%", "1,200", ">-<", "&lt;a&gt;"))
    amounts = pd.DataFrame({"threshold": [500_00]})
    assert ">500<" in readable.table(amounts, 100).to_html() and ">50,000<" in readable.table(amounts, 1).to_html()
    face = points.face_value(tiers["books"], TIERS)
    assert "2020-02-01<" in readable.money(face).to_html()
