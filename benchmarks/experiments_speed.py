"""A million members, three metrics: the paired analysis with 2,000 bootstrap draws, in a fresh process.

`python -m benchmarks.experiments_speed MEMBERS SEED` is one measurement and prints one JSON object: seconds of wall and
of CPU (imports and drawing the members left out), and the peak memory of the whole process, which they are in.
"""

import json
import sys

import numpy as np

from benchmarks import fresh, goals
from membership.base import seeds
from membership.stats import resample

MEMBERS, DRAWS = 1_000_000, 2000
SECONDS, MIB = 30.0, 2048.0


def run(seed: int, members: int = MEMBERS) -> dict:
    """Return what the analysis of `members` took, and the goals, which are those of 1,000,000."""
    found = fresh.measure("benchmarks.experiments_speed", members, seed)
    words = f"paired analysis of {members:,} members, three metrics"
    asked = [
        goals.at_most(f"{words}, wall s", found["wall_s"], SECONDS),
        goals.at_most("the same, peak MiB", found["peak_mib"], MIB),
        goals.told("the same, CPU s", found["cpu_s"]),
    ]
    return {"goals": asked, "measured": found}


def draw(members: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return both policies' (members,) values of recall, hit and margin in cents, which no two members share."""
    rng = seeds.rng(seed, f"experiments-speed-{members}")
    items, taste, price = 1 + rng.poisson(4, members), rng.beta(2, 6, members), rng.lognormal(6, 1.5, members)
    hits = [rng.binomial(items, taste) for _ in range(2)]
    values = {"recall": [hit / items for hit in hits], "hit": [(hit > 0).astype(float) for hit in hits]}
    return {name: tuple(pair) for name, pair in values.items()} | {"margin": tuple(price * hit for hit in hits)}


def one(members: int, seed: int) -> dict:
    """Return what the analysis of `members` takes in this process, and what it found."""
    drawn, clock, found = draw(members, seed), fresh.Clock(), {}
    for name, pair in drawn.items():
        rng = seeds.rng(seed, f"bootstrap/{name}")
        result = clock.take(name, lambda pair=pair, rng=rng: resample.paired(*pair, 0.95, DRAWS, 0.8, rng))
        found[name] = [result.difference, result.low, result.high, result.bootstrap_low, result.bootstrap_high]
    return {"members": members, **clock.sums(), "steps": clock.steps, "found": found}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
