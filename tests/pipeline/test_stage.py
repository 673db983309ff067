"""The stage runner: what it executes, what it logs, and how it fails."""

import json
import os
import shutil
import subprocess
import sys

import mlflow
import nbformat
import pytest
from hostile import TEXTS
from mlflow.tracking import MlflowClient
from papermill.exceptions import PapermillExecutionError

from membership.base import graph
from membership.base.errors import ParamError, ProjectError
from membership.pipeline import stage
from membership.report import pages
from membership.settings import params


@pytest.fixture
def pipeline(workspace, monkeypatch, migrated):
    """A project with one stage, `value`, whose notebook a test writes with `write`."""
    shutil.copy(migrated, workspace / "mlflow.db")
    (workspace / "notebooks").mkdir()
    (workspace / "data").mkdir()
    (workspace / "data" / "in.parquet").write_bytes(b"any bytes")
    (workspace / "dvc.yaml").write_text(
        "stages:\n  value:\n    cmd: none\n    meta: {params: [seed, value]}\n    deps: [data/in.parquet]\n"
        "    outs: [data/out.json]\n    metrics:\n      - reports/metrics/value.json: {cache: false}\n"
    )
    for name in stage._environment("value"):  # what a stage sets for its kernel, and nothing after the test may see
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return workspace


def write(root, *cells: str) -> None:
    start = [
        "overrides = {}",
        "from membership.pipeline import outputs\nfrom membership.settings import params",
    ]
    made = [nbformat.v4.new_markdown_cell("# What is a member worth?")]
    made += [nbformat.v4.new_code_cell(cell) for cell in [*start, *cells]]
    made[1].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=made), root / "notebooks" / "31_value.ipynb")


SAVE = (
    "p = params.load('value', overrides)\n"
    "save = outputs.Outputs(p)\n"
    "save.json('data/out.json', {'seed': p.seed})\n"
    "save.metrics({'horizon': p.value.horizon_days})"
)


def only_run(root):
    mlflow.set_tracking_uri(f"sqlite:///{root}/mlflow.db")
    experiment = mlflow.get_experiment_by_name("membership")
    (found,) = MlflowClient().search_runs([experiment.experiment_id])
    return found


def test_a_stage_logs_parameters_metrics_hashes_and_its_page(pipeline):
    write(pipeline, SAVE, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    stage.run("value", {})
    run = only_run(pipeline)
    assert run.info.status == "FINISHED"
    assert run.data.params["value.horizon_days"] == "90"
    assert run.data.metrics["horizon"] == 90
    assert run.data.metrics["duration_s"] > 0
    assert run.data.tags["dep/data/in.parquet"] == graph.digest("data/in.parquet", "md5")
    assert run.data.tags["out/data/out.json"] == graph.digest("data/out.json", "sha256")
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest == graph.digest("data/in.parquet", "md5")
    artifacts = {item.path for item in MlflowClient().list_artifacts(run.info.run_id, "report")}
    assert artifacts == {"report/31_value.html", "report/01-what-is-a-member-worth.png"}
    assert json.loads((pipeline / "data" / "out.json").read_text()) == {"seed": params.read()["seed"]}
    assert "31_value.html" in (pipeline / "reports" / "index.html").read_text()


def test_a_stage_with_overrides_is_a_trial_that_leaves_what_the_pipeline_made(pipeline):
    (pipeline / "data" / "out.json").write_text("old")
    write(pipeline, SAVE)
    stage.run("value", {"value.horizon_days": 7})
    run = only_run(pipeline)
    assert run.data.tags["exploration"] == "true"
    assert run.data.tags["changed"] == "value.horizon_days=7"
    assert run.data.metrics["horizon"] == 7
    assert (pipeline / "data" / "out.json").read_text() == "old"
    assert (pipeline / "trials" / "value" / "data" / "out.json").exists()
    assert (pipeline / "trials" / "value" / "reports" / "31_value.html").exists()


def test_two_runs_of_a_stage_in_one_place_are_refused_with_what_to_do(pipeline):
    write(pipeline, SAVE)
    with stage._alone(pipeline, "value"), pytest.raises(ProjectError, match=r"running in .* already.*git worktree add"):
        stage.run("value", {})


def test_a_failing_cell_becomes_one_message_and_a_failed_run(pipeline):
    write(pipeline, "from membership.base.errors import DataError\nraise DataError('events.csv: column at: no times')")
    with pytest.raises(ProjectError) as error:
        stage.run("value", {})
    assert str(error.value).startswith("events.csv: column at: no times\n  in notebook 31_value.ipynb, cell 4")
    assert only_run(pipeline).info.status == "FAILED"


def test_a_failed_run_marks_the_pages_of_an_earlier_run_after_it(pipeline):
    for name, after in (("repurchase", "before"), ("report", "after")):
        needs = "data/out.json" if after == "after" else "data/in.parquet"
        with (pipeline / "dvc.yaml").open("a") as lines:
            lines.write(f"  {name}:\n    cmd: none\n    deps: [{needs}]\n    outs: [data/{name}.json]\n")
    for stem in ("30_repurchase", "90_report"):
        write(pipeline, SAVE)
        (pipeline / "notebooks" / "31_value.ipynb").rename(pipeline / "notebooks" / f"{stem}.ipynb")
        (pipeline / "reports").mkdir(exist_ok=True)
        (pipeline / "reports" / f"{stem}.html").write_text("<html><body class='x'>old</body></html>")
    (pipeline / "reports" / "summary.md").write_text("# Old\n")
    write(pipeline, "from membership.base.errors import DataError\nraise DataError('no times')")
    for _ in range(2):  # the mark is there once, however often the stage fails
        assert stage.main(["value"]) == 1
    before, after, memo = (
        (pipeline / "reports" / name).read_text() for name in ("30_repurchase.html", "90_report.html", "summary.md")
    )
    assert before == "<html><body class='x'>old</body></html>"
    assert after.startswith("<html><body class='x'><!-- earlier run -->") and after.endswith("old</body></html>")
    assert memo.count("earlier run -->") == 2 and memo.endswith("# Old\n")
    assert "earlier run" not in (pipeline / "reports" / "31_value.html").read_text()  # it is of this run


def test_what_is_not_possible_with_the_data_is_said_and_stepped_over(pipeline):
    write(pipeline, "from membership.base.errors import NotPossible\nraise NotPossible('none of 7 members has bought')")
    assert stage.main(["value"]) == 0
    said = "none of 7 members has bought"
    assert json.loads((pipeline / "data" / "out.json").read_text()) == {"not_possible": said}
    page = (pipeline / "reports" / "31_value.html").read_text()
    assert said in page and "Traceback" not in page and "papermill-error" not in page
    run = only_run(pipeline)
    assert (run.info.status, run.data.tags["not_possible"]) == ("FINISHED", said)


def test_an_unforeseen_error_keeps_its_name(pipeline):
    write(pipeline, "1 / 0")
    with pytest.raises(ProjectError, match="ZeroDivisionError: division by zero"):
        stage.run("value", {})


def test_a_killed_kernel_is_a_failed_run_that_leaves_the_old_output(pipeline):
    (pipeline / "data" / "out.json").write_text("old")
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    write(pipeline, "from membership.base import files, paths", kill, SAVE)
    with pytest.raises(ProjectError, match="Kernel died; killed, or out of memory"):
        stage.run("value", {})
    assert (pipeline / "data" / "out.json").read_text() == "old"
    assert only_run(pipeline).info.status == "FAILED"


def test_an_impossible_parameter_stops_before_anything_runs(pipeline):
    write(pipeline, SAVE)
    with pytest.raises(ParamError, match=r"value\.horizon_days = 0"):
        stage.run("value", {"value.horizon_days": 0})
    assert not (pipeline / "reports").exists()


def test_a_server_that_does_not_answer_is_named(pipeline, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    write(pipeline, SAVE)
    with pytest.raises(ProjectError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        stage.run("value", {})


def test_a_store_that_breaks_down_later_leaves_the_results_and_says_so(pipeline, capsys):
    breaks = f"open({str(pipeline / 'mlflow.db')!r}, 'wb').write(b'no database ' * 1000)"
    write(pipeline, SAVE, breaks)
    stage.run("value", {})
    assert json.loads((pipeline / "data" / "out.json").read_text()) == {"seed": params.read()["seed"]}
    assert (pipeline / "reports" / "31_value.html").exists()
    assert "results are in place" in capsys.readouterr().err


def test_a_damaged_store_stops_before_the_notebook_runs(pipeline):
    write(pipeline, SAVE)
    (pipeline / "mlflow.db").write_bytes(b"no database " * 1000)
    with pytest.raises(ProjectError, match="damaged"):
        stage.run("value", {})
    assert not (pipeline / "data" / "out.json").exists()


def test_names_that_mlflow_refuses_stop_no_stage(pipeline):
    write(pipeline, SAVE.replace("{'horizon'", f"{{**dict.fromkeys({TEXTS!r}, 1), 'horizon'"))
    stage.run("value", {})
    run = only_run(pipeline)
    assert run.info.status == "FINISHED"
    assert len(run.data.metrics) == 2 + len(TEXTS)


def test_the_command_line_says_what_is_wrong_in_one_message_without_frames(pipeline):
    write(pipeline, SAVE)
    command = [sys.executable, "-m", "membership.pipeline.stage", "value", "-S", "value.horizon_days"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pipeline)
    assert done.returncode == 1
    assert "write it as KEY=VALUE" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_the_last_state_of_a_progress_bar_is_kept_in_the_page(tmp_path):
    pieces = ["\rfit: 10%", "\rfit: 50%", "\rfit: 100%\ndone\n"]
    outputs = [nbformat.v4.new_output("stream", name="stderr", text=piece) for piece in pieces]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    page = pages.save_page(tmp_path / "a.ipynb", tmp_path / "a.html").read_text()
    assert "fit: 100%" in page
    assert "fit: 50%" not in page


@pytest.mark.parametrize(
    ("exception", "named"),
    [
        ("OperationNotDefinedError", "engine.name"),
        ("CannotCoerce", "engine.name"),
        ("OutOfMemoryException", "engine.duckdb.spill"),
        ("IOException", "engine.duckdb.spill"),
        ("AdminShutdown", "start it"),
        ("Py4JJavaError", "Spark gave up"),
        ("InsufficientPrivilege", "GRANT TEMPORARY"),
        ("KeyError", ""),
    ],
)
def test_what_an_engine_refuses_names_what_to_do(workspace, exception, named):
    failure = PapermillExecutionError(3, 1, "features.table(events)", exception, "Quantile", [])
    told = stage.explain(failure, workspace / "reports" / "x.ipynb")
    assert f"{exception}: Quantile" in told
    remedies = ("engine.name", "engine.duckdb.spill", "start it", "GRANT TEMPORARY", "Spark gave up")
    assert [remedy for remedy in remedies if remedy in told] == ([named] if named else [])


def test_frames_of_java_are_not_told(workspace):
    said = "An error occurred.\n: SparkException: Job aborted\nDriver stacktrace:\n\tat org.apache.Job\n\tat java.base"
    failure = PapermillExecutionError(3, 1, "x", "Py4JJavaError", said, [])
    told = stage.explain(failure, workspace / "reports" / "x.ipynb")
    assert "Job aborted\n" in told and "stacktrace" not in told and "\tat" not in told


FULL = """
import resource
from membership.base import engine
from membership.settings.engine import Engine

con = engine.connect(Engine(duckdb={"memory_gib": 0.25, "threads": 1, "spill": "."}))
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))  # no file grows beyond a MiB, as on a disk that is full
try:
    con.raw_sql("CREATE TABLE t AS SELECT repeat('x', 100) || range AS x FROM range(3000000) ORDER BY hash(range)")
except Exception as error:
    print(type(error).__name__)
"""


def test_a_full_spill_disk_is_told_with_the_knob_that_helps(workspace):
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True, cwd=workspace)
    failure = PapermillExecutionError(3, 1, "x", done.stdout.strip(), "no space left", [])
    assert "engine.duckdb.spill" in stage.explain(failure, workspace / "reports" / "x.ipynb")
