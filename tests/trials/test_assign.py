"""Assignment: by hash, the same everywhere, as large as planned, and kept."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trials_market import DAY, members, trial

from membership.base.errors import DataError, ParamError
from membership.settings.trials import HOLDOUT, Trials
from membership.trials import assign, register


def nothing() -> register.Register:
    return register.Register(register.empty(), {})


def one_arm_each(rows: pd.DataFrame) -> bool:
    return not rows.drop_duplicates(["unit", "arm"])["unit"].duplicated().any()


def test_the_hash_is_sha256_of_salt_and_unit():
    import hashlib

    digest = hashlib.sha256(b"salt/m1").hexdigest()
    assert assign.uniform(["m1"], "salt")[0] == int(digest[:13], 16) / 2**52


def test_who_comes_later_moves_nobody():
    early, late = members(500), members(900)
    first, then = (assign.assign(trial(), some, DAY).set_index("member_id")["arm"] for some in (early, late))
    assert (then.reindex(first.index) == first).all()


def test_another_salt_gives_independent_arms():
    one, other = (assign.assign(trial(salt=salt), members(4000), DAY)["arm"] == "control" for salt in ("a", "b"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.06


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 400), st.sampled_from([(0.5, 0.5), (0.2, 0.3, 0.5), (0.1, 0.4)]), st.integers(0, 99))
def test_within_a_stratum_arms_are_within_one_unit_of_their_shares(number, shares, salt):
    arms = {f"arm{place}": share for place, share in enumerate(shares)}
    units = pd.Series([f"u{place}" for place in range(number)])
    drawn = assign.draw(units, pd.Series("s", units.index), arms, str(salt))
    sizes = drawn["arm"].value_counts()
    assert all(abs(sizes.get(arm, 0) - share * number) < 1 + 1e-6 for arm, share in arms.items())


def test_the_chance_of_an_arm_within_strata_is_its_share():
    units, arms = pd.Series([f"u{place}" for place in range(7)]), {"a": 0.3, "b": 0.7}
    drawn = [assign.draw(units, pd.Series("s", units.index), arms, str(salt))["arm"] for salt in range(150)]
    shares = (pd.concat(drawn, axis=1) == "a").mean(axis=1)
    assert shares.between(0.15, 0.45).all()


def test_what_shares_leave_takes_no_part_and_is_stored_with_its_chance():
    rows = assign.assign(trial(arms={"control": 0.1, "treatment": 0.3}), members(5000), DAY)
    outside = rows[rows["arm"] == "outside"]
    assert len(rows) == 5000
    assert 0.57 < len(outside) / 5000 < 0.63
    assert outside["propensity"].to_numpy() == pytest.approx(0.6)


def test_only_the_eligible_take_part():
    eligible = {"stages": ["active"], "tiers": ["Gold"], "where": {"p_repurchase": [0.2, 0.6]}}
    rows = assign.assign(trial(eligible=eligible), members(2000), DAY)
    assert set(rows["stage"]) == {"active"} and set(rows["tier"]) == {"Gold"}
    assert rows["forecast"].between(0.2, 0.6, inclusive="left").all()
    with pytest.raises(ParamError, match="'shoe_size' is not known"):
        assign.assign(trial(eligible={"where": {"shoe_size": [40, None]}}), members(20), DAY)


def test_members_of_a_household_share_an_arm_and_who_has_none_is_alone():
    known = members(300).assign(household=[f"h{place // 3}" for place in range(299)] + [None])
    rows = assign.assign(trial(unit="household"), known, DAY)
    assert one_arm_each(rows)
    assert rows.loc[rows["member_id"] == "m000299", "unit"].tolist() == ["member m000299"]


def test_a_switchback_gives_all_members_of_a_period_one_arm_and_balances_blocks():
    rows = assign.assign(trial(unit="period", end=DAY + timedelta(days=56)), members(10), DAY)
    periods = rows.drop_duplicates("unit")
    assert len(rows) == 80 and one_arm_each(rows)
    assert (periods.groupby("stratum")["arm"].nunique() == 2).all()
    assert periods["at"].diff().dropna().eq(pd.Timedelta(days=7)).all()


def test_a_member_who_comes_twice_is_refused():
    twice = pd.concat([members(5), members(1)])
    with pytest.raises(DataError, match=r"1 members come twice, e\.g\. 'm000000'"):
        assign.assign(trial(), twice, DAY)


def test_the_holdout_is_kept_out_of_every_trial_for_good():
    trials = Trials(holdout_share=0.1, declared=[trial(end=DAY + timedelta(days=30))])
    first = register.enrol(nothing(), trials, members(2000), DAY)
    held = set(first.rows.loc[first.rows["arm"] == register.HELD_OUT, "member_id"])
    assert 150 < len(held) < 250
    assert not held & set(first.of("spring")["member_id"])
    changed = Trials(holdout_share=0.3, declared=[trial(end=DAY + timedelta(days=30))])
    later = register.enrol(first, changed, members(2500), DAY + timedelta(days=5))
    known = later.rows[(later.rows["trial"] == HOLDOUT) & later.rows["member_id"].isin(first.rows["member_id"])]
    assert set(known.loc[known["arm"] == register.HELD_OUT, "member_id"]) == held
    drawn = register.holdout(later.rows)
    assert held < set(drawn.index[drawn["held"]]) and len(drawn) == 2500
    assert drawn["chance"].reindex(first.rows["member_id"].unique()).tolist() == pytest.approx([0.1] * 2000)
    assert drawn["chance"].iloc[-1] == pytest.approx(0.3)  # who came after the share was changed
    given_to = pd.DataFrame({"member_id": ["m000000", min(held)], "benefit": "points"})
    assert register.withhold(given_to, later.rows)["member_id"].isin(held).sum() == 0


def test_enrolling_twice_adds_nothing_and_new_members_are_added():
    trials = Trials(declared=[trial(end=DAY + timedelta(days=30), strata=["tier"])])
    first = register.enrol(nothing(), trials, members(400), DAY)
    again = register.enrol(first, trials, members(400), DAY)
    pd.testing.assert_frame_equal(first.rows, again.rows)
    later = register.enrol(first, trials, members(600), DAY + timedelta(days=9))
    old, new = (later.rows[later.rows["at"] == pd.Timestamp(day)] for day in (DAY, DAY + timedelta(days=9)))
    assert (len(old), len(new)) == (400, 200)
    pd.testing.assert_frame_equal(old.reset_index(drop=True), first.rows)


def test_what_is_stored_holds_whatever_happens_to_a_members_tier():
    trials = Trials(declared=[trial(end=DAY + timedelta(days=30), eligible={"tiers": ["Gold"]})])
    known = members(300)
    first = register.enrol(nothing(), trials, known, DAY)
    later = register.enrol(first, trials, known.assign(tier="Member"), DAY + timedelta(days=1))
    pd.testing.assert_frame_equal(first.rows, later.rows)


def test_a_household_that_is_known_keeps_its_arm_when_another_member_joins():
    trials = Trials(declared=[trial(unit="household", end=DAY + timedelta(days=30))])
    known = members(300).assign(household=[f"h{place % 100}" for place in range(300)])
    first = register.enrol(nothing(), trials, known.head(100), DAY)
    later = register.enrol(first, trials, known, DAY + timedelta(days=1))
    assert one_arm_each(later.rows)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"arms": {"control": 0.4, "treatment": 0.6}}, "arms"),
        ({"salt": "x"}, "salt"),
        ({"end": date(2024, 5, 1)}, "end"),
    ],
)
def test_a_trial_that_changed_while_it_runs_is_refused_and_what_is_stored_stays(changed, named):
    began = register.enrol(nothing(), Trials(declared=[trial(end=date(2024, 4, 1))]), members(50), DAY)
    new = Trials(declared=[trial(**{"end": date(2024, 4, 1)} | changed)])
    with pytest.raises(ParamError, match=f"spring: {named} = .* but it began with"):
        register.enrol(began, new, members(60), DAY + timedelta(days=3))


def test_trials_on_the_same_thing_and_members_may_not_overlap():
    end = DAY + timedelta(days=30)
    both = Trials(declared=[trial(end=end), trial(name="summer", end=end)])
    with pytest.raises(ParamError, match="summer overlaps spring: both are on list from 2024-03-01 with 80 members"):
        register.enrol(nothing(), both, members(80), DAY)
    apart = [
        trial(end=end, eligible={"tiers": ["Gold"]}),
        trial(name="summer", end=end, eligible={"tiers": ["Member"]}),
    ]
    found = register.enrol(nothing(), Trials(declared=apart), members(80), DAY)
    assert found.rows["member_id"].is_unique
    other = trial(name="points", what="benefit", gives={"treatment": "points"}, end=end)
    found = register.enrol(nothing(), Trials(declared=[trial(end=end), other]), members(80), DAY)
    assert len(found.rows) == 160


def test_a_trial_that_is_over_or_not_begun_assigns_nobody():
    over = trial(start=DAY - timedelta(days=20), end=DAY)
    ahead = trial(name="later", start=DAY + timedelta(days=1))
    assert register.enrol(nothing(), Trials(declared=[over, ahead]), members(10), DAY).rows.empty


def test_a_rehearsal_begins_anew_on_each_day_and_is_never_served():
    trials = Trials(holdout_share=0.2, declared=[trial(start=None)])
    first = register.enrol(nothing(), trials, members(100), DAY)
    later = register.enrol(first, trials, members(100), DAY + timedelta(days=14))
    assert set(first.rows["trial"]) == {HOLDOUT, "spring 2024-03-01"}
    assert set(later.rows["trial"]) == {HOLDOUT, "spring 2024-03-15"}
    told = register.arms(later, DAY)
    assert set(told["arm"]) == {"holdout: held_out", "holdout: programme"}
    assert set(told["propensity"].round(9)) == {0.2, 0.8}


def test_a_rehearsal_may_change_because_nobody_was_treated():
    first = register.enrol(nothing(), Trials(declared=[trial(start=None)]), members(100), DAY)
    arms = {"control": 0.2, "treatment": 0.2}
    later = register.enrol(first, Trials(declared=[trial(start=None, arms=arms)]), members(100), DAY)
    assert set(later.of("spring 2024-03-01")["propensity"].round(9)) == {0.2, 0.6}


def test_members_are_told_the_arms_of_all_trials_they_are_in_with_the_chance_of_all():
    end = DAY + timedelta(days=30)
    other = trial(name="points", what="benefit", gives={"treatment": "points"}, end=end)
    found = register.enrol(nothing(), Trials(declared=[trial(end=end), other]), members(40), DAY)
    told = register.arms(found, DAY)
    assert set(told["propensity"]) == {0.25}
    assert told["arm"].str.match(r"points: \w+; spring: \w+").all()
    assert register.arms(found, DAY + timedelta(days=14)).empty


BAD = [
    ({"arms": {"control": 0.0, "treatment": 0.5}}, "greater than 0"),
    ({"arms": {"control": 0.7, "treatment": 0.5}}, "sum to 1.2"),
    ({"arms": {"control": 0.7}}, "1 arms"),
    ({"gives": {"nobody": "challenger"}}, "no arm of it"),
    ({"gives": {"treatment": "magic"}}, "allowed: champion, challenger"),
    ({"start": None, "end": DAY}, "must be after its start"),
    ({"end": DAY}, "must be after its start"),
]


@pytest.mark.parametrize(("changed", "said"), BAD)
def test_an_impossible_trial_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        trial(**changed)


def test_a_trial_declared_twice_is_refused():
    with pytest.raises(ValueError, match="trial spring comes twice"):
        Trials(declared=[trial(), trial()])
    with pytest.raises(ValueError, match="salt spring comes twice"):
        Trials(declared=[trial(), trial(name="other", salt="spring")])
