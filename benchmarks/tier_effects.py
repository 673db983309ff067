"""Whether designs that a rule carries recover what a tier changes: `python -m benchmarks.tier_effects --out JSON`.

Parts, each without and with pressure before the review: threshold (regression discontinuity, with what had counted
before the pressure as running variable), jitter (thresholds that differ by member), phases (a lower threshold that
comes to one group after another). `--only PART` runs one of them; the others stay in the JSON as they were. Markets are
kept beside the JSON one by one, so that a run that was stopped goes on where it was.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import goals, tier_market
from benchmarks.suite import Suite
from membership.base import files, seeds
from membership.base.errors import ProjectError
from membership.base.progress import bar
from membership.settings.tiers import Jitter
from membership.stats import discontinuity
from membership.tiers import effects, jitter

MARKETS, MEMBERS, CONFIDENCE = 400, 15_000, 0.95
EFFECTS = (0.0, 0.1, 0.2, 0.3)  # of the tier on the rate of orders, one market after another
AMOUNTS, SHARE, GROUPS, LOWER = [-0.15, 0.15], 0.6, 6, -0.2
OUTCOME = "orders"
COMPARED = 7  # one market in so many is also read at the review itself
LIBRARIES = ("numpy", "pandas", "scipy")


def threshold(seed: int, market: int, pressure: bool) -> list[dict]:
    """Return the effect by the jump at the threshold, and as it would be read at the review itself, of one market."""
    effect, rng = _effect(market), _rng(seed, "threshold", market, pressure)
    seen = tier_market.simulate(rng, MEMBERS, effect, pressure)
    table = effects.rows(seen.reviews, seen.ranks, seen.rule, 1)
    found = [
        _row("threshold", effect, effects.at_threshold(table, OUTCOME, CONFIDENCE), effects.pushing(table, CONFIDENCE))
    ]
    if market % COMPARED == 0:
        table = effects.rows(seen.reviews | {"counted": seen.amounts}, seen.ranks, seen.rule, 1)
        pushed = effects.pushing(table, CONFIDENCE)
        found.append(_row("read at the review", effect, effects.at_threshold(table, OUTCOME, CONFIDENCE), pushed))
    return found


def jittered(seed: int, market: int, pressure: bool) -> list[dict]:
    """Return the effect by thresholds that differ between members, of one market."""
    members = pd.Index([f"m{member}" for member in range(MEMBERS)])
    settings = Jitter(share=SHARE, amounts=AMOUNTS, salt=f"{seed}/{market}")
    shifts = jitter.assigned(members, settings)["shift"].to_numpy()[:, None]
    return _assigned("jitter", seed, market, pressure, np.broadcast_to(shifts, (MEMBERS, tier_market.REVIEWS)))


def phased(seed: int, market: int, pressure: bool) -> list[dict]:
    """Return the effect by a threshold that is lowered for one group after another, of one market."""
    members = pd.Index([f"m{member}" for member in range(MEMBERS)])
    shifts = LOWER * in_force(members, tier_market.REVIEWS, GROUPS, f"{seed}/{market}")
    return _assigned("phases", seed, market, pressure, shifts)


def in_force(members: pd.Index, months: int, groups: int, salt: str) -> np.ndarray:
    """Return who has the new thresholds in which month, bool (members, months).

    Nobody has them in the first month; one more of `groups` equal groups, by a hash, has them in each month after it.
    """
    group = np.floor(jitter.uniform(members, salt) * groups).astype(int)
    return group[:, None] < np.arange(months)


def run(name: str, out: Path, seed: int) -> dict:
    """Return coverage of the truth over MARKETS markets without and MARKETS with pressure, and its goals."""
    begun, kept = time.process_time(), out.with_suffix(f".{name}.jsonl")
    done = _known(kept)
    for market in bar([market for market in range(MARKETS) if market not in done], name):
        done[market] = [
            {"pressure": pressure, **row} for pressure in (False, True) for row in DESIGNS[name](seed, market, pressure)
        ]
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps([market, done[market]], default=float) + "\n")
    by = pd.DataFrame([row for rows in done.values() for row in rows]).groupby(["design", "pressure"], sort=False)
    table = by.agg(
        markets=("covered", "size"),
        covered=("covered", "mean"),
        bias=("error", "median"),
        half_width=("half_width", "median"),
        unbounded=("unbounded", "mean"),
        found=("found", "mean"),
        pushing_seen=("pushing_seen", "mean"),
    ).reset_index()
    asked = [_goal(row) for row in table.to_dict("records")]
    return {"goals": asked, "rows": table.to_dict("records"), "cpu_s": time.process_time() - begun}


def _known(path: Path) -> dict[int, list[dict]]:
    """Return the rows of each market that `path` holds, and take a last line off that was not written to its end."""
    if not path.exists():
        return {}
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    files.write_text(path, whole + "\n" * bool(whole))
    return dict(map(json.loads, whole.splitlines()))


def _goal(row: dict) -> dict:
    name = f"{row['design']}, {'with' if row['pressure'] else 'without'} pressure: coverage"
    asked = row["design"] != "read at the review"  # which is there to be compared with
    return goals.between(name, row["covered"], 0.93, 0.97) if asked else goals.told(name, row["covered"])


def _assigned(name: str, seed: int, market: int, pressure: bool, shifts: np.ndarray) -> list[dict]:
    effect, rng = _effect(market), _rng(seed, name, market, pressure)
    seen = tier_market.simulate(rng, MEMBERS, effect, pressure, shifts)
    table = effects.assigned_rows(seen.reviews, seen.ranks, seen.rule, 1, shifts, seen.start)
    return [_row(name, effect, effects.by_assignment(table, OUTCOME, CONFIDENCE), None)]


def _row(design: str, truth: float, one, pushed: discontinuity.Jump | None) -> dict:
    return {
        "design": design,
        "covered": one.low <= truth <= one.high,
        "error": one.estimate - truth,
        "half_width": (one.high - one.low) / 2,
        "unbounded": not np.isfinite(one.high - one.low),
        "found": one.p_value < 1 - CONFIDENCE if truth else np.nan,
        "pushing_seen": np.nan if pushed is None else float(pushed.p_value < 1 - CONFIDENCE),
    }


def _effect(market: int) -> float:
    return EFFECTS[market % len(EFFECTS)]


def _rng(seed: int, design: str, market: int, pressure: bool) -> np.random.Generator:
    return seeds.rng(seed, f"tier effects/{design}/{market}/{pressure}")


DESIGNS: dict[str, Callable[[int, int, bool], list[dict]]] = {
    "threshold": threshold,
    "jitter": jittered,
    "phases": phased,
}


def suite(out: Path) -> Suite:
    """Return the parts, whose markets are kept beside `out`."""
    return Suite("tier_effects", {name: partial(run, name, out) for name in DESIGNS}, LIBRARIES)


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the table of goals."""
    given = suite(Path()).arguments(__doc__).parse_args()
    suite(given.out).run(given)


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
