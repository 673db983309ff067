"""Groups and their number: planted ones are found, clouds have none, the index is the library's, ties are safe."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from membership.profile import clusters
from membership.settings import params

KNOBS = params.parse(params.read()).needs.personas.model_copy(update={"most": 5, "bootstrap": 8, "chance": 3})
CORNERS = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3]])


def planted(count, each=60, noise=0.5, seed=1):
    """Return points around `count` corners, with a fifth column that says nothing, and whose each is."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(count), each)
    points = CORNERS[truth] + rng.normal(0, noise, (len(truth), 4))
    return np.column_stack([points, rng.normal(size=len(truth))]), truth


@pytest.mark.parametrize("count", [2, 3, 4])
def test_planted_groups_are_found_and_so_is_their_number(count):
    points, truth = planted(count)
    table = clusters.choose(points, KNOBS, 1)
    assert table.index[table["chosen"]].tolist() == [count]
    assert table.loc[count, "stability"] > 0.99
    assert table.loc[count, ["stable", "apart"]].all()
    assert adjusted_rand_score(truth, clusters.fit(points, count, 1).nearest(points)) == 1


def test_a_round_cloud_has_no_stable_groups():
    points = np.random.default_rng(2).normal(size=(400, 6))
    table = clusters.choose(points, KNOBS, 1)
    assert not table["chosen"].any()
    assert table["stability"].max() < KNOBS.min_stability


def test_a_long_cloud_is_cut_stably_but_its_halves_are_not_called_apart():
    points = np.random.default_rng(3).normal(size=(400, 3)) * [2.4, 0.3, 0.3]
    table = clusters.choose(points, KNOBS.model_copy(update={"most": 2, "chance": 8}), 1)
    assert table.loc[2, "stable"]
    assert table.loc[2, "chosen"]
    assert not table.loc[2, "apart"]


def test_two_columns_that_say_the_same_count_for_one():
    rng = np.random.default_rng(4)
    truth = np.repeat([0, 1], 200)
    wide = rng.normal(0, 0.8, 400) + 0.8 * truth
    points = np.column_stack([2 * truth + rng.normal(0, 0.4, 400), wide, wide + rng.normal(0, 0.1, 400)])
    plain = KMeans(2, n_init=10, random_state=1).fit_predict(points)
    found = clusters.fit(points, 2, 1).nearest(points)
    assert adjusted_rand_score(truth, plain) < 0.8
    assert adjusted_rand_score(truth, found) > 0.95


def test_members_in_the_middle_of_a_group_are_sure_and_those_between_two_are_not():
    points, _ = planted(2)
    groups = clusters.fit(points, 2, 1)
    middle = groups.membership(groups.centres)
    between = groups.membership(groups.centres.mean(axis=0, keepdims=True))
    assert middle.max(axis=1) == pytest.approx([1, 1], abs=1e-3)
    assert between == pytest.approx(np.array([[0.5, 0.5]]), abs=1e-6)
    assert groups.membership(points).sum(axis=1) == pytest.approx(1)


def test_distances_are_those_of_mahalanobis_by_hand():
    groups = clusters.Groups(np.array([[0.0, 0], [2, 0]]), np.diag([1.0, 4.0]), np.array([0.5, 0.5]))
    assert groups.distances(np.array([[0.0, 1], [2, 1]])).tolist() == [[4, 8], [8, 4]]


@given(arrays(int, (4, 12), elements=st.integers(0, 2)))
@settings(max_examples=50, deadline=None)
def test_agreement_is_the_adjusted_rand_index_of_every_pair(labels):
    found = clusters.agreement(labels, 3)
    expected = [adjusted_rand_score(one, other) for one, other in combinations(labels, 2)]
    known = np.isfinite(found)
    assert found[known] == pytest.approx(np.array(expected)[known])


def test_what_is_chosen_is_the_largest_of_the_most_stable_that_are_apart():
    table = clusters.choose(planted(2)[0], KNOBS, 1).drop(columns=["stable", "apart", "chosen"]).loc[[2, 3, 4, 5]]
    table = table.assign(
        stability=[1.0, 0.99, 0.9, 0.99], silhouette=[0.3, 0.2, 0.2, 0.05], chance=0.1, chance_sd=0.01, smallest=50
    ).assign(stability_sd=[0.01, 0.01, 0.05, 0.01])
    marked = clusters._marked(table, KNOBS)
    assert marked["apart"].tolist() == [True, True, True, False]
    assert marked.index[marked["chosen"]].tolist() == [3]
    small = clusters._marked(table.assign(smallest=[50, KNOBS.min_members - 1, 50, 50]), KNOBS)
    assert small.index[small["chosen"]].tolist() == [2]
    cut = clusters._marked(table.assign(silhouette=0.1), KNOBS)
    assert cut.index[cut["chosen"]].tolist() == [5]


def test_too_few_or_equal_points_leave_nothing_to_choose_from():
    assert clusters.choose(planted(2, each=KNOBS.min_members - 1)[0], KNOBS, 1).empty
    assert clusters.choose(np.zeros((200, 3)), KNOBS, 1).empty
    assert clusters.choose(np.empty((0, 3)), KNOBS, 1).empty


def test_a_sample_keeps_order_and_all_where_there_are_few():
    points = np.arange(50.0)[:, None]
    some = clusters.sampled(points, 20, 1)[:, 0]
    assert len(some) == 20
    assert (np.diff(some) > 0).all()
    assert clusters.sampled(points, 50, 1) is points


def test_a_point_between_two_groups_goes_to_the_first_whatever_the_last_digits_say():
    groups = clusters.Groups(np.array([[0.0, 0], [1, 0]]), np.eye(2), np.array([0.5, 0.5]))
    points = np.array([[0.5, 0], [0.5 + 1e-12, 0], [0.5 - 1e-12, 0], [0.5 + 1e-6, 0]])
    assert groups.nearest(points).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("noise", [-1e-12, 0.0, 1e-12])
def test_the_number_on_a_threshold_is_chosen_whatever_the_last_digits_say(noise):
    table = clusters.choose(planted(2)[0], KNOBS, 1).drop(columns=["stable", "apart", "chosen"]).loc[[2, 3, 4, 5]]
    table = table.assign(stability=[0.9, 0.9 - KNOBS.tolerance, 0.5, 0.5], stability_sd=0.0, smallest=50)
    table["stability"] += [-noise, noise, 0, 0]
    table = table.assign(silhouette=[0.3, 0.3, 0.3, 0.3], chance=0.1, chance_sd=0.01)
    marked = clusters._marked(table, KNOBS.model_copy(update={"min_stability": 0.9 - KNOBS.tolerance}))
    assert marked["stable"].tolist() == [True, True, False, False]
    assert marked.index[marked["chosen"]].tolist() == [3]
    level = clusters._marked(table.assign(silhouette=0.12 + noise), KNOBS)
    assert not level["apart"].any()
