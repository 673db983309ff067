"""Run one stage: its notebook through papermill, the executed copy as HTML, everything that came of it into MLflow.

`python -m membership.pipeline.stage value` is what `dvc.yaml` calls. `-S value.horizon_days=30` overrides a parameter
for this one run by hand; lasting changes belong in `params.yaml`.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from membership.base import graph, kernels, paths
from membership.base.errors import ParamError, ProjectError
from membership.pipeline import outputs
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
    node = graph.node(stage)
    parameters = flatten(params.load(stage, overrides))
    os.environ |= _environment(stage)
    executed = paths.reports("notebooks", node.notebook.name)
    started = time.monotonic()
    # MLflow and nbconvert take seconds to import, and the kernel seconds to start: do both at once.
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(_open_run, node, parameters)
        if stage == "tune":  # its trials are nested in the run, which must therefore be there first
            os.environ["MEMBERSHIP_RUN_ID"] = opening.result().id
        failure = _execute(node.notebook, executed, overrides)
        tracked = opening.result()
    from membership.report import pages as report

    page = report.save_page(executed, paths.reports(f"{node.notebook.stem}.html"))
    tracked.log_files([page, *report.save_figures(executed)], "report")
    if failure is None:
        tracked.log_metrics(report.metrics(stage))
        tracked.set_tags({f"out/{name}": value for name, value in graph.digests(node.outs, "sha256").items()})
        _after(stage, tracked.id)
    tracked.log_metrics({"duration_s": round(time.monotonic() - started, 1)})
    tracked.finish(ok=failure is None)
    report.save_index()
    if failure is not None:
        raise ProjectError(explain(failure, executed))


def flatten(stage: params.Stage) -> dict[str, Any]:
    """Return the parameters of a stage as dotted name -> value, as MLflow compares them."""
    flat: dict[str, Any] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                add(f"{prefix}.{key}", item)
        else:
            flat[prefix] = value

    for key, value in stage.plain().items():
        add(key, value)
    return flat


def explain(failure: PapermillExecutionError, executed: Path) -> str:
    """Return what failed, where, and what to open: the notebook's own words, without its frames."""
    message = failure.evalue if failure.ename in _OUR_ERRORS else f"{failure.ename}: {failure.evalue}"
    first = next((line for line in failure.source.splitlines() if line.strip()), "")
    where = f"notebook {executed.name}, cell {failure.cell_index}: {first.strip()}"
    return f"{message}\n  in {where}\n  what ran so far: {executed.relative_to(paths.root())} (and .html in reports/)"


_OUR_ERRORS = {"ProjectError", "DataError", "ParamError", "UndeclaredError"}


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


def _open_run(node: graph.Node, parameters: dict[str, Any]):
    from membership.pipeline import track

    hashes = graph.digests(node.deps, "md5")
    tracked = track.StageRun(node.name, parameters, {f"dep/{name}": value for name, value in hashes.items()})
    tracked.log_datasets({name: value for name, value in hashes.items() if name.endswith(".parquet")})
    if "device" in parameters:
        tracked.set_tags({"device": track.device(parameters["device"])})
    return tracked


def _after(stage: str, run_id: str) -> None:
    if stage == "decide":
        from membership.report import pages as report

        report.save_readme()
        if paths.root() == paths.checkout():  # an experiment in a folder of its own moves no alias
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
    return {key: yaml.safe_load(value) for key, _, value in (pair.partition("=") for pair in pairs)}


if __name__ == "__main__":
    sys.exit(main())
