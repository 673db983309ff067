"""How large the page about single members is, and how soon it opens: `python -m benchmarks.site --out JSON`.

The members of the last run are repeated until there are enough. Time is that of a real browser (Debian's chromium) from
the beginning of the page to the end of its layout with rows.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from membership.base import paths, tables
from membership.data import pseudonyms
from membership.report.site import members

_SHOWN = ("repurchase", "lifecycle_history")  # tables beside `actions` that the page reads
_CLOCK = """<script>addEventListener("load", function () {
var drawn = document.querySelectorAll("#table tbody tr").length; document.body.getBoundingClientRect();
document.title = "took " + Math.round(performance.now()) + " rows " + drawn; });</script></body>"""


def main() -> None:
    """Print the figures, and write them where --out says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found = measured(asked.members)
    print(pd.Series(found).to_string())
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=2) + "\n")


def measured(many: int) -> dict[str, float]:
    """Return members, MB of the page and all beside it, seconds to make it, seconds until its rows are shown."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _repeat(root, many)
        os.environ[paths.ROOT], os.environ[pseudonyms.KEY] = folder, "a key of the benchmark"
        began = time.perf_counter()
        page = members.write(root / "reports" / "private")
        made = time.perf_counter() - began
        size = sum(path.stat().st_size for path in page.parent.iterdir()) / 1e6
        page.write_text(page.read_text().replace("</body>", _CLOCK).replace("script-src", "script-src 'unsafe-inline'"))
        title = _title(page)
    return {
        "members": many,
        "megabytes": size,
        "seconds_to_make": made,
        "seconds_to_open": int(title.split()[1]) / 1e3,
        "rows_drawn": int(title.split()[3]),
    }


def _repeat(root: Path, many: int) -> None:
    shutil.copy(paths.root() / "params.yaml", root)
    actions = pd.read_parquet(tables.existing("actions"))
    times = -(-many // len(actions))
    for name in ("actions", *_SHOWN):
        frame = pd.read_parquet(tables.existing(name))
        parts = [_other(frame, number) for number in range(times)]
        path = tables.ALL[name].path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(parts).to_parquet(path)
    kept = pd.read_parquet(tables.ALL["actions"].path(root)).head(many)
    kept.assign(value=kept["value"] * np.linspace(1, 2, len(kept))).to_parquet(tables.ALL["actions"].path(root))


def _other(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return `frame` of other members, each with reasons of its own."""
    reasons = {name: frame[name] + f", {number}" for name in frame if name.endswith("_reason")}
    return frame.assign(member_id=frame["member_id"] + f"-{number}", **reasons)


def _title(page: Path) -> str:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium here: Debian's package is chromium.")
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.split("<title>")[1].split("</title>")[0]


if __name__ == "__main__":
    main()
