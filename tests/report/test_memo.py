"""The memo of one page is made of stored numbers: it renders for either verdict, and each number is on it."""

import numpy as np
import pandas as pd
import pytest

from membership.base import files, paths, tables
from membership.evaluate import decide, experiment, subgroups, verdicts
from membership.evaluate.verdicts import Kind
from membership.report import memo, pages, words
from membership.settings import params

COSTS = {
    "tiers_cost": 300_000.0, "tiers_net": 415_000.0, "tiers_net_low": -36_000.0,
    "tiers_net_high": 866_000.0, "tiers_net_all_lower": 83_000.0, "benefit_cost": 500_000.0, "benefit_net": 587_000.0,
    "benefit_net_low": -81_000.0, "benefit_net_high": 1_255_000.0, "benefit_p_pays": 0.96, "benefit_budget": 500_000.0,
}  # fmt: skip
PLAN = {
    "metric": "recall_at_10", "weeks": 12, "members": 2262.0, "correlation": 0.2, "factor": 1.9, "detectable": 0.0152,
    "detectable_plain": 0.0162, "detectable_watched": 0.021,
    "sizes": [
        {"worth": 0.01, "weeks": None, "members_per_arm": 2598.0},
        {"worth": 0.02, "weeks": 4.0, "members_per_arm": 977.0},
    ],
}  # fmt: skip
READINGS = [
    {"reading": "paired", "method": "t", "difference": 0.1, "low": 0.05, "high": 0.15},
    {"reading": "randomised", "method": "Welch", "difference": 0.09, "low": -0.02, "high": 0.2},
    {"reading": "randomised", "method": "CUPED", "difference": None, "low": None, "high": None},
]
GUARDS = [
    {"metric": "fairness_gap", "members": 30, "control": 0.1, "treatment": 0.15, "difference": 0.05, "low": -0.01,
     "high": 0.11, "attribute": "age", "best": "old", "worst": "young"},
    {"metric": "fairness_spread", "members": 0, "control": None, "treatment": None, "difference": None, "low": None,
     "high": None, "attribute": "", "best": "", "worst": ""},
]  # fmt: skip


@pytest.fixture
def stored(world, tiers):
    """Write and read what the stages before left."""
    profile = tiers[["member_id"]].assign(persona="Cook", stage="loyal")
    groups = subgroups.groups(tiers, profile)
    found = subgroups.run(*experiment.arms(world.outcomes), "recall_at_10", groups, world.knobs.evaluate, 1)
    tables.write("effects", subgroups.table(world.run().effects, found))
    compared = {"metric": "recall_at_10", "confidence": 0.95, "plan": PLAN, "readings": READINGS}
    compared["interactions"] = found.interactions.to_dict("records")
    files.write_json(paths.data("comparison.json"), compared)
    money = {
        "value": 20_000.0,
        "repurchasing": 5.0,
        "with_benefits": 6,
        "cost": 100.0,
        "gain": 300.0,
        "net": 200.0,
        "net_low": -2500.0,
        "net_high": 2900.0,
    }
    rows = [{"tier": name, "tier_rank": rank, "members": 20, **money} for rank, name in enumerate(["Member", "Gold"])]
    whole = {name: 2 * number for name, number in money.items()}
    rows.append({"tier": "all", "tier_rank": 2, "members": 40, **whole})
    tables.write("programme", pd.DataFrame(rows))


@pytest.fixture
def page(world, stored):
    def render(drift=True, **changes) -> str:
        effects = tables.read("effects")
        rule = world.knobs.decide.model_copy(update=changes)
        policies = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {}}
        watched = verdicts.check("drift", Kind.DRIFT, drift, False, rows=3, furthest="spend", psi=0.4, moved=[])
        rows = decide.of_all_members(effects, pd.DataFrame(GUARDS[:1]))
        made = decide.decide(rows, world.knobs.evaluate, rule, *policies, [watched])
        compared, p = files.read_json(paths.data("comparison.json")), params.load("report")
        shown = memo.values(effects, compared, made, GUARDS, tables.read("programme"), COSTS, p)
        return words.render("memo", **shown, doubts=[])

    return render


def test_every_number_that_was_stored_is_on_the_page(page, world):
    text = page()
    row = world.run().overall("recall_at_10")
    assert f"{row['treatment']:.4f}" in text and f"{row['low']:+.4f} to {row['high']:+.4f}" in text
    for number in (
        "+0.0900",
        "977",
        "0.0152",
        "4,150 USD",
        "5,870 USD",
        "-810 to 12,550",
        "-360 to 8,660",
        "830",
        "2 (-25 to 29)",
        "96%",
        "+0.0500",
    ):
        assert number in text, number
    assert "nan" not in text.lower() and "None" not in text


def test_the_page_is_the_same_each_time_and_a_page(page):
    assert page() == page()
    assert len(page().splitlines()) <= 90


def test_the_verdict_and_what_did_not_pass_are_on_the_page(page):
    assert "promote 'model'" in page()
    kept = page(drift=False, margin=0.9)
    assert "keep 'gp_topfreq'" in kept
    assert "**failed: primary metric.**" in kept and "**warning: drift.**" in kept


def test_what_training_anew_adds_stands_beside_the_interval_or_is_said_to_be_unknown(page):
    text = page(training_sd=0.0123)
    assert "±0.0123" in text and "training_sd" not in text
    assert "training_sd" in page(training_sd=None)


def test_the_readme_gets_the_table_of_what_decides_and_the_page_has_the_rest_too(page, world):
    told = page()
    files.write_text(paths.reports("summary.md"), told + "\n")
    readme = paths.root() / "README.md"
    readme.write_text("# A project\n<!-- result -->\nold\n<!-- /result -->\nthe rest\n")
    pages.save_readme()
    text = readme.read_text()
    assert "old" not in text and text.startswith("# A project\n") and text.endswith("the rest\n")
    decides = ("recall_at_10", "explore_recall_at_10", "hit_at_10", "catalogue_coverage")
    assert all(f"| {name} |" in text for name in decides) and text.count("\n| ") == 1 + 4
    assert "| fairness_gap |" in told and "| fairness_gap |" not in text


def test_a_live_test_that_could_see_nothing_has_no_interval_of_nothing(page):
    compared = files.read_json(paths.data("comparison.json"))
    for low in (0.0, None):
        flat = {"reading": "randomised", "method": "Welch", "difference": low, "low": low, "high": low}
        files.write_json(paths.data("comparison.json"), compared | {"readings": [flat]})
        assert "Welch" not in page()


def test_four_claims_are_kept_apart(page):
    text = page()
    claims = [line for line in text.splitlines() if line[:4] in {f"| {number}." for number in range(1, 6)}]
    assert len(claims) == 4


def test_the_programme_is_in_units_with_its_shares(page):
    (line,) = [line for line in page().splitlines() if line.startswith("| all |")]
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["40 (100%)", "400 (100%)", "10 (25%)"]


def test_groups_that_are_not_known_are_no_error(page):
    assert np.isfinite(len(words.render("decide_fairness", guards=GUARDS[1:], metric="x", confidence=0.95)))
    assert words.render("decide_bias", found=None, what="recall")
