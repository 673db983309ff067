"""Whether the tests, the rule and the server keep their promises: `python -m benchmarks.experiments --out JSON`.

Parts: textbook, bandit (Open Bandit), biased (intervals on deliberately biased logs), watched (tests read every week),
aa (tests under no difference), coverage (intervals against known truth), markets (what the joint rule ships), speed
(1,000,000 members), serving (needs `dvc repro` and a quiet machine). `--only PART` runs one of them; the others stay in
the JSON as they were.
"""

import sys

from benchmarks import (
    experiments_markets,
    experiments_offpolicy,
    experiments_speed,
    experiments_trust,
    goals,
    serving,
)
from benchmarks.suite import Suite
from membership.base.errors import ProjectError

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "tea-tasting", "mlflow")
SERVED_S = 30  # seconds of each measurement of the server


def served(seed: int) -> dict:
    """Measure the champion of the last run behind the door of `make serve`, in one process."""
    rows = serving.run(SERVED_S, "champion")
    return {"goals": [_served(row) for row in serving.goals(rows)], "rows": rows}


PARTS = {
    "textbook": experiments_offpolicy.textbook,
    "bandit": experiments_offpolicy.bandit,
    "biased": experiments_offpolicy.coverage,
    "watched": experiments_offpolicy.watched,
    "aa": experiments_trust.aa,
    "coverage": experiments_trust.coverage,
    "markets": experiments_markets.run,
    "speed": experiments_speed.run,
    "serving": served,
}
SUITE = Suite("experiments", PARTS, LIBRARIES)


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the table of goals."""
    SUITE.run(SUITE.arguments(__doc__).parse_args())


def _served(row: dict) -> dict:
    """Return a goal of `serving` as the others are; a failed request misses it."""
    side = "at most" if "at most" in row else "at least"
    judged = goals.at_most if side == "at most" else goals.at_least
    return judged(f"{row['task']}, {row['figure']}", row["found"], row[side]) | {"reached": bool(row["met"])}


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
