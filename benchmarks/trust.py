"""Whether input, pages and answers can be trusted: `python -m benchmarks.trust --out JSON`, a table of tried and right.

`--only PART` tries one part: `inputs` (malformed parameters, tables, policies and models), `kinds` (more of them, by
what people have reported), `served` (strange requests
to the served scorer, after `dvc repro`), `studies` (a search that several take at once), and, on a small market of its
own in the folder `--work`, which takes some minutes to make and stays: `pages` (texts that act as code), `moved`,
`kills`, `disks`, `inference` (whose data these are).
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

import pandas as pd

from membership.base import files
from membership.base.errors import ProjectError

PARTS = ("inputs", "kinds", "served", "studies", "pages", "moved", "kills", "disks", "inference")


def main() -> None:
    """Try, write the JSON and print the table; what went wrong is listed under it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; several with several options")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "membership-trust", help="a folder")
    given = parser.parse_args()
    try:
        rows = [row for part in given.only or PARTS for row in measured(part, given.work.resolve())]
    except ProjectError as error:
        sys.exit(str(error))
    files.write_json(given.out, {"rows": rows})
    sys.stdout.write(in_words(rows) + "\n")


def measured(part: str, work: Path) -> list[dict]:
    """Return the rows of one part: what, tried, right, and `wrong`, what was not right, if that can be named."""
    return importlib.import_module(f"benchmarks.trust_{part}").measure(work)


def in_words(rows: list[dict]) -> str:
    """Return the table, and what was not right."""
    table = pd.DataFrame(rows)[["what", "tried", "right"]].to_string(index=False)
    return "\n".join([table, *(f"{row['what']}: {one}" for row in rows for one in row.get("wrong", []))])


if __name__ == "__main__":
    main()
