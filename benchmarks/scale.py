"""How CPU time and memory of each stage grow with members: `python -m benchmarks.scale --out JSON --figure SVG`.

Simulated markets of about 50 events a member, each stage's code cells in a fresh process, budgets of searches and
bootstraps reduced as `BUDGETS` says (stored in the JSON). CPU seconds are of all cores; the peak is that of the process
and of the largest that it started; both are told of each code cell, too. A stage that is in the JSON already is not run
again, so that a run may be stopped at any time. What is said of JUDGED members is extrapolated from the two largest
sizes, and marked so. Runs on Linux.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd

from benchmarks import cells
from benchmarks.fields import FEWER, SMALL
from membership.base import files, graph, kernels, paths
from membership.base.errors import DataError
from membership.pipeline import fingerprint, possible, sandbox

MARKET = {
    "dataset.source": "simulate",
    "dataset.simulate.orders_per_month": 0.55,  # with views, about 50 events a member and year
    "dataset.simulate.items": 1000,
    "engine.duckdb": {"database": "scale.duckdb", "memory_gib": 2, "spill": "data"},  # pandas and models are beside it
}
BUDGETS = SMALL | FEWER | {"tiers.search.candidates": 20}
TAUGHT = ("repurchase", "value")  # stages in which so many members teach at most (`most_members`), and all are scored
JUDGED = 1_000_000  # members for which a stage's cost is extrapolated
MOST = {"exponent": 1.1, "peak_mb": 6 * 1024}  # what is allowed there
MEASURES = ("cpu_s", "peak_mb")


def main() -> int:
    """Measure what is missing in the JSON, write it after each stage, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add to")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--members", default="10000,30000,100000,200000", help="sizes, separated by commas")
    parser.add_argument("--stages", help="those up to the last of these alone; all without")
    parser.add_argument("--teach", type=int, help="members who teach in `repurchase` and `value`, at most")
    parser.add_argument("--alone", type=Path, help="JSON of a run with --teach: what members add who are scored alone")
    parser.add_argument("--work", type=Path, help="folder of the copies of the project; beside the JSON without")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the fresh process: this stage, of the project at the root
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_one(graph.node(asked.one))))
        return 0
    market = MARKET | ({f"{stage}.most_members": asked.teach for stage in TAUGHT} if asked.teach else {})
    found = files.read_json(asked.out) if asked.out.exists() else {"budgets": BUDGETS, "market": market, "rows": []}
    found["rows"] = [row for row in found["rows"] if "failed" not in row]  # those are tried again
    work = (asked.work or asked.out.with_suffix(".work")).resolve()
    for members in map(int, asked.members.split(",")):
        for row in _grown(work / str(members), members, market, asked.stages, found["rows"]):
            found["rows"].append(row)
            print(json.dumps(row), flush=True)
            files.write_json(asked.out, found)
    found["growth"] = growth(pd.DataFrame(found["rows"])).reset_index().to_dict("records")
    found["breaks_first"] = breaks_first(found["growth"]) if found["growth"] else None
    if asked.alone:
        few = pd.DataFrame(files.read_json(asked.alone)["rows"])
        found["alone"] = alone(pd.DataFrame(found["rows"]), few).reset_index().to_dict("records")
        print(pd.DataFrame(found["alone"]).to_string(index=False))
    files.write_json(asked.out, found)
    if asked.figure:
        draw(pd.DataFrame(found["rows"]), asked.figure)
    print(pd.DataFrame(found["growth"]).to_string(index=False), found["breaks_first"], sep="\n")
    return 0


def _grown(root: Path, members: int, market: dict[str, Any], stages: str | None, rows: list[dict[str, Any]]):
    """Measure the stages of a market of so many members that `rows` lack, one after another."""
    done = {row["stage"] for row in rows if row["members"] == members}
    names = [node.name for node in graph.nodes()]
    if stages:
        names = names[: 1 + max(names.index(name) for name in stages.split(","))]
    left = [name for name in names if name not in done]
    if not left:
        return
    if done and not (root / "data").exists():
        raise DataError(
            f"{root}: the stages before {left[0]} left nothing there; delete the rows of {members} members."
        )
    sandbox.copy(root, market | BUDGETS | {"dataset.simulate.members": members})
    code = os.pathsep.join([str(root / "src"), str(paths.checkout())])  # what is edited meanwhile is not seen
    here = {**os.environ, **kernels.environment(), paths.ROOT: str(root), "PYTHONPATH": code}
    for name in left:
        command = [sys.executable, "-m", "benchmarks.scale", "--out", os.devnull, "--one", name]
        ran = subprocess.run(command, env=here, cwd=paths.checkout(), capture_output=True, text=True, check=False)
        if ran.returncode:
            last = (ran.stderr.strip().splitlines() or [f"ended with {ran.returncode}"])[-1]
            yield {"members": members, "stage": name, "failed": last[:300]}
            return
        yield {"members": members, "stage": name} | json.loads(ran.stdout.splitlines()[-1])


def _one(node: graph.Node) -> dict[str, Any]:
    """Run the stage `node` of the project at the root; return cpu_s, wall_s, peak_mb, not_possible and `steps`.

    `steps`: number of a code cell -> its cpu_s, and peak_mb of this process while it ran.
    """
    if node.name == graph.nodes()[0].name:
        fingerprint.main()
    why, began = possible.missing(node), time.perf_counter()
    before, steps = _cpu(), {}
    used = [before]

    def after(cell: int) -> None:
        used.append(_cpu())
        steps[cell] = {"cpu_s": round(used[-1] - used[-2], 1), "peak_mb": _peak()}

    _peak()
    if why is not None:
        possible.step_over(node, paths.reports("notebooks", node.notebook.name), why, paths.root())
    else:
        cells.stage(node, after)
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {
        "cpu_s": round(_cpu() - before, 1),
        "wall_s": round(time.perf_counter() - began, 1),
        "peak_mb": max([_peak(), *(step["peak_mb"] for step in steps.values())]) + child,
        "not_possible": why,
        "steps": steps,
    }


def _peak() -> int:
    """Return the most memory, MB, that this process has had since it was last asked."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return int(status["VmHWM"].split()[0]) // 1024


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def growth(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of each stage the exponents of cpu_s and peak_mb between its two largest sizes, and both at JUDGED.

    They are carried on by the power or by a straight line, whichever is more. `extrapolated`: true where those at
    JUDGED are not measured. A stage with one size is left out.
    """
    found = []
    for stage, sizes in rows.sort_values("members").dropna(subset=["cpu_s"]).groupby("stage", sort=False):
        if len(sizes) < 2:
            continue
        (small, large), row = sizes.tail(2).to_dict("records"), {"stage": stage}
        for name in MEASURES:
            exponent = math.log(large[name] / small[name]) / math.log(large["members"] / small["members"])
            row |= {f"{name}_exponent": round(exponent, 2)}
            power = large[name] * (JUDGED / large["members"]) ** exponent
            slope = (large[name] - small[name]) / (large["members"] - small["members"])
            line = large[name] + slope * (JUDGED - large["members"])  # above the power where part of the cost is fixed
            row |= {f"{name}_judged": round(max(power, line))}
        found.append(
            row | {"from": small["members"], "to": large["members"], "extrapolated": large["members"] < JUDGED}
        )
    return pd.DataFrame(found, columns=None if found else ["stage"]).set_index("stage")


def alone(rows: pd.DataFrame, few: pd.DataFrame) -> pd.DataFrame:
    """Return both measures at JUDGED members of stages TAUGHT, extrapolated, where no more teach than in `rows`.

    Who comes on top of its largest size is scored alone, and adds what members add between the two largest sizes of
    `few`, where fewer teach.
    """
    found = []
    for stage in TAUGHT:
        most, fewer = (each[each["stage"] == stage].sort_values("members") for each in (rows, few))
        (small, large), last = fewer.tail(2).to_dict("records"), most.iloc[-1]
        times = (JUDGED - last["members"]) / (large["members"] - small["members"])
        judged = {f"{name}_judged": round(last[name] + times * (large[name] - small[name])) for name in MEASURES}
        found.append({"stage": stage, **judged})
    return pd.DataFrame(found).set_index("stage")


def breaks_first(growth: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the stage that needs most memory at JUDGED members, and whether it is within what is allowed."""
    worst = max(growth, key=lambda row: row["peak_mb_judged"])
    within = worst["peak_mb_judged"] <= MOST["peak_mb"] and worst["cpu_s_exponent"] <= MOST["exponent"]
    return {"stage": worst["stage"], "peak_mb": worst["peak_mb_judged"], "within": within}


def draw(rows: pd.DataFrame, to: Path) -> None:
    """Draw both measures by members, one line a stage; what is extrapolated to JUDGED is dashed."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "scale", "font.size": 9}):
        drawing, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
        grown = growth(rows)
        for ax, name, label in zip(axes, MEASURES, ("CPU seconds", "peak memory, MB"), strict=True):
            measured = rows.sort_values("members").dropna(subset=[name])
            for number, (stage, part) in enumerate(measured.groupby("stage", sort=False)):
                ax.plot(part["members"], part[name], "o-", color=f"C{number}", label=stage)
                if stage in grown.index:
                    ends = [part["members"].iloc[-1], JUDGED], [part[name].iloc[-1], grown.loc[stage, f"{name}_judged"]]
                    ax.plot(*ends, ":", color=f"C{number}")
            ax.set(xscale="log", yscale="log", xlabel="members", ylabel=label)
        axes[1].legend(fontsize=7, title="dotted: extrapolated")
        with files.whole(to) as temporary:
            drawing.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(drawing)


if __name__ == "__main__":
    sys.exit(main())
