"""Compare the committed metrics with the new ones: did this machine reproduce what that one reported?"""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from membership.base import files, paths
from membership.base.errors import ProjectError
from membership.settings import params


def main() -> int:
    """Print every metric that differs by more than its tolerance; exit with 1 where there is one."""
    try:
        tolerances = params.parse(params.read()).check
        wrong, seen = [], 0
        for name in _committed_files():
            new = paths.root() / name
            old = json.loads(_git("show", f"HEAD:{name}"))
            seen += len(old)
            wrong += [f"{new.name}: {line}" for line in differences(old, files.read_json(new), tolerances.metrics)]
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(wrong) if wrong else f"{seen} metrics agree with the committed ones.")
    return int(bool(wrong))


def differences(old: Mapping, new: Mapping, tolerances: Mapping[str, float]) -> list[str]:
    """Return a line for each metric that is missing, added, or differs by more than its relative tolerance.

    `tolerances` maps patterns of metric names to relative tolerances; the first pattern that fits counts, and
    numbers below 1 are compared by absolute difference.
    """
    lines = [
        f"{key}: only in the {'committed' if key in old else 'new'} metrics" for key in sorted(old.keys() ^ new.keys())
    ]
    for key in sorted(old.keys() & new.keys()):
        limit = next((value for pattern, value in tolerances.items() if fnmatch(key, pattern)), 1e-6)
        if not _close(old[key], new[key], limit):
            lines.append(f"{key}: committed {old[key]}, new {new[key]}, tolerance {limit:g}")
    return lines


def _close(old, new, limit: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=limit, abs_tol=limit)
    return old == new


def _committed_files() -> list[Path]:
    return _git("ls-tree", "-r", "--name-only", "HEAD", "reports/metrics").split()


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=paths.root(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProjectError(f"git {' '.join(words)}: {done.stderr.strip()}; `make check` needs a git checkout.")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
