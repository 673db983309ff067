"""Who comes back: the forecast of the next order, judged: `python -m benchmarks.repurchase --out JSON`.

Parts: default (the default data at three origins, each opened once), cdnow and retail (the same on public data), market
(simulated members whose chances are known), regularity (how often intervals hold the true k of MBG/CNBD-k), speed
(1,000,000 members of 20 orders each), served (one member's events in, one forecast out). `--only PART` runs one of
them; the others stay in the JSON as they were. All run on one thread with the kernels that stages have.
"""

import os
import sys
from dataclasses import replace
from functools import partial

from benchmarks import (
    repurchase_data,
    repurchase_market,
    repurchase_origins,
    repurchase_regularity,
    repurchase_served,
    repurchase_speed,
)
from benchmarks.suite import Suite
from membership.base import kernels
from membership.base.errors import ProjectError

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "torch")
PARTS = {
    "default": lambda seed: repurchase_origins.run(repurchase_data.default(), seed),
    "cdnow": lambda seed: repurchase_origins.run(repurchase_data.cdnow(), seed),
    "retail": lambda seed: repurchase_origins.run(repurchase_data.retail(), seed),
    "market": repurchase_market.run,
    "regularity": repurchase_regularity.run,
    "speed": repurchase_speed.run,
    "served": repurchase_served.run,
}
SUITE = Suite("repurchase", PARTS, LIBRARIES)


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the table of goals."""
    parser = SUITE.arguments(__doc__)
    parser.add_argument("--markets", type=int, default=400, help="simulated markets of `regularity`; 400 if not given")
    given = parser.parse_args()
    _pinned()
    regularity = partial(repurchase_regularity.run, count=given.markets, out=given.out)
    replace(SUITE, parts=PARTS | {"regularity": regularity}).run(given)


def _pinned() -> None:
    """Start this process anew where libraries were loaded without the kernels of the stages."""
    wanted = kernels.environment()
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.repurchase", *sys.argv[1:]], os.environ | wanted)


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
