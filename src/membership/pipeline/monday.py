"""`make score`: everybody scored anew by the models that stand, from the newest data; nothing is searched or trained.

The data source is read again up to a day, everybody is scored as of it, what was predicted earlier is compared with
what happened, and the written rule says whether to train anew. All of it goes to `reports/live/<as_of>/`, beside what
the pipeline owns. Each step leaves its output whole or not at all, so a run that was broken off goes on where it
stopped; one of other data, parameters, models or code begins again.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from membership.base import engine, files, graph, paths, tables
from membership.base.errors import DataError, ProjectError
from membership.data import consent, features, ingest, membership_span
from membership.evaluate import actions, champions
from membership.monitor import monitor, predictions, prequential, retrain
from membership.pipeline import fingerprint, request, scorer
from membership.pipeline.moment import Known, Moment, Standing, pack_had
from membership.profile.personas import NEWCOMER
from membership.recommend import policy
from membership.report import words
from membership.settings import params
from membership.settings.params import Stage
from membership.trials import register, serving
from membership.value import score

WORK = "scoring"  # under data/, while a run lasts
_MEMBERS = 20_000  # that are scored together: bounds the memory
_SCORED = ("features", "value", "stage", "tiers", "recommendations")


def main(arguments: list[str] | None = None) -> int:
    """Score as of `--as-of`, or of the day after the last event; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.monday", description=__doc__.splitlines()[0])
    parser.add_argument("--as-of", help="a local day, e.g. 2017-12-08; without one all events are known")
    try:
        folder = run(parser.parse_args(arguments).as_of)
    except ProjectError as error:
        print(f"score: {error}", file=sys.stderr)
        return 1
    print((folder / "report.md").read_text(encoding="utf-8") + f"\nRead {folder}.")
    return 0


def run(asked: str | None = None) -> Path:
    """Do what is not done yet of the run as of the day `asked`, or of the newest data; return its folder.

    Raises ParamError and DataError where the day is before the batch run's or after the data, or a stage has left
    nothing to score by.
    """
    p = params.parse(params.read())
    day = request.clock(asked, p.windows.as_of, "AS_OF").date() if asked else None
    read = None
    if day is None:  # the data say which day it is
        read, day = ingest.known(p, None)
        request.clock(day.isoformat(), p.windows.as_of, "AS_OF")
    work = paths.data(WORK, day.isoformat())  # has ids as the source has them, so it is in data/
    folder = _begun(paths.reports("live", day.isoformat()), work, p)
    if not (folder / "verdict.json").exists():
        _step(work / "read", lambda to: (read or ingest.known(p, day)[0]).save(partial(tables.write, root=to)))
        _step(work / "scored", lambda to: _score(work / "read", to, p, day))
        _publish(work, folder, p, day)
        _judge(work, folder, p, day)
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _begun(folder: Path, work: Path, p: Stage) -> Path:
    """Return `folder` with what an earlier run left in it and in `work`, if that began from the same; else empty ones.

    The same code is what scoring runs through, comments and the room `report` left out, as in a stage's fingerprint.
    """
    data = [name for name in graph.deps("ingest") if not name.startswith("data/")]
    made = graph.digests(("champion.json", "models", "data/allocations.parquet", *data), "md5")
    code = fingerprint.code({__spec__.name}, ("membership.report",))
    basis = json.loads(json.dumps({"files": made, "code": code, "params": p.plain()}, default=str))
    started = folder / "basis.json"
    if not (started.exists() and files.read_json(started) == basis):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
    files.write_json(started, basis)
    return folder


def _step(target: Path, make: Callable[[Path], object]) -> None:
    """Let `make` fill the folder `target`, whole or not at all; not again where it is there."""
    if target.exists():
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    part.mkdir(parents=True)
    make(part)
    part.rename(target)


def _score(read: Path, to: Path, p: Stage, day: date) -> None:
    """Write to the folder `to` what is known on `day` of every member in the tables of `read`: _SCORED."""
    with tempfile.TemporaryDirectory() as packed:
        scorer.pack_models(Path(packed))
        scorer.pack_policy(Path(packed), "champion", champions.live())
        shutil.copy(tables.ALL["contracts"].path(read), Path(packed) / "contracts.parquet")  # those of today
        pack_had(Path(packed), _table(read, "exposures"), _table(read, "offers"), p)
        moment = Moment(Standing(Path(packed)), day)
        here = membership_span.on(_table(read, "members"), day)
        joined = here.set_index("member_id")["joined_at"].sort_index()
        items = _table(read, "items")
        parts = [
            _frames(_known(moment, read, joined.iloc[start : start + _MEMBERS]), items, p)
            for start in range(0, len(joined), _MEMBERS)
        ]
    for name in _SCORED:
        frame = pd.concat([part[name] for part in parts], ignore_index=True)
        frame.to_parquet(to / f"{name}.parquet", index=False)


def _known(moment: Moment, read: Path, joined: pd.Series) -> Known:
    ids = joined.index.tolist()
    return moment.of(pd.read_parquet(tables.ALL["events"].path(read), filters=[("member_id", "in", ids)]), joined)


def _frames(known: Known, items: pd.DataFrame, p: Stage) -> dict[str, pd.DataFrame]:
    """Return the tables of _SCORED; `value` without its groups, for which all members are needed."""
    members = known.features.index.to_numpy(dtype=str)
    frames = {"features": known.features, "value": known.worth, "stage": known.stage.to_frame(), "tiers": known.tiers}
    listed = policy.listed(known.recommender, items, members, p.recommend.k)
    frames = {name: frame.reset_index() for name, frame in frames.items()}
    return frames | {"recommendations": listed.drop(columns=["name", "category"])}


def _publish(work: Path, folder: Path, p: Stage, day: date) -> None:
    """Write to `folder`, from what `work` holds, actions.csv, actions.parquet and predictions.parquet."""
    scored = {name: pd.read_parquet(work / "scored" / f"{name}.parquet") for name in _SCORED}
    worth, known = (scored[name].set_index("member_id") for name in ("value", "features"))
    value = score.grouped(worth, known, p.value).reset_index()
    live, listed, days = champions.live(), scored["recommendations"], _days(p)
    facts = scored["value"].merge(scored["tiers"][["member_id", "tier"]]).merge(scored["stage"])
    version = predictions.version(live, files.read_json(paths.models("value.json")))
    predictions.write(folder / "predictions.parquet", predictions.assemble(facts, listed, live, version, day, days))
    profile, items = _profile(scored["stage"]), _table(work / "read", "items")
    agreed, tiers, strategy = consent.read(p.dataset, value["member_id"]), scored["tiers"], p.lifecycle.strategy
    tried = register.read().without(consent.refused(agreed, consent.TRIALS))
    given = consent.respected(serving.given(tables.read("allocations"), tried, day), agreed, consent.OFFERS)
    listed = consent.respected(listed, agreed, consent.OFFERS)
    steps = actions.steps(profile, tiers, given, listed, items, strategy, p.benefits.catalogue)
    todo = actions.assemble(value, profile, tiers, steps, listed, items, register.arms(tried, day))
    tables.write("actions", consent.respected(todo, agreed, consent.PROFILING), work / "scored")
    actions.publish(tables.ALL["actions"].path(work / "scored"), folder)


def _profile(stage: pd.DataFrame) -> pd.DataFrame:
    """Return table `profile` of the members of `stage`, with it; who was not in the batch run is a newcomer."""
    batch = tables.read("profile").drop(columns="stage")
    return stage.merge(batch, on="member_id", how="left").fillna({"persona": NEWCOMER, "main_need": ""})


def _judge(work: Path, folder: Path, p: Stage, day: date) -> None:
    """Write to `folder` report.md and, last of all, verdict.json: what came true, drift, and whether to train anew."""
    con, now = engine.connect(p.engine), pd.read_parquet(work / "scored" / "features.parquet")
    events, members = (con.read_parquet(str(tables.ALL[name].path(work / "read"))) for name in ("events", "members"))
    value, items = pd.read_parquet(work / "scored" / "value.parquet"), _table(work / "read", "items")
    log = _predicted(folder, day)
    earlier = predictions.over(log, day)
    found = monitor.compare(earlier, value["member_id"], events, items, day, p.monitor)
    periods = prequential.table(log, value["member_id"], events, day, p.monitor.confidence)
    before = features.table(events, members, [p.windows.as_of])
    moved = monitor.of_features(pd.concat([before, now]), p.windows.as_of, day, p.monitor)
    if len(earlier):
        moved = pd.concat([moved, monitor.of_scores(earlier, value, p.monitor)], ignore_index=True)
    signs = retrain.signs((day - p.windows.as_of).days, moved, found, p.monitor.retrain)
    told = words.render(
        "monday", as_of=day, models=p.windows.as_of, members=len(value), signs=signs, found=found, periods=periods,
        check=monitor.checks(found, moved)[0], days=p.economics.repurchase_days,
    )  # fmt: skip
    files.write_text(folder / "report.md", told + "\n")
    verdict = {"as_of": str(day), "train_anew": any(one.asks for one in signs), "signs": [asdict(one) for one in signs]}
    files.write_json(folder / "verdict.json", verdict | monitor.flat(found, moved))


def _predicted(folder: Path, day: date) -> pd.DataFrame:
    """Return all predictions of days before `day`: those kept, the batch run's, and those of earlier runs of this."""
    log = predictions.read(predictions.stored())
    earlier = [path for path in sorted(folder.parent.glob("*/predictions.parquet")) if path.parent != folder]
    for path in (tables.ALL["predictions"].path(), *earlier):
        log = predictions.kept(log, predictions.read(path))
    return log[log["as_of"] < pd.Timestamp(day)]


def _days(p: Stage) -> dict[str, int]:
    return {"repurchase_days": p.economics.repurchase_days, "horizon_days": p.value.horizon_days}


def _table(folder: Path, name: str) -> pd.DataFrame:
    path = tables.ALL[name].path(folder)
    if not path.exists():
        raise DataError(f"{path}: there is no such file; remove {folder.parent} and run `make score` again.")
    return pd.read_parquet(path)


if __name__ == "__main__":
    sys.exit(main())
