"""A stage whose outputs DVC brought back leaves a run that says so and links the run that made them."""

import json
import shutil

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from membership.base import absent, graph
from membership.pipeline import overview, restored, track


@pytest.fixture
def root(workspace, migrated, monkeypatch):
    """A project whose only stage, value, has one output, made by a run in MLflow."""
    shutil.copy(migrated, workspace / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (workspace / "notebooks").mkdir()
    book = new_notebook(cells=[new_markdown_cell("# What is a member worth?")])
    nbformat.write(book, workspace / "notebooks" / "31_value.ipynb")
    (workspace / "dvc.yaml").write_text(
        "stages:\n  value:\n    cmd: none\n    meta: {params: [seed]}\n    outs: [data/out.json]\n"
        "    metrics:\n      - reports/metrics/value.json: {cache: false}\n"
    )
    return workspace


def make(root, value: int) -> str:
    """Let a run of the stage make its outputs; return its id."""
    put(root, value)
    run = track.StageRun("value", {}, {})
    run.set_tags({f"out/{name}": found for name, found in graph.digests(graph.node("value").outs, "sha256").items()})
    run.finish(ok=True)
    return run.id


def put(root, value: int) -> None:
    for name in ("data/out.json", "reports/metrics/value.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps({"number": value}))


def runs():
    client, experiment = track.connect()
    return client.search_runs([experiment], "tags.restored = 'true'")


def test_what_was_run_last_is_not_restored(root):
    make(root, 1)
    assert restored.main() == 0
    assert runs() == []


def test_what_came_back_is_logged_once_with_a_link_to_its_maker_and_its_metrics(root):
    first = make(root, 1)
    make(root, 2)
    put(root, 1)
    restored.main()
    restored.main()
    (run,) = runs()
    assert run.data.tags["restored_from"] == first
    assert run.data.metrics == {"number": 1}


def test_what_another_machine_made_says_so(root):
    put(root, 3)
    restored.main()
    (run,) = runs()
    assert run.data.tags["restored_from"] == "another machine"


def test_nothing_made_is_nothing_restored(root):
    assert restored.main() == 0
    assert runs() == []


def test_the_last_lines_hold_what_was_found_what_was_not_possible_and_how_long_it_took(root):
    run = track.StageRun("value", {}, {})
    run.log_metrics({"duration_s": 90.0})
    run.finish(ok=True)
    assert "1.5 minutes" in overview.last_words()
    put(root, 1)
    (root / "reports" / "metrics" / "value.json").write_text(json.dumps({absent.KEY: "nobody buys"}))
    assert "Not possible with these data: value;" in overview.last_words()
