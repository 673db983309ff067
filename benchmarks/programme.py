"""Tiers and benefits on known truth, on the default data and on a million: `python -m benchmarks.programme --out JSON`.

Parts: personas (recovered, against the Bayes rule), optimiser (against brute force), oracle (simulated markets, against
who knows them), journey (the default data, judged after the date of the choice), speed (1,000,000 members), designer
(a second for each move of a slider). `--only PART` runs one of them; the others stay in the JSON as they were.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks import (
    programme_designer,
    programme_journey,
    programme_optimiser,
    programme_oracle,
    programme_personas,
    programme_speed,
)
from membership.base import files, params
from membership.base.errors import ProjectError

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "duckdb")
PARTS: dict[str, Callable[[int], dict]] = {  # each returns `goals` and whatever else it found, made of plain values
    "personas": programme_personas.run,
    "optimiser": programme_optimiser.run,
    "oracle": programme_oracle.run,
    "journey": programme_journey.run,
    "speed": programme_speed.run,
    "designer": programme_designer.run,
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
    if given.figure:
        programme_speed.figure(found["speed"]["rows"], given.figure)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the figures rest on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def in_words(found: dict) -> str:
    """Return every goal of the parts in `found` as one table: what was found, what was asked, reached or missed."""
    rows = [{"part": part, **goal} for part in PARTS if part in found for goal in found[part]["goals"]]
    table = pd.DataFrame(rows, columns=["part", "goal", "found", "asked", "reached"])
    table["reached"] = table["reached"].map({True: "reached", False: "missed"}).fillna("-")
    return table.to_string(index=False, float_format=lambda number: f"{number:,.4g}")


def _command(part: str) -> str:
    return f"python -m benchmarks.programme --only {part} --out JSON"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add parts to")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be given again")
    parser.add_argument("--figure", type=Path, help="SVG file to draw the growth with members to")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
