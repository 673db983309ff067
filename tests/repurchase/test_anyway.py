"""Orders that benefits brought are left out, as many as is assumed; where no benefit was logged nothing changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.repurchase import anyway
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.benefits import Benefit

COUPON = Benefit(name="coupon", kind="discount", uplift=0.5, uplift_sd=0.1)
EVIDENCE = {"coupon": ["mail", "letter / long"]}


def logged(**changed):
    told = {
        "member_id": "a",
        "offer_id": "o",
        "at": pd.Timestamp("2024-03-01 23:00"),
        "arm": "treated",
        "propensity": 0.5,
    }
    return told | changed


def offers(kind="mail", starts="2024-03-01", ends="2024-03-15"):
    return pd.DataFrame({"offer_id": ["o"], "kind": [kind], "starts_at": [starts], "ends_at": [ends]}).astype(
        {"starts_at": "datetime64[us]", "ends_at": "datetime64[us]"}
    )


def had(*rows, timezone="UTC", **of):
    exposures = pd.DataFrame(rows).astype({"arm": "str", "propensity": float})
    return anyway.given(exposures, offers(**of), EVIDENCE, [COUPON], timezone)


def bought(*days_of, joined=0):
    counts = [len(days) for days in days_of]
    days = np.concatenate([np.asarray(days, np.int64) for days in days_of])
    members = pd.Index([f"m{number:05d}" for number in range(len(days_of))], name="member_id")
    starts = np.concatenate([[0], np.cumsum(counts)])
    return PurchaseDays(members, np.full(len(members), joined, np.int64), starts, days, np.full(len(days), 100))


def spells(*rows):
    return pd.DataFrame(rows, columns=["member_id", "start", "end", "odds"])


def test_who_had_a_benefit_is_read_with_local_days_and_odds():
    found = had(logged()).iloc[0]
    assert (found["member_id"], found["odds"]) == ("a", pytest.approx(3.0))  # from even odds to a chance of .75
    assert (found["start"], found["end"]) == (19783, 19797)  # 1 March to 14 March 2024, the end out
    assert had(logged(), timezone="Europe/Berlin").iloc[0]["start"] == 19784
    assert had(logged(arm="long"), kind="letter")["odds"].tolist() == [pytest.approx(3.0)]


@pytest.mark.parametrize(
    "changed", [{"arm": "Control"}, {"arm": None}, {"propensity": None}, {"offer_id": "another"}], ids=str
)
def test_who_was_held_out_or_reached_for_unknown_reasons_had_none_that_is_logged(changed):
    assert had(logged(**changed)).empty


def test_offers_that_speak_for_no_benefit_or_have_no_end_are_none():
    assert had(logged(), kind="poster").empty
    assert had(logged(), ends=None).empty


def test_without_a_log_the_history_is_the_same_object():
    history = bought([1, 5], [3])
    assert anyway.without(history, had(logged(propensity=None)), 14, 1) is history
    assert anyway.without(history, spells(("stranger", 0, 9, 3.0)), 14, 1) is history


def test_orders_before_and_after_a_benefit_stay_and_a_benefit_without_effect_takes_none():
    history = bought(range(0, 400, 2), range(0, 400, 3))
    left = anyway.without(history, spells(("m00000", 100, 200, 1e9)), 14, 1)
    gone = np.setdiff1d(history.days[:200], left.days[: left.starts[1]])
    assert len(gone) and gone.min() >= 100 and gone.max() < 200
    np.testing.assert_array_equal(left.days[left.starts[1] :], history.days[200:])
    assert len(anyway.without(history, spells(("m00000", 100, 200, 1.0)), 14, 1).days) == len(history.days)


def test_what_is_left_has_the_rate_that_there_was_without_benefits():
    rng, days, odds = np.random.default_rng(1), 14, 3.0
    rate = rng.gamma(2.0, 0.02, 3000)  # a day
    alone = -np.expm1(-rate * days)
    raised = rate + np.log1p((odds - 1) * alone) / days
    chance = np.where(np.arange(900) < 600, *(-np.expm1(-each)[:, None] for each in (rate, raised)))
    history = bought(*(np.flatnonzero(row) for row in rng.random(chance.shape) < chance))
    left = anyway.without(history, spells(*((one, 600, 900, odds) for one in history.members)), days, 1)
    expected = 300 * -np.expm1(-rate).sum()
    assert (history.days >= 600).sum() > 1.15 * expected  # the ceiling: frequent buyers cannot come much more often
    assert (left.days >= 600).sum() == pytest.approx(expected, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 300), max_size=40), min_size=1, max_size=5), st.integers(1, 300))
def test_what_is_left_out_hangs_on_nothing_that_comes_later(days, until):
    history = bought(*(sorted(own) for own in days))
    told = spells(*((one, 50, 250, 2.5) for one in history.members))
    late, early = anyway.without(history, told, 14, 1).until(until), anyway.without(history.until(until), told, 14, 1)
    np.testing.assert_array_equal(late.days, early.days)
    np.testing.assert_array_equal(late.starts, early.starts)
    alone = anyway.without(history.only(np.arange(len(days)) == 0), told, 14, 1)
    np.testing.assert_array_equal(alone.days, anyway.without(history, told, 14, 1).rows(slice(0, 1)).days)


def test_members_by_other_names_lose_the_same_orders():
    history = bought(range(0, 300, 2), range(1, 300, 3))
    names = {"m00000": "number 1", "m00001": "number 2"}
    renamed = replace(history, members=history.members.map(names).rename("member_id"))
    told = spells(*((one, 50, 250, 20.0) for one in history.members))
    left = anyway.without(history, told, 14, 1)
    assert len(left.days) < len(history.days)
    of_renamed = anyway.without(renamed, told.replace({"member_id": names}), 14, 1)
    np.testing.assert_array_equal(of_renamed.days, left.days)
    np.testing.assert_array_equal(of_renamed.starts, left.starts)
