"""Live tests, proved on simulated ones: `python -m benchmarks.trials --out JSON`.

Parts: repurchase (60,000 members, +3 % relative: is the trial read, and does the interval hold the truth), null (the
same without an effect), broken (hashing, logs and members that went wrong: is the gate shut), log (requests a second
that are logged before they are answered, and what is lost when workers are killed). `--only PART` runs one of them;
trials that the JSON already has are kept, so that a run that was ended goes on.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import trials_log, trials_market
from benchmarks.suite import Suite
from membership.base import files, progress, seeds
from membership.base.errors import ProjectError
from membership.trials.effects import ADJUSTED, PLAIN
from membership.trials.gates import Kind
from membership.trials.reading import Reading, Verdict

TRIALS, LIFT, SHUT = 200, 0.03, 50
_SAVED = 10  # trials after which the file is written
_BROKEN_HASHING = ("shares", "last digit of ids", "forecast")
_MEANT = {"lost logs": Kind.EXPOSURE, "duplicated members": Kind.COPIES}


def repurchase(seed: int, out: Path, lift: float = LIFT, name: str = "repurchase") -> dict:
    """Return how often a trial is read, how often its intervals hold the truth, and how often it finds something.

    `rows`: each trial.
    """
    before, rng = files.read_json(out) if out.exists() else {}, seeds.rng(seed, f"trials/{name}")
    rows = before.get(name, {}).get("rows", [])
    for number in progress.bar(range(TRIALS), name):
        drawn = trials_market.drawn(lift, rng)  # those that are kept too: one stream gives all trials
        if number >= len(rows):
            rows.append(_row(drawn.read(("tier",) if lift else ()), drawn.change))
            if number % _SAVED == 0:
                files.write_json(out, before | {name: summed(rows, lift)})
    return summed(rows, lift)


def summed(rows: list[dict], lift: float) -> dict:
    """Return the rows, what they come to, and the goals."""
    opened = [row for row in rows if row["open"]]
    found = {"trials": len(rows), "opened": len(opened)}
    for method in (PLAIN, ADJUSTED):
        found[f"covered_{method}"] = sum(row[method]["covers"] for row in opened)
        found[f"rejected_{method}"] = sum(row[method]["p_value"] < 0.05 for row in opened)
        found[f"width_{method}"] = float(np.mean([row[method]["width"] for row in opened]))
    found["variance_cut"] = 1 - (found[f"width_{ADJUSTED}"] / found[f"width_{PLAIN}"]) ** 2
    found["adopted"] = sum(row["verdict"] == Verdict.ADOPT for row in opened)
    found["watched"] = sum(row["watched"] < 0.05 for row in opened)
    found["discovered"] = sum(row["discovered"] for row in opened)
    return {"rows": rows} | found | {"goals": _goals(found, lift)}


def broken(seed: int) -> dict:
    """Return in how many trials of each break the gate is shut."""
    rng, found, goals = seeds.rng(seed, "trials/broken"), {}, []
    for how, kinds in (("hashing", _BROKEN_HASHING), *((one, (one,)) for one in _MEANT)):
        shut, meant = 0, 0
        for number in progress.bar(range(SHUT), how):
            reading, _ = trials_market.trial(LIFT, rng, kinds[number % len(kinds)])
            shut += not reading.open
            closed = {gate.kind for gate in reading.gates if not gate.open}
            meant += bool(closed & ({_MEANT[how]} if how in _MEANT else {Kind.SAMPLE_RATIO, Kind.CHANCE}))
        found[how] = {"shut": shut, "by_the_gate_that_is_meant": meant, "trials": SHUT}
        goals.append(
            {"goal": f"{how}: gate shut", "found": shut, "asked": f"{SHUT} of {SHUT}", "reached": shut == SHUT}
        )
    return found | {"goals": goals}


def _row(reading: Reading, truth: float) -> dict:
    if not reading.open:
        return {"open": False}
    row = {"open": True, "verdict": reading.verdicts["treatment"], "watched": reading.watched["p_value"].iloc[-1]}
    row["discovered"] = bool((reading.groups["q_value"] < 0.05).any())
    for method in (PLAIN, ADJUSTED):
        effect = reading.of("treatment", method=method)
        covers = bool(effect["low"] <= truth <= effect["high"])
        row[method] = {"covers": covers, "p_value": effect["p_value"], "width": effect["high"] - effect["low"]}
    return row


def _goals(found: dict, lift: float) -> list[dict]:
    opened = {"goal": "gate open", "found": found["opened"], "asked": ">= 190", "reached": found["opened"] >= 190}
    rows = [opened]
    for method in (PLAIN, ADJUSTED):
        covered, rejected = found[f"covered_{method}"], found[f"rejected_{method}"]
        holds = 183 <= covered <= 197
        rows.append(
            {"goal": f"{method}: intervals hold the truth", "found": covered, "asked": "183-197", "reached": holds}
        )
        if lift:
            rows.append({"goal": f"{method}: effect found", "found": rejected, "asked": "-", "reached": None})
        else:
            rows.append(
                {"goal": f"{method}: wrongly found", "found": rejected, "asked": "<= 18", "reached": rejected <= 18}
            )
    return rows


PARTS = {
    "repurchase": repurchase,
    "null": partial(repurchase, lift=0.0, name="null"),
    "broken": broken,
    "log": trials_log.run,
}
SUITE = Suite("trials", PARTS, ("numpy", "pandas", "scipy", "sqlalchemy"))


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the table of goals."""
    given = SUITE.arguments(__doc__).parse_args()
    kept = {name: partial(PARTS[name], out=given.out) for name in ("repurchase", "null")}
    replace(SUITE, parts=PARTS | kept).run(given)


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
