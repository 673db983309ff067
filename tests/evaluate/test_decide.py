from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import ParamError, ProjectError
from membership.evaluate import decide
from membership.settings import params
from membership.settings.decide import Guardrail

LIVE = {"policy": "gp_topfreq", "settings": {}, "reason": "the first control"}
TUNED = {"policy": "model", "settings": {"lr": 0.01}}


COVERED = decide.Check("coverage check", True, "As often as chance allows.")


def decided(world, guards=None, checks=(), **changes):
    rule = world.knobs.decide.model_copy(update=changes)
    return decide.decide(world.run(), rule, LIVE, TUNED, guards, checks)


def failed(decision):
    return [check.name for check in decision.checks if not check.passed]


def spread(low, high, members=40):
    """Return a row as `guardrails.fairness` does."""
    ends = {"difference": (low + high) / 2, "low": low, "high": high}
    return pd.DataFrame([{"metric": "fairness_spread", "members": members, "control": 0.1, "treatment": 0.1, **ends}])


def test_a_better_challenger_is_promoted_and_every_check_is_a_reason(world):
    decision = decided(world)
    assert (decision.verdict, failed(decision)) == ("promote", [])
    assert decision.winner == TUNED
    assert decision.arm == "challenger"
    assert len(decision.reasons) == len(decision.checks) == 3 + len(world.knobs.decide.guardrails)


def test_identical_policies_keep_the_champion(world):
    world.change("challenger", world.values("champion"))
    decision = decided(world)
    assert decision.verdict == "keep"
    assert decision.winner == {"policy": "gp_topfreq", "settings": {}}
    assert failed(decision) == ["primary metric"]
    assert "recall_at_10 changes by +0.0000" in decision.reasons[0]


def test_an_uncertain_improvement_keeps_the_champion(world):
    world.change("challenger", np.random.default_rng(2).uniform(0, 0.9, 40), ["recall_at_10"])
    decision = decided(world)
    assert failed(decision) == ["primary metric"]
    assert "not above the margin 0" in decision.reasons[0]


def test_a_primary_metric_without_variance_keeps_the_champion(world):
    world.change("champion", np.full(40, 0.5))
    world.change("challenger", np.full(40, 0.5))
    assert "primary metric" in failed(decided(world))


def test_an_improvement_below_the_margin_keeps_the_champion(world):
    assert failed(decided(world, margin=0.2)) == ["primary metric"]


@pytest.mark.parametrize(("loss", "verdict"), [(0.004, "promote"), (0.006, "keep")])
def test_a_guardrail_may_lose_no_more_than_its_margin(world, loss, verdict):
    world.change("challenger", world.values("champion") - loss, ["hit_at_10"])
    decision = decided(world, guardrails=[Guardrail(metric="hit_at_10", margin=0.005)])
    assert decision.verdict == verdict
    assert failed(decision) == ([] if verdict == "promote" else ["guardrail hit_at_10"])


def test_a_guardrail_too_uncertain_to_be_safe_keeps_the_champion(world):
    world.change("challenger", world.values("champion") + np.tile([0.5, -0.5], 20), ["hit_at_10"])
    decision = decided(world)
    assert failed(decision) == ["guardrail hit_at_10"]
    assert "a loss of more than 0.01 is not ruled out" in decision.reasons[0]


@pytest.mark.parametrize(("rise", "verdict"), [(4, "promote"), (6, "keep")])
def test_a_cost_loses_by_rising_beyond_its_margin(world, rise, verdict):
    world.outcomes["discount_cost_at_10"] = 50.0
    world.change("challenger", 50.0 + np.full(40, rise), ["discount_cost_at_10"])
    decision = decided(world, guardrails=[Guardrail(metric="discount_cost_at_10", margin=5)])
    assert decision.verdict == verdict
    said = "not ruled out" if verdict == "keep" else "ruled out"
    assert (
        decision.checks[2].reason
        == f"discount_cost_at_10 changes by +{rise}.0 cents a member; a rise of more than 5 is {said}."
    )


@pytest.mark.parametrize(("high", "verdict"), [(0.019, "promote"), (0.021, "keep")])
def test_groups_may_drift_apart_by_no_more_than_the_margin(world, high, verdict):
    rule = [Guardrail(metric="fairness_spread", margin=0.02)]
    decision = decided(world, spread(-0.5, high), guardrails=rule)
    assert decision.verdict == verdict
    assert failed(decision) == ([] if verdict == "promote" else ["guardrail fairness_spread"])


def test_where_nothing_is_known_of_groups_fairness_warns_and_does_not_block(world):
    decision = decided(world, spread(-np.inf, np.inf, 0), guardrails=[Guardrail(metric="fairness_spread", margin=0.02)])
    assert decision.verdict == "promote"
    assert decision.table.set_index("check").loc["guardrail fairness_spread", "result"] == "warning"


@pytest.mark.parametrize("name", ["coverage check", "sample ratio", "drift"])
def test_a_check_of_another_stage_that_fails_keeps_the_champion(world, name):
    broken = decide.from_json([{"name": name, "passed": False, "reason": "It is broken."}])
    decision = decided(world, checks=[COVERED, *broken])
    assert (decision.verdict, decision.reasons) == ("keep", ["It is broken."])


def test_drift_that_does_not_block_warns(world):
    drift = decide.from_json([{"name": "drift", "passed": False, "reason": "Spend has drifted."}], blocks=False)
    decision = decided(world, checks=[COVERED, *drift])
    assert decision.verdict == "promote"
    assert decision.table["result"].tolist()[-2:] == ["passed", "warning"]
    assert "Spend has drifted." in decision.reasons


def test_an_aa_check_of_another_stage_stands_for_the_experiments_own(world):
    handed = decide.from_json([{"name": "A/A check", "passed": True, "reason": "5 tests."}])
    decision = decided(world, checks=handed)
    assert [check.reason for check in decision.checks if check.name == "A/A check"] == ["5 tests."]


def test_a_tier_without_members_changes_no_decision(world):
    expected = decided(world).table
    empty = pd.DataFrame({"member_id": ["unseen"], "tier": ["Platinum"], "tier_rank": [2]})
    world.tiers = pd.concat([world.tiers, empty], ignore_index=True)
    pd.testing.assert_frame_equal(decided(world).table, expected)


def test_what_was_decided_is_a_row_a_check(world):
    rows = decided(world, margin=0.9).rows(date(2017, 12, 1))
    tables.write("decisions", rows)
    stored = tables.read("decisions").set_index("check")
    assert stored.loc["primary metric", "result"] == "failed"
    assert stored["verdict"].unique().tolist() == ["keep"]
    assert (stored["champion"] + stored["challenger"]).unique().tolist() == ["gp_topfreqmodel"]


def test_the_rule_of_the_project_names_each_guardrail_once(workspace):
    with pytest.raises(ParamError, match="metric hit_at_10 comes twice"):
        params.load("decide", {"decide.guardrails": [{"metric": "hit_at_10", "margin": 0.1}] * 2})


def test_lost_coverage_keeps_the_champion(world):
    world.recommendations["item_id"] = world.recommendations["item_id"].iloc[::-1].to_numpy()
    assert failed(decided(world)) == ["guardrail catalogue_coverage"]


def test_coverage_too_uncertain_to_be_safe_keeps_the_champion(world):
    world.recommendations["item_id"] = ["a"] * 39 + ["b", "c"] + ["a"] * 39
    decision = decided(world)
    assert failed(decision) == ["guardrail catalogue_coverage"]
    assert "changes by +0.0000 (95% interval" in decision.reasons[0]


def test_a_failed_aa_check_keeps_the_champion(world):
    found = world.run()
    broken = replace(found, aa=replace(found.aa, rejection_share=0.4))
    decision = decide.decide(broken, world.knobs.decide, LIVE, TUNED)
    assert failed(decision) == ["A/A check"]
    assert "40.0% of 60 tests" in decision.reasons[0]
    assert "cannot be trusted" in decision.reasons[0]


def test_a_metric_that_nobody_has_keeps_the_champion(world):
    world.outcomes["explore_recall_at_10"] = np.nan
    decision = decided(world)
    assert failed(decision) == ["guardrail explore_recall_at_10"]
    assert decision.reasons[0].startswith("No member has a value of explore_recall_at_10")


def test_an_unknown_guardrail_is_said_with_the_metrics_there_are(world):
    with pytest.raises(ParamError, match=r"'profit' is unknown; there are: recall_at_10, .*catalogue_coverage"):
        decided(world, guardrails=[Guardrail(metric="profit", margin=0.0)])


def test_a_challenger_that_is_live_already_is_not_promoted_again(world):
    live = {**TUNED, "reason": "promoted before", "previous": LIVE}
    decision = decide.decide(world.run(), world.knobs.decide, live, TUNED)
    assert failed(decision) == ["another policy"]
    assert decision.reasons == ["The challenger 'model' is live already."]


def test_promotion_then_rollback_gives_the_champion_back(world):
    promoted = decide.promote(decided(world).to_json(), LIVE)
    assert promoted["policy"] == "model"
    assert promoted["settings"] == TUNED["settings"]
    assert promoted["previous"] == LIVE
    assert "recall_at_10 changes by" in promoted["reason"]
    assert decide.rollback(promoted) == LIVE


def test_a_decision_to_keep_is_not_promoted_unless_forced(world):
    decision = decided(world, margin=0.9).to_json()
    with pytest.raises(ProjectError, match=r"keep 'gp_topfreq': recall_at_10 .* champion.json is unchanged"):
        decide.promote(decision, LIVE)
    assert decide.promote(decision, LIVE, force=True)["reason"].startswith("Promoted by hand against the decision")


def test_a_decision_about_another_champion_is_not_promoted(world):
    with pytest.raises(ProjectError, match=r"champion.json has changed since .*'tifuknn'.*run `dvc repro`"):
        decide.promote(decided(world).to_json(), {"policy": "tifuknn", "settings": {}})


def test_there_is_nothing_to_roll_back_to_from_the_first_champion():
    with pytest.raises(ProjectError, match="'gp_topfreq' has no previous champion"):
        decide.rollback(LIVE)


def test_decision_metrics_are_numbers(world):
    flat = decide.metrics(decided(world, margin=0.9))
    assert flat == {"promote": 0, "checks": 6, "checks_passed": 5, "warnings": 0}
