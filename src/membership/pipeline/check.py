"""Compare the committed metrics with the new ones: did this machine reproduce what that one reported?

On x86-64 without a GPU every digit should be equal (`base.kernels`); elsewhere tolerances say how far they may differ.
"""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from membership.base import files, kernels, paths
from membership.base.errors import ProjectError

# Pattern of stage/metric -> tolerance on other kinds of machines, relative or, below 1, absolute; the first that fits
# counts. Twice or so of what AVX-512 without pins changed in the default data's metrics.
TOLERANCES = {
    "decide/promote": 0.0,  # the verdict
    "ingest/*": 0.0,  # counts and sums of integers
    "features/*": 1e-9,
    "*_p": 1.0,
    "*p_value": 1.0,
    "tune/trials_*": 1.0,  # which trials are pruned
    "evaluate/*discount_per_item*": 0.5,  # cents, a small difference
    "evaluate/*margin*": 0.2,
    "evaluate/*": 0.02,
    "needs/*": 0.05,  # personas of members between two of them
    "campaigns/campaign_*": 0.5,  # cents, small differences of large sums
    "*": 0.01,  # rests on trained models
}


@dataclass(frozen=True)
class Difference:
    """A metric whose new value is not the committed one; `beyond`: by more than its tolerance."""

    metric: str
    committed: Any
    new: Any
    tolerance: float
    beyond: bool

    def __str__(self) -> str:
        verdict = "beyond the" if self.beyond else "within the"
        return f"{self.metric}: committed {self.committed}, new {self.new}, {verdict} tolerance {self.tolerance:g}"


def main() -> int:
    """Print every metric that differs; exit with 1 where one differs by more than its tolerance."""
    try:
        found, seen = [], 0
        for name in _git("ls-tree", "-r", "--name-only", "HEAD", "reports/metrics").split():
            old, new = json.loads(_git("show", f"HEAD:{name}")), files.read_json(paths.root() / name)
            found += differences(*(_of(Path(name).stem, metrics) for metrics in (old, new)), TOLERANCES)
            seen += len(old)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    beyond = sum(difference.beyond for difference in found)
    for difference in found:
        if difference.beyond or kernels.pinned():
            print(difference)
    print(f"{seen} metrics: {seen - len(found)} equal to the last digit, {beyond} beyond their tolerance.")
    if found and kernels.pinned():
        print("On x86-64 without a GPU all should be equal: are code, parameters, data and library versions the same?")
    return int(beyond > 0)


def differences(old: Mapping, new: Mapping, tolerances: Mapping[str, float]) -> list[Difference]:
    """Return the metrics that are missing, added, or not equal to the last digit.

    `tolerances` maps patterns of metric names to relative tolerances; the first pattern that fits counts, and numbers
    below 1 are compared by absolute difference. A metric that came or went is beyond any.
    """
    found = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "none"), new.get(key, "none")
        if before != after:
            limit = next((value for pattern, value in tolerances.items() if fnmatch(key, pattern)), 0.0)
            found.append(Difference(key, before, after, limit, not _close(before, after, limit)))
    return found


def _of(stage: str, metrics: Mapping) -> dict[str, Any]:
    return {f"{stage}/{name}": value for name, value in metrics.items()}


def _close(old: Any, new: Any, limit: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=limit, abs_tol=limit)
    return False


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=paths.root(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProjectError(f"git {' '.join(words)}: {done.stderr.strip()}; `make check` needs a git checkout.")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
