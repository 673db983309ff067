"""P(alive) by month: not believed where nobody stops, refuted by members who come back, blind to the future."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from membership.data.sources import simulate
from membership.lifetimes.bgnbd import MbgNbd
from membership.profile import alive, lifecycle
from membership.settings import params
from membership.settings.dataset import Simulate
from membership.settings.windows import Windows

P = params.load("lifecycle")
SETTINGS = P.lifecycle
WINDOWS = Windows(
    start=date(2017, 1, 1),
    calibration_end=date(2017, 11, 1),
    validation_end=date(2017, 12, 1),
    holdout_end=date(2018, 1, 1),
)


def market(churn, seed=4, members=1200):
    knobs = params.load("ingest").dataset.simulate.model_dump()
    knobs |= {"members": members, "items": 30, "churn_per_year": churn, "views_per_order": 0.0, "offers": 0}
    return simulate.market(Simulate(**knobs), seed)


def lived(events, members):
    return lifecycle.history(ibis.memtable(events), members, WINDOWS, SETTINGS, P.needs.min_purchase_days, ["purchase"])


@pytest.fixture(scope="module")
def leaving():
    found = market(0.5)
    return found, lived(found.canonical.events, found.canonical.members)


def test_in_a_market_with_churn_p_alive_comes_to_be_believed(leaving):
    settled = leaving[1].evidence.query("~startup")
    assert (settled["p_value"] < 1e-6).all()
    assert settled["believed"].iloc[-4:].all()
    assert not settled["believed"].iloc[0]  # not yet tested


def test_members_who_have_left_are_mostly_lapsed_or_at_risk_and_those_called_lapsed_have_left(leaving):
    found, history = leaving
    last = history.table[history.table["as_of"] == history.table["as_of"].max()].set_index("member_id")
    left = found.truth.set_index("member_id")["active_until"].reindex(last.index) < pd.Timestamp(WINDOWS.as_of)
    bought = last["stage"] != "prospect"
    silent = last["stage"].isin(["at_risk", "lapsed"])
    assert silent[left & bought].mean() > 0.85
    assert silent[~left & bought].mean() < 0.2
    assert left[last["stage"] == "lapsed"].mean() > 0.93
    assert left[last["by_rhythm"] == "lapsed"].mean() < left[last["stage"] == "lapsed"].mean()
    assert left[last["stage"] == "loyal"].mean() < 0.03


def test_later_events_change_no_month_before_them(leaving):
    found, history = leaving
    cut = pd.Timestamp("2017-09-01")
    known = found.canonical.events[found.canonical.events["local_at"] < cut]
    windows = WINDOWS.model_copy(
        update={"calibration_end": date(2017, 8, 1), "validation_end": cut.date(), "as_of": cut.date()}
    )
    again = lifecycle.history(
        ibis.memtable(known), found.canonical.members, windows, SETTINGS, P.needs.min_purchase_days, ["purchase"]
    )
    before = history.table[history.table["as_of"] <= cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.table, before)
    pd.testing.assert_frame_equal(again.evidence, history.evidence.loc[:cut], check_freq=False)


def test_where_nobody_stops_p_alive_is_not_believed():
    found = market(0.0, members=500)
    history = lived(found.canonical.events, found.canonical.members)
    assert (history.evidence["p_value"].dropna() > 0.05).mean() >= 0.8
    assert not history.evidence["believed"].any()
    assert (history.table["stage"] == history.table["by_rhythm"]).all()


def rhythm(rows):
    return pd.DataFrame(rows, columns=["member_id", "as_of", "purchase_days", "age", "since"])


def test_members_who_come_back_although_doubted_refute_p_alive():
    # regular members of whom half pause for months and then all return: the model takes the pause for the end
    rng, rows = np.random.default_rng(1), []
    months = pd.date_range("2017-07-01", periods=5, freq="MS")
    for number in range(300):
        days = np.cumsum(rng.geometric(1 / 6, 80))
        days = days[days < 330]
        days = days[(days < 60 + number % 90) | (days > 250)] if number % 2 else days
        for month in months:
            past = days[days < (month - pd.Timestamp("2017-01-01")).days]
            now = (month - pd.Timestamp("2017-01-01")).days
            rows.append([str(number), month, len(past), now - past[0], now - past[-1]])
    evidence = alive.by_month(rhythm(rows), SETTINGS).evidence
    assert evidence["p_value"].iloc[0] < 1e-6
    assert evidence["back"].iloc[-1] > evidence["expected"].iloc[-1] + 0.2
    assert not evidence["believed"].any()


def test_one_purchase_each_says_nothing_of_stopping():
    rows = [[f"m{number}", pd.Timestamp("2017-06-01"), 1, 40 + number, 40 + number] for number in range(30)]
    found = alive.by_month(rhythm(rows), SETTINGS)
    assert found.p_alive.isna().all()
    assert not found.evidence["believed"].any()


def test_nobody_at_all_is_no_evidence():
    found = alive.by_month(rhythm([]), SETTINGS)
    assert found.p_alive.empty
    assert found.evidence.empty


def test_the_p_value_of_nobody_stops_is_honest():
    rng, found = np.random.default_rng(2), []
    for _ in range(25):
        rate, age = rng.gamma(1.5, 1 / 15, 400), rng.integers(60, 200, 400).astype(float)
        frequency = rng.poisson(rate * age)
        recency = np.where(frequency > 0, age * rng.beta(np.maximum(frequency, 1), 1), 0.0)
        features = pd.DataFrame({"frequency": frequency, "recency_days": recency, "age_days": age})
        found.append(alive.stopping(features, MbgNbd.fit(features)))
    assert np.mean(np.array(found) < 0.05) <= 0.12


MONTHS = pd.date_range("2020-01-01", periods=4, freq="MS", name="as_of")
RULES = pd.DataFrame(
    {"startup": [True, False, False, False], "p_value": 0.001, "doubted": 30, "back": 0.7, "believed": False},
    index=MONTHS,
)


@pytest.mark.parametrize(
    ("facts", "reason", "believed"),
    [
        ({}, "tested", 0),
        ({"believed": True}, "tested", 3),
        ({"p_value": 0.4}, "nobody stops", 0),
        ({"back": np.nan, "doubted": 3}, "untested", 0),
    ],
)
def test_the_verdict_names_the_reason_and_counts_the_months_after_the_startup(facts, reason, believed):
    found = alive.verdict(RULES.assign(**facts), 0.95)
    assert (found.reason, found.believed, found.months) == (reason, believed, 3)
    assert found.last["doubted"] == facts.get("doubted", 30)


def test_in_the_startup_there_is_no_verdict():
    found = alive.verdict(RULES.assign(startup=True), 0.95)
    assert (found.reason, found.months, found.last) == ("startup", 0, {})
