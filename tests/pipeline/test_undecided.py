"""What is due to each member is told even where no decision is possible."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from membership.base import absent, graph, paths, tables
from membership.base.errors import NotPossible
from membership.pipeline import possible, undecided
from membership.settings import params
from membership.trials import register

MEMBERS = ["a", "b", "c"]
WHY = "none of 3 members has a basket of items"
DECIDE = graph.Node("decide", Path("80_decide.ipynb"), (), (undecided.TABLE,))
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def known(workspace):
    """Values and stages of three members; nothing else was possible."""
    cents = {name: [900.0, 500.0, 0.0] for name in ("value", "value_low", "value_high", "residual_value")}
    more = dict.fromkeys(("p_alive", "p_horizon", "p_repurchase", "expected_orders", "expected_spend"), 0.5)
    scores = {"recency_score": 3, "frequency_score": 3, "monetary_score": 3, "rfm_value": 0.0, "value_group": "others"}
    names = {"rfm_segment": "Champions", "residual_low": 0.0, "residual_high": 1.0}
    value = pd.DataFrame({"member_id": MEMBERS, **cents, **more, **scores, **names})
    stages = {"stage": ["loyal", "lapsed", "prospect"], "persona": "Everybody", "main_need": "variety"}
    profile = pd.DataFrame({"member_id": MEMBERS, **stages, "answered_survey": False})
    profile = profile.assign(typicality=None, stated_need=None, top_category=None)
    tables.write("value", value, workspace)
    tables.write("profile", profile, workspace)
    for name in ("tiers", "allocations", "recommendations", "assignments", "items"):
        absent.write(paths.data(f"{name}.parquet"), WHY, tables.empty(name))
    absent.write(paths.data("trials.json"), WHY)
    return workspace


def test_each_member_is_told_what_the_stage_calls_for_without_lists_tiers_and_benefits(known):
    p = params.load("decide")
    found = undecided.table(p).set_index("member_id")
    assert found.loc["b", "next_action"] == p.lifecycle.strategy.lapsed.action
    assert found[["benefits", "items", "tier", "next_tier"]].eq("").all().all()
    assert not [column for column in found if column.startswith("item_")]


def test_tiers_and_benefits_that_there_are_are_told(known):
    place = {"tier": "Gold", "tier_rank": 2, "points": 5, "qualifying": 10, "next_tier": None, "to_next": 0}
    rest = {"spend_to_next": 0, "grace_left": None, "about_to_drop": False, "to_keep": 0}
    tables.write("tiers", pd.DataFrame({"member_id": MEMBERS, **place, **rest}), known)
    given = tables.empty("allocations").reindex([0]).assign(member_id="a", benefit="free_delivery", item_id=None)
    numbers = [name for name in given if name not in ("member_id", "benefit", "item_id")]
    tables.write("allocations", given.assign(**dict.fromkeys(numbers, 0)), known)
    found = undecided.table(params.load("decide")).set_index("member_id")
    assert found.loc["a", ["tier", "benefits"]].tolist() == ["Gold", "free_delivery"]
    assert found.loc["a", "next_action"].endswith("; give free delivery")


def test_it_is_written_as_a_table_alone_and_nothing_by_id_leaves_data(known):
    assert undecided.write(DECIDE, known) == [undecided.TABLE]
    assert len(tables.read("actions")) == 3
    assert not list(paths.reports().rglob("actions*"))


def test_who_refused_is_kept_from_it_without_a_decision_too(known):
    said = {"member_id": ["a", "b"], "purpose": ["offers", "profiling"], "allowed": False}
    tables.write("consent", pd.DataFrame(said), known)
    given = tables.empty("allocations").reindex([0]).assign(member_id="a", benefit="free_delivery", item_id=None)
    numbers = [name for name in given if name not in ("member_id", "benefit", "item_id")]
    tables.write("allocations", given.assign(**dict.fromkeys(numbers, 0)), known)
    found = undecided.table(params.load("decide")).set_index("member_id")
    assert "b" not in found.index and len(found) == 2
    assert found.loc["a", "benefits"] == ""


def test_without_stages_nothing_is_written(known):
    absent.write(paths.data("profile.parquet"), WHY, tables.empty("profile"))
    assert undecided.write(DECIDE, known) == []
    with pytest.raises(NotPossible, match="none of 3"):
        undecided.table(params.load("decide"))


@pytest.mark.parametrize("kept", [True, False])
def test_who_was_assigned_stays_so_where_a_later_run_could_not_assign_anybody(kept, workspace):
    (workspace / "notebooks").mkdir()
    shutil.copy(NOTEBOOKS / "71_trials.ipynb", workspace / "notebooks")
    about = {"arm": "held_out", "propensity": 0.05, "stratum": "", "at": pd.Timestamp("2020-01-01"), "forecast": 0.5}
    names = {"member_id": "a", "unit": "a", "trial": "holdout", "stage": "new", "tier": "Gold", "persona": "Everybody"}
    if kept:
        tables.write("assignments", pd.DataFrame([names | about]), workspace)
    node = graph.node("trials")
    possible.step_over(node, paths.reports("notebooks", "71_trials.ipynb"), WHY, workspace)
    assert len(register.read().rows) == kept
    assert absent.reason(paths.reports("metrics", "trials.json")) == WHY


def test_stages_after_another_are_those_that_need_what_it_makes(workspace):
    shutil.copytree(NOTEBOOKS, workspace / "notebooks", ignore=shutil.ignore_patterns("explore"))
    assert [node.name for node in graph.after("evaluate")] == ["benefits", "decide", "report"]
    assert graph.after("report") == []
