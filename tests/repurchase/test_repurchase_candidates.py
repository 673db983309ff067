"""Every candidate on members whose chance of an order is known: near the truth, and of that member's past alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import steady_buyers
from steady_buyers import BEGINS, QUICK

from membership.base import stored
from membership.base.errors import DataError, NotPossible
from membership.lifetimes.bgnbd import MbgNbd
from membership.lifetimes.mbg_cnbd import MbgCnbd
from membership.repurchase import candidates, rhythm, rules
from membership.repurchase.hazard import Hazard
from membership.repurchase.lessons import of as lessons
from membership.repurchase.logistic import Logistic
from membership.repurchase.purchase_days import PurchaseDays
from membership.repurchase.stack import Stack

DAYS = [1, 7, 14, 30]


@pytest.fixture(scope="module")
def fitted(steady):
    return candidates.fit(steady.history, steady.end, QUICK, seed=1)


@pytest.fixture(scope="module")
def known(steady):
    return rhythm.at(steady.history, steady.end)


@pytest.mark.parametrize("name", ["own_rate", "mbgnbd", "logistic", "boosted", "hazard"])
def test_chances_are_near_the_truth_rise_with_the_days_and_are_never_certain(name, fitted, known, steady):
    found = fitted.candidates[name].chances(known, steady.end, DAYS)
    assert found.shape == (600, 4) and (np.diff(found, axis=1) >= 0).all() and (found > 0).all() and (found < 1).all()
    truth = 1 - (1 - steady.daily[:, None]) ** np.array(DAYS)
    assert np.abs(found.mean(axis=0) - truth.mean(axis=0)).max() < 0.03
    assert np.corrcoef(found[:, 2], truth[:, 2])[0, 1] > 0.9


@pytest.mark.parametrize("name", ["own_rate", "mbgnbd", "logistic", "boosted", "hazard"])
def test_a_members_chance_depends_on_nobody_else_and_not_on_what_else_is_asked(name, fitted, known, steady):
    model = fitted.candidates[name]
    whole = model.chances(known, steady.end, DAYS)
    np.testing.assert_allclose(model.chances(known.iloc[10:13], steady.end, [14])[:, 0], whole[10:13, 2], rtol=1e-6)


def test_who_has_never_bought_has_the_chance_of_newcomers_above_nothing(fitted, steady):
    nobody = PurchaseDays(pd.Index(["x"]), np.array([BEGINS]), np.array([0, 0]), np.zeros(0, int), np.zeros(0, int))
    for model in fitted.candidates.values():
        chance = model.chances(rhythm.at(nobody, steady.end), steady.end, [14])
        assert 0 < chance.item() < 1


def test_first_orders_are_counted_over_the_days_that_members_waited():
    members = pd.Index(list("abc"))
    # from day 10 on: a buys on day 12, b never, c joined on day 95
    history = PurchaseDays(members, np.array([0, 0, 95]), np.array([0, 1, 1, 1]), np.array([12]), np.array([5]))
    assert rules.first_orders(history, 100) == pytest.approx((1 + 0.5) / (3 + 90 + 5 + 1))


def test_fitting_on_a_day_uses_nothing_of_it_or_later(steady):
    day = steady.end - 60
    quick = QUICK.model_copy(update={"candidates": ["mbgnbd", "logistic", "hazard"]})
    whole, until = (candidates.fit(one, day, quick, 1) for one in (steady.history, steady.history.until(day)))
    known = rhythm.at(steady.history, day)
    for name, model in whole.candidates.items():
        np.testing.assert_array_equal(
            model.chances(known, day, DAYS), until.candidates[name].chances(known, day, DAYS), err_msg=name
        )


def test_the_hazard_network_finds_the_weekend():
    market = steady_buyers.market(800, 240, seed=6, weekend=2.5)
    past = lessons(market.history, market.end, QUICK)
    model = Hazard.fit(past, QUICK.network, seed=1)
    monday = market.end - (market.end + 3) % 7
    daily = model.daily(rhythm.at(market.history, monday), monday, 7).mean(axis=0)
    assert daily[5:].mean() / daily[:5].mean() == pytest.approx(2.5, rel=0.3)


def test_of_more_members_than_rows_each_day_teaches_a_part_so_that_all_horizons_are_followed(steady):
    few = QUICK.model_copy(update={"most_rows": 1000})
    past = lessons(steady.history, steady.end, few)
    days, counts = np.unique(past.day, return_counts=True)
    assert len(past.day) <= 1000 and steady.end - days.min() >= 2 * max(few.horizons) - few.step_days
    assert counts.min() > 0.8 * counts.max()
    members = [set(past.rhythm.index[past.day == day]) for day in days]
    assert not members[0] & members[1] and len(set.union(*members)) == 600
    rows, came = past.rows(max(few.horizons))
    assert rows.sum() > 400 and 0 < came.mean() < 1


def test_a_logistic_regression_on_evenly_spread_members_is_near_that_on_all(fitted, known, steady, monkeypatch):
    monkeypatch.setattr("membership.repurchase.logistic._SAMPLE", 300)
    part = Logistic.fit(steady.history, steady.end, QUICK.horizons)
    whole = fitted.candidates["logistic"].chances(known, steady.end, [14])
    assert 0 < np.abs(part.chances(known, steady.end, [14]) - whole).mean() < 0.03


def test_what_is_stored_and_read_again_says_the_same(fitted, known, steady, tmp_path):
    stack = Stack(tuple(fitted.candidates.values()), np.full(5, 0.2))
    stored.save(tmp_path / "model", stack)
    again = stored.load(tmp_path / "model", candidates.STORED)
    np.testing.assert_array_equal(again.chances(known, steady.end, DAYS), stack.chances(known, steady.end, DAYS))


@pytest.mark.parametrize("name", ["boosted", "hazard"])
def test_a_model_refuses_data_without_the_inputs_that_it_was_made_of(name, fitted, known, steady):
    model = fitted.candidates[name]
    with pytest.raises(DataError, match="inputs that are gone: old"):
        replace(model, names=("old", *model.names[1:])).chances(known, steady.end, DAYS)


def test_regular_buyers_with_a_k_of_one_are_mbg_nbd(known):
    one = known[known["bought"] > 0]
    regular, plain = MbgCnbd(0.8, 20.0, 0.5, 2.0, 1.0), MbgNbd(0.8, 20.0, 0.5, 2.0)
    np.testing.assert_allclose(regular.p_alive(one), plain.p_alive(one))
    np.testing.assert_allclose(regular.p_purchase(one, 14), plain.p_purchase(one, 14))


def test_the_stack_takes_the_truth_and_leaves_out_what_says_nothing():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.05, 0.95, 3000)
    past = pd.DataFrame({"truth": truth, "noise": rng.uniform(0.05, 0.95, 3000)})
    stack = Stack.fit({"truth": "t", "noise": "n"}, past, rng.random(3000) < truth)
    assert stack.parts[0] == "t" and stack.weights[0] > 0.95 and stack.weights.sum() == pytest.approx(1)


def everybody(days: list[int]) -> PurchaseDays:
    count, members = len(days), 80
    names = pd.Index([f"m{number}" for number in range(members)])
    flat = np.tile(np.array(days, np.int64), members)
    starts = np.arange(members + 1) * count
    return PurchaseDays(names, np.full(members, BEGINS), starts, BEGINS + flat, np.full(len(flat), 100))


@pytest.mark.parametrize(
    ("days", "refused"),
    [
        (list(range(200)), {"logistic", "boosted", "hazard"}),  # everybody, on all days
        ([3], {"mbgnbd", "logistic", "boosted", "hazard"}),  # all orders on one day
        ([150], {"mbgnbd", "logistic"}),  # everybody's one order: what comes before it can be learned
    ],
)
def test_where_nothing_can_be_learned_simple_rules_stay_and_the_others_say_why(days, refused):
    found = candidates.fit(everybody(days), BEGINS + 200, QUICK, seed=1)
    assert set(found.refusals) >= refused and "own_rate" in found.candidates
    known = rhythm.at(everybody(days), BEGINS + 200)
    for model in found.candidates.values():
        chance = model.chances(known, BEGINS + 200, [14, 400])
        assert (chance > 0).all() and (chance < 1).all()


def test_where_nobody_ever_came_nothing_can_be_said():
    with pytest.raises(NotPossible, match="none of 80 members has bought"):
        candidates.fit(everybody([]), BEGINS + 200, QUICK, seed=1)


def test_where_all_have_left_nobody_can_come_back():
    known = everybody([3, 30])
    gone = replace(known, left=np.full(len(known.members), BEGINS + 40))
    with pytest.raises(NotPossible, match="all 80 members had left before"):
        candidates.fit(gone, BEGINS + 200, QUICK, seed=1)


def test_without_any_candidate_all_reasons_are_told():
    with pytest.raises(DataError, match="no candidate fits"):
        candidates.fit(everybody([3]), BEGINS + 200, QUICK.model_copy(update={"candidates": ["logistic"]}), seed=1)
