"""`make replay`, in real folders with real DVC, on a simulated market and a pipeline of one small stage.

The stage that stands in for the pipeline ingests the market up to the period's end, forecasts by each member's own
rate, and decides what the test says; all that is carried, skipped, named and drawn is the project's own.
"""

import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from membership.base import files, paths
from membership.base.errors import ParamError, ProjectError
from membership.monitor import predictions
from membership.pipeline import replay, sandbox
from membership.report import replay as replay_report
from membership.settings import params

SOURCE = Path(__file__).resolve().parents[2] / "src"
TINY = {
    "dataset.source": "simulate",
    "dataset.timezone": "UTC",
    "dataset.simulate.members": 80,
    "dataset.simulate.items": 30,
    "dataset.simulate.orders_per_month": 4.0,
}
CONTROL = {"policy": "gp_topfreq", "settings": {}, "reason": "control"}
STAGE = """
import numpy as np
import pandas as pd
from membership.base import engine, files, paths, tables
from membership.data import ingest
from membership.evaluate import decide, verdicts
from membership.monitor import monitor, predictions
from membership.settings import params

p = params.parse(params.read())
data, as_of, live = ingest.ingest(p).data.held(), p.windows.as_of, files.read_json(paths.root() / "champion.json")
data.save()
assert data.events["local_at"].max() < pd.Timestamp(p.windows.holdout_end), "an event of the future"
known = data.events[(data.events["kind"] == "purchase") & (data.events["local_at"] < pd.Timestamp(as_of))]
days = known.assign(day=known["local_at"].dt.date).drop_duplicates(["member_id", "day"]).groupby("member_id")
rate = days.size().reindex(data.members["member_id"], fill_value=0) / (as_of - p.windows.start).days
facts = pd.DataFrame({"member_id": rate.index, "tier": "Member", "stage": "active", "next_order_days": 4.0})
facts["p_repurchase"] = (1 - np.exp(-rate * p.economics.repurchase_days)).to_numpy()
facts["expected_orders"] = (rate * p.value.horizon_days).to_numpy()
facts["expected_spend"] = facts["expected_orders"] * known["amount"].sum() / max(len(known), 1) * 3
facts["value"] = facts["expected_spend"] / 4
best = known["item_id"].value_counts().index[:5]
lists = facts[["member_id"]].merge(pd.DataFrame({"item_id": best, "rank": range(1, 6), "score": 0.1}), how="cross")
horizon = {"repurchase_days": p.economics.repurchase_days, "horizon_days": p.value.horizon_days}
made = predictions.assemble(facts, lists, live, predictions.version(live, {"rate": 1}), as_of, horizon)
events = engine.load(engine.connect(), "events")
seen = monitor.compare(predictions.earlier(as_of), data.members["member_id"], events, data.items, as_of, p.monitor)
tables.write("predictions", made)
promote = live["policy"] != "model" and str(as_of) != "REFUSED"
champion = {"policy": live["policy"], "settings": live["settings"]}
model = {"policy": "model", "settings": {"as": str(as_of)}}
check = verdicts.check("another policy", "policy", promote, champion=live["policy"], challenger="model")
decision = decide.Decision("promote" if promote else "keep", (check,), champion, model)
files.write_json(paths.data("decision.json"), decision.to_json())
moved = pd.DataFrame({"psi": [0.0], "status": ["watch"]})
files.write_json(paths.reports("metrics", "decide.json"), monitor.flat(seen, moved))
"""


@pytest.fixture
def project(workspace):
    """A project whose pipeline is the one stage above."""
    (workspace / "dvc.yaml").write_text(
        f"stages:\n  decide:\n    cmd: env PYTHONPATH={SOURCE} {sys.executable} src/stage.py\n"
        "    deps: [src/stage.py, champion.json, reports/live, params.yaml]\n"
        "    outs: [data/predictions.parquet, data/decision.json, data/events.parquet]\n"
    )
    for folder in ("src", "notebooks", "reports/live", "reports/trials"):
        (workspace / folder).mkdir(parents=True)
    (workspace / "src" / "stage.py").write_text(STAGE)
    (workspace / "reports" / "live" / "README.md").write_text("earlier predictions")
    (workspace / "README.md").write_text("a project")
    return workspace


def go(project: Path, count: int = 2) -> pd.DataFrame:
    p = params.parse(params.read(), {**TINY, "replay.periods": count})
    return replay.run(project / paths.REPLAY, p, TINY, CONTROL)


def log(project: Path, day: str) -> str:
    return (project / paths.REPLAY / day / "replay.log").read_text()


@pytest.mark.slow
def test_champion_and_predictions_are_carried_from_period_to_period_and_nothing_is_done_twice(project):
    table = go(project)
    assert table["as_of"].tolist() == [date(2017, 10, 31), date(2017, 12, 1)]
    assert table["policy"].tolist() == ["gp_topfreq", "model"]
    assert table["verdict"].tolist() == ["promote", "keep"]
    assert ((table["predicted"] - table["realised"]).abs() < 0.15).all()
    assert (table["low"] < table["realised"]).all() and (table["realised"] < table["high"]).all()
    second = project / paths.REPLAY / "2017-12-01"
    live = files.read_json(second / "champion.json")
    assert live["settings"] == {"as": "2017-10-31"} and live["previous"] == CONTROL
    kept = predictions.read(second / "reports" / "live" / "predictions.parquet")
    assert set(kept["as_of"].dt.date) == {date(2017, 10, 31)} and set(kept["policy"]) == {"gp_topfreq"}
    first = files.read_json(project / paths.REPLAY / "2017-10-31" / "reports" / "metrics" / "decide.json")
    then = files.read_json(second / "reports" / "metrics" / "decide.json")
    assert first["monitor_members"] is None and then["monitor_members"] == 80
    assert then["monitor_repurchase_realised"] == pytest.approx(table["realised"].iloc[0])  # the same period, twice
    assert (project / "champion.json").read_text() == (SOURCE.parent / "champion.json").read_text()

    page = replay_report.write(table, project / paths.REPLAY / "report")
    words = (page.parent / "replay.md").read_text()
    assert all(f"{value:.3f}" in words for value in table["predicted"]) and "<svg" in page.read_text()
    assert len(pd.read_csv(page.parent / "periods.csv")) == 2

    again = go(project)
    pd.testing.assert_frame_equal(again, table)
    assert "Running stage" not in log(project, "2017-10-31") + log(project, "2017-12-01")

    stage = project / "src" / "stage.py"
    stage.write_text(STAGE.replace("REFUSED", "2017-10-31"))
    assert go(project)["policy"].tolist() == ["gp_topfreq", "gp_topfreq"]


@pytest.mark.slow
def test_a_period_that_fails_is_named_with_the_end_of_its_log(project):
    (project / "src" / "stage.py").write_text("raise SystemExit('the till is on fire')")
    with pytest.raises(ProjectError, match=r"the period as of 2017-10-31 failed.*(?s:.*)the till is on fire"):
        go(project)
    assert not (project / paths.REPLAY / "2017-12-01").exists()


def test_a_period_without_history_stops_the_replay_before_anything_runs(project):
    with pytest.raises(ParamError, match="dates must follow each other"):
        go(project, 12)
    assert not (project / paths.REPLAY).exists()


def test_the_users_own_files_are_found_in_a_copy_at_the_same_path(project):
    (project / "raw").mkdir()
    (project / "raw" / "shop.csv").write_text("who,when\n1,2017-01-05\n")
    events = {"paths": ["raw/*.csv"], "columns": {"member_id": "who", "at": "when"}, "constants": {"kind": "purchase"}}
    own = {"dataset.source": "files", "dataset.files": {"events": events}}
    folder = sandbox.copy(project / paths.REPLAY / "2017-12-01", own)
    assert (folder / "raw" / "shop.csv").read_text() == (project / "raw" / "shop.csv").read_text()
    (project / "raw" / "shop-2.csv").write_text("who,when\n1,2017-02-05\n")
    sandbox.copy(folder, own)
    assert sorted(path.name for path in (folder / "raw").iterdir()) == ["shop-2.csv", "shop.csv"]


def test_a_copy_spends_nothing_of_what_totals_with_noise_may_tell_of_its_members(project):
    folder = sandbox.copy(project / paths.REPLAY / "2017-12-01", {"privacy.epsilon": 4.0})
    assert params.read(folder / "params.yaml")["privacy"]["epsilon"] is None


def test_periods_are_as_long_as_the_holdout_and_end_with_as_of(workspace):
    p = params.parse(params.read(), {"replay.periods": 4})
    assert [str(day) for day in replay.periods(p)] == ["2017-08-30", "2017-09-30", "2017-10-31", "2017-12-01"]


def test_a_replay_begins_with_the_first_champion_there_was():
    later = {"policy": "model", "settings": {}, "reason": "", "previous": {**CONTROL, "previous": None}}
    assert replay.first(later)["reason"] == "control"
    assert replay.first(CONTROL) == CONTROL


@pytest.mark.parametrize(("knob", "value"), [("replay.periods", 1), ("replay.periods", 25), ("monitor.confidence", 1)])
def test_what_cannot_be_replayed_is_refused(workspace, knob, value):
    with pytest.raises(ParamError, match=knob.replace(".", r"\.")):
        params.parse(params.read(), {knob: value})
