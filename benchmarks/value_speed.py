"""Speed and memory of the value models beside lifetimes and pymc-marketing, each measurement in a fresh process.

Members are those of the reference: BG/NBD with r .243, alpha 4.414 weeks, a .793, b 2.426, T uniform on 27 to 39 weeks,
all times in real-valued weeks, and Gamma-Gamma spend. The rows "whole days" are of members drawn alike whose t_x and T
are rounded up to days, so that far more histories are equal. CPU seconds, of all cores and of compilers, are the fair
figure; linear algebra gets one thread everywhere, for threads that wait would count as work. Runs on Linux, whose /proc
knows the peak memory of one process.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks import installed
from membership.base import files, seeds
from membership.base.errors import DataError
from membership.base.progress import bar
from membership.lifetimes import markets

SCRIPT = Path(__file__).parent / "peers" / "measure.py"
TRUTH = {"r": 0.243, "alpha_days": 7 * 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}
AGES_DAYS = (7 * 27.0, 7 * 39.0)
WEEKS, DAYS = "real-valued weeks", "whole days"
OURS = ("bgnbd", "gamma_gamma", "score")
PEERS = ("lifetimes_bgnbd", "lifetimes_gamma_gamma", "pymc_bgnbd", "pymc_gamma_gamma")
NAMES = {
    "bgnbd": "BG/NBD with standard errors",
    "gamma_gamma": "Gamma-Gamma",
    "pareto_nbd": "Pareto/NBD with standard errors",
    "score": "scoring",
    "lifetimes_bgnbd": "lifetimes 0.11.3: BG/NBD with standard errors",
    "lifetimes_gamma_gamma": "lifetimes 0.11.3: Gamma-Gamma",
    "pymc_bgnbd": "pymc-marketing 0.19.2: BG/NBD, MAP",
    "pymc_gamma_gamma": "pymc-marketing 0.19.2: Gamma-Gamma, MAP",
}
JUDGED = 1_000_000  # members at which the targets are set
PLAN = [  # task, members, times
    *product((*OURS, *PEERS), (2357,), (WEEKS,)),
    *product(OURS, (10_000,), (WEEKS,)),
    *product((*OURS, "pareto_nbd", *PEERS), (100_000, JUDGED), (WEEKS,)),
    *product(("bgnbd", "pareto_nbd"), (JUDGED,), (DAYS,)),
    *product(OURS, (10_000_000,), (WEEKS,)),
]
TARGETS = {  # ours, the peer, what is compared, at most
    "BG/NBD CPU, over lifetimes": ("bgnbd", "lifetimes_bgnbd", "cpu_s", 1 / 4),
    "BG/NBD CPU, over pymc-marketing": ("bgnbd", "pymc_bgnbd", "cpu_s", 1 / 3),
    "Gamma-Gamma CPU, over lifetimes": ("gamma_gamma", "lifetimes_gamma_gamma", "cpu_s", 1 / 3),
    "Gamma-Gamma CPU, over pymc-marketing": ("gamma_gamma", "pymc_gamma_gamma", "cpu_s", 1 / 3),
    "BG/NBD peak memory, over lifetimes": ("bgnbd", "lifetimes_bgnbd", "peak_mb", 1 / 2),
}
SCORING_S = 5.0


def run(seed: int, most: int) -> dict:
    """Return `rows`, one a measurement with at most `most` members, and `targets`, what was asked at 1,000,000.

    Raises DataError where the peers are not installed, or where a measurement fails.
    """
    peers = installed.python("value")
    with tempfile.TemporaryDirectory() as folder:
        warm = draw(Path(folder), seed, 2357, WEEKS)
        for task in bar(PEERS, "peers compile"):  # once, and not counted
            measure(peers, task, warm)
        rows = []
        for task, members, times in bar([step for step in PLAN if step[1] <= most], "speed"):
            python = peers if task in PEERS else Path(sys.executable)
            took = measure(python, task, draw(Path(folder), seed, members, times))
            rows.append({"task": task, "members": members, "times": times, **took})
    return {"rows": rows, "targets": targets(rows)}


def draw(folder: Path, seed: int, members: int, times: str) -> Path:
    """Return the file of the reference's simulated members, drawn on the first call: see `peers/measure.py`."""
    path = folder / f"{members}-{times}.npy"
    if not path.exists():
        rng = seeds.rng(seed, f"speed-{members}")
        whole = times == DAYS
        market = markets.bgnbd(members, **TRUTH, age_days=AGES_DAYS, future_days=1, rng=rng, whole_days=whole)
        seen = markets.gamma_gamma(market, **SPEND, rng=rng).features
        weeks = seen["recency_days"] / 7, seen["age_days"] / 7
        np.save(path, np.stack([seen["frequency"], *weeks, seen["repeat_spend_mean"].fillna(0.0)]))
    return path


def measure(python: Path, task: str, members: Path) -> dict:
    """Return `wall_s`, `cpu_s`, `peak_mb` and `found` of `task` in a fresh process. Raises DataError where it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["OMP_NUM_THREADS"] = "1"
    environment["PYTENSOR_FLAGS"] = f"base_compiledir={installed.HOME / 'value' / 'pytensor'}"
    command = [python, SCRIPT, task, members]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{NAMES[task]} failed on {members.stem}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def targets(rows: list[dict]) -> list[dict]:
    """Return `target`, `found`, `at_most` of what was measured at 1,000,000 members in real-valued weeks."""
    at = {row["task"]: row for row in rows if (row["members"], row["times"]) == (JUDGED, WEEKS)}
    if not at:
        return []
    ratios = [
        {"target": name, "found": at[ours][what] / at[peer][what], "at_most": most}
        for name, (ours, peer, what, most) in TARGETS.items()
    ]
    return [*ratios, {"target": "scoring, seconds of wall", "found": at["score"]["wall_s"], "at_most": SCORING_S}]


def in_words(found: dict) -> str:
    """Return the measurements and the targets as two tables."""
    rows = pd.DataFrame(found["rows"]).drop(columns="found").assign(task=lambda frame: frame["task"].map(NAMES))
    rows = rows.round({"wall_s": 2, "cpu_s": 2, "peak_mb": 0}).sort_values(["members", "times"], kind="stable")
    said = rows.to_string(index=False)
    return said + "\n\n" + pd.DataFrame(found["targets"]).round(3).to_string(index=False) if found["targets"] else said


def figure(found: dict, path: Path) -> None:
    """Draw CPU seconds against members, real-valued weeks, as an SVG file."""
    rows = pd.DataFrame(found["rows"]).query("times == @WEEKS")
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "value", "font.size": 9}):
        drawing, ax = plt.subplots(figsize=(9, 4), layout="constrained")
        for task, of_task in rows.groupby("task", sort=False):
            style = "--" if task in PEERS else "-"
            ax.loglog(of_task["members"], of_task["cpu_s"], style, marker="o", markersize=4, label=NAMES[task])
        ax.set(xlabel="members", ylabel="CPU seconds", title="Growth with members (times in real-valued weeks)")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        with files.whole(path) as temporary:
            drawing.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(drawing)
