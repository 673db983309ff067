"""Time and memory of work in a process of its own, on one thread."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from membership.base.errors import DataError


def measure(module: str, *arguments: str | int) -> dict:
    """Run `python -m module arguments` and return the JSON object of its last line. Raises DataError if it fails."""
    here = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env=here, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{module} {' '.join(command[3:])}: the measurement failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Clock:
    """Seconds of CPU of each step taken, and of all together."""

    def __init__(self):
        self.steps: dict[str, float] = {}
        self._wall, self._cpu = 0.0, 0.0

    def take(self, name: str, work):
        """Return what `work()` returns, and count what it takes as `name`."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        self.steps[name] = time.process_time() - cpu
        self._wall, self._cpu = self._wall + time.perf_counter() - wall, self._cpu + self.steps[name]
        return found

    def sums(self) -> dict[str, float]:
        """Return wall_s, cpu_s and peak_mib of this process."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"wall_s": self._wall, "cpu_s": self._cpu, "peak_mib": peak}
