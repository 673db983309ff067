"""Whether the tests, the rule and the server keep their promises: `python -m benchmarks.experiments --out JSON`.

Parts: textbook, bandit (Open Bandit), biased (intervals on deliberately biased logs), watched (tests read every week),
aa (tests under no difference), coverage (intervals against known truth), markets (what the joint rule ships), speed
(1,000,000 members), serving (needs `dvc repro` and a quiet machine). `--only PART` runs one of them; the others stay in
the JSON as they were.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks import (
    experiments_markets,
    experiments_offpolicy,
    experiments_speed,
    experiments_trust,
    goals,
    serving,
)
from membership.base import files, params
from membership.base.errors import ProjectError

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "tea-tasting", "mlflow")
SERVED_S = 30  # seconds of each measurement of the server


def served(seed: int) -> dict:
    """Measure the champion of the last run behind `mlflow models serve`, with one worker."""
    rows = serving.run(SERVED_S, "champion")
    return {"goals": [_served(row) for row in serving.goals(rows)], "rows": rows}


PARTS: dict[str, Callable[[int], dict]] = {  # each returns `goals` and whatever else it found, made of plain values
    "textbook": experiments_offpolicy.textbook,
    "bandit": experiments_offpolicy.bandit,
    "biased": experiments_offpolicy.coverage,
    "watched": experiments_offpolicy.watched,
    "aa": experiments_trust.aa,
    "coverage": experiments_trust.coverage,
    "markets": experiments_markets.run,
    "speed": experiments_speed.run,
    "serving": served,
}


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the table of goals."""
    given = _arguments()
    seed = params.parse(params.read()).seed
    found = files.read_json(given.out) if given.out.exists() else {}
    for part in given.only or PARTS:
        found[part] = PARTS[part](seed) | {"command": _command(part), "versions": versions()}
        files.write_json(given.out, found)
    sys.stdout.write(in_words(found) + "\n")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the figures rest on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def in_words(found: dict) -> str:
    """Return every goal of the parts in `found` as one table: what was found, what was asked, reached or missed."""
    rows = [{"part": part, **goal} for part in PARTS if part in found for goal in found[part]["goals"]]
    table = pd.DataFrame(rows, columns=["part", "goal", "found", "asked", "reached"])
    table["reached"] = table["reached"].map({True: "reached", False: "missed"}).fillna("-")
    return table.to_string(index=False, float_format=lambda number: f"{number:,.6g}")


def _served(row: dict) -> dict:
    """Return a goal of `serving` as the others are; a failed request misses it."""
    side = "at most" if "at most" in row else "at least"
    judged = goals.at_most if side == "at most" else goals.at_least
    return judged(f"{row['task']}, {row['figure']}", row["found"], row[side]) | {"reached": bool(row["met"])}


def _command(part: str) -> str:
    return f"python -m benchmarks.experiments --only {part} --out JSON"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add parts to")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be given again")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
