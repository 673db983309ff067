"""The measurement on the GPU also runs, at a small size, without one."""

import json
import subprocess
import sys

import numpy as np

from benchmarks import gpu

ABSENT = ("ibis", "duckdb", "pydantic", "optuna", "mlflow")  # on the machine with the GPU


def test_the_command_measures_an_epoch_and_scoring_on_each_device(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", str(tmp_path / "gpu.json"), "--members", "50", "--batch", "256"])
    gpu.main()
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [row["step"] for row in rows if row["device"] == "cpu"] == ["epoch", "score"]
    assert all(row["rows"] == 50 * gpu.CANDIDATES and row["seconds"] > 0 < row["share_of_limit"] for row in rows)
    assert "share_of_limit" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_rows():
    first, same, other = (gpu.draw(10, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0], same[0]) and not np.array_equal(first[0], other[0])


def test_it_needs_nothing_that_a_bare_machine_has_not():
    block = f"import sys; sys.modules.update(dict.fromkeys({ABSENT}))"
    subprocess.run([sys.executable, "-c", f"{block}; import benchmarks.gpu"], check=True)
