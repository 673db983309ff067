"""What the scorer and the campaign tool are told: each member's arms on a day, and what these give."""

from datetime import datetime, timedelta

import pandas as pd
from trials_market import DAY, members, trial

from membership.settings.trials import Trials
from membership.trials import log, register, serving

END = DAY + timedelta(days=30)
LISTS = trial(gives={"treatment": "challenger"}, end=END)
POINTS = trial(name="points", what="benefit", gives={"treatment": "boost", "other": "gift"}, end=END,
               arms={"control": 0.3, "treatment": 0.3, "other": 0.3})  # fmt: skip
OFFERS = trial(name="offers", what="offered_item", gives={"treatment": "most_likely"}, end=END)
DRY = trial(name="dry", start=None)


def begun(*declared, held=0.0) -> register.Register:
    empty = register.Register(register.empty(), {})
    return register.enrol(empty, Trials(holdout_share=held, declared=list(declared)), members(300), DAY)


def ready(folder, *declared) -> tuple[serving.Serving, register.Register]:
    found = begun(*declared)
    serving.pack(folder, found, DAY)
    return serving.Serving(folder), found


def arm_of(found: register.Register, name: str, arm: str) -> str:
    rows = found.of(name)
    return rows.loc[rows["arm"] == arm, "member_id"].iloc[0]


def test_without_a_trial_that_is_served_nothing_is_packed_and_nothing_changes(tmp_path):
    serves, _ = ready(tmp_path, DRY)
    assert list(tmp_path.iterdir()) == []
    assert serves.of("m000001", DAY) == [] and serves.policy([]) is None
    assert serves.benefits(["boost"], []) == ["boost"]


def test_a_member_is_served_from_the_assignment_on_for_as_long_as_the_window(tmp_path):
    serves, _ = ready(tmp_path, LISTS)
    days = [DAY + timedelta(days=number) for number in (-1, 0, 13, 14)]
    assert [len(serves.of("m000001", day)) for day in days] == [0, 1, 1, 0]


def test_an_arm_gives_its_list_and_the_control_the_own_one(tmp_path):
    serves, found = ready(tmp_path, LISTS)
    treated, control = (serves.of(arm_of(found, "spring", arm), DAY) for arm in ("treatment", "control"))
    assert (serves.policy(treated), serves.policy(control)) == ("challenger", None)


def test_a_benefit_on_trial_is_given_by_the_arm_alone(tmp_path):
    serves, found = ready(tmp_path, POINTS)
    given = {
        arm: serves.benefits(["boost", "card"], serves.of(arm_of(found, "points", arm), DAY)) for arm in POINTS.arms
    }
    assert given == {"control": ["card"], "treatment": ["card", "boost"], "other": ["card", "gift"]}
    outside = arm_of(found, "points", "outside")
    assert serves.of(outside, DAY) == []  # gets what it would get without the trial


def test_the_campaign_tool_is_told_the_same_benefits_and_none_for_who_is_held_out():
    found = begun(POINTS, held=0.2)
    allocated = pd.DataFrame({"member_id": members(300)["member_id"], "benefit": "boost", "cost": 5.0})
    given = serving.given(allocated, found, DAY)
    by_arm = found.of("points").merge(given, on="member_id", how="left").groupby("arm")["benefit"].agg(set)
    assert by_arm["treatment"] == {"boost"} and by_arm["other"] == {"gift"} and by_arm["outside"] == {"boost"}
    assert "boost" not in by_arm["control"]
    assert not given["member_id"].isin(register.held_out(found.rows)).any()
    assert len(serving.given(allocated, found, END + timedelta(days=20))) == 300 - len(register.held_out(found.rows))


def test_the_item_of_an_offer_is_chosen_as_the_arm_says_while_it_is_served():
    found = begun(OFFERS, POINTS)
    rows = found.of("offers")
    told = serving.offered(found, DAY)
    assert set(told.index) == set(rows.loc[rows["arm"] == "treatment", "member_id"]) and set(told) == {"most_likely"}
    assert serving.offered(found, END + timedelta(days=20)).empty and serving.offered(begun(POINTS), DAY).empty


def test_the_log_gets_a_row_a_trial_with_all_that_it_asks_for(tmp_path):
    serves, found = ready(tmp_path, LISTS, POINTS)
    member = arm_of(found, "points", "treatment")
    rows = serves.rows("r1", member, serves.of(member, DAY), "[]", DAY, datetime(2024, 3, 1, 9, 30), "model 2024-03-01")
    assert {row["trial"] for row in rows} == {"points", "spring"}
    assert all(set(row) == set(log.COLUMNS) for row in rows)
    log.Log(f"sqlite:///{tmp_path / 'log.db'}").append(rows)
