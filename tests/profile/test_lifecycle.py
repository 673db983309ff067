"""Lifecycle: each stage by hand, nothing from the future, tables of stages by hand."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.member_schemas import STAGES
from membership.profile import lifecycle
from membership.settings import params
from membership.settings.lifecycle import Lifecycle
from membership.settings.windows import Windows

SETTINGS = Lifecycle(
    new_days=30,
    loyal_orders=5,
    loyal_days=60,
    rhythm_quantile=0.5,
    at_risk_gaps=2,
    lapsed_gaps=4,
    lapsed_days=100,
    at_risk_p_alive=0.8,
    lapsed_p_alive=0.5,
    follow_days=90,
    confidence=0.95,
    bootstrap=100,
    strategy=params.load("lifecycle").lifecycle.strategy,
)
WINDOWS = Windows(
    start=date(2020, 1, 1),
    calibration_end=date(2020, 6, 1),
    validation_end=date(2020, 7, 1),
    holdout_end=date(2020, 8, 1),
)
MONTHS = lifecycle.month_starts(WINDOWS)


def events(purchases, kind="purchase"):
    rows = [(member, pd.Timestamp(day) + pd.Timedelta(hours=13)) for member, days in purchases.items() for day in days]
    frame = pd.DataFrame(rows, columns=["member_id", "local_at"]).astype({"member_id": "str"})
    frame["local_at"] = frame["local_at"].astype("datetime64[us]")
    return ibis.memtable(frame.assign(kind=kind))


def every(days, start, end):
    return pd.date_range(start, end, freq=f"{days}D").strftime("%Y-%m-%d").tolist()


def members(names, joined_at=None):
    return pd.DataFrame({"member_id": names, "joined_at": pd.to_datetime(pd.Series([joined_at] * len(names)))})


def history_of(purchases, names=None, kind="purchase", joined_at=None):
    people = members(names or sorted(purchases), joined_at)
    return lifecycle.history(events(purchases, kind), people, WINDOWS, SETTINGS, 3, ["purchase"])


def stage_of(purchases, as_of="2020-07-01", joined_at=None):
    history = history_of(purchases, joined_at=joined_at).table
    return history[history["as_of"] == as_of].set_index("member_id")["stage"].to_dict()


def test_month_starts_end_with_the_day_of_scoring():
    assert MONTHS[0] == pd.Timestamp("2020-02-01")
    assert MONTHS[-1] == pd.Timestamp("2020-07-01")
    mid = WINDOWS.model_copy(update={"validation_end": date(2020, 6, 15), "as_of": date(2020, 6, 15)})
    assert lifecycle.month_starts(mid)[-2:].tolist() == [pd.Timestamp("2020-06-01"), pd.Timestamp("2020-06-15")]
    short = WINDOWS.model_copy(update={"validation_end": date(2020, 1, 20), "as_of": date(2020, 1, 20)})
    assert lifecycle.month_starts(short).tolist() == [pd.Timestamp("2020-01-20")]


@pytest.mark.parametrize(
    ("purchases", "stage"),
    [
        ([], "prospect"),
        (["2020-06-20"], "new"),
        (every(10, "2020-02-01", "2020-06-30"), "loyal"),  # six purchase days in the last 60
        (every(20, "2020-02-01", "2020-06-30"), "active"),  # three
        (every(10, "2020-02-01", "2020-06-07"), "at_risk"),  # last on 31 May: 31 days are more than 2 gaps of 10
        (every(10, "2020-02-01", "2020-05-12"), "lapsed"),  # last on 11 May: 51 days are more than 4 gaps
        ([*every(10, "2020-02-01", "2020-04-01"), "2020-06-25"], "won_back"),  # back after 84 days
        (["2020-03-01", "2020-03-20"], "lapsed"),  # no rhythm of their own: the limit is lapsed_days
    ],
)
def test_stage_follows_the_members_own_rhythm(purchases, stage):
    assert stage_of({"m": purchases})["m"] == stage


def test_members_without_a_rhythm_are_given_the_median_members():
    # the others' usual gap is 5 days, so 25 days of silence after two purchases are more than four of them
    others = {f"o{i}": every(5, "2020-02-01", "2020-06-30") for i in range(3)}
    assert stage_of({**others, "m": ["2020-03-01", "2020-06-06"]})["m"] == "lapsed"


def test_nothing_after_the_month_start_changes_its_stage():
    early = {"m": every(10, "2020-01-05", "2020-04-30")}
    later = {"m": [*early["m"], "2020-05-01", "2020-06-03", "2020-07-01", "2020-07-20"]}
    for month in ("2020-02-01", "2020-04-01", "2020-05-01"):
        assert stage_of(early, month) == stage_of(later, month)
    assert stage_of(later) == stage_of({"m": later["m"][:-2]})


def test_a_purchase_on_the_month_start_is_not_seen_and_one_on_the_day_before_is():
    assert stage_of({"m": ["2020-03-01"]}, "2020-03-01")["m"] == "prospect"
    assert stage_of({"m": ["2020-02-29"]}, "2020-03-01", joined_at="2020-02-15")["m"] == "new"


def test_only_purchases_count():
    assert set(history_of({"m": ["2020-06-20"]}, kind="view").table["stage"]) == {"prospect"}


def test_history_has_every_member_every_month_and_shares_add_up():
    history = history_of({"a": ["2020-02-10"]}, ["a", "b"]).table
    assert len(history) == 2 * len(MONTHS)
    np.testing.assert_allclose(lifecycle.shares(history, "stage", list(STAGES)).sum(axis=1), 1)
    assert lifecycle.current(history).to_dict() == {"a": "lapsed", "b": "prospect"}


def test_a_first_purchase_seen_early_is_new_only_where_joining_is_known():
    early = {"m": ["2020-02-20"]}  # 50 days after the data begin: a first one, or one after a long gap
    assert stage_of(early, "2020-03-01")["m"] == "active"
    assert stage_of(early, "2020-03-01", joined_at="2020-02-10")["m"] == "new"
    assert stage_of(early, "2020-03-01", joined_at="2020-01-01 05:00")["m"] == "active"  # the day on which data begin
    assert stage_of({"m": ["2020-04-10"]}, "2020-05-01")["m"] == "new"  # 100 days without one came first
    assert stage_of({"m": ["2020-04-09"]}, "2020-05-01")["m"] == "active"


def test_months_before_the_longest_look_back_are_marked_and_their_moves_left_out():
    history = history_of({"a": ["2020-02-10"]}).table
    startup = history.set_index("as_of")["startup"]
    assert startup[startup].index.strftime("%m-%d").tolist() == ["02-01", "03-01", "04-01"]  # 100 days end on 10 April
    assert lifecycle.settled(history)["as_of"].min() == pd.Timestamp("2020-05-01")


def test_a_last_step_that_is_no_whole_month_is_left_out():
    mid = WINDOWS.model_copy(update={"validation_end": date(2020, 6, 15), "as_of": date(2020, 6, 15)})
    history = lifecycle.history(events({"m": ["2020-02-10"]}), members(["m"]), mid, SETTINGS, 3, ["purchase"]).table
    assert history["as_of"].max() == pd.Timestamp("2020-06-15")
    assert lifecycle.settled(history)["as_of"].max() == pd.Timestamp("2020-06-01")


def test_members_without_purchases_and_purchases_of_strangers():
    nobody = history_of({"m": []})
    assert set(nobody.table["stage"]) == {"prospect"}
    assert not nobody.table["believed"].any()
    assert lifecycle.compare_rules(nobody, SETTINGS)["buyers"].sum() == 0
    assert set(history_of({"stranger": ["2020-02-10"]}, ["m"]).table["member_id"]) == {"m"}


def test_a_single_month_is_a_history():
    short = WINDOWS.model_copy(update={"validation_end": date(2020, 1, 20), "as_of": date(2020, 1, 20)})
    history = lifecycle.history(events({"m": ["2020-01-10"]}), members(["m"]), short, SETTINGS, 3, ["purchase"]).table
    assert history[["stage", "startup"]].to_numpy().tolist() == [["active", True]]


FACTS = pd.DataFrame(
    {
        "as_of": pd.Timestamp("2020-07-01"), "purchase_days": 9, "recent_days": 1, "age": 200, "usual_gap": 10.0,
        "broken_gap": 0, "first_known": False,
    },
    index=range(6),
).assign(
    silent=[5, 5, 30, 50, 50, 50],  # in rhythm, in rhythm, at risk, lapsed by the rhythm
    p_alive=[0.9, 0.7, 0.9, 0.6, 0.4, np.nan],
)  # fmt: skip


def test_where_p_alive_is_believed_lapsed_needs_both_and_either_puts_at_risk():
    found = lifecycle.stages(FACTS.assign(believed=True), SETTINGS, 3)
    assert found["stage"].tolist() == ["active", "at_risk", "at_risk", "at_risk", "lapsed", "lapsed"]
    assert found["by_rhythm"].tolist() == ["active", "active", "at_risk", "lapsed", "lapsed", "lapsed"]


def test_where_p_alive_is_not_believed_the_rhythm_decides():
    found = lifecycle.stages(FACTS.assign(believed=False), SETTINGS, 3)
    assert (found["stage"] == found["by_rhythm"]).all()


def test_the_stage_at_a_day_is_that_of_the_last_month_start():
    history = history_of({"m": ["2020-04-12"]}).table
    assert lifecycle.at(history, "stage", pd.Timestamp("2020-05-20")).to_dict() == {"m": "new"}


def test_the_rules_are_compared_by_hand():
    table = FACTS.assign(
        member_id=list("abcdef"), stage="active", by_rhythm=["active"] * 2 + ["at_risk"] + ["lapsed"] * 3
    )
    evidence = pd.DataFrame({"startup": False}, index=pd.Index([pd.Timestamp("2020-07-01")], name="as_of"))
    row = lifecycle.compare_rules(lifecycle.History(table, evidence, None), SETTINGS).iloc[0]
    assert row["buyers"] == 6
    assert row["rhythm_silent"] == pytest.approx(4 / 6)
    assert row["p_alive_silent"] == pytest.approx(3 / 5)  # of the five with a P(alive)
    assert row["disagree"] == pytest.approx(2 / 5)  # the second by P(alive) only, the third by rhythm only


def test_each_stage_has_a_row_with_means_also_where_nobody_is():
    stage = pd.Series(["loyal", "loyal", "prospect"], pd.Index(list("abc"), name="member_id"), name="stage")
    value = pd.DataFrame({"member_id": list("abc"), "value": [100.0, 300, 0], "p_horizon": 0.5, "p_repurchase": 0.5})
    table = lifecycle.by_stage(stage, value)
    assert list(table.index) == list(STAGES)
    assert table.loc["loyal", ["members", "value"]].tolist() == [2, 200]
    assert table.loc["lapsed", "members"] == 0
    assert table["share"].sum() == pytest.approx(1)


def test_the_profile_is_the_personas_with_the_stage_of_each_member(workspace):
    facts = {"typicality": [0.9, np.nan], "main_need": "wine", "stated_need": None, "top_category": "WINE"}
    personas = pd.DataFrame({"member_id": ["a", "b"], "persona": ["P", "Newcomer"], **facts, "answered_survey": True})
    personas = personas.astype({"stated_need": "str"})
    made = lifecycle.profile(personas, pd.Series({"b": "prospect", "a": "loyal"}))
    tables.write("profile", made)
    assert tables.read("profile")["stage"].tolist() == ["loyal", "prospect"]
    assert made.drop(columns="stage").equals(personas)
