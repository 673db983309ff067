import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.lifetimes import renewals
from membership.lifetimes.discrete_weibull import Bdw
from membership.lifetimes.renewals import Plan, Renewals, Steady
from membership.lifetimes.subscription import Sbg

ALL_AT_ONCE = np.concatenate([np.zeros(10), [1.0]])  # who leaves says so on the last day of a period


def plan(model, price=1000.0, days=30.0, gone=ALL_AT_ONCE, switch=0.0, moves=0.0, after=None):
    return Plan(model, price, days, gone, switch, moves, after or {})


def standing(*rows):
    columns = ["plan", "price", "period_days", "paid", "due_in", "elapsed"]
    return pd.DataFrame(rows, columns=columns).set_index(
        pd.Index([f"m{n}" for n in range(len(rows))], name="member_id")
    )


def lives(tenure, churned, name="basic", **more):
    given = {"plan": name, "price": 1000.0, "period_days": 30.0, "notice": np.where(churned, 1.0, np.nan), "next": None}
    given |= {"changed": False, "moved": False, "days": 30.0, "back_days": np.nan, "away_days": np.nan}
    return pd.DataFrame({"tenure": tenure, "churned": churned} | given | more)


def cohort(model, members, periods, rng):
    """Return lives of `members` that were asked to renew up to `periods` times."""
    stays = model.survival(np.arange(1, periods + 1))
    renewed = (rng.random(members)[:, None] < stays).sum(axis=1)
    return lives(np.minimum(renewed + 1, periods), renewed < periods)


def test_payments_within_the_horizon_by_hand():
    """Due in 10, 40 and 70 days at a chance of .8 each: .8 + .64 + .512 payments of 10.00 within 90 days."""
    known = Renewals({"basic": plan(Steady(0.2))}, plan(Steady(0.5)), 0.0)
    found = known.payments(standing(("basic", 1000, 30, 3, 10, 0.0), (None, *[np.nan] * 5)), 90)
    np.testing.assert_allclose(found, [[1.952, 1952.0], [0, 0]])
    np.testing.assert_allclose(known.payments(standing(("basic", 1000, 30, 3, 10, 0.0)), 10), [[0, 0]])


def test_a_free_trial_is_worth_what_others_went_over_into():
    """Half renew; of these .6 pay 10.00 a month and .4 pay 100.00 a year."""
    after = {"basic": 0.6, "annual": 0.4}
    plans = {
        "trial": plan(Steady(0.5), 0.0, 7, moves=1.0, after=after),
        "basic": plan(Steady(0.2)),
        "annual": plan(Steady(0.2), 10_000.0, 365),
    }
    found = Renewals(plans, plan(Steady(0.5)), 0.0).payments(standing(("trial", 0, 7, 1, 5, 0.0)), 40)
    np.testing.assert_allclose(found, [[0.5 * (0.6 * 1.8 + 0.4), 0.5 * (0.6 * 1800 + 0.4 * 10_000)]])


def test_changes_within_a_period_bring_the_other_plan():
    plans = {"basic": plan(Steady(0.0), switch=0.02, after={"annual": 1.0}), "annual": plan(Steady(0.0), 10_000.0, 365)}
    found = Renewals(plans, plan(Steady(0.5)), 0.0).payments(standing(("basic", 1000, 30, 1, 30, 0.0)), 30)
    np.testing.assert_allclose(found[0], -np.expm1(-0.6) * np.array([1, 10_000]))


def test_who_has_not_left_late_in_a_period_is_likelier_to_renew():
    even = np.linspace(0, 1, 11)
    known = Renewals({"basic": plan(Steady(0.2), gone=even)}, plan(Steady(0.2)), 0.0)
    found = known.chance(standing(*(("basic", 1000, 30, 1, 30 * (1 - part), part) for part in (0, 0.5, 1.0))))
    np.testing.assert_allclose(found, [0.8, 0.8 / 0.9, 1.0])


@pytest.mark.parametrize(
    ("truth", "kind"),
    [(Steady(0.1), Steady), (Sbg(0.5, 2.0), Sbg), (Bdw(1.0, 12.0, 2.5), Bdw)],
)
def test_the_simplest_model_that_holds_is_taken(truth, kind):
    rows = cohort(truth, 6000, 8, np.random.default_rng(3))
    found = renewals.best(rows)
    assert isinstance(found, kind)
    np.testing.assert_allclose(found.survival(np.arange(1, 9)), truth.survival(np.arange(1, 9)), atol=0.02)


def test_each_plan_has_its_own_model_where_it_has_come_up_often_enough():
    rng = np.random.default_rng(1)
    rows = [cohort(Steady(chance), 400, 6, rng).assign(plan=name) for name, chance in (("cheap", 0.3), ("dear", 0.05))]
    new = lives([0, 0], [False, False], "new", period_days=365.0)
    known = Renewals.fit(pd.concat([*rows, new], ignore_index=True))
    assert known.plans["cheap"].model.survival(1) == pytest.approx(0.7, abs=0.05)
    assert known.plans["dear"].model.survival(1) == pytest.approx(0.95, abs=0.02)
    monthly = known.pooled.model.survival(1)
    assert known.plans["new"].model.survival(1) < monthly  # a year is longer than a month


def test_rare_and_unknown_plans_count_as_all_together():
    known = Renewals.fit(cohort(Steady(0.1), 300, 5, np.random.default_rng(4)))
    found = known.chance(standing(("never seen", 1000, 30, 2, 5, 0.0)))
    assert found[0] == pytest.approx(0.9, abs=0.03)


def test_without_a_renewal_nothing_is_said():
    with pytest.raises(DataError, match="renewal"):
        Renewals.fit(lives([0, 0], [False, False]))
