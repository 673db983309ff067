"""What is read off the measurements of speed."""

import numpy as np
import pytest

from benchmarks import speed


def row(task, members=100_000, cpu=10.0, peak=1000.0):
    return {"task": task, "members": members, "wall_s": cpu, "cpu_s": cpu, "peak_mb": peak}


def test_the_targets_compare_ours_with_implicit_at_100_000_members_only():
    rows = [row("item_knn", cpu=4), row("implicit_item_knn"), row("model", cpu=15, peak=900), row("implicit_als")]
    found = speed.targets([*rows, row("item_knn", members=10_000, cpu=99)])
    assert [each["found"] for each in found] == pytest.approx([0.4, 1.5, 900])
    assert [each["at_most"] for each in found] == [0.5, 1.0, 4096]
    assert speed.targets(rows[:1]) == [] and len(speed.targets(rows[2:3])) == 1


def test_the_table_names_every_method_and_the_figure_is_drawn(tmp_path):
    rows = [row(task, members) for members in (10_000, 100_000) for task in speed.NAMES]
    said = speed.in_words(rows)
    assert all(name in said for name in speed.NAMES.values()) and "the model's peak, MiB" in said
    speed.figure(rows, tmp_path / "growth.svg")
    assert "implicit" in (tmp_path / "growth.svg").read_text()


def test_a_market_is_drawn_once_and_read_back_as_it_is(tmp_path):
    path = speed.draw(tmp_path, seed=1, members=200)
    lines = np.load(path)
    assert lines["shape"][1] == speed.ITEMS and len(lines["member"]) == len(lines["age"])
    written = path.stat().st_mtime_ns
    assert speed.draw(tmp_path, seed=1, members=200).stat().st_mtime_ns == written
