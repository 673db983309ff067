"""The two readings of one comparison side by side, and what CUPED takes off."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from membership.evaluate import arms, randomised


@pytest.fixture
def both(world, tiers):
    """The two readings of the small evaluation: the paired comparison, and a trial with a covariate for recall."""
    champion = world.outcomes[world.outcomes["policy"] == "champion"]
    noise = np.random.default_rng(3).normal(0, 0.1, 40)
    known = champion[["member_id"]].assign(recall_at_10=champion["recall_at_10"].to_numpy() + noise)
    seen = arms.observe(arms.assign(tiers, "salt"), world.outcomes, known)
    trial = randomised.analyse(seen, randomised.measures(["recall_at_10", "hit_at_10"]), world.knobs.evaluate)
    return world.run(), trial


def test_the_readings_stand_side_by_side_and_the_paired_one_is_the_narrower(both):
    readings = randomised.readings(*both)
    assert readings["reading"].tolist() == ["paired", "randomised", "randomised"]
    assert readings["method"].tolist() == ["t", "Welch", "CUPED"]
    assert readings["members"].tolist() == [40, 40, 40]
    assert readings["times"].iloc[0] == 1 < readings["times"].iloc[1:].min()


def test_the_randomised_interval_is_wider_by_what_the_correlation_predicts(world, both):
    champion, challenger = world.values("champion"), world.values("challenger")
    wider = randomised.wider(world.outcomes, randomised.readings(*both), "recall_at_10")
    assert wider.together == pytest.approx(np.corrcoef(champion, challenger)[0, 1])
    expected = np.sqrt(2 * (champion.var() + challenger.var()) / (challenger - champion).var())
    assert wider.expected == pytest.approx(expected)
    assert wider.times == pytest.approx(expected, rel=0.25)


@pytest.mark.filterwarnings("error")
def test_readings_without_width_or_variance_are_not_compared(world, both):
    found, trial = both
    alike = found.effects.assign(low=0.0, high=0.0)
    readings = randomised.readings(dataclasses.replace(found, effects=alike), trial)
    assert readings["times"].isna().all()
    assert randomised.wider(world.outcomes, readings, "recall_at_10") is None
    world.change("champion", np.full(40, 0.5))
    assert randomised.wider(world.outcomes, randomised.readings(found, trial), "recall_at_10") is None


def test_cuped_cuts_about_the_square_of_the_correlation(both):
    found = randomised.cut(both[1], "recall_at_10")
    assert found.share == pytest.approx(found.correlation**2, abs=0.1)
    assert randomised.cut(both[1], "hit_at_10") is None  # nothing is known of it from before


def test_the_arms_are_counted_beside_the_gate(both, world):
    assert both[1].arms == {
        "champion": 20,
        "challenger": 20,
        "came": 40,
        "p_value": 1.0,
        "gate": 0.001,
        "readable": True,
    }
    members = both[1].members
    thrice = pd.concat([members, *[members[members["arm"] == "champion"]] * 3])
    shut = randomised.analyse(thrice, randomised.measures(["recall_at_10"]), world.knobs.evaluate)
    assert shut.arms["champion"] == 80 and not shut.arms["readable"]
    assert randomised.cut(shut, "recall_at_10") is None


def test_metrics_are_flat_and_hold_both_methods(both):
    flat = randomised.flat(both[1], "recall_at_10")
    for method in ("welch", "cuped"):
        name = f"randomised_{method}_recall_at_10"
        assert flat[f"{name}_low"] < flat[name] < flat[f"{name}_high"]
    assert flat["randomised_sample_ratio_p_value"] == 1.0


def test_a_measure_has_the_unit_of_its_metric(both):
    assert [each.unit for each in randomised.measures(["margin_at_10", "recall_at_10"])] == ["cents", "share"]
    assert both[1].effects["unit"].unique().tolist() == ["share"]
