"""The intensity of purchases: by hand, against sums written out, and found again in a simulated process."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ordered_market import histories

from membership.recommend import intensity
from membership.recommend.baskets import Baskets
from membership.recommend.intensity import LATE, LONG, SHARE, Kernels
from membership.recommend.peers.peer import Context
from membership.recommend.peers.registry import PEERS

TRUE = {LONG: 0.45, SHARE: 0.15, "own_7": 0.12, "own_56": 0.02, "kind_7": 0.08, "kind_56": 0.01}
KERNELS = Kernels((7.0, 56.0))
ITEMS, KINDS, FIRST = 60, 6, 8  # FIRST: items of a first visit


def simulated(members: int, visits: int, seed: int) -> tuple[Baskets, pd.DataFrame]:
    """Draw histories of a process with the weights TRUE, of items that sell alike, and the table of these."""
    rng, kind, lives = np.random.default_rng(seed), np.arange(ITEMS) % KINDS, np.array(KERNELS.half_lives)
    by = {part: np.array([TRUE[f"{part}_7"], TRUE[f"{part}_56"]])[:, None, None] for part in ("own", "kind")}
    days = np.cumsum(rng.integers(1, 15, (members, visits)), axis=1)
    bought, faded = np.zeros((visits, members, ITEMS), dtype=bool), np.zeros((2, members, ITEMS))
    for visit in range(visits):
        faded *= 0.5 ** ((days[:, visit] - days[:, max(visit - 1, 0)]) / lives[:, None])[:, :, None]
        of_kind = np.stack([faded[:, :, kind == each].mean(axis=2) for each in range(KINDS)], axis=2)[:, :, kind]
        share = bought[:visit].mean(axis=0) if visit else np.full((members, ITEMS), FIRST / ITEMS / 0.6)
        base = TRUE[LONG] * share.mean(axis=1, keepdims=True) + TRUE[SHARE] * share
        bought[visit] = rng.random((members, ITEMS)) < base + (by["own"] * faded + by["kind"] * of_kind).sum(axis=0)
        faded += bought[visit]
    member, back, item = np.nonzero(bought[::-1].transpose(1, 0, 2))
    columns = (each.astype(np.int32) for each in (member, item, back, (days[:, -1:] - days[:, ::-1] + 1)[member, back]))
    ids = np.array([f"i{number:02d}" for number in range(ITEMS)])
    items = pd.DataFrame({"item_id": ids, "subcategory": [f"kind {each}" for each in kind], "category": "all"})
    return Baskets(date(2024, 1, 1), np.array([f"m{n:03d}" for n in range(members)]), ids, *columns), items


@pytest.fixture(scope="module")
def process():
    return simulated(members=500, visits=20, seed=0)


def test_the_weights_of_a_simulated_process_are_found_again(process):
    found = intensity.fit(*process, KERNELS)
    for name, weight in TRUE.items():
        assert found.weights[name] == pytest.approx(weight, rel=0.15, abs=0.004), name


def test_what_is_expected_of_all_visits_together_is_what_was_bought(process):
    known, items = process
    found = intensity.fit(known, items, KERNELS)
    assert sum(found.brought.values()) == pytest.approx(1)
    last = known.basket == 0
    before = intensity.fit(known, items, KERNELS).of(earlier(known))
    assert before.score(np.arange(500)).sum() == pytest.approx(last.sum(), rel=0.1)


def earlier(known: Baskets) -> Baskets:
    """The same histories on the day of each member's last visit, which is left out."""
    kept, age = known.basket > 0, known.days_before_last
    lines = {name: getattr(known, name)[kept] for name in ("member", "item", "basket")}
    return replace(known, **lines | {"basket": lines["basket"] - 1}, age=age[kept])


def test_a_score_is_the_formula_written_out():
    """Ann: a 8 days ago and 1 day ago, b 8; Ben: c yesterday. a and b are one kind, c another."""
    columns = [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 1, 0], [1, 8, 8, 1]]
    known = Baskets(
        date(2024, 1, 1), np.array(["ann", "ben"]), np.array(list("abc")), *(np.array(each) for each in columns)
    )
    weights = {LONG: 0.4, LATE: 0.2, SHARE: 0.3, "own_7": 0.1, "kind_7": 0.05}
    share, within = np.array([0.1, 0.05, 0.02]), np.array([0.75, 0.25, 1.0])
    fitted = intensity.Intensity(Kernels((7.0,), 28.0), weights, {}, share, np.array([1, 1, 2]), within)
    near, far = 0.5 ** (1 / 7), 0.5 ** (8 / 7)
    kind = 0.05 * (near + 2 * far)
    ann = 1.5 * share + [0.3 + 0.1 * (near + far) + 0.75 * kind, 0.15 + 0.1 * far + 0.25 * kind, 0]
    ben = share + np.array([0, 0, 0.3 + 0.1 * near + 0.05 * near])
    parts = fitted.of(known)
    assert parts.score(np.array([0, 1])) == pytest.approx(np.array([ann, ben]), rel=1e-5)
    pair = parts.at(np.array([0, 0, 1]), np.array([0, 2, 2]))
    assert pair["all"] == pytest.approx([ann[0], ann[2], ben[2]])
    assert pair["own"] == pytest.approx([0.3 + 0.1 * (near + far), 0, 0.3 + 0.1 * near])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400), st.integers(1, 5)), min_size=1, max_size=20))
def test_what_fades_from_entry_to_entry_is_the_sum_over_all_earlier_ones(entries):
    group, age, amount = np.array(sorted(entries, key=lambda entry: (entry[0], -entry[1]))).T
    lives = np.array([3.0, np.inf])
    for n, found in enumerate(intensity.excited(group, age, amount, lives)):
        before = np.flatnonzero(group[:n] == group[n])
        assert found == pytest.approx([amount[before] @ 0.5 ** ((age[before] - age[n]) / life) for life in lives])


def test_shares_of_parts_that_exclude_each_other_are_counts():
    found = intensity.branching(np.array([[0.2, 0.0], [0.0, 0.5], [0.0, 0.1]]))
    assert found == pytest.approx([1 / 3, 2 / 3])


def test_what_sold_of_late_counts_only_what_came_before():
    """x sells 10 and 3 days ago, y 3 days ago and y again yesterday: half-life 7 days."""
    columns = [[0, 0, 1, 2], [0, 0, 1, 1], [0, 1, 0, 0], [3, 10, 3, 1]]
    known = Baskets(
        date(2024, 1, 1), np.array(["a", "b", "c"]), np.array(["x", "y"]), *(np.array(each) for each in columns)
    )
    before, now = intensity.of_late(known, 7.0)
    three, ten = 0.5 ** (2 / 7), 0.5 ** (9 / 7)
    assert before == pytest.approx([1, 0, 0, three / (2 * three + ten)])
    weight = 0.5 ** (np.array([3, 10, 3, 1]) / 7)
    assert now == pytest.approx([weight[:2].sum() / weight.sum(), weight[2:].sum() / weight.sum()])


def test_where_nobody_came_twice_own_items_come_first_and_then_what_sells():
    known = histories(["ab"], ["b"], ["bc"], ["c"])
    fitted = intensity.fit(known)
    order = np.argsort(-fitted.of(known).score(np.array([0, 3])), axis=1, kind="stable")
    assert order.tolist() == [[1, 0, 2], [2, 1, 0]]
    assert (fitted.share > 0).all() and fitted.share.sum() == pytest.approx(1)


def test_a_half_life_that_is_far_shorter_than_any_gap_takes_no_part(process):
    some = process[0].evenly(60)
    rare = replace(some, age=some.age * 3650)
    found = intensity.fit(rare, kernels=Kernels((1.0, 1e5)))
    assert found.weights["own_1"] == 0 and found.weights["own_100000"] > 0
    assert np.isfinite(found.of(rare).score(np.arange(60))).all()


def test_kinds_and_what_sells_of_late_take_part_where_there_are_any(process):
    known, items = process
    some = known.evenly(60)
    undated = replace(some, cutoff=None, age=some.basket + 1)
    assert {LATE, "kind_28"} <= set(intensity.fit(some, items).weights)
    alone = intensity.fit(undated, items.assign(subcategory="one"))
    assert set(alone.weights) == {LONG, SHARE, "own_1", "own_4", "own_16"}
    unknown = items.assign(subcategory=items["subcategory"].where(items.index > 5))
    assert (intensity.fit(some, unknown).kind == 0).sum() == 6


@pytest.mark.parametrize("dated", [True, False])
def test_the_peers_half_lives_are_days_where_dates_are_known(process, dated):
    some, items = process[0].evenly(60), process[1]
    known = some if dated else replace(some, cutoff=None, age=some.basket + 1)
    given = {"shortest_days": 14.0, "shortest_visits": 2.0, "kernels": 1, "late_days": 7.0}
    asked = PEERS["intensity"]
    columns, _ = asked.fit(known, asked.checked(given), Context(items))(known)(np.arange(5), 4)
    fitted = intensity.fit(known, items, Kernels((14.0 if dated else 2.0,), 7.0))
    assert columns.tolist() == np.argsort(-fitted.of(known).score(np.arange(5)), axis=1, kind="stable")[:, :4].tolist()
