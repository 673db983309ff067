"""Lifecycle: each stage by hand, nothing from the future, tables of stages by hand."""

from dataclasses import dataclass, replace
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base import tables
from membership.base.member_schemas import STAGES
from membership.data import contracts
from membership.data.sources import simulate
from membership.data.standing import Book
from membership.profile import lifecycle
from membership.repurchase import purchase_days
from membership.settings import params
from membership.settings.dataset import Simulate
from membership.settings.lifecycle import Lifecycle
from membership.settings.windows import Windows

SETTINGS = Lifecycle(
    new_days=30,
    loyal_orders=5,
    loyal_days=60,
    at_risk_share=0.6,
    lapsed_share=0.2,
    lapsed_days=100,
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


START = purchase_days.number(WINDOWS.start)


@dataclass(frozen=True)
class Fading:
    """A chance that halves with every ten days since the last purchase."""

    def chances(self, rhythm, day, days):
        return 0.5 ** (rhythm[["since"]].to_numpy() / 10)


def known(purchases, names=None, joined_at=None, visits=None):
    """Return purchase days of members: name -> dates; `visits` likewise, of views."""
    rows = [(member, day, "purchase") for member, days in purchases.items() for day in days]
    rows += [(member, day, "view") for member, days in (visits or {}).items() for day in days]
    frame = pd.DataFrame(rows, columns=["member_id", "local_at", "kind"]).astype({"member_id": "str", "kind": "str"})
    frame["local_at"] = (pd.to_datetime(frame["local_at"]) + pd.Timedelta(hours=13)).astype("datetime64[us]")
    names = names or sorted(purchases)
    people = pd.DataFrame({"member_id": names, "joined_at": pd.to_datetime(pd.Series([joined_at] * len(names)))})
    events = ibis.memtable(meant(frame).assign(amount=100))
    return purchase_days.read(events, people, WINDOWS.start, WINDOWS.as_of, ["purchase", "view"])


def every(days, start, end):
    return pd.date_range(start, end, freq=f"{days}D").strftime("%Y-%m-%d").tolist()


def stage_of(purchases, as_of="2020-07-01", joined_at=None, visits=None):
    borders = lifecycle.Borders(Fading(), 1.0, 14, START)
    day = purchase_days.number(date.fromisoformat(as_of))
    return borders.stages(known(purchases, None, joined_at, visits), day, SETTINGS)["stage"].to_dict()


def history_of(purchases, names=None, joined_at=None, windows=WINDOWS):
    return lifecycle.history(known(purchases, names, joined_at), windows, SETTINGS, 14).table


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
        (every(20, "2020-02-01", "2020-06-30"), "active"),  # the last 11 days ago: a chance of .47 of a usual .78
        (every(10, "2020-02-01", "2020-06-22"), "at_risk"),  # the last 11 days ago: .47 of a usual 1
        (every(10, "2020-02-01", "2020-06-02"), "lapsed"),  # 31 days ago: .12 of a usual 1
        ([*every(10, "2020-02-01", "2020-04-01"), "2020-06-29"], "won_back"),  # back after 89 days: it had lapsed
        ([*every(10, "2020-02-01", "2020-06-10"), "2020-06-29"], "loyal"),  # back after 20 days: it had not
        (["2020-02-01", "2020-03-20"], "lapsed"),  # silent for longer than lapsed_days
    ],
)
def test_stage_follows_the_chance_beside_the_members_usual_one(purchases, stage):
    assert stage_of({"m": purchases})["m"] == stage


def test_the_same_chance_is_at_risk_for_a_frequent_buyer_and_usual_for_a_rare_one():
    often, rarely = every(7, "2020-02-01", "2020-06-15"), every(31, "2020-01-10", "2020-06-15")
    found = stage_of({"often": [*often, "2020-06-15"], "rarely": [*rarely, "2020-06-15"]})
    assert found == {"often": "at_risk", "rarely": "active"}


def test_who_still_looks_around_is_not_at_risk():
    silent = every(10, "2020-02-01", "2020-06-02")
    assert stage_of({"m": silent}, visits={"m": ["2020-06-28"]})["m"] == "active"
    assert stage_of({"m": silent}, visits={"m": ["2020-05-15"]})["m"] == "lapsed"  # before the last purchase
    long_gone = every(10, "2020-01-05", "2020-02-20")
    assert stage_of({"m": long_gone}, visits={"m": ["2020-06-28"]})["m"] == "active"
    assert stage_of({"m": long_gone}, visits={"m": ["2020-03-01"]})["m"] == "lapsed"


def test_nothing_after_the_month_start_changes_its_stage():
    crowd = {f"o{n}": every(3 + n % 9, "2020-01-05", f"2020-0{3 + n % 4}-20") for n in range(40)}
    early = crowd | {"m": every(10, "2020-01-05", "2020-04-30")}
    later = early | {"m": [*early["m"], "2020-05-01", "2020-06-03", "2020-07-01", "2020-07-20"]}
    before, after = (history_of(one) for one in (early, later))
    until = pd.Timestamp("2020-05-01")
    pd.testing.assert_frame_equal(before[before["as_of"] <= until], after[after["as_of"] <= until])
    assert not before.equals(after)


def test_a_purchase_on_the_month_start_is_not_seen_and_one_on_the_day_before_is():
    assert stage_of({"m": ["2020-03-01"]}, "2020-03-01")["m"] == "prospect"
    assert stage_of({"m": ["2020-02-29"]}, "2020-03-01", joined_at="2020-02-15")["m"] == "new"


def test_history_has_every_member_every_month_and_shares_add_up(workspace):
    history = history_of({"a": ["2020-02-10"]}, ["a", "b"])
    assert len(history) == 2 * len(MONTHS)
    np.testing.assert_allclose(lifecycle.shares(history, "stage", list(STAGES)).sum(axis=1), 1)
    assert lifecycle.current(history).to_dict() == {"a": "lapsed", "b": "prospect"}
    tables.write("lifecycle_history", history)


def test_a_first_purchase_seen_early_is_new_only_where_joining_is_known():
    early = {"m": ["2020-02-20"]}  # 50 days after the data begin: a first one, or one after a long gap
    assert stage_of(early, "2020-03-01")["m"] == "at_risk"
    assert stage_of(early, "2020-03-01", joined_at="2020-02-10")["m"] == "new"
    assert stage_of(early, "2020-03-01", joined_at="2020-01-01 05:00")["m"] == "at_risk"  # the day on which data begin
    assert stage_of({"m": ["2020-04-10"]}, "2020-05-01")["m"] == "new"  # 100 days without one came first
    assert stage_of({"m": ["2020-04-09"]}, "2020-05-01")["m"] != "new"


def test_months_before_the_longest_look_back_are_marked_and_their_moves_left_out():
    history = history_of({"a": ["2020-02-10"]})
    startup = history.set_index("as_of")["startup"]
    assert startup[startup].index.strftime("%m-%d").tolist() == ["02-01", "03-01", "04-01"]  # 100 days end on 10 April
    assert lifecycle.settled(history)["as_of"].min() == pd.Timestamp("2020-05-01")


def test_a_last_step_that_is_no_whole_month_is_left_out():
    mid = WINDOWS.model_copy(update={"validation_end": date(2020, 6, 15), "as_of": date(2020, 6, 15)})
    history = history_of({"m": ["2020-02-10"]}, windows=mid)
    assert history["as_of"].max() == pd.Timestamp("2020-06-15")
    assert lifecycle.settled(history)["as_of"].max() == pd.Timestamp("2020-06-01")


def test_members_without_purchases_and_purchases_of_strangers():
    assert set(history_of({"m": []})["stage"]) == {"prospect"}
    assert set(history_of({"stranger": ["2020-02-10"]}, ["m"])["member_id"]) == {"m"}


def test_a_single_month_is_a_history():
    short = WINDOWS.model_copy(update={"validation_end": date(2020, 1, 20), "as_of": date(2020, 1, 20)})
    history = history_of({"m": ["2020-01-10"]}, windows=short)
    assert len(history) == 1 and history["startup"].all()


def test_the_stage_at_a_day_is_that_of_the_last_month_start():
    history = history_of({"m": ["2020-04-12"]})
    assert lifecycle.at(history, "stage", pd.Timestamp("2020-05-20")).to_dict() == {"m": "new"}


def test_separation_is_that_computed_by_hand():
    bought = {"a": ["2020-05-03"], "b": ["2020-05-20"], "c": ["2020-05-02", "2020-06-30"]}
    table = pd.DataFrame(
        {
            "member_id": list("abc"), "as_of": pd.Timestamp("2020-05-01"), "stage": ["loyal", "lapsed", "active"],
            "chance": [0.9, 0.1, 0.5], "startup": False,
        }
    )  # fmt: skip
    late = table.assign(as_of=pd.Timestamp("2020-06-25"))  # whose days are not over
    row = lifecycle.separation(pd.concat([table, late]), known(bought), 14)
    assert row.index.tolist() == [pd.Timestamp("2020-05-01")]
    assert row.iloc[0][["auc", "auc_chance", "loyal", "lapsed", "active"]].tolist() == [1, 1, 1, 0, 1]
    assert np.isnan(row.iloc[0]["at_risk"])


def test_in_a_market_with_churn_members_who_left_are_lapsed_or_at_risk():
    knobs = params.load("ingest").dataset.simulate.model_dump()
    knobs |= {"members": 800, "items": 30, "churn_per_year": 0.5, "views_per_order": 0.0, "offers": 0}
    found = simulate.market(Simulate(**knobs), 4)
    windows = params.load("lifecycle").windows
    market = purchase_days.read(
        ibis.memtable(found.canonical.events), found.canonical.members, windows.start, windows.as_of
    )
    history = lifecycle.history(market, windows, params.load("lifecycle").lifecycle, 14).table
    separated = lifecycle.separation(history, market, 14)
    assert separated["auc"].mean() > 0.7
    assert separated["at_risk"].mean() < 0.75 * separated["active"].mean()


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


# --- contracts ------------------------------------------------------------------------------------------------------


def stages_of_contracts(day):
    """Return the stage on `day` of who pays by the year, by the month, or has left; the chance says all are gone."""
    deals = pd.DataFrame(
        [
            ("left", "month", "2020-01-01", "2020-03-10"),
            ("monthly", "month", "2020-01-01", None),
            ("yearly", "year", "2020-01-01", None),
        ],
        columns=["member_id", "period", "starts_at", "ends_at"],
    ).assign(plan="plan", price=1000)
    deals[["starts_at", "ends_at"]] = deals[["starts_at", "ends_at"]].apply(pd.to_datetime)
    book = Book.of(contracts.checked(deals))
    paid = {"left": every(30, "2020-01-01", "2020-03-01"), "yearly": ["2020-01-01"], "monthly": ["2020-01-01"]}
    borders = lifecycle.Borders(Fading(), 1.0, 14, START)
    history = replace(known(paid), contracts=book)
    return borders.stages(history, purchase_days.number(date.fromisoformat(day)), SETTINGS)["stage"].to_dict()


def test_who_is_paid_up_is_neither_at_risk_nor_lapsed():
    assert {stages_of_contracts("2020-07-01")[name] for name in ("yearly", "monthly")} <= {"active", "loyal"}


def test_whose_contract_has_ended_has_lapsed():
    assert stages_of_contracts("2020-03-12")["left"] == "lapsed"
    assert stages_of_contracts("2020-07-01")["left"] == "lapsed"
