from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.base import files, paths, tables
from membership.base.errors import DataError, ParamError, ProjectError
from membership.evaluate import decide, verdicts
from membership.evaluate.verdicts import Found, Kind
from membership.settings import params
from membership.settings.decide import Guardrail

LIVE = {"policy": "gp_topfreq", "settings": {}, "reason": "the first control"}
TUNED = {"policy": "model", "settings": {"lr": 0.01}}


NO_GUARDS = pd.DataFrame({"metric": []})
COVERED = verdicts.check("coverage check", Kind.COVERAGE, True, tests=6, repeats=200, wrong=[])
OLD = {  # data/decision.json as an earlier version wrote it: sentences instead of numbers
    "verdict": "promote",
    "reasons": ["recall_at_10 changes by +0.0200."],
    "checks": [{"name": "primary metric", "passed": True, "reason": "It changes by +0.0200.", "blocks": True}],
    "champion": {"policy": "gp_topfreq", "settings": {}},
    "challenger": TUNED,
}


def decided(world, guards=NO_GUARDS, checks=(), readings=(), **changes):
    rule = world.knobs.decide.model_copy(update=changes)
    rows = decide.of_all_members(world.run().effects.assign(by="all"), guards)
    return decide.decide(rows, world.knobs.evaluate, rule, LIVE, TUNED, checks, readings)


def check(decision, name):
    return next(check for check in decision.checks if check.name == name)


def failed(decision):
    return [check.name for check in decision.checks if check.result == "failed"]


def warned(decision):
    return [check.name for check in decision.checks if check.result == "warning"]


def spread(low, high, members=40):
    """Return a row as `guardrails.fairness` does."""
    ends = {"difference": (low + high) / 2, "low": low, "high": high}
    return pd.DataFrame([{"metric": "fairness_spread", "members": members, "control": 0.1, "treatment": 0.1, **ends}])


def test_a_better_challenger_is_promoted_and_every_check_is_a_reason(world):
    decision = decided(world)
    assert (decision.verdict, failed(decision)) == ("promote", [])
    assert decision.winner == TUNED
    assert decision.arm == "challenger"
    assert len(decision.deciding) == len(decision.checks) == 3 + len(world.knobs.decide.guardrails)


def test_identical_policies_keep_the_champion(world):
    world.change("challenger", world.values("champion"))
    decision = decided(world)
    assert decision.verdict == "keep"
    assert decision.winner == {"policy": "gp_topfreq", "settings": {}}
    assert failed(decision) == ["primary metric"]
    (primary,) = decision.deciding
    assert (primary.kind, primary.found, primary.numbers["difference"]) == (Kind.PRIMARY, Found.NO, 0)


def test_an_uncertain_improvement_keeps_the_champion(world):
    world.change("challenger", np.random.default_rng(2).uniform(0, 0.9, 40), ["recall_at_10"])
    decision = decided(world)
    assert failed(decision) == ["primary metric"]
    assert decision.deciding[0].numbers["low"] <= decision.deciding[0].numbers["margin"] == 0


def test_a_primary_metric_without_variance_keeps_the_champion(world):
    world.change("champion", np.full(40, 0.5))
    world.change("challenger", np.full(40, 0.5))
    assert "primary metric" in failed(decided(world))


def test_an_improvement_below_the_margin_keeps_the_champion(world):
    assert failed(decided(world, margin=0.2)) == ["primary metric"]


def test_the_spread_over_trainings_widens_the_interval_as_a_second_variance_would(world):
    primary, anew = decided(world, training_sd=0.03).checks[1:3]
    now, then = primary.numbers, anew.numbers
    assert (anew.kind, then["sd"]) == (Kind.TRAINING, 0.03)
    half, wider = now["high"] - now["difference"], then["high"] - then["difference"]
    assert wider**2 == pytest.approx(half**2 + (1.959964 * 0.03) ** 2)
    assert then["difference"] - then["low"] == pytest.approx(wider) and then["share"] == pytest.approx(0.03 / half)


def test_an_improvement_that_another_training_may_not_repeat_warns_and_does_not_block(world):
    decision = decided(world, training_sd=1.0)
    assert (decision.verdict, failed(decision), warned(decision)) == ("promote", [], ["another training"])


def test_where_the_spread_over_trainings_is_not_measured_or_nobody_is_there_nothing_is_said_of_it(world):
    rows = decide.of_all_members(world.run().effects.assign(by="all"), NO_GUARDS)
    nobody = rows.assign(members=rows["members"].where(rows.index != "recall_at_10", 0))
    for sd, known in (None, rows), (0.03, nobody):
        rule = world.knobs.decide.model_copy(update={"training_sd": sd})
        found = decide.decide(known, world.knobs.evaluate, rule, LIVE, TUNED)
        assert Kind.TRAINING not in {check.kind for check in found.checks}


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
    numbers = decision.deciding[0].numbers
    assert (numbers["metric"], numbers["margin"], numbers["confidence"]) == ("hit_at_10", 0.01, 0.95)
    assert numbers["low"] < -0.01 and abs(numbers["difference"]) < 0.01


@pytest.mark.parametrize(("rise", "verdict"), [(4, "promote"), (6, "keep")])
def test_a_cost_loses_by_rising_beyond_its_margin(world, rise, verdict):
    world.outcomes["discount_per_item_at_10"] = 50.0
    world.change("challenger", 50.0 + np.full(40, rise), ["discount_per_item_at_10"])
    decision = decided(world, guardrails=[Guardrail(metric="discount_per_item_at_10", margin=5)])
    assert decision.verdict == verdict
    numbers = check(decision, "guardrail discount_per_item_at_10").numbers
    assert (numbers["difference"], numbers["unit"], numbers["higher_is_better"]) == (rise, "cents an item", False)


@pytest.mark.parametrize(("high", "verdict"), [(0.019, "promote"), (0.021, "keep")])
def test_groups_may_drift_apart_by_no_more_than_the_margin(world, high, verdict):
    rule = [Guardrail(metric="fairness_spread", margin=0.02)]
    decision = decided(world, spread(-0.5, high), guardrails=rule)
    assert decision.verdict == verdict
    assert failed(decision) == ([] if verdict == "promote" else ["guardrail fairness_spread"])


def test_where_nothing_is_known_of_groups_fairness_warns_and_does_not_block(world):
    decision = decided(world, spread(-np.inf, np.inf, 0), guardrails=[Guardrail(metric="fairness_spread", margin=0.02)])
    assert decision.verdict == "promote"
    guardrail = check(decision, "guardrail fairness_spread")
    assert (guardrail.result, guardrail.found, guardrail.numbers["low"]) == ("warning", Found.NO_GROUPS, None)


@pytest.mark.parametrize("kind", [Kind.COVERAGE, Kind.AA, Kind.SAMPLE_RATIO, Kind.DRIFT])
def test_a_check_of_another_stage_that_fails_keeps_the_champion(world, kind):
    decision = decided(world, checks=[COVERED, verdicts.check("broken", kind, False)])
    assert (decision.verdict, failed(decision)) == ("keep", ["broken"])


def test_drift_that_does_not_block_warns(world):
    drift = verdicts.check("drift", Kind.DRIFT, False, blocks=False)
    decision = decided(world, checks=[COVERED, drift])
    assert decision.verdict == "promote"
    assert [check.result for check in decision.checks[-2:]] == ["passed", "warning"]
    assert drift in decision.deciding


def test_what_was_decided_is_a_row_a_check(world):
    rows = decided(world, margin=0.9).rows(date(2017, 12, 1))
    tables.write("decisions", rows)
    stored = tables.read("decisions").set_index("check")
    primary = stored.loc["primary metric"]
    assert (primary["kind"], primary["result"], primary["found"], primary["margin"]) == ("primary", "failed", "no", 0.9)
    assert primary["low"] < primary["difference"] < primary["high"]
    assert np.isnan(stored.loc["another policy", "difference"])
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
    numbers = decision.deciding[0].numbers
    assert numbers["low"] < numbers["difference"] == 0 < numbers["high"]


def test_a_metric_that_nobody_has_keeps_the_champion(world):
    world.outcomes["explore_recall_at_10"] = np.nan
    decision = decided(world)
    assert failed(decision) == ["guardrail explore_recall_at_10"]
    assert (decision.deciding[0].found, decision.deciding[0].numbers["difference"]) == (Found.NOBODY, None)


@pytest.mark.parametrize("metric", ["profit", "recall_at_5"])
def test_an_unknown_guardrail_is_said_with_the_metrics_there_are(world, metric):
    match = rf"decide.guardrails: metric '{metric}' is unknown; there are: recall_at_10, .*catalogue_coverage"
    with pytest.raises(ParamError, match=match):
        decided(world, guardrails=[Guardrail(metric=metric, margin=0.0)])


def test_an_unknown_primary_metric_is_said_with_the_metrics_there_are(world):
    knobs = world.knobs.evaluate.model_copy(update={"primary_metric": "profit"})
    with pytest.raises(ParamError, match=r"evaluate.primary_metric: metric 'profit' is unknown; there are: recall"):
        decide.decide(world.rows(), knobs, world.knobs.decide, LIVE, TUNED)


def test_a_challenger_that_is_live_already_is_not_promoted_again(world):
    live = {**TUNED, "reason": "promoted before", "previous": LIVE}
    decision = decide.decide(world.rows(), world.knobs.evaluate, world.knobs.decide, live, TUNED)
    assert failed(decision) == ["another policy"]
    assert decision.deciding[0].numbers == {"champion": "model", "challenger": "model"}


def test_promotion_then_rollback_gives_the_champion_back(world):
    promoted = decide.promote(decided(world), LIVE, "It is better.")
    assert promoted == {**TUNED, "reason": "It is better.", "previous": LIVE}
    assert decide.rollback(promoted) == LIVE


def test_a_decision_to_keep_is_not_promoted_unless_forced(world):
    decision = decided(world, margin=0.9)
    with pytest.raises(ProjectError, match=r"keep 'gp_topfreq': It is not better. champion.json is unchanged"):
        decide.promote(decision, LIVE, "It is not better.")
    reason = decide.promote(decision, LIVE, "It is not better.", force=True)["reason"]
    assert "by hand against the decision" in reason


def test_a_decision_about_another_champion_is_not_promoted(world):
    with pytest.raises(ProjectError, match=r"champion.json has changed since .*'tifuknn'.*run `dvc repro`"):
        decide.promote(decided(world), {"policy": "tifuknn", "settings": {}}, "")


def test_a_decision_is_read_as_it_was_made(world):
    decision = decided(world, margin=0.9, checks=[COVERED])
    files.write_json(paths.data("decision.json"), decision.to_json() | {"fairness": []})
    assert decide.read() == decision


def test_a_decision_of_an_earlier_version_is_refused_and_never_misread(workspace):
    for found in (OLD, OLD | {"checks": []} | {"champion": None}, {"verdict": "promote"}):
        files.write_json(paths.data("decision.json"), {key: value for key, value in found.items() if value})
        with pytest.raises(DataError, match=r"decision.json: .*run `dvc repro` to make it again"):
            decide.read()


def test_there_is_nothing_to_roll_back_to_from_the_first_champion():
    with pytest.raises(ProjectError, match="'gp_topfreq' has no previous champion"):
        decide.rollback(LIVE)


def test_decision_metrics_are_numbers(world):
    flat = decide.flat(decided(world, margin=0.9, training_sd=None))
    assert flat == {
        "promote": 0, "checks": 5, "checks_passed": 4, "checks_that_could_not_fail": 0, "warnings": 0
    }  # fmt: skip


@pytest.mark.parametrize(("own", "result"), [(0.0002, "could not fail"), (0.0049, "passed"), (0.2, "passed")])
def test_a_guardrail_whose_margin_exceeds_the_champions_own_value_is_not_counted_as_passed(world, own, result):
    noise = np.tile([1.0, -1.0], 20) * min(0.2 * own, 0.001)
    world.change("champion", own + noise, ["explore_recall_at_10"])
    world.change("challenger", own - noise * 2, ["explore_recall_at_10"])
    rule = [Guardrail(metric="explore_recall_at_10", margin=0.005)]
    decision = decided(world, guardrails=rule, training_sd=None)
    if own == 0.0049:  # all of it and the width of the interval are more than the margin
        world.change("challenger", np.zeros(40), ["explore_recall_at_10"])
        assert decided(world, guardrails=rule).verdict == "keep"
    guardrail = check(decision, "guardrail explore_recall_at_10")
    assert (decision.verdict, guardrail.result, guardrail.numbers["control"]) == ("promote", result, pytest.approx(own))
    idle = int(result == "could not fail")
    counts = decision.to_json()["counts"]
    assert counts == {"checks": 3, "passed": 3 - idle, "could_not_fail": idle, "warnings": 0}
    assert decide.flat(decision)["checks_that_could_not_fail"] == idle
    tables.write("decisions", decision.rows(date(2017, 12, 1)))
    assert tables.read("decisions").set_index("check").loc[guardrail.name, "result"] == result


@pytest.mark.parametrize(("margin", "result"), [(0.9, "passed"), (1.1, "could not fail")])
def test_a_spread_between_groups_cannot_rise_by_more_than_all_there_is(world, margin, result):
    decision = decided(world, spread(-0.02, 0.02), guardrails=[Guardrail(metric="fairness_spread", margin=margin)])
    assert check(decision, "guardrail fairness_spread").result == result


def test_a_check_that_could_not_fail_blocks_nothing_and_fails_nothing(world):
    idle = verdicts.check("A/A check", Kind.AA, True, could_fail=False, tests=1, repeats=20, wrong=[], idle=["t"])
    decision = decided(world, checks=[idle])
    assert (decision.verdict, idle.result) == ("promote", "could not fail")
    assert verdicts.from_json(verdicts.to_json([idle]), "here") == (idle,)


def reading(verdict, **changed):
    policies = {"champion": {"policy": "gp_topfreq", "settings": {}}, "challenger": TUNED}
    told = {"trial": "spring", "began": "2024-03-01", "given": {"treatment": "challenger"}, "policies": policies}
    return told | {"verdicts": {"treatment": verdict}} | changed


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ([], "trial"),
        ([reading("adopt")], "promote"),
        ([reading("undecided")], "trial"),
        ([reading("withheld")], "trial"),
        ([reading("reject")], "keep"),
        ([reading("adopt", policies={"champion": {}, "challenger": TUNED})], "trial"),  # of another champion
        ([reading("adopt", given={"treatment": "champion"})], "trial"),
        ([reading("adopt"), reading("reject", began="2024-05-01")], "keep"),
        ([reading("reject"), reading("adopt", began="2024-05-01")], "promote"),
    ],
)
def test_where_the_rule_asks_for_a_live_test_the_last_one_of_both_policies_decides(world, readings, verdict):
    decision = decided(world, readings=readings, live_test=True)
    assert decision.verdict == verdict
    assert decision.arm == ("challenger" if verdict == "promote" else "champion")
    assert decide.flat(decision)["promote"] == (verdict == "promote")


def test_without_the_rule_a_live_test_changes_nothing(world):
    assert decided(world, readings=[reading("reject")]).verdict == "promote"


def test_what_is_to_be_tried_first_is_not_promoted(world):
    with pytest.raises(ProjectError, match="first try it in a live test"):
        decide.promote(decided(world, live_test=True), LIVE, "because")


def test_what_cannot_pass_is_not_tried(world):
    assert decided(world, readings=[reading("adopt")], live_test=True, margin=0.9).verdict == "keep"
