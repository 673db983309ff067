"""Item-kNN against its definition, laid out densely."""

from datetime import date

import numpy as np
import pytest

from membership.recommend import baskets, policies
from membership.recommend.ranking import filled, popularity

CUTOFF = date(2024, 6, 1)


@pytest.fixture(scope="module")
def known(events, p):
    return baskets.history(events, CUTOFF, p.recommend)


@pytest.mark.parametrize("asymmetry, shrink, decay, own", [(0.5, 0, 1, 1), (0.2, 5, 0.8, 3)])
def test_scores_are_the_similarities_to_what_was_bought_added_up(known, asymmetry, shrink, decay, own):
    counts = known.matrix().toarray()
    norm = (counts**2).sum(axis=0) + shrink
    similar = counts.T @ counts / (norm[:, None] ** asymmetry * norm[None, :] ** (1 - asymmetry))
    np.fill_diagonal(similar, -1)
    cut = np.sort(similar, axis=1)[:, [-8]]
    similar = np.where(similar >= cut, similar, 0) + own * np.eye(len(norm))
    settings = {"neighbours": 8, "asymmetry": asymmetry, "shrink": shrink, "decay": decay, "own": own}
    expected = known.matrix(decay ** known.basket.astype(float)).toarray() @ similar
    columns, scores = policies.peer("item_knn", settings, known).top(np.arange(len(counts)), 10)
    assert scores == pytest.approx(np.take_along_axis(expected, columns, axis=1), rel=1e-4)
    assert scores == pytest.approx(np.sort(expected, axis=1)[:, :-11:-1], rel=1e-4)


def test_lists_that_are_too_short_go_on_with_what_is_popular_and_not_there_yet():
    columns, scores = np.array([[3, -1, -1], [2, 1, 0]]), np.array([[0.5, 0, 0], [3.0, 2, 1]])
    columns, scores = filled(columns, scores, np.array([0.1, 0.4, 0.2, 0.9]))
    assert columns.tolist() == [[3, 1, 2], [2, 1, 0]]
    assert scores.tolist() == [[0.5, pytest.approx(-0.6), pytest.approx(-0.8)], [3, 2, 1]]


def test_an_item_bought_with_nothing_else_leads_to_itself_and_then_to_the_popular_ones():
    alone = {"member": np.array([0, 1, 1, 2]), "item": np.array([0, 1, 2, 2])}
    lines = {name: array.astype(np.int32) for name, array in alone.items()}
    few = baskets.Baskets(
        None, np.array(list("abc")), np.array(list("xyz")), **lines, basket=np.zeros(4, int), age=np.ones(4)
    )
    settings = {"neighbours": 5, "asymmetry": 0.5, "shrink": 0, "decay": 1, "own": 1}
    columns, scores = policies.peer("item_knn", settings, few).top(np.array([0]), 3)
    assert columns.tolist() == [[0, 2, 1]] and (scores[0, 1:] < 0).all()
    assert popularity(few).argmax() == 2
