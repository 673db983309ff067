from dataclasses import replace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.evaluate import arms, live_plan, randomised, subgroups, validity, weekly
from membership.report.figures import trial as figures

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
    return randomised.analyse(observed, randomised.measures([METRIC, "hit_at_10"]), world.knobs.evaluate)


@pytest.fixture
def readings(world, trial):
    return randomised.readings(world.run(), trial)


def test_figures_name_what_they_show(world, tiers, trial, readings, assigned, known):
    labels = [text.get_text() for text in figures.readings(readings, METRIC, 0.95).get_yticklabels()]
    assert labels[0] == "paired, t (40 members)"
    ax = figures.balance(arms.balance(assigned, known))
    assert ax.get_xlim()[1] > arms.BALANCED
    before = plt.get_fignums()
    assert figures.balance(arms.balance(assigned, known[["member_id"]])) is None
    assert plt.get_fignums() == before  # an empty panel is not drawn
    watched = weekly.watch(trial.members, world.run().differences, METRIC, 0.1, 0.95, minimum=2)
    titles = [ax.get_title() for ax in figures.weekly(watched, METRIC, 0.95)]
    assert titles[0].startswith("randomised: 40 members in the end")
    profile = tiers[["member_id"]].assign(persona="Cook", stage="loyal")
    champion, challenger = (
        world.outcomes[world.outcomes["policy"] == arm].drop(columns="policy").set_index("member_id")
        for arm in ("champion", "challenger")
    )
    groups = subgroups.groups(tiers, profile)
    found = subgroups.run(champion, challenger, METRIC, groups, world.knobs.evaluate, 1)
    labels = [text.get_text() for text in figures.subgroups(found).get_yticklabels()]
    assert labels == ["tier: Member (20)", "tier: Gold (20)", "persona: Cook (40)", "stage: loyal (40)"]
    assert figures.subgroups(replace(found, effects=found.effects.assign(members=1))) is None


def test_checks_and_plan_are_drawn_with_their_limits(world, trial, known):
    found = validity.run(world.outcomes, known, world.knobs.evaluate.model_copy(update={"coverage_repeats": 20}), 1)
    legend = figures.aa(found).get_legend().get_texts()
    assert legend[0].get_text().startswith("paired t: ")
    assert len(figures.coverage(found).get_yticklabels()) == len(found.coverage)
    entrants = pd.DataFrame({"week": [1, 2], "members": [20, 40], "inverse": [1.0, 0.5]})
    plan = live_plan.plan(trial.members, entrants, [], world.knobs.evaluate)
    ax = figures.detectable(plan, world.knobs.evaluate.worth)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["read once", "read once, with CUPED", "read every week, with CUPED"]
