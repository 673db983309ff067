"""How long the tier designer takes for a move of a slider on the default data: seconds, the figure included."""

import time

import numpy as np

from benchmarks import goals
from membership.base import seeds
from membership.designer import what_if
from membership.report.designer_view import Panel
from membership.settings import params

SECONDS = 1.0


def run(seed: int, moves: int = 30) -> dict:
    """Return seconds of `moves` random moves of one slider each, from the saved policy, and the goal: 95 % of them.

    Reads what stages `tiers` and `benefits` have written. Raises DataError where they have not run.
    """
    return moved(Panel(what_if.load(params.parse(params.read()))), moves, seed)


def moved(panel: Panel, moves: int, seed: int) -> dict:
    """Return what `moves` random moves of the sliders of `panel` take."""
    rng, taken = seeds.rng(seed, "designer"), []
    for _ in range(moves):
        panel.reset()
        control = panel.controls[rng.integers(len(panel.controls))]
        value = _elsewhere(control, rng)
        wall, cpu = time.perf_counter(), time.process_time()
        control.value = value
        taken.append((time.process_time() - cpu, time.perf_counter() - wall, bool(panel.outcome.message)))
    cpu, wall, impossible = (np.array(column) for column in zip(*taken, strict=True))
    told = [
        goals.at_most(
            f"CPU seconds of a move of a slider, 95th percentile of {moves}", np.quantile(cpu, 0.95), SECONDS
        ),
        goals.told("the same, longest", cpu.max()),
        goals.told("wall seconds of a move of a slider, 95th percentile", np.quantile(wall, 0.95)),
    ]
    return {"cpu_s": cpu.tolist(), "wall_s": wall.tolist(), "impossible": int(impossible.sum()), "goals": told}


def _elsewhere(control, rng: np.random.Generator):
    """Return another value for a checkbox, a slider of whole numbers or one of real numbers."""
    if isinstance(control.value, bool):
        return not control.value
    if isinstance(control.value, int):
        return int(rng.choice([value for value in range(control.min, control.max + 1) if value != control.value]))
    return float(rng.uniform(control.min, control.max))
