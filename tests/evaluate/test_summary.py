import pandas as pd
import pytest

from membership.evaluate import decide, findings, summary


@pytest.fixture
def decision(world):
    champion, challenger = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {"lr": 0.01}}
    return decide.decide(world.run(), world.knobs.decide, champion, challenger)


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


def test_the_page_says_decision_claims_and_limits_and_is_the_same_each_time(decision, world, programme):
    path = summary.write(decision, world.run(), programme, world.knobs)
    first = path.read_bytes()
    assert summary.write(decision, world.run(), programme, world.knobs).read_bytes() == first
    page = first.decode()
    assert "**Decision: promote 'model'.**" in page
    assert f"<!-- result -->\n{findings.result_table(world.run())}\n<!-- /result -->" in page
    assert "predicted under held-out logs, never caused" in page
    assert "an assumption" in page
    assert "nan" not in page.lower()
