"""Books of points that the data keep: read from files, cut with their members."""

import pandas as pd
import pytest

from membership.data import ingest
from membership.data.sources import files
from membership.settings.dataset import Files


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path))
    (tmp_path / "events.csv").write_text("who,at,kind\na,2026-01-03,trip\nb,2026-02-01,trip\n")
    (tmp_path / "points.csv").write_text(
        "who,at,in,out\na,2026-01-31,10.5,\na,2026-01-31,4,6\nb,2026-02-28,7,0\n,2026-02-28,9,0\n"
    )
    mapping = {
        "events": {"paths": ["events.csv"], "columns": {"member_id": "who", "at": "at", "kind": "kind"}},
        "points": {
            "paths": ["points.csv"],
            "columns": {"member_id": "who", "at": "at", "earned": "in", "redeemed": "out"},
        },
    }
    return files.read(Files.model_validate(mapping), "Europe/Berlin", "EUR")


def test_rows_of_one_moment_add_up_and_what_is_not_given_is_nothing(read):
    found = read.points.sort_values("member_id").reset_index(drop=True)
    assert found["member_id"].tolist() == ["a", "b"]
    assert found["at"].tolist() == [pd.Timestamp("2026-01-31"), pd.Timestamp("2026-02-28")]  # local days
    assert found[["earned", "redeemed", "expired"]].to_numpy().tolist() == [[14.5, 6, 0], [7, 0, 0]]


def test_points_go_with_their_members(read):
    assert set(ingest.without(read, pd.Index(["a"])).points["member_id"]) == {"b"}
    kept = ingest.sample(read, 1, 1)
    assert set(kept.points["member_id"]) == set(kept.members["member_id"])
