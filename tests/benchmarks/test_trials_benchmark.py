"""The simulated trials of the benchmark: the truth is what it says, and each break is found by the gate it is for."""

import numpy as np
import pytest

from benchmarks import trials_log, trials_market
from membership.trials.gates import Kind


def test_the_true_difference_is_the_mean_change_of_chances_and_is_read():
    reading, truth = trials_market.trial(0.3, np.random.default_rng(1), number=8000)
    assert reading.open
    chance = reading.observed["forecast"]
    assert truth == pytest.approx((np.minimum(1.3 * chance, 1) - chance).mean())
    assert reading.of("treatment")["low"] < truth < reading.of("treatment")["high"]


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("shares", Kind.SAMPLE_RATIO),
        ("last digit of ids", Kind.CHANCE),
        ("forecast", Kind.CHANCE),
        ("lost logs", Kind.EXPOSURE),
        ("duplicated members", Kind.COPIES),
    ],
)
def test_a_break_shuts_the_gate_that_is_for_it(how, kind):
    assert how in trials_market.BREAKS
    reading, _ = trials_market.trial(0.03, np.random.default_rng(2), how, number=20_000)
    assert kind in [gate.kind for gate in reading.gates if not gate.open]


def test_killed_writers_of_the_benchmark_are_counted(tmp_path):
    found = trials_log._killed(f"sqlite:///{tmp_path / 'log.db'}", 0.2)
    assert found["lost"] == found["twice"] == 0 and found["answered"] > 0
