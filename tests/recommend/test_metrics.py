"""Metrics of a list against the next basket."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from membership.recommend import metrics
from membership.recommend.baskets import Baskets, Targets

ITEMS = np.array([f"i{number:02d}" for number in range(20)])


def known(history: list[set[int]]) -> Baskets:
    member, item = np.array([(row, column) for row, held in enumerate(history) for column in sorted(held)]).T
    members = np.array([f"m{number}" for number in range(len(history))])
    return Baskets(date(2024, 1, 1), members, ITEMS, member, item, np.zeros(len(item), int), np.ones(len(item), int))


def wanted(baskets: Baskets, targets: list[set[int]]) -> Targets:
    matrix = np.array([[float(item in target) for item in range(len(ITEMS))] for target in targets])
    return Targets(baskets.members, sparse.csr_array(matrix), np.zeros(len(targets), int))


def test_a_hand_computed_list():
    baskets = known([{0, 1}])
    judged = metrics.per_member(ITEMS[[[0, 5, 2, 9]]], wanted(baskets, [{0, 1, 2}]), baskets, 4).iloc[0]
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert judged["recall_at_4"] == pytest.approx(2 / 3)
    assert judged["ndcg_at_4"] == pytest.approx((1 + 1 / np.log2(4)) / ideal)
    assert (judged["hit_at_4"], judged["repeat_recall_at_4"], judged["explore_recall_at_4"]) == (1, 0.5, 1)


def test_only_the_first_k_count_and_an_empty_place_is_no_hit():
    baskets = known([{0}])
    judged = metrics.per_member(np.array([["", "i05", "i00"]]), wanted(baskets, [{0}]), baskets, 2).iloc[0]
    assert (judged["recall_at_2"], judged["hit_at_2"]) == (0, 0)


def test_a_part_of_the_target_that_is_empty_has_no_recall():
    baskets = known([{0}, {1}])
    judged = metrics.per_member(ITEMS[[[0], [0]]], wanted(baskets, [{0}, {0}]), baskets, 1)
    assert judged["explore_recall_at_1"].isna().tolist() == [True, False]
    assert judged["repeat_recall_at_1"].isna().tolist() == [False, True]


def test_the_ideal_runs_over_the_whole_target_even_where_it_is_longer_than_k():
    baskets = known([{0}])
    target = set(range(12))
    judged = metrics.per_member(ITEMS[[list(range(3))]], wanted(baskets, [target]), baskets, 3).iloc[0]
    discount = 1 / np.log2(np.arange(2, 14))
    assert judged["ndcg_at_3"] == pytest.approx(discount[:3].sum() / discount.sum())


def test_what_no_history_holds_counts_in_the_target():
    baskets = known([{0}])
    target = replace(wanted(baskets, [{0}]), unseen=np.array([3]))
    judged = metrics.per_member(ITEMS[[[0, 1]]], target, baskets, 2).iloc[0]
    ideal = (1 / np.log2(np.arange(2, 6))).sum()
    assert judged["recall_at_2"] == 0.25 and judged["ndcg_at_2"] == pytest.approx(1 / ideal)
    assert (judged["repeat_recall_at_2"], judged["explore_recall_at_2"]) == (1, 0)


def test_a_member_without_a_history_can_only_explore():
    baskets = known([{0}])
    target = replace(wanted(baskets, [{0, 1}]), members=np.array(["stranger"]))
    judged = metrics.per_member(ITEMS[[[0, 5]]], target, baskets, 2).iloc[0]
    assert judged["recall_at_2"] == judged["explore_recall_at_2"] == 0.5 and np.isnan(judged["repeat_recall_at_2"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sets(st.integers(0, 19), min_size=1), min_size=1, max_size=4), st.integers(1, 20))
def test_a_perfect_list_has_recall_and_ndcg_in_closed_form(targets, k):
    baskets = known([{0}] * len(targets))
    ids = np.array([[*ITEMS[sorted(target)], *[""] * 20][:20] for target in targets])
    judged = metrics.per_member(ids, wanted(baskets, targets), baskets, k)
    size = np.array([len(target) for target in targets])
    discount = np.cumsum(1 / np.log2(np.arange(2, 22)))
    assert judged[f"recall_at_{k}"].to_numpy() == pytest.approx(np.minimum(size, k) / size)
    assert judged[f"ndcg_at_{k}"].to_numpy() == pytest.approx(discount[np.minimum(size, k) - 1] / discount[size - 1])
