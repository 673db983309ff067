"""Tiers and benefits on known truth, on the default data and on a million: `python -m benchmarks.programme --out JSON`.

Parts: personas (recovered, against the Bayes rule), optimiser (against brute force), oracle (simulated markets, against
who knows them), journey (the default data, judged after the date of the choice), speed (1,000,000 members), designer
(a second for each move of a slider). `--only PART` runs one of them; the others stay in the JSON as they were.
"""

import sys
from pathlib import Path

from benchmarks import (
    programme_designer,
    programme_journey,
    programme_optimiser,
    programme_oracle,
    programme_personas,
    programme_speed,
)
from benchmarks.suite import Suite
from membership.base.errors import ProjectError

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "duckdb")
PARTS = {
    "personas": programme_personas.run,
    "optimiser": programme_optimiser.run,
    "oracle": programme_oracle.run,
    "journey": programme_journey.run,
    "speed": programme_speed.run,
    "designer": programme_designer.run,
}
SUITE = Suite("programme", PARTS, LIBRARIES)


def main() -> None:
    """Run the parts asked for, write the JSON after each, print the table of goals and draw the growth if asked."""
    parser = SUITE.arguments(__doc__)
    parser.add_argument("--figure", type=Path, help="SVG file to draw the growth with members to")
    given = parser.parse_args()
    found = SUITE.run(given)
    if given.figure:
        programme_speed.figure(found["speed"]["rows"], given.figure)


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
