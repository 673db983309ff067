"""Metrics as objects: by hand, and that nothing but the registry says which way is better."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from membership.base.errors import ParamError
from membership.evaluate import decide, experiment, metrics
from membership.evaluate.metrics import METRICS, Basis, Lists, Metric, Unit
from membership.recommend.baskets import Baskets, Targets
from membership.settings.decide import Guardrail

PRICES = pd.DataFrame({"item_id": ["apples", "bread"], "price": [300.0, 180.0], "discount": [30.0, 20.0]})
LOSE_BY_RISING = {"discount_per_item", "fairness_gap", "fairness_spread", "popularity_bias"}


@pytest.fixture
def basis():
    """Ann buys apples and bread next, Ben bread, Cid cake; each had one basket of it before."""
    line = np.arange(3, dtype=np.int32)
    items, members = np.array(["apples", "bread", "cake"]), np.array(["a", "b", "c"])
    history = Baskets(date(2020, 3, 1), members, items, line, line, line * 0, line * 0 + 1)
    bought = sparse.csr_array(np.array([[1.0, 1, 0], [0, 1, 0], [0, 0, 1]]))
    return Basis(Targets(members, bought, np.zeros(3, int)), history, PRICES, 0.25, 2, np.array([4, 1, 2]))


def judged(basis, *lists):
    return metrics.per_member(Lists(np.array(lists), basis)).set_index("member_id")


def test_margin_is_that_of_the_first_items_that_were_bought(basis):
    found = judged(basis, ["apples", "bread", ""], ["", "bread", ""], ["cake", "apples", "bread"])
    assert found["margin_at_2"].tolist() == [120, 45, 0]  # cake has no price
    late = judged(basis, ["bread", "", "apples"], ["apples", "", "bread"], ["", "", "cake"])
    assert late["margin_at_2"].tolist() == [45, 0, 0]


def test_discount_is_the_mean_of_the_first_listed_items_bought_or_not(basis):
    found = judged(basis, ["apples", "bread", ""], ["", "apples", "bread"], ["", "", "bread"])
    assert found["discount_per_item_at_2"].tolist()[:2] == [25, 30]
    assert np.isnan(found.loc["c", "discount_per_item_at_2"])  # nothing is listed
    assert judged(basis, ["cake", "apples"], ["cake", ""], ["", ""])["discount_per_item_at_2"].tolist()[:2] == [15, 0]


def test_more_hits_of_an_equal_mix_leave_the_discount_as_it_is_and_raise_the_margin(basis):
    lists = ["apples", "bread"], ["bread", "apples"], ["apples", "bread"]
    more = replace(basis, targets=replace(basis.targets, matrix=sparse.csr_array(np.ones((3, 3)))))
    few, many = judged(basis, *lists), judged(more, *lists)
    assert (many["hit_at_2"] >= few["hit_at_2"]).all() and many["margin_at_2"].sum() > few["margin_at_2"].sum()
    assert many["discount_per_item_at_2"].tolist() == few["discount_per_item_at_2"].tolist() == [25, 25, 25]


def test_recall_of_all_counts_what_could_not_be_recommended_too(basis):
    found = judged(basis, ["apples", "bread"], ["bread", ""], ["cake", "apples"])
    assert found["recall_of_all_at_2"].tolist() == [0.5, 1, 0.5] and found["recall_at_2"].tolist() == [1, 1, 1]


def test_shares_are_those_of_the_recommender(basis):
    found = judged(basis, ["apples", "cake"], ["apples", ""], ["cake", ""])
    assert found["recall_at_2"].tolist() == [0.5, 0, 1]
    assert found["hit_at_2"].tolist() == [1, 0, 1]
    assert found["explore_share_at_2"].tolist() == [0.5, 1, 0]


def test_every_metric_of_a_member_is_computed_and_named_with_the_length_of_the_list(basis):
    found = judged(basis, ["apples", ""], ["", ""], ["", ""])
    assert found.columns.tolist() == [each.column(2) for each in METRICS if callable(each.how)]
    assert metrics.of("recall_at_2").name == "recall"


def test_costs_and_unfairness_lose_by_rising_and_everything_else_by_falling():
    assert {each.name for each in METRICS if not each.higher_is_better} == LOSE_BY_RISING


@pytest.mark.parametrize("name", ["profit", "recall", "recall_at_x", "catalogue_coverage_at_10", "points_cost_at_10"])
def test_what_is_not_registered_is_no_metric(name):
    with pytest.raises(ParamError, match=rf"decide: metric '{name}' is unknown; there are: recall_at_<k>, .*coverage"):
        metrics.of(name, "decide")


def test_a_registered_metric_that_is_not_there_is_said_with_those_that_are():
    with pytest.raises(ParamError, match=r"'recall_at_5' is unknown; there are: recall_at_10, hit_at_10\."):
        metrics.of("recall_at_5", there=["recall_at_10", "hit_at_10"])


def test_rows_come_in_the_order_of_the_registry_with_their_unit():
    rows = metrics.in_order(pd.DataFrame({"metric": ["margin_at_10", "fairness_gap", "recall_at_10"]}))
    assert rows["metric"].tolist() == ["recall_at_10", "margin_at_10", "fairness_gap"]
    assert rows["unit"].tolist() == ["share", "cents", "share"]


@pytest.mark.parametrize("each", [metric for metric in METRICS if callable(metric.how)], ids=lambda each: each.name)
def test_a_guardrail_fails_where_its_metric_moves_the_wrong_way(world, each):
    name, worse = each.column(10), -1 if each.higher_is_better else 1
    for step, passed in ((worse, False), (-worse, True)):
        world.change("champion", np.full(40, 50.0), [name])
        world.change("challenger", np.full(40, 50.0 + step), [name])
        check = guarded(world, name)
        assert (check.passed, check.numbers["difference"]) == (passed, step)


def test_a_new_guardrail_is_one_entry_and_a_cost_among_them_loses_by_rising(world, monkeypatch):
    cost = Metric("points_cost", Unit.CENTS, False, lambda lists: np.zeros(len(lists.ids)))
    world.change("champion", np.full(40, 50.0), ["points_cost_at_10"])
    world.change("challenger", np.full(40, 60.0), ["points_cost_at_10"])
    with pytest.raises(ParamError, match="'points_cost_at_10' is unknown"):
        guarded(world, "points_cost_at_10")
    monkeypatch.setitem(metrics.REGISTRY, cost.name, cost)
    check = guarded(world, "points_cost_at_10")
    assert not check.passed
    assert (check.numbers["unit"], check.numbers["difference"]) == ("cents", 10)


def guarded(world, name):
    """Return the check of one guardrail with margin 0.5."""
    rule = world.knobs.decide.model_copy(
        update={"guardrails": [Guardrail(metric=name, margin=0.5)], "training_sd": None}
    )
    policies = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {}}
    knobs = world.knobs.evaluate
    if name == knobs.primary_metric:  # which must not be moved and judged at once
        knobs = knobs.model_copy(update={"primary_metric": "hit_at_10"})
    found = experiment.run(world.outcomes, world.recommendations, world.items, knobs, 1)
    return decide.decide(found.effects.set_index("metric"), knobs, rule, *policies).checks[2]
