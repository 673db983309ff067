"""The benchmark of the reranker's knobs: its errors, its figure."""

import sys

import pandas as pd
import pytest

from benchmarks import frontier
from membership.base import files


def test_an_unknown_set_is_named_with_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["frontier", "--out", str(tmp_path / "out.json"), "--only", "default,moon"])
    with pytest.raises(SystemExit, match="no set 'moon'; there are: default, articles"):
        frontier.main()
    assert not list(tmp_path.iterdir())


def test_a_set_that_is_there_is_drawn_and_told_and_not_made_again(tmp_path, monkeypatch, capsys):
    row = {"knob": "novelty", "value": 0.0, "in_use": True, "metric": 0.3, "metric_gain": 0.0}
    row |= {"recall": 0.2, "recall_gain": 0.0, "recall_low": 0.0, "recall_high": 0.0}
    files.write_json(tmp_path / "out.json", {"articles": {"members": 9, "items": 9, "rows": [row]}})
    asked = ["frontier", "--out", str(tmp_path / "out.json"), "--figure", str(tmp_path / "f.svg")]
    monkeypatch.setattr(sys, "argv", [*asked, "--only", "articles"])
    frontier.main()
    assert pd.Series(capsys.readouterr().out.split()).isin(["novelty"]).sum() == 1
    assert ">articles<" in (tmp_path / "f.svg").read_text()
