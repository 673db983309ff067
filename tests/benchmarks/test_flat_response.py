"""The flat response: assumptions and evidence weighed by precision, a share of spend whoever gets the benefit."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import flat_response as response
from membership.settings import params

PARAMS = params.load("benefits")
SETTINGS = PARAMS.campaigns


def told_by(*rows):
    """Return rows (kind, source, by, persona, tier, uplift, uplift_sd, systematic, usable) of effects."""
    columns = ["kind", "source", "by", "persona", "tier", "uplift", "uplift_sd", "systematic", "usable"]
    return pd.DataFrame(rows, columns=columns).assign(outcome="spend")


def uplifts(mean=0.03, sd=0.015):
    rows = [("personal_offers", "p", tier, mean, sd, "assumed") for tier in ("low", "top")]
    rows.append(("points_boost", "p", "low", 0.05, 0.02, "assumed"))
    return pd.DataFrame(rows, columns=["benefit", "persona", "tier", "uplift", "uplift_sd", "source"])


MAIL = SETTINGS.model_copy(update={"evidence": {"personal_offers": ["Mail"]}})


def test_assumed_uplifts_are_those_of_the_catalogue_for_every_persona_and_tier():
    found = response.assumed(PARAMS.benefits.catalogue, ["p", "q"], ["low", "mid", "top"])
    assert len(found) == len(PARAMS.benefits.catalogue) * 6
    offers = found[found["benefit"] == "personal_offers"]
    assert offers["uplift"].nunique() == offers["uplift_sd"].nunique() == 1
    assert set(found["source"]) == {"assumed"}


def test_evidence_and_assumption_weigh_by_precision_and_other_benefits_stay():
    told = told_by(("Mail", "randomised", "all", "", "", -0.02, 0.015, 0.0, True))
    found = response.updated(uplifts(), told, MAIL)
    np.testing.assert_allclose(found["uplift"], [0.005, 0.005, 0.05])
    np.testing.assert_allclose(found["uplift_sd"], [0.015 / np.sqrt(2)] * 2 + [0.02])
    assert found["source"].tolist() == ["randomised", "randomised", "assumed"]


def test_strong_evidence_of_harm_makes_the_uplift_negative():
    told = told_by(("Mail", "randomised", "all", "", "", -0.1, 0.005, 0.0, True))
    assert (response.updated(uplifts(), told, MAIL)["uplift"].iloc[:2] < 0).all()


def test_the_bias_that_placebos_reveal_takes_weight_from_observational_evidence():
    rows = [("Mail", "observational", "all", "", "", -0.02, 0.015, bias, True) for bias in (0.0, 0.05)]
    sure, unsure = (response.updated(uplifts(), told_by(row), MAIL) for row in rows)
    assert sure["uplift"][0] == pytest.approx(0.005)
    assert sure["uplift"][0] < unsure["uplift"][0] < 0.03
    assert sure["uplift_sd"][0] < unsure["uplift_sd"][0] < 0.015
    assert unsure["source"][0] == "observational"


def test_cells_keep_their_own_only_where_they_truly_differ():
    mean = ("Mail", "randomised", "all", "", "", 0.0, 0.01, 0.0, True)
    alike = [
        ("Mail", "randomised", "cell", "p", tier, u, 0.05, 0.0, True) for tier, u in (("low", -0.02), ("top", 0.02))
    ]
    apart = [("Mail", "randomised", "cell", "p", tier, u, 0.02, 0.0, True) for tier, u in (("low", -0.3), ("top", 0.3))]
    same = response.updated(uplifts(sd=1.0), told_by(mean, *alike), MAIL)["uplift"]
    assert same[0] == pytest.approx(same[1])
    differ = response.updated(uplifts(sd=1.0), told_by(mean, *apart), MAIL)["uplift"]
    assert differ[0] < -0.25
    assert differ[1] > 0.25


def test_randomised_campaigns_of_a_kind_are_believed_rather_than_others():
    told = told_by(
        ("Mail", "observational", "all", "", "", 0.5, 0.001, 0.0, True),
        ("Mail", "randomised", "all", "", "", 0.0, 0.015, 0.0, True),
    )
    found = response.updated(uplifts(), told, MAIL)
    assert found["uplift"][0] == pytest.approx(0.015)
    assert found["source"][0] == "randomised"


def test_what_is_not_usable_or_of_another_kind_changes_nothing():
    told = told_by(
        ("Mail", "observational", "all", "", "", 0.5, 0.001, 0.0, False),
        ("Call", "randomised", "all", "", "", 0.5, 0.001, 0.0, True),
    )
    pd.testing.assert_frame_equal(response.updated(uplifts(), told, MAIL), uplifts())


def test_an_assumption_said_to_be_certain_is_kept():
    told = told_by(("Mail", "randomised", "all", "", "", 0.5, 0.001, 0.0, True))
    assert response.updated(uplifts(sd=0.0), told, MAIL)["uplift"].tolist() == [0.03, 0.03, 0.05]
