"""Everybody scored anew by the models that stand: as the scorer does, whole after a kill, apart from the pipeline."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from membership.base import graph, paths, tables
from membership.base.errors import DataError
from membership.data import pseudonyms
from membership.pipeline import monday, request, scorer
from membership.settings import params

CENTS = 1e-6
SOURCE = Path(__file__).resolve().parents[2] / "src" / "membership"
PUBLISHED = {"actions.csv", "actions.parquet", "predictions.parquet", "report.md", "verdict.json", "basis.json"}


@pytest.fixture
def root(batch, tmp_path, monkeypatch):
    """A checkout of its own with a batch run as of 2017-12-01."""
    root = tmp_path / "root"
    shutil.copytree(batch, root)
    (root / "models" / "value.json").write_text('{"chosen": "mean"}')
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(root))
    return root


def live(day: str, name: str):
    return paths.reports("live", day, name)


def work(day: str, name: str):
    return paths.data(monday.WORK, day, name)


def predicted(day: str) -> pd.DataFrame:
    return by_id(pd.read_parquet(live(day, "predictions.parquet")))


def by_id(frame: pd.DataFrame) -> pd.DataFrame:
    """What was published by pseudonym, with the ids again."""
    assert frame["member_id"].str.fullmatch(pseudonyms.PATTERN.pattern).all()
    return pseudonyms.unmasked(frame, "test").set_index("member_id").sort_index()


def test_on_the_day_of_the_batch_run_it_says_what_that_said(root):
    monday.run("2017-12-01")
    found, value = predicted("2017-12-01"), tables.read("value").set_index("member_id")
    for column in ("p_repurchase", "expected_orders", "expected_spend", "value"):
        np.testing.assert_allclose(found[column], value.loc[found.index, column], rtol=1e-9, atol=CENTS)
    todo = by_id(pd.read_parquet(live("2017-12-01", "actions.parquet")))
    for table, column in (("profile", "stage"), ("tiers", "tier"), ("tiers", "points"), ("value", "value_group")):
        stored = tables.read(table).set_index("member_id").loc[todo.index, column]
        assert todo[column].tolist() == stored.tolist(), column
    listed = tables.read("recommendations")
    listed = listed[listed["policy"] == "champion"].sort_values(["member_id", "rank"])
    own = listed.groupby("member_id")["item_id"].agg(list).map(json.dumps)
    assert found["items"].tolist() == own.loc[found.index].tolist()


def test_a_week_later_it_says_what_the_scorer_answers_for_the_same_events(root, tmp_path):
    monday.run("2017-12-08")
    scorer.pack(tmp_path / "scorer")
    scorer.pack_policy(tmp_path / "scorer", "champion", {"policy": "gp_topfreq", "settings": {}})
    found, events = predicted("2017-12-08"), tables.read("events")
    events = events[events["local_at"] < pd.Timestamp("2017-12-08")]
    fields = [name for name in request.FIELDS if name != "local_at"]
    rows = events[fields].astype(object).where(events[fields].notna(), None)
    rows["local_at"] = events["local_at"].map(pd.Timestamp.isoformat)
    sent = [rows[events["member_id"] == member].to_dict("records") for member in found.index]
    asked = pd.DataFrame({"member_id": found.index, "events": sent})
    answer = pd.DataFrame(scorer.Scorer(tmp_path / "scorer").answer(asked, 5, "2017-12-08"))
    for column in ("p_repurchase", "value"):
        np.testing.assert_allclose(found[column], answer[column], rtol=1e-9, atol=CENTS)
    assert found["stage"].tolist() == answer["stage"].tolist() and found["tier"].tolist() == answer["tier"].tolist()
    ids = answer["items"].map(lambda items: json.dumps([item["item_id"] for item in items]))
    assert found["items"].tolist() == ids.tolist()
    assert len(pd.read_csv(live("2017-12-08", "actions.csv"))) == len(found)


def test_without_a_day_all_events_are_known(root):
    folder = monday.run()
    last = tables.read("events")["local_at"].max().date()
    assert folder.name == str(last + pd.Timedelta(days=1)) and {path.name for path in folder.iterdir()} == PUBLISHED


def test_nothing_that_the_pipeline_owns_changes(root):
    before = graph.digests(("data", "models", "params.yaml", "champion.json"), "md5")
    monday.run("2017-12-08")
    assert graph.digests(("data", "models", "params.yaml", "champion.json"), "md5") == before
    assert [path.name for path in paths.reports("live").iterdir()] == ["2017-12-08"]


def test_a_run_that_was_broken_off_goes_on_where_it_stopped(root):
    half = work("2017-12-08", ".scored.part")  # as a kill leaves it
    half.mkdir(parents=True)
    (half / "value.parquet").write_text("half")
    broken = root / "data" / "predictions.parquet"
    broken.write_text("not a table")  # so that the last step fails
    with pytest.raises(DataError, match=r"predictions.parquet: not a readable Parquet file"):
        monday.run("2017-12-08")
    read = work("2017-12-08", "read") / "data" / "events.parquet"
    first = read.stat().st_ino, work("2017-12-08", "scored").stat().st_ino
    with pytest.raises(DataError):
        monday.run("2017-12-08")
    assert (read.stat().st_ino, work("2017-12-08", "scored").stat().st_ino) == first
    assert not live("2017-12-08", "verdict.json").exists()
    broken.unlink()
    monday.run("2017-12-08")
    assert {path.name for path in live("2017-12-08", "").iterdir()} == PUBLISHED


def test_a_finished_run_is_not_done_again_unless_what_it_stands_on_has_changed(root):
    folder = monday.run("2017-12-08")
    first = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "basis.json"}
    monday.run("2017-12-08")
    assert {name: (folder / name).stat().st_mtime_ns for name in first} == first
    changed = params.override(params.read(), {"recommend.k": 3})
    (root / "params.yaml").write_text(yaml.safe_dump(changed))
    monday.run("2017-12-08")
    assert predicted("2017-12-08")["items"].map(json.loads).map(len).max() == 3


def test_a_change_of_code_does_a_finished_run_again_and_one_of_words_does_not(root):
    package = root / "src" / "membership"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    begun = live("2017-12-08", "begun")

    def again(path: str, added: str) -> bool:
        begun.parent.mkdir(parents=True, exist_ok=True)
        begun.write_text("by an earlier run")
        with (package / path).open("a", encoding="utf-8") as file:
            file.write(added)
        monday._begun(begun.parent, work("2017-12-08", ""), params.parse(params.read()))
        return not begun.exists()

    assert again("value/score.py", "")  # nothing was begun from this before
    assert not again("value/score.py", "# a comment\n") and not again("report/formats.py", "WORD = 1\n")
    assert not again("designer/what_if.py", "MORE = 1\n")  # nothing of a score
    assert again("value/score.py", "MORE = 1\n") and again("pipeline/moment.py", "MORE = 1\n")


def test_later_runs_compare_what_earlier_ones_predicted_with_what_happened(root):
    monday.run("2017-12-08")
    monday.run("2017-12-22")
    first, second = (json.loads(live(day, "verdict.json").read_text()) for day in ("2017-12-08", "2017-12-22"))
    assert first["monitor_members"] is None and second["monitor_members"] == len(predicted("2017-12-08"))
    assert second["monitor_repurchase_predicted"] == pytest.approx(predicted("2017-12-08")["p_repurchase"].mean())
    assert second["train_anew"] == any(sign["asks"] for sign in second["signs"])
    assert [sign["reason"] for sign in second["signs"]] == ["age", "drift", "slope", "log_loss"]


def test_models_beyond_their_age_ask_for_training_anew(root):
    changed = params.override(params.read(), {"monitor.retrain.age_days": 7})
    (root / "params.yaml").write_text(yaml.safe_dump(changed))
    verdict = json.loads((monday.run("2017-12-08") / "verdict.json").read_text())
    assert verdict["train_anew"] and verdict["signs"][0] == {"reason": "age", "found": 7, "limit": 7, "asks": True}


DAYS = {
    "before the batch run": ("2017-11-30", "AS_OF = '2017-11-30': the batch run is as of 2017-12-01"),
    "after the data": ("2018-06-01", "AS_OF = 2018-06-01: the data end before 2018-01-01; allowed: at most"),
    "no day": ("Monday", "AS_OF = 'Monday': allowed: an ISO time"),
}


@pytest.mark.parametrize("case", DAYS)
def test_a_day_that_cannot_be_scored_is_refused_and_leaves_nothing(root, case, capsys):
    day, words = DAYS[case]
    assert monday.main(["--as-of", day]) == 1
    assert words in capsys.readouterr().err
    assert not list(paths.reports("live").glob("*/*.csv"))
