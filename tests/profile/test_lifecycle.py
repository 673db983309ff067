"""Lifecycle: each stage by hand, nothing from the future, transitions that add up."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from membership.base.knobs import Windows
from membership.base.member_schemas import STAGES
from membership.base.profile_knobs import Lifecycle
from membership.profile import lifecycle

SETTINGS = Lifecycle(
    new_days=30,
    loyal_orders=5,
    loyal_days=60,
    rhythm_quantile=0.5,
    at_risk_gaps=2,
    lapsed_gaps=4,
    lapsed_days=100,
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


def stage_of(purchases, as_of="2020-07-01"):
    history = lifecycle.history(events(purchases), pd.Series(sorted(purchases)), WINDOWS, SETTINGS, 3)
    return history[history["as_of"] == as_of].set_index("member_id")["stage"].to_dict()


def test_month_starts_end_with_the_day_of_scoring():
    assert MONTHS[0] == pd.Timestamp("2020-02-01")
    assert MONTHS[-1] == pd.Timestamp("2020-07-01")
    mid = WINDOWS.model_copy(update={"validation_end": date(2020, 6, 15)})
    assert lifecycle.month_starts(mid)[-2:].tolist() == [pd.Timestamp("2020-06-01"), pd.Timestamp("2020-06-15")]
    short = WINDOWS.model_copy(update={"validation_end": date(2020, 1, 20)})
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
    assert stage_of({"m": ["2020-02-29"]}, "2020-03-01")["m"] == "new"


def test_only_purchases_count():
    history = lifecycle.history(events({"m": ["2020-06-20"]}, "view"), pd.Series(["m"]), WINDOWS, SETTINGS, 3)
    assert set(history["stage"]) == {"prospect"}


def test_history_has_every_member_every_month_and_shares_add_up():
    history = lifecycle.history(events({"a": ["2020-02-10"]}), pd.Series(["a", "b"]), WINDOWS, SETTINGS, 3)
    assert len(history) == 2 * len(MONTHS)
    np.testing.assert_allclose(lifecycle.shares(history, "stage", list(STAGES)).sum(axis=1), 1)
    assert lifecycle.current(history).to_dict() == {"a": "lapsed", "b": "prospect"}


def test_transitions_count_each_move_of_each_member_once():
    months = pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01"])
    frame = pd.DataFrame(
        {"member_id": list("aaabbb"), "as_of": [*months, *months], "stage": list("xxyyyx")},
    )
    moves = lifecycle.transitions(frame, "stage", ["x", "y", "z"])
    assert moves.to_numpy().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    rates = lifecycle.rates(moves)
    assert rates.loc["x"].tolist() == [0.5, 0.5, 0]
    assert rates.loc["z"].isna().all()
