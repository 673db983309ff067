"""The tier designer: its figures are the stage's own, and no choice of a person makes it fall over."""

from dataclasses import replace
from itertools import pairwise

import designed_market
import pytest
import yaml
from scipy.stats import norm

from membership.base import paths
from membership.base.errors import DataError
from membership.benefits import allocation
from membership.benefits.payoff import Setting
from membership.designer import what_if
from membership.report import designer_tables, words
from membership.report.designer_view import Panel
from membership.report.figures import designer as plots_designer
from membership.settings import params


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The designer of a small market, and the search that its stage would have made."""
    with pytest.MonkeyPatch.context() as patched:
        root = tmp_path_factory.mktemp("designed")
        for name in ("params.yaml", "dvc.yaml"):
            (root / name).write_bytes((paths.root() / name).read_bytes())
        patched.setenv("MEMBERSHIP_ROOT", str(root))
        found = designed_market.write()
        return what_if.load(params.parse(params.read(), designed_market.OVERRIDES)), found


@pytest.fixture(scope="module")
def ours(made):
    return made[0]


def test_the_saved_policy_has_the_figures_of_the_stage(made):
    ours, found = made
    outcome, terms = ours.saved_outcome, found.choices.terms
    assert ours.saved.thresholds == found.rule.thresholds[1:]
    assert outcome.by_tier["members"].tolist() == found.appraisal.levels["members"].tolist()
    assert outcome.by_tier["net"].tolist() == pytest.approx(found.appraisal.levels["net"].tolist())
    assert (outcome.tier_cost, outcome.moves) == pytest.approx((found.appraisal.cost, found.appraisal.moves))
    setting = Setting(ours.facts, ours.benefits, terms.margin_rate, ours.reaction, terms.points_share)
    given = allocation.allocate(setting.options(), ours.facts, ours.benefits)
    assert outcome.net == pytest.approx(found.appraisal.net + given.net, rel=1e-3)
    assert outcome.benefit_cost == pytest.approx(given.cost, rel=1e-2)
    assert outcome.by_tier[["rise", "fall"]].to_numpy().sum() == 0  # nobody moves against the saved rule itself


def test_more_budget_for_benefits_never_brings_less_and_is_never_exceeded(ours):
    budgets = [0.0, 1000.0, 5000.0, 15_000.0, 1e6]
    outcomes = [ours.evaluate(replace(ours.saved, benefit_budget=budget)) for budget in budgets]
    nets = [outcome.net for outcome in outcomes]
    assert all(later >= earlier * (1 - what_if.GAP) for earlier, later in pairwise(nets))
    assert nets[0] < nets[-1]
    assert all(outcome.benefit_cost <= budget for outcome, budget in zip(outcomes, budgets, strict=True))


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2), (0, 0, 1)])
def test_thresholds_out_of_order_give_a_message_and_no_figures(ours, order):
    outcome = ours.evaluate(replace(ours.saved, thresholds=tuple(ours.saved.thresholds[at] for at in order)))
    assert "thresholds must rise" in outcome.message
    assert outcome.by_tier is None and outcome.net != outcome.net
    assert "Not possible" in designer_tables.page(outcome, ours)


def test_the_conclusion_shows_the_saved_policy_or_why_a_choice_is_not_possible(ours):
    saved = ours.saved_outcome
    text = words.render("tier_designer", outcome=saved, saved=saved)
    assert f"{saved.net / 100:,.0f}" in text and saved.moved == 0 and saved.beyond(saved) == (0, 0, 0)
    wrong = ours.evaluate(replace(ours.saved, thresholds=ours.saved.thresholds[::-1]))
    assert wrong.message in words.render("tier_designer", outcome=wrong, saved=saved)


def test_without_benefits_the_tiers_stand_alone(ours):
    outcome = ours.evaluate(replace(ours.saved, uplift_times={}))
    assert outcome.benefit_cost == outcome.shadow_price == 0
    assert outcome.net == pytest.approx(outcome.by_tier["net"].sum())
    assert set(designer_tables.by_benefit(outcome)["members"]) == {"off"}


def test_a_benefit_without_response_is_given_to_nobody(ours):
    name = ours.benefits.catalogue[0].name
    outcome = ours.evaluate(replace(ours.saved, uplift_times=ours.saved.uplift_times | {name: 0.0}))
    assert outcome.by_benefit.loc[name, "members"] == 0


def test_higher_thresholds_only_make_members_fall(ours):
    higher = tuple(round(1.3 * threshold) for threshold in ours.saved.thresholds)
    outcome = ours.evaluate(replace(ours.saved, thresholds=higher))
    assert outcome.by_tier["rise"].sum() == 0 < outcome.by_tier["fall"].sum()
    assert outcome.by_tier["members"].sum() == designed_market.MEMBERS


def test_the_interval_holds_the_net_and_closes_where_every_uplift_is_sure(ours):
    outcome = ours.saved_outcome
    assert outcome.low < outcome.net < outcome.high
    for table, name in ((outcome.by_tier, "net"), (outcome.by_tier, "benefit_net"), (outcome.by_benefit, "net")):
        assert (table[f"{name}_low"] <= table[name]).all() and (table[name] <= table[f"{name}_high"]).all()
    settings = ours.terms.settings
    sure = [level.model_copy(update={"uplift_sd": 0.0}) for level in settings.levels]
    known = settings.model_copy(update={"levels": sure, "pull": settings.pull.model_copy(update={"uplift_sd": 0.0})})
    none = {name: 0 * getattr(ours.reaction, name) for name in ("cov", "order_value_sd", "overlap_sd")}
    certain = replace(ours, terms=replace(ours.terms, settings=known), reaction=replace(ours.reaction, **none))
    outcome = certain.evaluate(certain.saved)
    assert outcome.low == outcome.net == outcome.high
    tables = outcome.by_tier["benefit_net"], outcome.by_benefit["net"]
    assert tables[0].tolist() == outcome.by_tier["benefit_net_low"].tolist()
    assert tables[1].sum() == pytest.approx(tables[0].sum())


def test_what_two_choices_differ_by_is_as_uncertain_as_what_they_do_not_share(ours):
    saved = ours.saved_outcome
    without = ours.evaluate(replace(ours.saved, uplift_times={}))
    gained, low, high = saved.beyond(without)
    given = saved.by_benefit["net"].sum()
    sds = (saved.by_benefit["net_high"] - saved.by_benefit["net"]) ** 2  # the tiers are the same, and so are certain
    overlap = (norm.ppf(0.975) * saved.spread.filter(like="benefits").to_numpy()[-1:]) ** 2
    assert gained == pytest.approx(given)
    assert (high - gained, gained - low) == pytest.approx(((sds.sum() + overlap.sum()) ** 0.5,) * 2)


def test_the_searched_rule_is_the_best_under_the_sliders_and_keeps_their_budget(ours):
    frugal = ours.searched(replace(ours.saved, tier_budget=ours.saved_outcome.tier_cost / 2))
    assert 0 < ours.evaluate(frugal).tier_cost <= frugal.tier_budget
    assert ours.evaluate(frugal).by_tier["net"].sum() <= ours.saved_outcome.by_tier["net"].sum()
    over = ours.evaluate(replace(ours.saved, tier_budget=1.0))
    assert over.over_budget and not ours.evaluate(frugal).over_budget
    pages = [designer_tables.page(each, ours) for each in (over, ours.evaluate(frugal))]
    assert [page.startswith("<p style=") for page in pages] == [True, False]  # a warning above the tables


def test_the_snippet_makes_the_choice_the_policy_of_params_yaml(ours):
    off = {name: times / 2 for name, times in list(ours.saved.uplift_times.items())[:2]}
    choice = replace(ours.saved, thresholds=(10_000, 20_000, 40_000), benefit_budget=777.0, uplift_times=off)
    raw = params.read()
    part = yaml.safe_load(what_if.snippet(choice, ours))
    raw["economics"] |= part["economics"]
    raw["tiers"] |= {name: value for name, value in part["tiers"].items() if name != "search"}
    raw["tiers"]["search"] |= part["tiers"]["search"]
    raw["benefits"] |= part["benefits"]
    raw["campaigns"]["evidence"] = {}
    p = params.parse(raw)
    assert p.tiers.thresholds == [10_000, 20_000, 40_000] and p.benefits.budget == 777
    assert [benefit.uplift for benefit in p.benefits.catalogue] == [
        benefit.uplift / 2 for benefit in ours.benefits.catalogue[:2]
    ]
    again = replace(ours, terms=replace(ours.terms, settings=p.tiers), benefits=p.benefits)
    assert again.saved.thresholds == choice.thresholds


def test_a_slider_shows_what_it_comes_to_and_the_button_goes_back(ours):
    panel = Panel(ours)
    assert panel.choice == ours.saved and panel.outcome is ours.saved_outcome
    panel.controls[0].value = panel.controls[0].value * 1.2
    assert panel.outcome.net == ours.evaluate(panel.choice).net
    assert panel.outcome.net != ours.saved_outcome.net
    panel.controls[0].value = panel.controls[1].value + 100
    assert "Not possible" in panel.widget.children[1].children[0].value
    panel.reset()
    assert panel.choice == ours.saved and "<svg" in panel.widget.children[1].children[1].value


def test_a_search_that_finds_nothing_is_said_and_leaves_the_sliders(ours):
    panel = Panel(ours)
    budget = panel.controls[len(ours.saved.thresholds) + 2]
    budget.value = 0.0
    panel.search()
    assert "tiers.search.budget" in panel.outcome.message
    assert panel.choice.thresholds == ours.saved.thresholds


def test_the_figure_shows_every_tier_of_the_choice_beside_the_saved_policy(ours):
    drawn = plots_designer.outcome(ours.saved_outcome, ours.saved_outcome)
    for ax in drawn.axes:
        assert [label.get_text() for label in ax.get_yticklabels()] == list(ours.terms.settings.names)
    widths = [bar.get_width() for bar in drawn.axes[0].patches[-4:]]
    assert widths == ours.saved_outcome.by_tier["members"].tolist()


def test_tables_that_are_missing_are_named(workspace):
    with pytest.raises(DataError, match=r"tiers\.parquet"):
        what_if.load(params.parse(params.read()))
