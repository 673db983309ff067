"""The documentation: every parameter with its range and default, every stage, and a menu with every page."""

import importlib.util
from pathlib import Path

import pytest

from membership.base import graph
from membership.settings import params

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_docs", DOCS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_section_has_its_parameters_with_range_default_and_words(build):
    page = build.parameters()
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == list(params.KEYS)
    row = next(line for line in page.splitlines() if line.startswith("| `value.horizon_days` |"))
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["integer, at least 1, at most 3660", "`90`"]
    assert "| `value.boosting.iterations` |" in page and "| `benefits.catalogue[].uplift` |" in page


def test_the_menu_has_every_page(build):
    menu = graph.read_yaml(DOCS / "mkdocs.yml")["nav"]
    listed = {page if isinstance(page, str) else next(iter(page.values())) or "" for page in menu} - {""}
    written = {path.name for path in (DOCS / "pages").glob("*.md")}
    assert listed == written | build.COPIED.keys() | {"parameters.md", "methods.md"}


def test_a_stage_asks_its_question_and_names_what_it_reads(build, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "PAGES", tmp_path)
    (tmp_path / "stages").mkdir()
    page = build.stage(graph.node("value"))
    assert page.startswith("# What is a member worth")
    assert "`data/repurchase.parquet`" in page and "(../parameters.md#value)" in page
