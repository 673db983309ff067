"""The whole pipeline, with real stages, on a tiny simulated market: what it makes, and what makes it run again."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from itertools import pairwise
from pathlib import Path

import browser
import nbformat
import pandas as pd
import pytest
import yaml

from membership.base import kernels, tables
from membership.pipeline import sandbox
from membership.report.site import build
from membership.settings import params

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = 60
TINY = params.read()["quick"] | {
    "dataset.source": "simulate",
    "dataset.timezone": "UTC",
    "dataset.simulate.members": MEMBERS,
    "dataset.simulate.items": 40,
    "recommend.min_item_purchases": 2,
    "evaluate.bootstrap": 100,
    "evaluate.aa_repeats": 20,
}

pytestmark = pytest.mark.slow


def repro(folder: Path, *arguments: str) -> str:
    """Run `dvc repro` there and return what it printed; it must succeed."""
    command = [sys.executable, "-c", _CALL, str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


_CELLS = "import sys; from benchmarks import cells; from membership.base import graph; " \
         "[cells.stage(graph.node(name)) for name in sys.argv[1:]]"  # fmt: skip
_CALL = "import sys; from pathlib import Path; from membership.pipeline import sandbox; " \
        "sys.exit(sandbox.repro(Path(sys.argv[1]), *sys.argv[2:]).returncode)"  # fmt: skip


def ran(printed: str) -> set[str]:
    return set(re.findall(r"Running stage '(\w+)'", printed))


@pytest.fixture(scope="module")
def market(tmp_path_factory, migrated):
    """A copy of the project that has run on a tiny market, and what it printed."""
    folder = sandbox.copy(tmp_path_factory.mktemp("market"), TINY)
    shutil.copy(migrated, folder / "mlflow.db")
    return folder, repro(folder)


def test_every_stage_runs_and_every_member_gets_an_action(market):
    folder, printed = market
    stages = set(yaml.safe_load((folder / "dvc.yaml").read_text())["stages"])
    assert ran(printed) == stages
    actions = pd.read_csv(folder / "reports" / "private" / "actions.csv", dtype={"member_id": str})
    assert len(actions) == actions["member_id"].nunique() == MEMBERS
    assert actions[["value", "p_horizon", "stage", "persona", "tier"]].notna().all().all()


def test_every_table_keeps_its_schema(market):
    folder, _ = market
    stored = {path.stem for path in (folder / "data").glob("*.parquet")}
    assert stored == set(tables.ALL)
    for name in stored:
        frame = pd.read_parquet(folder / "data" / f"{name}.parquet")
        pd.testing.assert_frame_equal(tables.check(name, frame).astype(frame.dtypes), frame)


def test_every_metric_is_a_number_or_null(market):
    folder, _ = market
    for path in (folder / "reports" / "metrics").glob("*.json"):
        values = json.loads(path.read_text()).values()
        assert all(value is None or isinstance(value, int | float) for value in values), path


def test_the_page_links_every_notebook(market):
    folder, _ = market
    index = (folder / "reports" / "index.html").read_text()
    for notebook in ROOT.glob("notebooks/[1-9]*.ipynb"):
        assert f'href="{notebook.stem}.html"' in index
        assert (folder / "reports" / f"{notebook.stem}.html").exists()


def test_a_stage_that_stores_counts_of_members_sees_how_few_may_be_told(market):
    folder, _ = market
    for name, stage in yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].items():
        plots = [folder / out for out in stage.get("outs", []) if str(out).startswith("reports/plots/")]
        if any("members" in pd.read_csv(plot, nrows=0) for plot in plots) and name != "report":
            assert "k" in stage["meta"]["of"]["privacy"], name


@browser.NEEDED
def test_every_page_of_the_site_draws_its_charts_fits_and_has_no_serious_fault(market, tmp_path):
    folder, _ = market
    pages = sorted((folder / "reports" / "site").glob("*.html"))
    assert {page.stem for page in pages} == {name for name, _ in build.PAGES}
    charts = 0
    for page in pages:
        with browser.proxy() as asked:
            told = browser.checked(page, asked, tmp_path / page.stem)
        drawn = told[browser.NARROW]["charts"]
        fine = {"faults": [], "wider": 0, "charts": drawn, "drawn": drawn, "asked": []}
        assert told == {browser.NARROW: fine, browser.BROAD: fine}, page
        charts += drawn
    assert charts >= 12


def test_every_link_of_the_site_leads_somewhere(market):
    folder, _ = market
    for page in (folder / "reports" / "site").glob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()):
            assert (page.parent / link).exists(), (page.name, link)


def test_a_manager_finds_ten_answers_in_at_most_three_clicks(market):
    folder, _ = market
    table = (ROOT / "docs" / "pages" / "questions.md").read_text().split("|:--|--:|:--|:--|\n")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert len(rows) == 10
    for question, clicks, way, answer in rows:
        pages = [folder / "reports" / name for name in re.findall(r"`([^`]+)`", way)]
        assert int(clicks) == way.count(",") <= 3, question
        for before, after in pairwise(pages):
            links = re.findall(r'href="([^"#]+)"', before.read_text())
            assert after in {(before.parent / link).resolve() for link in links}, question
        assert answer in unescape(pages[-1].read_text()), question


def test_the_readme_gets_the_result_table_of_the_run(market):
    folder, _ = market
    table = re.compile(r"<!-- result -->.*?<!-- /result -->", re.DOTALL)
    shown = table.search((folder / "README.md").read_text()).group()
    assert shown == table.search((folder / "reports" / "summary.md").read_text()).group()
    assert shown.count("|") > 10


def test_nothing_runs_a_second_time(market):
    folder, _ = market
    assert "up to date" in repro(folder)


def test_saving_outputs_in_a_notebook_makes_no_stage_stale(market):
    folder, _ = market
    path = folder / "notebooks" / "31_value.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="seen")]
    notebook.metadata.kernelspec.display_name = "Python 3 (another)"
    notebook.metadata.language_info = {"name": "python", "version": "3.11.7"}
    nbformat.write(notebook, path)
    assert ran(repro(folder)) == {"fingerprint"}


def test_a_changed_parameter_runs_only_what_depends_on_it(market):
    folder, _ = market
    path = folder / "params.yaml"
    raw = yaml.safe_load(path.read_text())
    raw["report"]["order_word"] = ["visit", "visits"]
    path.write_text(yaml.safe_dump(raw))
    assert ran(repro(folder)) == {"fingerprint", "report"}


def test_the_same_seed_gives_the_same_metrics_in_another_folder_and_in_one_process(market, tmp_path):
    """Up to value, not the whole pipeline: enough to catch an unseeded draw in data, features or value."""
    folder, _ = market
    other = sandbox.copy(tmp_path / "again", TINY)
    known = {**os.environ, **kernels.environment(), "MEMBERSHIP_ROOT": str(other), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", _CELLS, "ingest", "features", "repurchase", "value"]
    done = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("ingest", "features", "repurchase", "value"):
        first, second = (each / "reports" / "metrics" / f"{name}.json" for each in (folder, other))
        assert first.read_text() == second.read_text()


def test_the_readme_draws_the_stages_as_dvc_yaml_has_them():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    drawn = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    assert set(re.findall(r"\b\w+\b", drawn)) - {"graph", "LR", "champion", "json"} == set(stages) - {"fingerprint"}
