"""How many distinct things lists show: by hand, and on simulated members."""

import numpy as np
import pandas as pd
import pytest

from membership.stats import distinct


def lists(**shown: str) -> pd.DataFrame:
    """Return one row a member and letter: lists(a="xy") shows x and y to member a."""
    return pd.DataFrame([(member, item) for member, items in shown.items() for item in items], columns=COLUMNS)


COLUMNS = ["member_id", "item_id"]
ALIKE = lists(a="z", b="z", c="z", d="z")


def test_shares_are_distinct_items_over_all_there_are():
    found = distinct.paired(ALIKE, lists(a="vw", b="z", c="z", d="z"), 10, 0.95)
    assert (found.members, found.control, found.treatment) == (4, 0.1, 0.3)
    assert found.difference == pytest.approx(0.2)
    assert found.low < 0.2 < found.high


def test_the_interval_is_by_hand_what_sets_of_members_alone_are_shown():
    # a alone loses v and w: 2^2 - 2^2/4 = 3; exactly three share u, and four the control's z: 1 each; times 3/4
    found = distinct.paired(ALIKE, lists(a="vw", b="u", c="u", d="u"), 10, 0.95)
    error = np.sqrt((15 / 16 * 3 + 5 / 16 - 1 / 16) * 3 / 4) / 10
    assert (found.high - found.low) / 2 == pytest.approx(3.182446305284263 * error)  # t, 3 degrees of freedom


def test_where_the_weights_leave_nothing_the_jackknife_stands():
    # alone: 1 - 1/4; exactly two share an item, twice: weights 15/16 and 11/16 would give less than nothing
    found = distinct.paired(ALIKE, lists(a="vz", b="uz", c="uxz", d="xz"), 10, 0.95)
    assert (found.high - found.low) / 2 == pytest.approx(3.182446305284263 * np.sqrt(3 / 4 * 3 / 4) / 10)


def test_items_that_many_share_leave_nothing_to_chance():
    shown = {f"m{number}": "ab" for number in range(10)}
    found = distinct.paired(lists(**shown), lists(**shown), 4, 0.95)
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_what_both_policies_show_to_one_member_alone_cancels():
    shown = lists(a="xyz", b="v", c="v", d="w")
    assert distinct.variance(pd.concat([shown.assign(sign=-1), shown.assign(sign=1)]), 4) == 0


def test_a_list_that_names_an_item_twice_counts_it_once():
    once, twice = lists(a="xy", b="z"), lists(a="xxy", b="zz")
    assert distinct.paired(ALIKE, twice, 5, 0.95) == distinct.paired(ALIKE, once, 5, 0.95)


@pytest.mark.parametrize(("shown", "share"), [(lists(), 0.0), (lists(a="x"), 0.2)])
def test_below_two_members_the_interval_is_everything(shown, share):
    found = distinct.paired(shown, shown, 5, 0.95)
    assert (found.control, found.difference, found.low, found.high) == (share, 0, -np.inf, np.inf)


def test_nothing_that_could_be_shown_is_a_share_of_nothing():
    found = distinct.paired(lists(), lists(), 0, 0.95)
    assert (found.control, found.treatment) == (0, 0)


def market(rng: np.random.Generator, members=80, items=400, k=5) -> list[pd.DataFrame]:
    """Draw lists of two policies that share tastes by half; the treatment keeps to what is popular."""
    popular = -np.log(np.arange(1, items + 1))
    taste = rng.gumbel(size=(members, items))
    other = np.where(rng.random((members, 1)) < 0.5, taste, rng.gumbel(size=(members, items)))
    ids = np.repeat(np.arange(members), k)
    shown = [np.argsort(-(power * popular + own))[:, :k] for power, own in ((1.0, taste), (1.3, other))]
    return [pd.DataFrame({"member_id": ids, "item_id": items.ravel()}) for items in shown]


def test_the_interval_holds_the_expected_difference_as_often_as_it_says():
    rng = np.random.default_rng(20240601)
    found = [distinct.paired(*market(rng), 400, 0.95) for _ in range(250)]
    truth = np.mean([one.difference for one in found])
    covered = sum(one.low <= truth <= one.high for one in found)
    assert 228 <= covered <= 245  # 99 % band of 250 at .95


def test_the_plain_bootstrap_would_show_too_few():
    rng = np.random.default_rng(7)
    shown, _ = market(rng)
    by_member = shown.groupby("member_id")["item_id"].apply(set).to_numpy()
    drawn = [len(set().union(*by_member[rng.integers(80, size=80)])) for _ in range(100)]
    assert max(drawn) < shown["item_id"].nunique()
