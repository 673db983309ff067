"""The words of the evaluation and of the checks: they render for the usual and the degenerate, with the numbers."""

import numpy as np
import pandas as pd
import pytest

from membership.evaluate import arms, decide, live_plan, randomised, subgroups, validity, verdicts, weekly
from membership.evaluate.verdicts import Found, Kind
from membership.report import memo, words

ABOUT = {"metric": "margin_at_10", "unit": "cents", "higher_is_better": True, "margin": 5.0, "confidence": 0.95}
MOVED = {"rows": 10, "furthest": "spend", "psi": 0.31}
ROW = {"outcome": "spend", "ratio": 1.25, "low": 1.1, "high": 1.4, "slope": 0.5, "status": "drifted"}
ALIKE = {"members": 1988, "inflation": 10.0, "meant": 0.05, "level": 0.535, "allowed": 0.076}
CHECKS = [
    (Kind.POLICY, {"champion": "gp_topfreq", "challenger": "model"}, "model"),
    (Kind.PRIMARY, ABOUT | {"difference": 7.78, "low": 5.14, "high": 10.42}, "+7.8"),
    (Kind.GUARDRAIL, ABOUT | {"difference": 7.78, "low": 5.14, "high": 10.42}, "+5.1 to +10.4"),
    (Kind.TRAINING, ABOUT | {"difference": 7.78, "low": 5.04, "high": 10.52, "sd": 0.6, "share": 0.23}, "23%"),
    (Kind.AA, {"tests": 5, "repeats": 500, "wrong": ["paired t"]}, "500"),
    (Kind.COVERAGE, {"tests": 6, "repeats": 200, "wrong": ["paired t", "Welch"]}, "200"),
    (Kind.INDEPENDENCE, ALIKE | {"twins": 0, "clusters": 0}, "1,988"),
    (Kind.INDEPENDENCE, ALIKE | {"twins": 1978, "clusters": 200}, "1,978 of 1,988"),
    (Kind.ASSIGNMENT, {"looked_at": 10, "furthest": "order of ids", "p_value": 0.0123, "gate": 0.001}, "0.012"),
    (Kind.SAMPLE_RATIO, {"p_value": 0.8929, "gate": 0.001}, "0.89"),
    (Kind.DRIFT, MOVED | {"moved": []}, "0.31"),
    (Kind.DRIFT, MOVED | {"moved": [{"name": "spend", "psi": 0.31, "ks": 0.22, "status": "drifted"}]}, "0.22"),
    (
        Kind.FORECASTS,
        {"made": "2017-12-01", "until": "2017-12-31", "policy": "model", "version": "x", "rows": [ROW]},
        "1.25",
    ),
    (Kind.CALIBRATION, {"rows": [ROW | {"slope": None, "low": None}]}, "spend"),
]


@pytest.mark.parametrize(("kind", "numbers", "shown"), CHECKS)
@pytest.mark.parametrize("passed", [True, False])
def test_every_kind_of_check_has_words_with_its_numbers(kind, numbers, shown, passed):
    check = verdicts.check("one", kind, passed, **numbers)
    (stored,) = verdicts.from_json(verdicts.to_json([check]), "here")
    said = words.render("decide_reasons", checks=[stored])
    assert shown in said
    assert said in words.render("decide_checks", checks=[check])


def test_passed_and_failed_checks_read_differently():
    for kind, numbers, _ in CHECKS:
        if kind not in (Kind.DRIFT, Kind.FORECASTS, Kind.CALIBRATION):  # whose rows say it
            said = {words.render("decide_reasons", checks=[verdicts.check("x", kind, p, **numbers)]) for p in (0, 1)}
            assert len(said) == 2


@pytest.mark.parametrize("found", [Found.NOBODY, Found.NO_GROUPS])
def test_what_cannot_be_judged_names_the_metric_and_no_number(found):
    nothing = {"difference": np.nan, "low": -np.inf, "high": np.inf}
    said = words.render(
        "decide_reasons", checks=[verdicts.check("x", Kind.GUARDRAIL, False, found=found, **ABOUT | nothing)]
    )
    assert "margin_at_10" in said
    assert "inf" not in said and "nan" not in said


def test_effects_are_shown_by_unit_each_with_its_interval(world):
    world.change("champion", np.full(40, 100.0), ["margin_at_10"])
    world.change("challenger", np.linspace(100.0, 110.0, 40), ["margin_at_10"])
    guards = [{"metric": "fairness_gap", "members": 30, "control": 0.1, "treatment": 0.2, "difference": 0.1}]
    rows = memo.rows(world.run().effects.assign(by="all"), [guards[0] | {"low": 0.0, "high": 0.2}])
    lines = words.render("evaluate_effects", rows=rows, confidence=0.95).splitlines()
    assert len(lines) == 2 + 6
    cells = {line.split("|")[2].strip(): [cell.strip() for cell in line.split("|")[3:-1]] for line in lines[2:]}
    assert list(cells)[-1] == "fairness_gap"
    assert cells["margin_at_10"][:5] == ["cents", "40", "100.0", "105.0", "+5.0"]
    assert cells["fairness_gap"] == ["share", "30", "0.1000", "0.2000", "+0.1000", "+0.0000 to +0.2000"]
    row = world.run().overall("recall_at_10")
    assert cells["recall_at_10"][2] == f"{row['control']:.4f}"


def test_a_metric_that_nobody_has_shows_no_numbers(world):
    world.outcomes["explore_recall_at_10"] = np.nan
    rows = memo.rows(world.run().effects.assign(by="all"), [])
    (line,) = [
        line for line in words.render("evaluate_effects", rows=rows, confidence=0.95).splitlines() if "explore_" in line
    ]
    assert line.endswith(" | explore_recall_at_10 | share | 0 | - | - | - | - |")


@pytest.fixture
def compared(world, tiers):
    """What stage evaluate shows, of the small evaluation."""
    known = world.outcomes.loc[world.outcomes["policy"] == "champion", ["member_id", "recall_at_10"]]
    seen = arms.observe(arms.assign(tiers, "salt"), world.outcomes.assign(week=1 + world.outcomes.index % 3), known)
    trial = randomised.analyse(seen, randomised.measures(["recall_at_10"]), world.knobs.evaluate)
    entrants = pd.DataFrame({"week": [1, 2], "members": [20, 40], "inverse": [1.0, 0.5]})
    plan = live_plan.plan(seen, entrants, world.knobs.decide.guardrails, world.knobs.evaluate)
    return trial, plan


def test_the_live_test_has_words_for_what_can_and_cannot_be_found(world, compared):
    _, plan = compared
    said = words.render("evaluate_plan", plan=plan.to_json(), power=0.8)
    assert "40 members" in said and "nan" not in said
    found = plan.to_json() | {"sizes": [{"worth": 0.02, "weeks": 2.0, "members_per_arm": 977.0}]}
    assert "977" in words.render("evaluate_plan", plan=found, power=0.8)
    table = words.render("evaluate_sizes", plan=plan, confidence=0.95, gate=0.001)
    assert "catalogue_coverage" in table and "nan" not in table


def test_where_the_metric_does_not_vary_no_live_test_is_promised(world, tiers):
    world.outcomes["recall_at_10"] = 1.0
    known = world.outcomes.loc[world.outcomes["policy"] == "champion", ["member_id", "recall_at_10"]]
    seen = arms.observe(arms.assign(tiers, "salt"), world.outcomes.assign(week=1 + world.outcomes.index % 3), known)
    entrants = pd.DataFrame({"week": [1, 2], "members": [20, 40], "inverse": [1.0, 0.5]})
    plan = live_plan.plan(seen, entrants, world.knobs.decide.guardrails, world.knobs.evaluate)
    said = words.render("evaluate_plan", plan=plan.to_json(), power=0.8)
    assert "recall_at_10" in said and "80%" not in said and "members per arm" not in said
    table = words.render("evaluate_sizes", plan=plan, confidence=0.95, gate=0.001)
    assert "catalogue_coverage" in table and "champion's mean" not in table
    flat = live_plan.Stated(40, 0.0, 0.0)
    assert "0.0000" not in words.render("evaluate_stated", stated=flat, metric="recall_at_10", power=0.8)


def test_readings_arms_and_looks_have_words_also_where_there_is_nothing(world, compared):
    trial, _ = compared
    readings = randomised.readings(world.run(), trial)
    shown = {"readings": readings, "confidence": 0.95}
    wider, cut = randomised.Wider(3.8, 3.7, 0.86), randomised.Cut(-0.02, 0.1)
    assert "3.8 times" in words.render("evaluate_readings", wider=wider, cut=cut, **shown)
    assert "nan" not in words.render("evaluate_readings", wider=None, cut=None, **shown)
    assert "20 members" in words.render("evaluate_arms", arms=trial.arms)
    assert "**" in words.render("evaluate_arms", arms=trial.arms | {"readable": False})
    assert "recall_at_10" in words.render("evaluate_measures", rows=trial.effects, confidence=0.95)
    looks = [weekly.Watched("randomised", None, 4, 0.31, (2, 3)), weekly.Watched("paired", 1, 4, 0.001, ())]
    assert "2 and 3" in words.render("evaluate_weekly", watched=looks, metric="recall_at_10", readable=True)
    assert "0.31" not in words.render("evaluate_weekly", watched=looks[1:], metric="recall_at_10", readable=False)


@pytest.mark.parametrize(("kind", "numbers", "shown"), CHECKS)
def test_a_check_that_could_not_fail_never_reads_as_passed(kind, numbers, shown):
    numbers = {"control": 0.0002} | numbers
    passed, idle = (verdicts.check("x", kind, True, could_fail=able, **numbers) for able in (True, False))
    said = [words.render("decide_checks", checks=[one]) for one in (passed, idle)]
    assert said[0] != said[1] and "could not fail" in said[1] and "nan" not in said[1]


def test_the_conclusion_counts_apart_what_could_not_fail(world):
    drawn = decide.of_all_members(world.run().effects.assign(by="all"), pd.DataFrame({"metric": []}))
    idle = verdicts.check("coverage check", Kind.COVERAGE, True, could_fail=False, tests=1, repeats=20)
    champion, challenger = ({"policy": name, "settings": {}} for name in ("old", "new"))
    rule = world.knobs.decide.model_copy(update={"training_sd": None})
    decision = decide.decide(drawn, world.knobs.evaluate, rule, champion, challenger, [idle])
    row = drawn.loc["recall_at_10"]
    said = words.render("decide_conclusion", decision=decision, row=row, confidence=0.95)
    assert "5 of 5 checks" in said and "1 could not fail" in said


def test_what_is_known_before_has_words_also_where_it_is_nothing():
    shown = {"metric": "recall_at_10", "power": 0.8}
    assert "0.0297" in words.render("evaluate_stated", stated=live_plan.Stated(1981, 0.236, 0.0297), **shown)
    assert "recall_at_10" in words.render("evaluate_stated", stated=None, **shown)
    limits = {"limit": 0.1, "confidence": 0.95}
    odd = arms.Balance("orders", -0.3, 2, 1, 0.1)
    assert "-0.30" in words.render("evaluate_balance", found=odd, **limits)
    assert words.render("evaluate_balance", found=None, **limits)


def test_the_conclusion_says_what_the_interval_says(world):
    shown = {"confidence": 0.95, "interactions": [{"by": "tier", "p_value": None, "q_value": None}], "metric": "x"}
    shown |= {"readings": [], "checks": [], "plan": {}, "arms": {}, "catalogue": 100, "k": 10}
    verdict = set()
    for better in (0.1, 0.0, -0.1):
        world.change("challenger", world.values("champion") + better + np.tile([0.01, -0.01], 20))
        found = world.run()
        said = words.render("evaluate_conclusion", row=found.overall("recall_at_10"), changes=found.changes, **shown)
        assert f"{abs(better):.4f}" in said
        verdict.add(said.split("**")[1])
    assert len(verdict) == 3
    rest = {"row": found.overall("recall_at_10"), "changes": found.changes}
    small = words.render("evaluate_conclusion", **rest, **shown | {"catalogue": 7})
    assert "7 items" in small and "7 items" not in said  # a list that holds everything cannot decide


def test_tests_that_cannot_be_trusted_are_named():
    aa = pd.DataFrame({"contrast": ["a", "b"], "repeats": 500, "passed": [True, False]})
    coverage = aa.assign(share=[0.95, 0.8], repeats=200)
    said = words.render("evaluate_validity", validity=validity.Validity(aa, coverage, None), confidence=0.95)
    assert "1 of 2" in said and "80.0%" in said and "not: b" in said


def test_subgroups_that_gain_are_named_with_their_interval():
    row = {"by": "tier", "subgroup": "Gold", "difference": 0.2, "low": 0.1, "high": 0.3, "q_value": 0.01, "members": 20}
    none = row | {"subgroup": "Member", "q_value": 0.5}
    found = subgroups.shown(pd.DataFrame([row, none]), 0.95)
    shown = {"metric": "recall_at_10", "confidence": 0.95}
    differs = [{"by": "tier", "p_value": 0.01, "q_value": 0.02}, {"by": "stage", "p_value": np.nan, "q_value": np.nan}]
    said = words.render("evaluate_subgroups", shown=found, interactions=differs, **shown)
    assert "Gold" in said and "+0.2000 (+0.1000 to +0.3000)" in said and "Member" not in said
    assert "0.02" in said and "nan" not in said
