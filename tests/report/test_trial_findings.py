import dataclasses

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.evaluate import arms, checks, live_plan, randomised, segments, weekly
from membership.report.figures import trial as plots_trial
from membership.report.old_words import trial as trial_findings

METRIC = "recall_at_10"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def assigned(tiers):
    return arms.assign(tiers, "salt")


@pytest.fixture
def known(world):
    champion = world.outcomes[world.outcomes["policy"] == "champion"]
    noise = np.random.default_rng(3).normal(0, 0.1, 40)
    return champion[["member_id"]].assign(recall_at_10=champion[METRIC].to_numpy() + noise)


@pytest.fixture
def trial(world, assigned, known):
    observed = arms.observe(assigned, world.outcomes.assign(week=1 + world.outcomes.index % 3), known)
    return randomised.analyse(observed, [METRIC, "hit_at_10"], world.knobs.evaluate)


@pytest.fixture
def readings(world, trial):
    return randomised.readings(world.run(), trial)


def test_the_readings_stand_side_by_side_and_the_paired_one_is_the_narrower(world, readings):
    assert readings["reading"].tolist() == ["paired", "randomised, Welch", "randomised, CUPED"]
    assert readings["width"].iloc[0] < readings["width"].iloc[1:].min()
    assert readings["members"].tolist() == [40, 40, 40]
    lines = trial_findings.reading_table(readings, 0.95).splitlines()
    assert lines[2].startswith("| paired | 40 |")
    assert lines[2].split("|")[6].strip() == "1.0"


def test_why_the_randomised_interval_is_wider_is_what_the_correlation_foretells(world, readings):
    champion, challenger = world.values("champion"), world.values("challenger")
    words = trial_findings.why_wider(world.outcomes, readings, METRIC)
    foretold = np.sqrt(2 * (champion.var() + challenger.var()) / (challenger - champion).var())
    assert f"correlates by {np.corrcoef(champion, challenger)[0, 1]:.2f}" in words
    assert f"{foretold:.1f} times is to be expected" in words
    times = readings["width"].iloc[1] / readings["width"].iloc[0]
    assert times == pytest.approx(foretold, rel=0.25)


def test_without_variance_the_readings_are_not_compared(world, readings):
    world.change("champion", np.full(40, 0.5))
    assert "cannot be compared" in trial_findings.why_wider(world.outcomes, readings, METRIC)


@pytest.mark.filterwarnings("error")
def test_a_policy_beside_itself_has_no_width_and_nothing_to_compare_it_with(world, readings):
    alike = readings.assign(width=0.0)
    assert "cannot be compared" in trial_findings.why_wider(world.outcomes, alike, METRIC)
    assert {line.split("|")[6].strip() for line in trial_findings.reading_table(alike, 0.95).splitlines()[2:]} == {"-"}


def test_cuped_is_reported_with_what_it_should_have_cut(trial):
    words = trial_findings.cuped(trial, METRIC)
    assert f"correlate by {trial.of(METRIC, 'CUPED')['correlation']:.2f}" in words
    assert "nothing for CUPED to take out" in trial_findings.cuped(trial, "hit_at_10")


def test_the_gate_says_whether_arms_may_be_read(world, trial):
    assert "20 members of arm 'champion' and 20 of arm 'challenger' came back" in trial_findings.gate(trial)
    assert trial_findings.gate(trial).endswith("The arms may be read.")
    twice = pd.concat([trial.members, *[trial.members[trial.members["arm"] == "champion"]] * 3])
    shut = randomised.analyse(twice, [METRIC], world.knobs.evaluate)
    assert "may **not** be read" in trial_findings.gate(shut)
    assert trial_findings.effect_table(shut).splitlines()[2].split("|")[6].strip() == "-"


def test_money_is_shown_in_cents_with_one_digit(trial):
    effects = trial.effects.iloc[[0]].assign(measure="margin_at_10", difference=19.37164, detectable=18.1058)
    said = trial_findings.effect_table(dataclasses.replace(trial, effects=effects))
    assert all(word in said for word in ("margin_at_10 (cents)", "+19.4", "18.1 "))


def test_balance_names_the_number_that_is_furthest_apart():
    rows = {"known": ["spend", "orders"], "apart": [0.02, -0.3], "p_value": [0.9, 0.01]}
    words = trial_findings.balanced(pd.DataFrame(rows), 0.95)
    assert "are **not** balanced" in words
    assert "orders is furthest apart, by -0.30" in words
    assert "1 have p below 0.05, where chance alone would give about 0.1" in words
    nothing = arms.balance(pd.DataFrame({"member_id": ["a"], "arm": ["champion"]}), pd.DataFrame({"member_id": ["a"]}))
    assert trial_findings.balanced(nothing, 0.95) == "Nothing that varies is known of members from before."


def test_metrics_are_flat_and_hold_both_methods(trial):
    flat = trial_findings.metrics(trial, METRIC)
    for method in ("welch", "cuped"):
        name = f"randomised_{method}_{METRIC}"
        assert flat[f"{name}_low"] < flat[name] < flat[f"{name}_high"]
    assert flat["randomised_sample_ratio_p_value"] == 1.0


def test_figures_name_what_they_show(world, tiers, trial, readings, assigned, known):
    labels = [text.get_text() for text in plots_trial.readings(readings, METRIC, 0.95).get_yticklabels()]
    assert labels[0] == "paired (40 members)"
    ax = plots_trial.balance(arms.balance(assigned, known))
    assert ax.get_xlim()[1] > trial_findings.BALANCED
    watched = weekly.watch(trial.members, world.run().differences, METRIC, 0.1, 0.95, minimum=2)
    titles = [ax.get_title() for ax in plots_trial.weekly(watched, METRIC, 0.95)]
    assert titles[0].startswith("randomised: 40 members in the end")
    profile = tiers[["member_id"]].assign(persona="Cook", stage="loyal")
    champion, challenger = (
        world.outcomes[world.outcomes["policy"] == arm].drop(columns="policy").set_index("member_id")
        for arm in ("champion", "challenger")
    )
    groups = segments.groups(tiers, profile)
    found = segments.run(champion, challenger, METRIC, groups, world.knobs.evaluate, 1)
    labels = [text.get_text() for text in plots_trial.segments(found).get_yticklabels()]
    assert labels == ["tier: Member (20)", "tier: Gold (20)", "persona: Cook (40)", "stage: loyal (40)"]


def test_checks_and_plan_are_drawn_with_their_limits(world, trial, known):
    found = checks.run(world.outcomes, known, world.knobs.evaluate.model_copy(update={"coverage_repeats": 20}), 1)
    legend = plots_trial.aa(found).get_legend().get_texts()
    assert legend[0].get_text().startswith("paired t: ")
    assert len(plots_trial.coverage(found).get_yticklabels()) == len(found.coverage)
    entrants = pd.DataFrame({"week": [1, 2], "members": [20, 40], "inverse": [1.0, 0.5]})
    plan = live_plan.plan(trial.members, entrants, [], world.knobs.evaluate)
    ax = plots_trial.reach(plan, world.knobs.evaluate.worth)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["read once", "read once, with CUPED", "read every week, with CUPED"]
