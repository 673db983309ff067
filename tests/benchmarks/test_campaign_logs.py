"""A randomised e-mail log through files: the README's mapping is right, and arms arrive as they were drawn."""

import numpy as np
import pytest

from benchmarks import campaign_logs, email_log
from membership.base import tables


@pytest.fixture(scope="module")
def drawn():
    return email_log.drawn(3000, 1)


@pytest.fixture(scope="module")
def found(drawn):
    return campaign_logs.one_log(drawn)


def test_the_mapping_of_the_readme_reads_every_member_arm_and_order(drawn, tmp_path):
    p, timezone, read = campaign_logs.mapped(drawn.log, tmp_path)
    exposures = tables.check("exposures", read.exposures)
    arms = exposures.set_index(exposures["member_id"].astype(int))["arm"].sort_index()
    assert arms.tolist() == drawn.log["segment"].replace({"No E-Mail": "control"}).tolist()
    bought = read.events[(read.events["kind"] == "purchase") & (read.events["local_at"] >= email_log.SENT)]
    assert len(bought) == drawn.log["conversion"].sum()
    assert bought["amount"].sum() == pytest.approx(100 * drawn.log["spend"].sum())
    assert (timezone, p.campaigns.attributes[:2]) == ("America/New_York", ["mens", "womens"])


def test_every_member_counts_once_in_the_comparison_of_arms(found, drawn):
    assert found["rows"] == len(drawn.log)
    reached = {name: row["members"] for name, row in found["arms"].items()}
    assert reached == drawn.log["segment"].value_counts()[list(reached)].to_dict()
    assert found["left_out"] == {}


def test_both_arms_are_learned_from_as_randomised(found):
    assert {row["source"] for row in found["learned"].values()} == {"randomised"}
    assert set(found["effects"]["ordered"]) == {"E-Mail / Mens E-Mail", "E-Mail / Womens E-Mail"}


def test_e_mails_that_change_nothing_have_no_true_gain_and_the_others_one_each():
    assert (email_log.drawn(100, 2, effect=0.0).gain == 0).all()
    gain = email_log.drawn(50_000, 2).gain.mean(axis=0)
    log = email_log.drawn(50_000, 2).log
    means = log.groupby("segment")["spend"].mean()
    np.testing.assert_allclose(gain, means[list(email_log.ARMS)] - means[email_log.NONE], atol=0.6)
    assert gain[0] > gain[1] > 0
