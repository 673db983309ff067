import pandas as pd
import pytest

from membership.evaluate import decide, experiment, segments
from membership.report.old_words import findings
from membership.report.old_words import memo as summary

TRIAL = {
    "gate": "The arms may be read.",
    "plan": "A difference of +0.0100 takes 12 weeks.",
    "readings": [
        {"reading": "paired", "difference": 0.1, "low": 0.05, "high": 0.15},
        {"reading": "randomised, Welch", "difference": 0.09, "low": -0.02, "high": 0.2},
        {"reading": "randomised, CUPED", "difference": 0.08, "low": 0.01, "high": 0.15},
    ],
}
COSTS = {
    "tiers_cost": 300_000.0, "tiers_net": 415_000.0, "benefit_cost": 500_000.0, "benefit_net": 587_000.0,
    "benefit_net_low": -81_000.0, "benefit_net_high": 1_255_000.0, "benefit_p_pays": 0.96,
}  # fmt: skip
GROUPS = {"metric": "fairness_spread", "members": 30, "control": 0.1, "treatment": 0.15, "difference": 0.05}
GUARDS = pd.DataFrame([GROUPS | {"low": -0.01, "high": 0.11, "between": "age"}])


@pytest.fixture
def decision(world):
    champion, challenger = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {"lr": 0.01}}
    return decide.decide(world.run(), world.knobs.decide, champion, challenger)


@pytest.fixture
def memo(decision, world, programme, tiers):
    profile = tiers[["member_id"]].assign(persona="Cook", stage="loyal")
    by_segment = segments.run(
        *experiment.arms(world.outcomes), "recall_at_10", segments.groups(tiers, profile), world.knobs.evaluate, 1
    )
    return summary.Memo(decision, world.run(), GUARDS, by_segment, TRIAL, programme, COSTS)


@pytest.fixture
def programme(tiers):
    value = tiers[["member_id"]].assign(value=1000.0, p_repurchase=0.25)
    allocations = pd.DataFrame({"member_id": ["m00", "m39", "m39"], "cost": [100.0, 50, 50], "gain": [300.0, 100, 0]})
    return summary.programme(value, tiers, allocations)


def test_the_programme_adds_up_by_tier_and_in_all(programme):
    assert programme["tier"].tolist() == ["Member", "Gold", "all"]
    assert programme["members"].tolist() == [20, 20, 40]
    assert programme["value"].tolist() == [20_000, 20_000, 40_000]
    assert programme["repurchasing"].tolist() == [5, 5, 10]
    assert programme["with_benefits"].tolist() == [1, 1, 2]
    assert programme["cost"].tolist() == [100, 100, 200]
    assert programme["net"].tolist() == [200, 0, 200]


def test_the_programme_without_benefits_costs_and_gains_nothing(tiers):
    value = tiers[["member_id"]].assign(value=1000.0, p_repurchase=0.25)
    nothing = summary.programme(value, tiers, pd.DataFrame({"member_id": [], "cost": [], "gain": []}))
    assert nothing[["cost", "gain", "net", "with_benefits"]].to_numpy().sum() == 0
    assert summary.metrics(nothing, 0)["programme_budget_used"] == 0


def test_programme_metrics_are_the_totals(programme):
    flat = summary.metrics(programme, 400)
    assert (flat["programme_net"], flat["programme_budget_used"], flat["programme_value"]) == (200, 0.5, 40_000)


def test_programme_amounts_are_in_units_of_currency(programme):
    lines = summary.programme_table(programme, 400, "EUR").splitlines()
    assert "value, EUR" in lines[0]
    assert lines[-1] == "| all | 40 (100%) | 400 (100%) | 10 (25%) | 2 | 2 (50% of the budget) | 4 | 2 |"


def test_the_page_says_decision_claims_and_limits_and_is_the_same_each_time(memo, world):
    path = summary.write(memo, world.knobs)
    first = path.read_bytes()
    assert summary.write(memo, world.knobs).read_bytes() == first
    page = first.decode()
    assert "**Decision: promote 'model'.**" in page
    assert f"<!-- result -->\n{findings.result_table(memo.experiment, GUARDS)}\n<!-- /result -->" in page
    assert "predicted under held-out logs, never caused" in page
    assert "observational" in page
    assert "nobody has lived under these rules" in page
    assert "nan" not in page.lower()


def test_what_was_predicted_is_kept_before_another_policy_goes_live(memo, world):
    page = summary.write(memo, world.knobs).read_text()
    assert 0 < page.index("`make live`") < page.index("`make promote`")


def test_the_memo_is_a_page_and_has_three_claims(memo, world):
    lines = summary.write(memo, world.knobs).read_text().splitlines()
    assert len(lines) <= 70
    claims = lines[lines.index("## Three claims, never merged") + 3 :]
    assert [line[2:4] for line in claims[:4]] == ["1.", "2.", "3.", ""]


def test_every_number_of_the_live_test_and_the_programme_is_on_the_page(memo, world):
    page = summary.write(memo, world.knobs).read_text()
    assert TRIAL["plan"] in page
    assert "randomised, Welch: +0.0900 (-0.0200 to +0.2000, which holds 0)" in page
    assert "randomised, CUPED: +0.0800 (+0.0100 to +0.1500, which does not hold 0)" in page
    assert "the tiers would cost USD 3,000 and bring 4,150 beyond that" in page
    assert "bring 5,870 beyond that (-810 to 12,550 by how unsure the responses are; 96% likely to pay at all)" in page
    assert "the standard deviation between groups (age) goes from 0.1000 to 0.1500" in page


def test_an_arm_that_may_not_be_read_is_said_to_be_withheld():
    withheld = TRIAL | {"readings": [{"reading": "randomised, Welch", "difference": None, "low": None, "high": None}]}
    assert "randomised, Welch: withheld or not defined" in summary.readings(withheld, 0.95)


def test_what_did_not_pass_is_listed_with_its_reason(world, memo):
    rule = world.knobs.decide.model_copy(update={"margin": 0.9})
    drift = decide.from_json([{"name": "drift", "passed": False, "reason": "Spend has drifted."}], blocks=False)
    kept = decide.decide(memo.experiment, rule, memo.decision.champion, memo.decision.challenger, GUARDS, drift)
    lines = summary.checks(kept).splitlines()
    assert lines[0].startswith("Of 7 checks 5 passed, 1 failed, 1 warn")
    assert lines[1].startswith("- **failed: primary metric.** recall_at_10 changes by")
    assert lines[2] == "- **warning: drift.** Spend has drifted."
    assert "'gp_topfreq' stays live" in summary.next_steps(kept, TRIAL)
