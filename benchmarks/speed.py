"""Time and memory of recommenders beside implicit: `python -m benchmarks.speed --out JSON`, after `make peers`.

Each fits, and recommends 20 items to every member, in a fresh process, on a seeded market (`benchmarks.big_market`) of
20,000 items and 50 events a member. What a member has bought is not filtered out. CPU seconds, over all cores, are the
fair figure. Runs on Linux, whose /proc knows the peak memory of one process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks import big_market
from membership.base import files, params
from membership.base.errors import DataError, ProjectError
from membership.base.progress import bar

SCRIPT = Path(__file__).parent / "peers" / "recommend.py"
PEERS_HOME = Path(__file__).parents[1] / ".peers" / "recommend"
ITEMS = 20_000
MIB_AT_MOST = 4096  # peak memory of the model
JUDGED = 100_000  # members at which the targets are set
OURS = {"item_knn": "item-kNN, cosine, 100 neighbours", "model": "the model: signals, training, scoring"}
PEERS = {
    "implicit_item_knn": "implicit 0.7.3: item-kNN, cosine, 100 neighbours",
    "implicit_als": "implicit 0.7.3: ALS, 64 factors, 15 iterations",
}
NAMES = OURS | PEERS
MEMBERS = (10_000, JUDGED, 1_000_000)
TARGETS = {  # ours, the peer, its CPU seconds times this at most
    "item-kNN CPU, over implicit's": ("item_knn", "implicit_item_knn", 0.5),
    "the model's CPU, over implicit's ALS": ("model", "implicit_als", 1.0),
}


def main() -> None:
    """Measure, write the JSON, print the tables and draw the figure."""
    given = _arguments()
    try:
        found = run(params.parse(params.read()).seed, given.members, given.repeats)
        files.write_json(given.out, found)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(in_words(found) + "\n")
    if given.figure:
        figure(found, given.figure)


def run(seed: int, most: int, repeats: int) -> dict:
    """Return `rows`, one a method and number of members up to `most`, and `targets`, what was asked at 100,000.

    Each is measured `repeats` times at 100,000 members, else once: wall and CPU seconds are medians. Raises DataError
    where the peers are not installed, or where a measurement fails.
    """
    peers = interpreter()
    plan = [(task, many) for many in MEMBERS if many <= most for task in NAMES]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for task, many in bar(plan, "speed"):
            market = draw(Path(folder), seed, many)
            python = peers if task in PEERS else Path(sys.executable)
            taken = pd.DataFrame([measure(python, task, market) for _ in range(repeats if many == JUDGED else 1)])
            spread = {"wall_low_s": taken["wall_s"].min(), "wall_high_s": taken["wall_s"].max()}
            rows.append({"task": task, "members": many, **taken.median().to_dict(), **spread})
    return {"rows": rows, "targets": targets(rows)}


def interpreter() -> Path:
    """Return the Python of the peers' environment. Raises DataError where it has not been made."""
    python = PEERS_HOME / "bin" / "python"
    if not (PEERS_HOME / "installed").exists():
        raise DataError(f"{PEERS_HOME}: the peers are not installed; run `make peers`.")
    return python


def draw(folder: Path, seed: int, members: int) -> Path:
    """Return the file of the market, drawn on the first call: see `peers/recommend.py`."""
    path = folder / f"{members}.npz"
    if not path.exists():
        baskets = big_market.draw(members, ITEMS, seed)
        lines = {name: getattr(baskets, name) for name in ("member", "item", "basket", "age")}
        np.savez(path, **lines, shape=np.array(baskets.shape))
    return path


def measure(python: Path, task: str, market: Path) -> dict:
    """Return what `task` took in a fresh process. Raises DataError where it fails."""
    environment = {
        name: value for name, value in os.environ.items() if python == Path(sys.executable) or name != "PYTHONPATH"
    }
    environment["OPENBLAS_NUM_THREADS"] = "1"  # as implicit asks for
    done = subprocess.run([python, SCRIPT, task, market], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{NAMES[task]} failed on {market.stem} members:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def targets(rows: list[dict]) -> list[dict]:
    """Return `target`, `found`, `at_most` of what was measured at 100,000 members."""
    at = {row["task"]: row for row in rows if row["members"] == JUDGED}
    if not at:
        return []
    ratios = [
        {"target": name, "found": at[ours]["cpu_s"] / at[peer]["cpu_s"], "at_most": most}
        for name, (ours, peer, most) in TARGETS.items()
    ]
    return [*ratios, {"target": "the model's peak, MiB", "found": at["model"]["peak_mb"], "at_most": MIB_AT_MOST}]


def in_words(found: dict) -> str:
    """Return the measurements and the targets as two tables."""
    rows = pd.DataFrame(found["rows"]).assign(task=lambda frame: frame["task"].map(NAMES))
    said = rows.round(2).to_string(index=False)
    return said + "\n\n" + pd.DataFrame(found["targets"]).round(3).to_string(index=False) if found["targets"] else said


def figure(found: dict, path: Path) -> None:
    """Draw CPU seconds and peak memory against members, as an SVG file."""
    rows = pd.DataFrame(found["rows"])
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "speed", "font.size": 9}):
        drawing, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
        for ax, column, label in zip(axes, ("cpu_s", "peak_mb"), ("CPU seconds", "peak memory, MB"), strict=True):
            for task, of_task in rows.groupby("task", sort=False):
                style = "--" if task in PEERS else "-"
                ax.loglog(of_task["members"], of_task[column], style, marker="o", markersize=4, label=NAMES[task])
            ax.set(xlabel="members", ylabel=label)
            ax.grid(alpha=0.3)
        axes[0].legend(fontsize=7)
        drawing.suptitle(f"Fit and top 20 for everybody, {ITEMS:,} items")
        with files.whole(path) as temporary:
            drawing.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(drawing)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--members", type=int, default=JUDGED, help="largest market: 10000, 100000 or 1000000 members")
    parser.add_argument("--repeats", type=int, default=3, help="measurements at 100,000 members")
    parser.add_argument("--figure", type=Path, help="SVG file to draw growth in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
