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
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks import big_market, installed
from membership.base import files
from membership.base.errors import DataError, ParamError, ProjectError
from membership.base.progress import bar
from membership.settings import params

SCRIPT = Path(__file__).parent / "peers" / "recommend.py"
ITEMS = 20_000
MIB_AT_MOST = 4096  # peak memory of the model
JUDGED = 100_000  # members at which the targets are set
OURS = {"item_knn": "item-kNN, cosine, 100 neighbours", "model": "the model: signals, training, scoring"}
PEERS = {
    "implicit_item_knn": "implicit 0.7.3: item-kNN, cosine, 100 neighbours",
    "implicit_als": "implicit 0.7.3: ALS, 64 factors, 15 iterations",
}
NAMES = OURS | PEERS
TARGETS = {  # ours, the peer, its CPU seconds times this at most
    "item-kNN CPU, over implicit's": ("item_knn", "implicit_item_knn", 0.5),
    "the model's CPU, over implicit's ALS": ("model", "implicit_als", 1.0),
}


def main() -> None:
    """Measure, write the JSON, print the tables and draw the figure."""
    given = _arguments()
    try:
        unknown = sorted(set(given.methods) - set(NAMES))
        if unknown:
            raise ParamError(f"--methods: {', '.join(unknown)} unknown; there are: {', '.join(NAMES)}.")
        before = files.read_json(given.out)["rows"] if given.out.exists() else []
        rows = run(params.parse(params.read()).seed, given.members, given.methods, given.repeats, before)
        files.write_json(given.out, {"rows": rows, "targets": targets(rows)})
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(in_words(rows) + "\n")
    if given.figure:
        figure(rows, given.figure)


def run(seed: int, sizes: Sequence[int], methods: Sequence[str], repeats: int, before: Sequence[dict]) -> list[dict]:
    """Return a row a method and number of members, of those in `sizes`; the other rows of `before` stay.

    Each is measured `repeats` times at 100,000 members, else once, in turns: figures are medians. Raises DataError
    where the peers are not installed, or where a measurement fails.
    """
    peers = installed.python("recommend")
    times = {many: repeats if many == JUDGED else 1 for many in sizes}
    plan = [(many, task) for many in sizes for _ in range(times[many]) for task in methods]
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for many, task in bar(plan, "speed"):
            python = peers if task in PEERS else Path(sys.executable)
            taken.append({"task": task, "members": many, **measure(python, task, draw(Path(folder), seed, many))})
    each = pd.DataFrame(taken).groupby(["members", "task"], sort=False)
    spread = {"cpu_low_s": each["cpu_s"].min(), "cpu_high_s": each["cpu_s"].max()}
    new = each.median().assign(**spread).reset_index().to_dict(orient="records")
    replaced = {(row["members"], row["task"]) for row in new}
    kept = [row for row in before if (row["members"], row["task"]) not in replaced]
    return sorted([*kept, *new], key=lambda row: (row["members"], list(NAMES).index(row["task"])))


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
    found = [
        {"target": name, "found": at[ours]["cpu_s"] / at[peer]["cpu_s"], "at_most": most}
        for name, (ours, peer, most) in TARGETS.items()
        if ours in at and peer in at
    ]
    if "model" in at:
        found += [{"target": "the model's peak, MiB", "found": at["model"]["peak_mb"], "at_most": MIB_AT_MOST}]
    return found


def in_words(rows: list[dict]) -> str:
    """Return the measurements and the targets as two tables."""
    measured = pd.DataFrame(rows).assign(task=lambda frame: frame["task"].map(NAMES))
    asked = pd.DataFrame(targets(rows))
    return "\n\n".join(part.round(3).to_string(index=False) for part in (measured, asked) if len(part))


def figure(measured: list[dict], path: Path) -> None:
    """Draw CPU seconds and peak memory against members, as an SVG file."""
    rows = pd.DataFrame(measured)
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
    add = parser.add_argument
    add("--out", type=Path, required=True, help="JSON file; what it holds of other methods and sizes stays")
    add("--members", type=_numbers, default=[JUDGED], help="sizes of markets, e.g. 10000,100000,1000000")
    add("--methods", type=lambda text: text.split(","), default=list(NAMES), help=", ".join(NAMES))
    add("--repeats", type=int, default=3, help="measurements at 100,000 members")
    add("--figure", type=Path, help="SVG file to draw growth in")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
