"""The benchmark of personas: Bayes' rule is right where kinds differ, and what we find is close to it."""

import numpy as np
import pytest

from benchmarks import programme_personas
from membership.data.sources import simulate
from membership.settings import params

MARKET = programme_personas.Setting(3, 0.8, 3.0)


@pytest.fixture(scope="module")
def found():
    return programme_personas.run(1, [MARKET], members=700)


def test_personas_of_a_small_market_are_recovered_nearly_as_well_as_bayes_rule_does(found):
    row = found["rows"][0]
    assert row["personas"] == row["kinds"] == 3
    assert row["bayes"] > 0.9
    assert row["ratio"] >= programme_personas.GOAL
    assert row["members"] + row["newcomers"] == 700
    assert found["goals"][0]["reached"]


def test_bayes_rule_knows_the_kinds_and_is_sure_of_members_who_bought_much():
    knobs = params.parse(params.read()).dataset.simulate
    knobs = knobs.model_copy(update={"members": 300, "personas": 3, "persona_contrast": 0.8, "offers": 0})
    market = simulate.market(knobs, 2)
    posterior = programme_personas.log_posterior(market, knobs)
    truth = market.truth.set_index("member_id")
    bought = market.canonical.events.query("kind == 'purchase'")["member_id"].value_counts()
    right = posterior.idxmax(axis=1) == truth["persona"]
    assert np.isfinite(posterior.to_numpy()).all()
    assert right[bought.index[bought > 50]].mean() > 0.98


def test_of_members_who_never_bought_bayes_rule_knows_how_common_kinds_are_and_that_they_are_slow():
    knobs = params.parse(params.read()).dataset.simulate
    small = {"members": 40, "personas": 2, "offers": 0, "persona_contrast": 0.0, "orders_per_month": 0.0001, "days": 60}
    knobs = knobs.model_copy(update=small)
    market = simulate.market(knobs, 3)
    never = ~market.truth["member_id"].isin(market.canonical.events["member_id"])
    posterior = programme_personas.log_posterior(market, knobs)[never.to_numpy()]
    prior = np.log(market.kinds.traits["share"].to_numpy())
    assert (posterior - posterior[[0]].to_numpy()).to_numpy() == pytest.approx(
        np.tile(prior - prior[0], (len(posterior), 1)), abs=1e-6
    )
