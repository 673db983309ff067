"""What tiers are believed to change: assumption and measurement by precision, by hand and as an average over draws."""

import numpy as np
import pandas as pd
import pytest

from membership.settings import params
from membership.settings.tiers import Pull, Tier
from membership.tiers import beliefs

KNOBS = params.parse(params.read()).tiers.model_copy(
    update={
        "levels": [
            Tier(name="Base", points_multiplier=1, cost=0, uplift=0, uplift_sd=0),
            Tier(name="Mid", points_multiplier=1, cost=0, uplift=0.1, uplift_sd=0.3),
            Tier(name="Top", points_multiplier=1, cost=0, uplift=0.2, uplift_sd=0.4),
        ],
        "pull": Pull(reach=0.1, uplift=0.03, uplift_sd=0.02),
    }
)


def step(tier, effect, sd, bounded=True):
    end = 1.0 if bounded else np.inf
    return {"tier": tier, "effect": effect, "sd": sd, "low": -end, "high": end, "design": "threshold"}


def test_assumptions_are_independent_and_used_as_they_are():
    found = beliefs.assumed(KNOBS)
    assert found.names == ("Base", "Mid", "Top", "pull")
    assert found.mean.tolist() == [0, 0.1, 0.2, 0.03]
    assert found.sd == pytest.approx([0, 0.3, 0.4, 0.02])
    assert found.used(KNOBS).levels[1].uplift == 0.1
    assert found.correlation.tolist() == np.eye(4).tolist()


def test_a_step_from_the_entry_tier_weighs_by_precision():
    found = beliefs.learned(beliefs.assumed(KNOBS), pd.DataFrame([step("Mid", 0.4, 0.3)]))
    assert found.mean == pytest.approx([0, 0.25, 0.2, 0.03])  # as precise as the assumption: halfway
    assert found.sd == pytest.approx([0, 0.3 / np.sqrt(2), 0.4, 0.02])


def test_a_step_between_two_tiers_moves_both_and_ties_them():
    found = beliefs.learned(beliefs.assumed(KNOBS), pd.DataFrame([step("Top", 0.1 / 1.1, 0.0001)]))
    assert found.mean == pytest.approx([0, 0.1, 0.2, 0.03])  # as assumed: .2 less .1 is a share .1 of 1.1
    assert found.cov[1, 2] == pytest.approx(found.cov[1, 1], rel=1e-3)  # what is left unknown is common to both
    assert found.cov[1, 1] == pytest.approx(1 / (1 / 0.09 + 1 / 0.16), rel=1e-3)


def test_what_the_data_do_not_bound_changes_nothing():
    prior = beliefs.assumed(KNOBS)
    nothing = [step("Mid", np.nan, np.nan), step("Top", 5.0, 0.1, bounded=False), step("Mid", 1.0, 0.0)]
    after = beliefs.learned(prior, pd.DataFrame(nothing))
    assert (after.mean == prior.mean).all()
    assert (after.cov == prior.cov).all()


def test_what_is_certain_stays():
    sure = [level.model_copy(update={"uplift_sd": 0.0}) for level in KNOBS.levels]
    found = beliefs.learned(
        beliefs.assumed(KNOBS.model_copy(update={"levels": sure})), pd.DataFrame([step("Mid", 9, 1)])
    )
    assert found.mean.tolist() == [0, 0.1, 0.2, 0.03]


def test_the_order_of_steps_does_not_matter():
    steps = pd.DataFrame([step("Mid", 0.3, 0.1), step("Top", -0.1, 0.2)])
    one, other = (beliefs.learned(beliefs.assumed(KNOBS), table) for table in (steps, steps[::-1]))
    assert one.mean == pytest.approx(other.mean)
    assert one.cov == pytest.approx(other.cov)


def test_stored_beliefs_come_back():
    found = beliefs.learned(beliefs.assumed(KNOBS), pd.DataFrame([step("Mid", 0.4, 0.3)]))
    again = beliefs.from_json(found.to_json())
    assert again.names == found.names
    assert (again.cov == found.cov).all()


def test_assumed_learned_and_used_stand_side_by_side():
    prior, steps = beliefs.assumed(KNOBS), pd.DataFrame([step("Mid", 0.4, 0.3)])
    table = beliefs.beside(prior, steps, beliefs.learned(prior, steps))
    assert table.index.tolist() == ["Mid", "Top"]
    assert table.loc["Mid", ["assumed", "learned", "used"]].tolist() == pytest.approx([0.1, 0.4, 0.25])
    assert np.isnan(table.loc["Top", "learned"])
