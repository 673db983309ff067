"""A benchmark of several parts: one JSON file that parts are added to, and one table of their goals."""

import argparse
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from membership.base import files
from membership.settings import params


@dataclass(frozen=True)
class Suite:
    """Parts by name; each takes the project's seed and returns `goals` and what else it found, of plain values.

    `name`: of the module, as in `python -m benchmarks.<name>`. `libraries`: whose versions the figures rest on.
    """

    name: str
    parts: Mapping[str, Callable[[int], dict]]
    libraries: Sequence[str]

    def run(self, given: argparse.Namespace) -> dict:
        """Run the parts of `given.only` (all without), write `given.out` after each, print the goals; return all."""
        seed = params.parse(params.read()).seed
        found = files.read_json(given.out) if given.out.exists() else {}
        for part in given.only or self.parts:
            command = f"python -m benchmarks.{self.name} --only {part} --out JSON"
            found[part] = self.parts[part](seed) | {"command": command, "versions": self.versions()}
            files.write_json(given.out, found)
        sys.stdout.write(self.in_words(found) + "\n")
        return found

    def arguments(self, about: str) -> argparse.ArgumentParser:
        """Return the parser of `--out` and `--only`; the first line of `about` says what is run."""
        parser = argparse.ArgumentParser(description=about.splitlines()[0])
        parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add parts to")
        parser.add_argument("--only", choices=self.parts, action="append", help="this part only; may be given again")
        return parser

    def versions(self) -> dict[str, str]:
        """Return the versions of Python and of the libraries."""
        return {"python": platform.python_version(), **{name: version(name) for name in self.libraries}}

    def in_words(self, found: Mapping[str, dict]) -> str:
        """Return every goal of the parts in `found` as one table: found, asked, and whether it was reached."""
        rows = [{"part": part, **goal} for part in self.parts if part in found for goal in found[part]["goals"]]
        table = pd.DataFrame(rows, columns=["part", "goal", "found", "asked", "reached"])
        table["reached"] = table["reached"].map({True: "reached", False: "missed"}).fillna("-")
        return table.to_string(index=False, float_format=lambda number: f"{number:,.6g}")
