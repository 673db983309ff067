"""Arms: the same on every machine, balanced within tiers, and each member seen under one of them."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.evaluate import arms


def market(sizes):
    tier = np.repeat([f"tier {number}" for number in range(len(sizes))], sizes)
    return pd.DataFrame({"member_id": [f"m{number:04d}" for number in range(len(tier))], "tier": tier})


def test_the_assignment_is_this_one_on_every_machine():
    """Hashes of salt/a to salt/f start with e8, 1b, 5a, 64, 8d, 32; that of salt/tier Gold is odd: challenger first."""
    members = pd.DataFrame({"member_id": list("abcdef"), "tier": "Gold"})
    found = arms.assign(members, "salt").set_index("member_id")["arm"]
    assert found[list("bfcdea")].tolist() == ["challenger", "champion"] * 3


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), salt=st.text(min_size=1, max_size=5))
def test_arms_of_a_tier_differ_by_at_most_one_member(sizes, salt):
    found = arms.assign(market(sizes), salt)
    assert len(found) == sum(sizes)
    counts = pd.crosstab(found["tier"], found["arm"]).reindex(columns=["champion", "challenger"], fill_value=0)
    assert (counts["champion"] - counts["challenger"]).abs().max() <= 1 or counts.empty


def test_the_order_of_members_changes_nothing():
    members = market([31, 12])
    shuffled = members.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(arms.assign(shuffled, "a"), arms.assign(members, "a"))


def test_another_salt_gives_independent_arms():
    members = market([2000])
    first, second = (arms.assign(members, salt)["arm"] for salt in ("one", "two"))
    assert scipy.stats.chi2_contingency(pd.crosstab(first, second)).pvalue > 0.001


def test_the_extra_member_of_odd_tiers_goes_to_either_arm():
    found = arms.assign(market([1] * 40), "salt")["arm"].value_counts()
    assert found.min() >= 10


def test_arms_are_balanced_on_what_they_were_not_stratified_by():
    members = market([1500, 400])
    known = members[["member_id"]].assign(spend=np.random.default_rng(1).lognormal(size=1900), same=1.0)
    table = arms.balance(arms.assign(members, "salt"), known)
    assert table["known"].tolist() == ["spend"]  # what does not vary cannot be out of balance
    assert abs(table.loc[0, "apart"]) < 0.1


def test_balance_by_hand():
    assigned = pd.DataFrame({"member_id": list("abcd"), "arm": ["champion", "champion", "challenger", "challenger"]})
    row = arms.balance(assigned, pd.DataFrame({"member_id": list("abcd"), "x": [0.0, 2.0, 3.0, 5.0]})).iloc[0]
    assert (row["champion"], row["challenger"], row["members"]) == (1.0, 4.0, 4)
    assert row["apart"] == pytest.approx(3 / np.sqrt(2))


def test_a_member_twice_in_tiers_could_land_in_both_arms_and_is_refused():
    members = pd.concat([market([3]), market([1])])
    with pytest.raises(DataError, match=r"1 members come twice, e.g. 'm0000', and could land in both arms"):
        arms.assign(members, "salt")


@pytest.fixture
def assigned():
    return pd.DataFrame({"member_id": ["a", "b", "c"], "tier": "Gold", "arm": ["champion", "challenger", "champion"]})


@pytest.fixture
def outcomes():
    rows = {"policy": ["champion", "challenger"] * 3, "member_id": list("aabbcc"), "hit": [0.1, 9, 9, 0.2, 0.3, 9]}
    return pd.DataFrame(rows).assign(tier="Gold")


def test_each_member_is_seen_under_the_own_arm_alone(assigned, outcomes):
    before = pd.DataFrame({"member_id": ["a", "b"], "hit": [0.5, 0.7], "week": [1, 1]})
    found = arms.observe(assigned, outcomes, before)
    assert found["hit"].tolist() == [0.1, 0.2, 0.3]
    assert found["hit_before"].tolist() == pytest.approx([0.5, 0.7, 0.6])  # nothing is known of c: the others' mean
    assert found.columns.tolist() == ["member_id", "tier", "arm", "hit", "hit_before"]


def test_without_a_window_before_there_are_no_covariates(assigned, outcomes):
    nothing = pd.DataFrame({"member_id": pd.Series(dtype=str)})
    assert arms.observe(assigned, outcomes, nothing).columns.tolist() == ["member_id", "tier", "arm", "hit"]


def test_members_who_did_not_come_back_are_not_judged(assigned, outcomes):
    nothing = pd.DataFrame({"member_id": pd.Series(dtype=str)})
    assert arms.observe(assigned, outcomes[outcomes["member_id"] != "b"], nothing)["member_id"].tolist() == ["a", "c"]


def test_a_member_in_both_arms_is_refused(assigned, outcomes):
    both = pd.concat([assigned, assigned.iloc[[0]].assign(arm="challenger")])
    with pytest.raises(DataError, match=r"1 members are in both arms, e\.g\. 'a'"):
        arms.observe(both, outcomes, outcomes[["member_id"]].iloc[:0])


def test_a_member_without_an_arm_is_refused(assigned, outcomes):
    with pytest.raises(DataError, match=r"1 members have an outcome but no arm, e\.g\. 'c'"):
        arms.observe(assigned.iloc[:2], outcomes, outcomes[["member_id"]].iloc[:0])


def test_a_missing_outcome_under_the_own_arm_is_refused(assigned, outcomes):
    with pytest.raises(DataError, match=r"of member 'b' one row under its own arm is needed.*1 members have none"):
        arms.observe(assigned, outcomes.drop(index=3), outcomes[["member_id"]].iloc[:0])


def test_a_doubled_outcome_is_refused(assigned, outcomes):
    with pytest.raises(DataError, match="of member 'a' one row under its own arm is needed"):
        arms.observe(assigned, pd.concat([outcomes, outcomes.iloc[[0]]]), outcomes[["member_id"]].iloc[:0])


def test_the_number_that_is_furthest_apart_says_whether_arms_are_balanced():
    rows = pd.DataFrame({"known": ["spend", "orders"], "apart": [0.02, -0.3], "p_value": [0.9, 0.01]})
    found = arms.summary(rows, 0.95)
    assert (found.known, found.apart, found.numbers, found.low) == ("orders", -0.3, 2, 1)
    assert found.by_chance == pytest.approx(0.1)
    assert not found.balanced
    assert arms.summary(rows.iloc[:1], 0.95).balanced
    assert arms.summary(rows.iloc[:0], 0.95) is None
