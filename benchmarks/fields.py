"""Data of other fields, from first file to last stage: `python -m benchmarks.fields --out JSON [--only NAME]`.

Each data set is started as a new user would: `make start` on its files in a fresh copy of the project, then the whole
pipeline, with no edit beyond what `make start` wrote but the small budgets of SMALL. Then the outputs are read:
what was possible, the primary metric against the simple baseline of the field, calibration, and what a practitioner
would check by hand. `--members` keeps that many of each data set.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks import cells, fields_checks, fields_data, fields_judged, fields_status, fields_strangers
from benchmarks.fields_data import Case, Run
from membership.base import absent, engine, files, graph, paths, tables
from membership.base import stored as stored_models
from membership.base.errors import DataError, ProjectError
from membership.pipeline import sandbox
from membership.profile import lifecycle
from membership.settings import params
from membership.tiers import rules

CASES = fields_data.CASES | fields_strangers.CASES
SMALL: dict[str, Any] = {  # what is done more cheaply than by default, so that each data set takes minutes on two cores
    "tune.trials": 2,
    "tune.workers": 1,
    "train.origins": 2,
    "train.epochs": 4,
    "repurchase.origins": 1,
    "repurchase.network.epochs": 4,
    "repurchase.boosting.iterations": 40,
    "value.bootstrap": 20,
    "value.origins": 2,
    "value.learning_origins": 1,
    "value.network.epochs": 20,
    "value.boosting.iterations": 30,
    "evaluate.bootstrap": 200,
    "evaluate.aa_repeats": 50,
    "evaluate.coverage_repeats": 20,
    "trials.aa_salts": 20,
}
FEWER: dict[str, Any] = {  # where no contract says when a payment is due: no Pareto/NBD and no networks
    "repurchase.candidates": ["season", "own_rate", "base_rate", "last_time", "bgnbd", "logistic", "boosted"],
    "value.candidates": ["zero", "mean", "same_rate", "recent_rate", "rfm", "bgbb", "bgnbd", "boosted"],
}


def main() -> int:
    """Run the data sets asked for, write what was found after each, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add data sets to")
    parser.add_argument("--only", choices=CASES, action="append", help="this data set only; may be given again")
    parser.add_argument("--members", type=int, help="members kept of each data set; all without")
    parser.add_argument("--cells", action="store_true", help="run code cells in one process: no pages, no MLflow")
    parser.add_argument("--folder", type=Path, help="where the copies of the project stay; a temporary one without")
    given = parser.parse_args()
    found = files.read_json(given.out) if given.out.exists() else {}
    try:
        for name in given.only or CASES:
            with _place(given.folder, name) as to:
                found[name] = run(CASES[name], to, given.members, in_process=given.cells)
            files.write_json(given.out, found)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.write(in_words(found) + "\n")
    return 0 if all(right(one) for one in found.values()) else 1


def run(case: Case, to: Path, members: int | None, *, in_process: bool) -> dict[str, Any]:
    """Start `case` in the folder `to`, run the pipeline there, and return what was found, of plain values."""
    files_at = to.with_name(f"{to.name} files")
    raw = case.paths(files_at)
    sandbox.copy(to, {})
    began = time.monotonic()
    _call(to, "membership.pipeline.start", *map(str, raw))
    small = SMALL | ({} if case.field == "subscription" else FEWER)
    limit = {} if members is None else {"dataset.max_members": members}
    written = yaml.safe_load((to / "params.yaml").read_text(encoding="utf-8"))
    changed = params.override(written, small | limit)
    files.write_text(to / "params.yaml", yaml.safe_dump(changed, sort_keys=False, allow_unicode=True))
    if in_process:
        with at(to):
            failed = cells.run(to)
        code = int(bool(failed))
    else:
        code, failed = sandbox.repro(to, "--keep-going", log=to / "repro.log").returncode, {}
    took = time.monotonic() - began
    with at(to):
        found = read(case, members, case.folder(files_at))
    how = {"rc": code, "seconds": round(took), "members": members, "in_process": in_process, "why_failed": failed}
    return {"field": written.get("field"), **how, **found}


def read(case: Case, members: int | None, raw: Path) -> dict[str, Any]:
    """Return what the run at the project's root left of the files in `raw`: possible, primary, calibration, checks."""
    stages = [node.name for node in graph.nodes()]
    reasons = absent.reasons(paths.reports("metrics"), stages)
    missing = [name for name in stages if not paths.reports("metrics", f"{name}.json").exists() and name != "report"]
    run_ = stored(case, members, raw)
    found: dict[str, Any] = {"not_possible": reasons, "failed": missing}
    chances = run_.get("repurchase")
    if chances is not None:
        chance = chances.set_index("member_id")["p_repurchase"]
        back = fields_judged.returns(chance, run_.tables["members"], run_.events, run_.as_of, run_.repurchase_days)
        slope = back.calibration()
        found["calibration"] = {"slope": slope.slope, "low": slope.low, "high": slope.high, "error": slope.error}
        found["judged"] = [_plain(back.paired(name)) for name in ("base_rate", "last_time")]
        kept = _status(case, run_, chance)
        found["judged"] += [] if kept is None else [_plain(kept.paired())]
    lists = run_.get("recommendations")
    if lists is not None:
        lists = lists[lists["policy"] == "challenger"]
        window = (run_.as_of, run_.holdout_end)
        judged = fields_judged.recall(lists, run_.events, window, run_.k, new_only=case.primary == "new_lists")
        found["judged"] = [*found.get("judged", []), *([] if judged is None else [_plain(judged)])]
    found["checks"] = {name: dataclasses.asdict(one) for name, one in fields_checks.run_all(run_).items()}
    return found


def stored(case: Case, members: int | None, raw: Path) -> fields_checks.Stored:
    """Return the tables that the run at the project's root left, what it ran with, and what the files in `raw` hold."""
    p = params.parse(params.read())
    there = {}
    for name in tables.ALL:
        path = paths.data(f"{name}.parquet")
        if path.exists() and absent.reason(path) is None:
            there[name] = pd.read_parquet(path)
    as_of = pd.Timestamp(p.windows.as_of)
    kept = None if members is None else pd.Index(there["members"]["member_id"])
    return fields_checks.Stored(
        tables=there,
        as_of=as_of,
        holdout_end=pd.Timestamp(p.windows.holdout_end),
        horizon_days=p.value.horizon_days,
        repurchase_days=p.economics.repurchase_days,
        k=p.recommend.k,
        silence_is_risk=case.field != "service",
        new_first=case.primary == "new_lists",
        budget=_budget(),
        facts=case.facts(raw, Run(as_of, kept)),
    )


def in_words(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return two tables: a row a data set, and every check that found something wrong."""
    rows, wrong = [], []
    for name, one in found.items():
        judged = [f"{row['metric']} vs {row['baseline']}: {row['reading']}" for row in one.get("judged", [])]
        checks = one["checks"]
        held = sum(check["right"] for check in checks.values())
        slope = one.get("calibration", {}).get("slope")
        rows.append(
            {
                "data": name,
                "field": one["field"],
                "rc": one["rc"],
                "seconds": one["seconds"],
                "not possible": ", ".join(one["not_possible"]) or "-",
                "slope": "-" if slope is None else f"{slope:.2f}",
                "checks": f"{held} of {len(checks)}",
                "judged": "; ".join(judged),
            }
        )
        wrong += [f"{name}: {check}: {said['found']}" for check, said in checks.items() if not said["right"]]
    return "\n".join([pd.DataFrame(rows).to_string(index=False), *wrong])


def right(one: Mapping[str, Any]) -> bool:
    """Return whether a data set ran to its end and every check of it holds."""
    return one["rc"] == 0 and not one["failed"] and all(check["right"] for check in one["checks"].values())


def _plain(paired: fields_judged.Paired) -> dict[str, Any]:
    return dataclasses.asdict(paired) | {"reading": paired.reading}


def _status(case: Case, run_: fields_checks.Stored, chance: pd.Series) -> fields_status.Status | None:
    """Return who keeps a status, where the field has status and the run tiers."""
    if case.field != "travel" or run_.get("tiers") is None:
        return None
    p = params.parse(params.read())
    rule = stored_models.load(paths.models("tiers"), [rules.Rule])
    events = engine.load(engine.connect(), "events")
    months = lifecycle.month_starts(p.windows)
    return fields_status.judged(
        events, run_.tables["tiers"]["member_id"], rule, p.tiers, chance, months, run_.repurchase_days
    )


def _budget() -> float | None:
    metrics = paths.reports("metrics", "benefits.json")
    there = metrics.exists() and absent.reason(metrics) is None
    return files.read_json(metrics).get("benefit_budget") if there else None


def _call(to: Path, module: str, *arguments: str) -> None:
    """Run `python -m module` in the copy `to`, with the copy's own code. Raises DataError with what it said."""
    clean = {key: value for key, value in os.environ.items() if key != paths.ROOT} | {"PYTHONPATH": str(to / "src")}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=to, env=clean, check=False, capture_output=True, text=True)
    files.write_text(to / "start.log", done.stdout + done.stderr)
    if done.returncode:
        raise DataError(f"{module} {' '.join(arguments)}: it failed:\n{done.stderr[-2000:]}")


@contextmanager
def at(root: Path) -> Iterator[None]:
    """Let the project's root be `root`."""
    before = os.environ.get(paths.ROOT)
    os.environ[paths.ROOT] = str(root)
    try:
        yield
    finally:
        os.environ.pop(paths.ROOT)
        if before is not None:
            os.environ[paths.ROOT] = before


@contextmanager
def _place(kept: Path | None, name: str) -> Iterator[Path]:
    if kept is not None:
        yield kept.resolve() / name
    else:
        with tempfile.TemporaryDirectory() as place:
            yield Path(place) / name


if __name__ == "__main__":
    sys.exit(main())
