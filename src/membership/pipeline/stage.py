"""Run one stage: its notebook through papermill, the executed copy as HTML, everything that came of it into MLflow.

`python -m membership.pipeline.stage value` is what `dvc.yaml` calls. With `-S value.horizon_days=30` it is a trial:
what it makes goes to `trials/value/`, and its run in MLflow is tagged `exploration`.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import filelock
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from membership.base import graph, kernels, paths
from membership.base.errors import NotPossible, ParamError, ProjectError
from membership.pipeline import outputs, possible, progress, store
from membership.settings import params


def main(arguments: list[str] | None = None) -> int:
    """Run the stage named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.stage", description=__doc__.split("\n")[0])
    parser.add_argument("stage")
    parser.add_argument("-S", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    try:
        run(options.stage, _parse(options.overrides))
    except ProjectError as error:
        print(f"\nstage {options.stage}: {error}", file=sys.stderr)
        return 1
    return 0


def run(stage: str, overrides: Mapping[str, Any]) -> None:
    """Run `stage` and log it. Raises ProjectError, for the person at the keyboard, where it fails."""
    node, p = graph.node(stage), params.load(stage, overrides)
    store.check()
    root = outputs.trials(stage) if overrides else paths.root()
    with _alone(root, stage), progress.shown(stage):
        _run(node, p, overrides, root)


def _run(node: graph.Node, p: params.Stage, overrides: Mapping[str, Any], root: Path) -> None:
    stage, started = node.name, time.time()
    os.environ |= _environment("" if overrides else stage)
    executed = root / "reports" / "notebooks" / node.notebook.name
    # MLflow and nbconvert take seconds to import, and the kernel seconds to start: do both at once.
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(_open_run, node, p, overrides, started)
        executed.unlink(missing_ok=True)  # of an earlier run
        why, failure = possible.missing(node), None
        try:
            if why is None:
                failure = _execute(node.notebook, executed, overrides)
        except BaseException:
            with _results_stay(stage):
                opening.result().finish(ok=False)
            if not overrides:
                from membership.report import pages

                pages.mark_earlier(stage, own=True)
            raise
    from membership.report import few, pages

    if failure is not None and failure.ename == NotPossible.__name__:
        why, failure = failure.evalue, None
    if why is not None:
        possible.step_over(node, executed, why, root)
    few.guard(executed, few.smallest())
    shown = [pages.save_page(executed, root / "reports" / f"{node.notebook.stem}.html"), *pages.save_figures(executed)]
    owned = failure is None and not overrides
    if owned and stage == "decide":
        from membership.pipeline import published

        published.refresh()
    if owned and why is None and stage == "report":
        pages.save_readme()
        pages.refresh()
    tracked = _logged(node, opening, shown, root, failure is None, owned)
    if tracked is not None:
        with _finished(tracked, stage, started, failure is None):
            if owned and why is None:
                _register(stage, tracked.id)
    if failure is not None and not overrides:
        pages.mark_earlier(stage, own=False)
    pages.save_index()
    if owned and stage == "report":
        from membership.pipeline import published
        from membership.report.site import build, members

        build.build()
        members.write(paths.reports(published.FOLDER), p.report.language)
    if failure is not None:
        raise ProjectError(explain(failure, executed))


def _logged(node: graph.Node, opening: Future, shown: list[Path], root: Path, ok: bool, owned: bool):
    """Log what came of the stage to its run, and return that; None where MLflow failed, which is said."""
    from membership.report import pages

    with _results_stay(node.name):
        tracked = opening.result()
        tracked.log_files(shown, "report")
        if ok:
            tracked.log_metrics(pages.metrics(node.name, root))
            tracked.log_nested(outputs.nested(root, node.name))
        if owned:
            tracked.set_tags({f"out/{name}": value for name, value in graph.digests(node.outs, "sha256").items()})
        return tracked
    return None


@contextmanager
def _finished(tracked, stage: str, started: float, ok: bool) -> Iterator[None]:
    """End the run `tracked` after what is done within; a fault there is ours and not MLflow's: it fails the run."""
    try:
        yield
    except BaseException:
        ok = False
        raise
    finally:
        with _results_stay(stage):
            tracked.log_metrics({"duration_s": round(time.time() - started, 1)})
            tracked.finish(ok=ok)


@contextmanager
def _results_stay(stage: str) -> Iterator[None]:
    """Say what went wrong with MLflow, and go on: what the notebook made is there, whatever becomes of its run."""
    try:
        yield
    except Exception as error:  # of MLflow, its database, its server, the disk
        told = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        print(
            f"\nstage {stage}: MLflow could not log it ({told}). The stage's results are in place and complete; "
            f"repair MLflow, and `make repro` leaves a run for them.",
            file=sys.stderr,
        )


def explain(failure: PapermillExecutionError, executed: Path) -> str:
    """Return what failed, where, and what to open: the notebook's own words, without its frames."""
    said = failure.evalue.partition("\n\tat ")[0].removesuffix("\nDriver stacktrace:")  # without the frames of Java
    message = said if failure.ename in _OUR_ERRORS else f"{failure.ename}: {said}"
    message += _OF_THE_ENGINE.get(failure.ename, "")
    first = next((line for line in failure.source.splitlines() if line.strip()), "")
    where = f"notebook {executed.name}, cell {failure.cell_index}: {first.strip()}"
    return f"{message}\n  in {where}\n  what ran so far: {executed.relative_to(paths.root())} (and .html in reports/)"


_OUR_ERRORS = {"ProjectError", "DataError", "ParamError", "UndeclaredError"}
_LACKS = "\n  this engine lacks an expression that the stage needs; engine.name: duckdb has all. Stored tables stay."
_GONE = "\n  a database server that the stage uses has ended: start it, then run `dvc repro`. Stored tables stay."
_RIGHTS = "\n  its user needs the right to make temporary tables: GRANT TEMPORARY ON DATABASE. Then run `dvc repro`."
_SPARK = (
    "\n  Spark gave up: its cluster may have ended, no worker may be free, or one may lack memory or disk. Its page "
    "says what it was; then run `dvc repro`. Stored tables stay."
)
_OF_THE_ENGINE = {  # exceptions of Ibis, DuckDB, PostgreSQL's client and PySpark -> what to do
    **dict.fromkeys(("OperationNotDefinedError", "UnsupportedOperationError", "UnsupportedBackendType"), _LACKS),
    **dict.fromkeys(("CannotCoerce", "UndefinedFunction", "FeatureNotSupported", "DatatypeMismatch"), _LACKS),
    **dict.fromkeys(("OperationalError", "AdminShutdown", "CrashShutdown"), _GONE),
    **dict.fromkeys(("Py4JJavaError", "Py4JNetworkError", "SparkConnectGrpcException"), _SPARK),
    "InsufficientPrivilege": _RIGHTS,
    "OutOfMemoryException": "\n  raise engine.duckdb.memory_gib, or set engine.duckdb.spill to a folder with room.",
    "IOException": "\n  free some space, or set engine.duckdb.spill to a folder with room. Stored tables stay.",
}


def _execute(notebook: Path, executed: Path, overrides: Mapping[str, Any]) -> PapermillExecutionError | None:
    executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            notebook,
            executed,
            parameters={"overrides": dict(overrides)},
            kernel_name="python3",
            language="python",
            cwd=notebook.parent,
            progress_bar=False,
            stderr_file=sys.stderr,
            shutdown_kernel="immediate",
            extra_arguments=["--log-level=ERROR"],  # no word on local sockets at every start
        )
    except PapermillExecutionError as failure:
        return failure
    except DeadKernelError as failure:
        return PapermillExecutionError(0, 0, "", "KernelDied", f"{failure}; killed, or out of memory", [])
    except OSError as error:
        raise ProjectError(
            f"{executed}: cannot be written ({error.strerror}); free some space, then run again."
        ) from error
    return None


@contextmanager
def _alone(root: Path, stage: str) -> Iterator[None]:
    """Keep others from running the same stage in the same place meanwhile."""
    path = root / "reports" / "notebooks" / f".{stage}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(path, timeout=0):
            yield
    except filelock.Timeout as error:
        raise ProjectError(
            f"stage {stage} is running in {root} already, and two runs would overwrite each other's results. "
            "Wait until it has ended, or use a checkout of your own (git worktree add, git clone)."
        ) from error


def _open_run(node: graph.Node, p: params.Stage, overrides: Mapping[str, Any], started: float):
    from membership.pipeline import track
    from membership.report import pages  # noqa: F401  (needed as soon as the notebook is done)

    hashes = graph.digests(node.deps, "md5")
    tags = {f"dep/{name}": value for name, value in hashes.items()}
    if overrides:
        tags |= track.explored(p)
    tracked = track.StageRun(node.name, p.flat(), tags, started)
    tracked.log_datasets({name: value for name, value in hashes.items() if name.endswith(".parquet")})
    if "device" in vars(p):
        tracked.set_tags({"device": track.device(p.device)})
    if node.name == "decide":
        from membership.pipeline import scorer, serve  # noqa: F401  (seconds, too: to register what was decided)
    return tracked


def _register(stage: str, run_id: str) -> None:
    if stage == "decide" and paths.root() == paths.checkout():  # an experiment in a folder of its own moves no alias
        from membership.pipeline import serve, track

        try:
            serve.register(run_id)
        except track.Unreachable as error:  # all that was computed is there, and the old version goes on serving
            print(f"\nstage decide: {error}", file=sys.stderr)


def _environment(stage: str) -> dict[str, str]:
    """What the kernel needs: this root's code before any other, the same hashing, this environment's kernel."""
    code = [str(paths.root() / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return kernels.environment() | {
        paths.ROOT: str(paths.root()),
        outputs.STAGE: stage,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, code))),
        "PYTHONHASHSEED": "0",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def _parse(pairs: list[str]) -> dict[str, Any]:
    for pair in pairs:
        if "=" not in pair:
            raise ParamError(f"-S {pair}: write it as KEY=VALUE, e.g. -S value.horizon_days=30.")
    read = {key: yaml.safe_load(value) for key, _, value in (pair.partition("=") for pair in pairs)}
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in read.items()}


if __name__ == "__main__":
    sys.exit(main())
