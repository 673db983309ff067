"""When models are to be trained anew: by hand, part by part, and how often chance alone would ask."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.monitor import monitor, retrain
from membership.monitor.monitor import DRIFTED, STABLE, Compared
from membership.monitor.retrain import Reason
from membership.settings.monitor import Retrain
from membership.stats import calibration

RULE = Retrain(age_days=35, drift=True, slope=0.2, log_loss=0.02)
FINE = {"slope": 1.05, "low": 0.95, "high": 1.15, "log_loss": 0.5, "expected": 0.51, "chance": 0.01}


def compared(**changed) -> Compared:
    row = {"outcome": "repurchase", "members": 100, "status": STABLE} | FINE | changed
    return Compared(date(2017, 12, 1), date(2017, 12, 15), "v", "p", pd.DataFrame(), pd.DataFrame([row]))


def drift(*status: str) -> pd.DataFrame:
    return pd.DataFrame({"status": [STABLE, *status]})


def asking(age=7, moved=None, found=None, rule=RULE) -> set[Reason]:
    parts = retrain.signs(age, drift() if moved is None else moved, found or compared(), rule)
    assert [part.reason for part in parts] == list(Reason)
    return {part.reason for part in parts if part.asks}


def test_models_that_are_young_right_and_among_the_same_members_may_stand():
    assert asking() == set()


def test_each_part_of_the_rule_asks_from_its_limit_on():
    assert asking(age=34) == set() and asking(age=35) == {Reason.AGE}
    assert asking(moved=drift(DRIFTED)) == {Reason.DRIFT}
    assert asking(moved=drift(DRIFTED), rule=RULE.model_copy(update={"drift": False})) == set()
    assert asking(found=compared(slope=0.79, low=0.7, high=0.9)) == {Reason.SLOPE}
    assert asking(found=compared(slope=0.81, low=0.7, high=0.9)) == set()
    assert asking(found=compared(log_loss=0.531)) == {Reason.LOG_LOSS}
    assert asking(found=compared(log_loss=0.529)) == set()


def test_what_chance_explains_asks_for_nothing():
    assert asking(found=compared(slope=0.5, low=-0.1, high=1.1)) == set()
    assert asking(found=compared(log_loss=0.6, chance=0.1)) == set()


def test_without_earlier_predictions_only_age_and_drift_are_judged():
    nothing = monitor.compare(pd.DataFrame(), pd.Series(dtype=str), None, None, date(2017, 12, 8), None)
    parts = {part.reason: part for part in retrain.signs(40, drift(), nothing, RULE)}
    assert parts[Reason.SLOPE].found is None and parts[Reason.LOG_LOSS].found is None
    assert {reason for reason, part in parts.items() if part.asks} == {Reason.AGE}


def test_surprise_by_hand():
    found = calibration.surprise(np.array([1, 0, 1, 1]), np.array([0.8, 0.8, 0.8, 0.8]), 0.95)
    assert found.log_loss == pytest.approx(-(3 * np.log(0.8) + np.log(0.2)) / 4)
    assert found.expected == pytest.approx(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2)))
    assert found.chance == pytest.approx(1.6448536 * np.sqrt(0.8 * 0.2) * np.log(4) / 2)


def test_right_chances_rise_beyond_chance_as_seldom_as_they_should_and_certain_ones_nearly_always():
    rng = np.random.default_rng(5)
    rises = {"right": 0, "too sure": 0}
    for _ in range(400):
        chance = rng.beta(2, 2, 500)
        came = rng.random(500) < chance
        odds = np.log(chance / (1 - chance))
        for name, said in (("right", chance), ("too sure", 1 / (1 + np.exp(-2 * odds)))):
            found = calibration.surprise(came, said, 0.95)
            rises[name] += found.log_loss - found.expected > found.chance
    assert 0.02 < rises["right"] / 400 < 0.09 and rises["too sure"] > 390
