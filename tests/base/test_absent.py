"""Outputs of a stage that was not possible: there, valid, and telling why to whoever reads them."""

import json

import pandas as pd
import pytest

from membership.base import absent, engine, files, paths, stored, tables
from membership.base.errors import NotPossible
from membership.recommend import model

WHY = 'none of 7 members has bought, so <nothing> says "who" will.'


@pytest.mark.parametrize("name", ["value", "recommendations", "actions"])
def test_a_table_is_empty_and_valid_and_whoever_reads_it_is_told_why(name, workspace):
    path = workspace / "data" / f"{name}.parquet"
    absent.write(path, WHY, tables.empty(name))
    assert len(pd.read_parquet(path)) == 0
    assert tables.check(name, pd.read_parquet(path)).columns.tolist() == tables.empty(name).columns.tolist()
    for read in (lambda: tables.read(name), lambda: engine.load(engine.connect(), name)):
        with pytest.raises(NotPossible) as told:
            read()
        assert str(told.value) == WHY


@pytest.mark.parametrize(
    "name", ["models/worth", "data/training.json", "reports/plots/x.csv", "reports/plots/x.parquet"]
)
def test_every_kind_of_output_says_why(name, workspace):
    path = workspace / name
    absent.write(path, WHY)
    assert path.exists()
    if path.suffix == ".csv":
        assert pd.read_csv(path)[absent.KEY].tolist() == [WHY]
    else:
        assert absent.reason(path) == WHY
        with pytest.raises(NotPossible):
            absent.check(path)


def test_models_and_json_that_could_not_be_made_say_so_when_they_are_loaded(workspace):
    absent.write(paths.models("worth"), WHY)
    absent.write(paths.data("comparison.json"), WHY)
    for read in (
        lambda: stored.load(paths.models("worth"), []),
        lambda: model.load(paths.models("worth")),
        lambda: files.read_json(paths.data("comparison.json")),
    ):
        with pytest.raises(NotPossible, match="none of 7 members"):
            read()


def test_an_output_that_could_be_made_has_no_reason(workspace):
    tables.write("allocations", tables.empty("allocations"))
    assert absent.reason(workspace / "data" / "allocations.parquet") is None
    assert len(tables.read("allocations")) == 0
    assert absent.reason(workspace / "nothing.json") is None


def test_reasons_are_those_of_the_stages_that_were_not_possible(workspace):
    absent.write(paths.reports("metrics", "tune.json"), WHY)
    files.write_json(paths.reports("metrics", "value.json"), {"spend": 1.0})
    assert absent.reasons(paths.reports("metrics"), ["value", "tune", "train"]) == {"tune": WHY}


def test_the_metrics_file_of_such_a_stage_holds_the_reason_alone(workspace):
    absent.write(paths.reports("metrics", "tune.json"), WHY)
    assert json.loads(paths.reports("metrics", "tune.json").read_text()) == {absent.KEY: WHY}
