"""The benchmark of tier effects: what it counts, and that a run which was stopped goes on where it was."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import tier_effects


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tier_effects, "MARKETS", 4)
    monkeypatch.setattr(tier_effects, "MEMBERS", 2000)


def test_every_market_is_read_without_and_with_pressure(small, tmp_path):
    found = tier_effects.run("jitter", tmp_path / "found.json", 1)
    assert [(row["design"], row["pressure"], row["markets"]) for row in found["rows"]] == [
        ("jitter", False, 4), ("jitter", True, 4),
    ]  # fmt: skip
    assert all(0 <= row["covered"] <= 1 and row["half_width"] > 0 for row in found["rows"])
    assert [goal["asked"] for goal in found["goals"]] == ["0.93 to 0.97"] * 2


def test_a_run_that_was_stopped_goes_on_where_it_was(small, tmp_path, monkeypatch):
    whole = tier_effects.run("phases", tmp_path / "whole.json", 1)
    kept = tmp_path / "whole.phases.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    part = tmp_path / "part.phases.jsonl"
    part.write_text(lines[0] + lines[1] + lines[2][:40])  # killed while it wrote
    asked, design = [], tier_effects.DESIGNS["phases"]
    monkeypatch.setitem(tier_effects.DESIGNS, "phases", lambda *given: asked.append(given[1]) or design(*given))
    again = tier_effects.run("phases", tmp_path / "part.json", 1)
    assert asked == [2, 2, 3, 3]
    assert str(again["rows"]) == str(whole["rows"])
    assert part.read_text() == kept.read_text()


def test_phases_begin_for_one_equal_group_after_another():
    begun = tier_effects.in_force(pd.Index([f"m{number}" for number in range(20_000)]), 6, 4, "phases-1")
    assert begun.mean(axis=0) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1], abs=0.01)
    assert (np.diff(begun.astype(int), axis=1) >= 0).all()
