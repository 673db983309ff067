"""What makes a stage stale: code that it computes with and parameters that it sees, and nothing else."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from membership.base import graph
from membership.pipeline import fingerprint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(workspace, monkeypatch):
    """A copy of the code and the notebooks, and what changes when a text in it is replaced."""
    for name in ("src", "notebooks"):
        shutil.copytree(ROOT / name, workspace / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))

    def prints():
        return {node.name: fingerprint.of(node) for node in graph.nodes()}

    before = prints()

    def stale(path: str, old: str, new: str) -> set[str]:
        file = workspace / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        after = prints()
        file.write_text(text, encoding="utf-8")
        return {name for name in before if before[name] != after[name]}

    return stale


def test_comments_and_docstrings_make_nothing_stale(project):
    path = "src/membership/recommend/metrics.py"
    assert project(path, '"""', '"""Reworded. ') == set()
    assert project(path, "\nimport ", "\n# a comment\nimport ") == set()


def test_figures_words_and_tracking_make_nothing_stale_but_the_report(project):
    assert project("src/membership/report/formats.py", "UNKNOWN = ", "NOTHING = ") == {"report"}
    for node in graph.nodes():
        shown = [name for name in fingerprint.of(node)["code"] if name.split(".")[1] in ("report", "pipeline")]
        assert shown == []


def test_code_makes_those_stale_that_import_it_and_no_other(project):
    assert "tune" not in project("src/membership/tiers/thresholds.py", "import ", "import sys\nimport ")
    assert {"tune", "train"} <= project("src/membership/recommend/train.py", "import ", "import sys\nimport ")


def test_a_parameter_makes_those_stale_that_see_it(project):
    seen = {node.name: graph.stage(node.name) for node in graph.nodes()}
    assert project("params.yaml", "grace_months: 1 ", "grace_months: 2 ") == {
        name for name, meta in seen.items() if "tiers" in meta["params"] and "tiers" not in meta.get("of", {})
    }


def test_who_tells_counts_over_time_sees_how_coarsely():
    stages = [node for node in graph.nodes() if "coarse." in node.notebook.read_text(encoding="utf-8")]
    assert stages
    for node in stages:
        assert graph.stage(node.name)["of"]["privacy"] == ["k", "told"], node.name


def test_what_pages_call_coming_back_makes_the_report_stale_alone(project):
    assert project("params.yaml", "\nreport:", "\nreport:\n  order_word: [visit, visits]") == {"report"}


def test_settings_of_a_stage_are_part_of_it_and_of_no_other(project):
    stale = project("src/membership/settings/tiers.py", "import ", "import sys\nimport ")
    assert "tiers" in stale
    assert not stale & {"tune", "train", "value", "features"}


def test_text_in_a_notebook_makes_the_report_stale_and_code_makes_its_own_stage_stale(project):
    (notebook,) = (node.notebook.name for node in graph.nodes() if node.name == "tune")
    assert project(f"notebooks/{notebook}", "# Which", "# What") == {"report"}
    assert project(f"notebooks/{notebook}", "items = tables", "goods = tables") == {"tune"}


def test_a_budget_of_benefits_refits_no_effects_of_campaigns(project):
    stale = project("params.yaml", "budget: 500000", "budget: 400000")
    assert "benefits" in stale and not stale & {"tiers", "campaigns"}


def test_of_a_section_of_which_a_stage_declares_some_fields_its_notebook_reads_no_others():
    for node in graph.nodes():
        cells = nbformat.read(node.notebook, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        of = {key: names for key, names in graph.stage(node.name).get("of", {}).items() if key != "engine"}
        for section, names in of.items():  # the engine's other knobs change how much it can hold, and no table
            assert set(re.findall(rf"\bp\.{section}\b\.?(\w*)", code)) <= set(names)
