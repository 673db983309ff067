"""`make promote` and `make rollback`: change `champion.json`, the policy that is live, and log what was done and why.

Also a refusal is logged: in `decisions.jsonl`, which is committed with champion.json, and as a run in MLflow.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from membership.base import files
from membership.base.errors import ProjectError
from membership.evaluate import champions, decide
from membership.report import words


def main(arguments: list[str] | None = None) -> int:
    """Promote or roll back; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.champion", description=__doc__)
    parser.add_argument("change", choices=("promote", "rollback"))
    parser.add_argument("--force", action="store_true", help="promote although the decision is to keep the champion")
    options = parser.parse_args(arguments)
    try:
        live = champions.live()
        decision = decide.read() if options.change == "promote" else None
    except ProjectError as error:
        print(f"{options.change}: {error}", file=sys.stderr)
        return 1
    try:
        new = champions.checked(_changed(decision, live, options.force))
    except ProjectError as error:
        print(f"{options.change}: {error}", file=sys.stderr)
        _log(champions.entry(options.change, live, None, str(error), options.force))
        return 1
    files.write_json(champions.path(), new)
    against = options.force and decision is not None and decision.verdict != "promote"  # else the rule has done it
    why = new["reason"] if decision is not None else f"Rolled back by hand; live before: {live['policy']}."
    _log(champions.entry(options.change, live, new, why, against))
    print(f"champion.json: '{live['policy']}' -> '{new['policy']}': {new['reason']}")
    print("Commit it with decisions.jsonl; the next `dvc repro` judges against it, and the MLflow alias follows.")
    return 0


def _changed(decision: decide.Decision | None, live: dict[str, Any], force: bool) -> dict[str, Any]:
    """Return the new content of champion.json: a promotion where there is a decision, else a rollback."""
    if decision is None:
        return decide.rollback(live)
    return decide.promote(decision, live, words.render("decide_reasons", checks=decision.deciding), force)


def _log(line: Mapping[str, Any]) -> None:
    """Log `line` in the project and in MLflow; a tracking server that does not answer takes nothing back."""
    champions.append(line)
    from membership.pipeline import track  # seconds that a refusal on the spot need not wait for

    tags = {name: str(value)[:5000] for name, value in line.items()}
    try:
        track.StageRun("champion", {name: line[name] for name in ("before", "after")}, tags).finish(ok=True)
    except (ProjectError, track.MlflowException) as error:
        print(f"{error} What was done stands, and is logged in decisions.jsonl; only MLflow lacks it.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
