"""Gates: they look at who was assigned, and shut on what is broken and on nothing else."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from trials_market import DAY, happened, members, trial

from membership.base.errors import DataError
from membership.trials import assign, gates
from membership.trials.gates import Kind

EVEN = {"control": 0.5, "treatment": 0.5}
LIMIT = 0.001


def rows(number=4000, **changed) -> pd.DataFrame:
    return assign.assign(trial(**changed), members(number), DAY)


def log_of(assigned: pd.DataFrame, share: float = 1.0, seed: int = 3) -> pd.DataFrame:
    seen = np.random.default_rng(seed).random(len(assigned)) < share
    return assigned.loc[seen, ["member_id", "trial", "arm", "at"]]


def test_the_sample_ratio_is_that_of_textbooks():
    p_value = gates.sample_ratio({"control": 821588, "treatment": 815482}, EVEN, LIMIT).p_value
    assert p_value == pytest.approx(1.8218e-6, rel=1e-4)
    assert gates.sample_ratio({}, EVEN, LIMIT).p_value == 1.0
    assert not gates.sample_ratio({}, EVEN, LIMIT).could_fail
    assert gates.sample_ratio({"control": 10, "treatment": 10}, EVEN, LIMIT).p_value == 1.0
    few = gates.sample_ratio({"control": 2, "treatment": 8}, EVEN, LIMIT).p_value
    assert few == pytest.approx(scipy.stats.binomtest(2, 10).pvalue)


def test_uneven_shares_and_several_arms_are_compared_with_what_was_planned():
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    assert gates.sample_ratio({"a": 5000, "b": 3000, "c": 2000}, shares, LIMIT).p_value == pytest.approx(1.0)
    shut = gates.sample_ratio({"a": 5000, "b": 3300, "c": 1700}, shares, LIMIT)
    assert shut.p_value == pytest.approx(scipy.stats.chi2.sf(300**2 / 3000 + 300**2 / 2000, 2))
    assert not shut.open


def test_an_honest_assignment_opens_the_gate_of_chance():
    assert all(gates.chance(rows(salt=str(salt)), "control", LIMIT).open for salt in range(20))


@pytest.mark.parametrize("how", ["even ids", "blocks of ids", "forecast", "stage"])
def test_arms_that_follow_something_shut_the_gate_of_chance(how):
    assigned = rows()
    treated = {
        "even ids": np.arange(4000) % 2 == 0,
        "blocks of ids": np.arange(4000) >= 2000,
        "forecast": assigned["forecast"] > assigned["forecast"].median(),
        "stage": (assigned["stage"] == "loyal") | (np.random.default_rng(1).random(4000) < 0.3),
    }[how]
    broken = assigned.assign(arm=np.where(treated, "treatment", "control"))
    gate = gates.chance(broken, "control", LIMIT)
    assert gate.kind == Kind.CHANCE and not gate.open


def test_who_came_back_is_no_part_of_any_gate():
    assigned = rows(20_000)
    done = happened(assigned, lift=0.3)
    came = done[done["ordered"] == 1]
    assert gates.sample_ratio(assigned["arm"].value_counts().to_dict(), EVEN, LIMIT).open
    assert not gates.sample_ratio(came["arm"].value_counts().to_dict(), EVEN, LIMIT).open  # what used to be read


def test_logs_lost_in_one_arm_shut_the_gate_and_logs_lost_evenly_do_not():
    assigned = rows(6000)
    whole = log_of(assigned, 0.6).assign(unit=lambda log: log["member_id"])
    lost = whole.drop(whole[whole["arm"] == "treatment"].sample(frac=0.15, random_state=1).index)
    assert gates.exposure(assigned, whole, LIMIT).open
    assert gates.exposure(assigned, whole.sample(frac=0.7, random_state=1), LIMIT).open
    assert not gates.exposure(assigned, lost, LIMIT).open
    assert not gates.exposure(assigned, whole.iloc[:0], LIMIT).could_fail


def test_members_who_are_there_twice_shut_the_gate():
    done = happened(rows(3000))
    twins = done.sample(frac=0.05, random_state=1).assign(member_id=lambda some: "x" + some["member_id"])
    assert gates.copies(done, LIMIT).open
    shut = gates.copies(pd.concat([done, twins]), LIMIT)
    assert not shut.open and shut.numbers["copies"] == 300


def test_a_log_that_fits_gets_the_units_of_its_members():
    known = members(300).assign(household=[f"h{place // 3}" for place in range(300)])
    assigned = assign.assign(trial(unit="household"), known, DAY)
    log = gates.checked_log(log_of(assigned), assigned, "spring", "household")
    assert log["unit"].tolist() == assigned["unit"].tolist()


def test_an_exposure_in_a_switchback_belongs_to_the_period_in_which_it_happened():
    assigned = assign.assign(trial(unit="period", end=pd.Timestamp(DAY) + pd.Timedelta(days=28)), members(3), DAY)
    shown = assigned[assigned["member_id"] == "m000001"].assign(at=lambda some: some["at"] + pd.Timedelta(days=3))
    log = gates.checked_log(shown[["member_id", "trial", "arm", "at"]], assigned, "spring", "period")
    assert log["unit"].tolist() == shown["unit"].tolist()


REFUSED = [
    ({"trial": "summer"}, "are of another trial"),
    ({"member_id": "nobody"}, "are of members without assignment"),
    ({"at": pd.Timestamp("2024-02-28 10:00")}, "come before the assignment"),
]


@pytest.mark.parametrize(("changed", "said"), REFUSED)
@pytest.mark.parametrize("unit", ["member", "household"])
def test_a_log_that_does_not_fit_is_refused(changed, said, unit):
    known = members(40).assign(household=[f"h{place // 2}" for place in range(40)])
    assigned = assign.assign(trial(unit=unit), known, DAY)
    log = log_of(assigned).head(5).assign(**changed)
    said = "have no assignment at their time" if unit != "member" and "trial" not in changed else said
    with pytest.raises(DataError, match=f"trial 'spring': 5 exposures {said}"):
        gates.checked_log(log, assigned, "spring", unit)


def test_a_log_that_shows_another_arm_than_was_assigned_is_refused():
    assigned = rows(40)
    with pytest.raises(DataError, match="show another arm than was assigned"):
        gates.checked_log(log_of(assigned).assign(arm="control"), assigned, "spring")
