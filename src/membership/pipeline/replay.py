"""`make replay`: the pipeline at the end of each of the last periods, one after the other, as it would have gone.

A period is as long as the holdout, and starts where the one before it ends. Each runs in a folder of its own,
`.replay/<as_of>/`, sees no event after its own holdout, and inherits what the one before it left: the champion, where
the decision was to promote, and the predictions, which it compares with what happened. DVC in the folder skips what has
been done, so a replay that was broken off goes on where it stopped.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from membership.base import engine, files, paths, progress, tables
from membership.base.errors import ProjectError
from membership.evaluate import champions, decide
from membership.monitor import monitor, predictions
from membership.pipeline import sandbox
from membership.report import replay as replay_report
from membership.report import words
from membership.settings import params
from membership.settings.params import Stage

_JUDGED = ("value", "evaluate", "decide")  # stages whose metrics compare periods
_LAST_LINES = 12  # of a failed period's log that are shown


@dataclass(frozen=True)
class Carried:
    """What one period leaves to the next: the content of champion.json, and all predictions so far."""

    champion: Mapping[str, Any]
    predictions: pd.DataFrame


def main() -> int:
    """Replay the periods of `params.yaml: replay` and report on them; return the exit status."""
    try:
        raw, root = params.read(), paths.root()
        p, start = params.parse(raw), first(champions.live())
        table = run(root / paths.REPLAY, p, p.replay.overrides, start)
        page = replay_report.write(table, root / paths.REPLAY / "report")
        _log(table, root / paths.REPLAY, p)
    except ProjectError as error:
        print(f"\nreplay: {error}", file=sys.stderr)
        return 1
    print(f"\n{replay_report.in_words(table)}\nRead {page}; compare the runs with `make ui`.")
    return 0


def run(to: Path, p: Stage, overrides: Mapping[str, Any], champion: Mapping[str, Any]) -> pd.DataFrame:
    """Replay the periods in folders of `to` from `champion` on; return one row a period, as `row` says.

    Raises ProjectError, naming the period, where one fails; those before it stay as they are.
    """
    carried, rows = Carried(champion, predictions.read(to / "none")), []
    days = periods(p)
    for day in days:  # all of them are possible before the first one runs
        params.parse(params.read(), _overrides(day, p, overrides))
    steps = progress.bar(days, "replay")
    for day in steps:
        steps.set_postfix_str(f"as of {day}, live: {carried.champion['policy']}")
        folder = to / day.isoformat()
        period(folder, _overrides(day, p, overrides), carried)
        rows.append(row(folder, day, carried.champion))
        carried = left(folder, carried)
    return pd.DataFrame(rows)


def periods(p: Stage) -> list[date]:
    """Return the days as of which members are scored, oldest first; the last is `windows.as_of`."""
    step = timedelta(days=p.windows.holdout.days)
    return [p.windows.as_of - step * back for back in reversed(range(p.replay.periods))]


def first(champion: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first champion there was: later ones were chosen with data that the first period may not know."""
    while champion.get("previous"):
        champion = champion["previous"]
    return champion


def period(folder: Path, overrides: Mapping[str, Any], carried: Carried) -> None:
    """Run the pipeline in `folder` with what was carried over; its output goes to `folder`/replay.log."""
    sandbox.copy(folder, overrides)
    files.write_json(folder / "champion.json", dict(carried.champion))
    kept = folder / "reports" / "live" / "predictions.parquet"
    kept.unlink(missing_ok=True)  # what the checkout keeps is of its own periods
    if len(carried.predictions):
        predictions.write(kept, carried.predictions)
    log = folder / "replay.log"
    if sandbox.repro(folder, log=log).returncode:
        lines = log.read_text(encoding="utf-8").strip().splitlines()[-_LAST_LINES:]
        raise ProjectError(
            f"the period as of {folder.name} failed; all of its output is in {log}. Fix it and run `make replay` "
            "again: what is done is not done again. It ends:\n  " + "\n  ".join(lines)
        )


def left(folder: Path, carried: Carried) -> Carried:
    """Return what the period in `folder` leaves: its challenger, where the decision is to promote it; predictions."""
    decision, champion = decide.read(folder / "data" / "decision.json"), carried.champion
    if decision.verdict == "promote":
        champion = decide.promote(decision, champion, words.render("decide_reasons", checks=decision.deciding))
    return Carried(champion, predictions.kept(carried.predictions, _table(folder, "predictions")))


def row(folder: Path, as_of: date, champion: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the period in `folder` predicted, what happened in the period that followed, and what was decided.

    as_of; policy and version that were live; members; predicted, realised (shares who buy again in time) with low and
    high of the realised share; status; log_loss of that forecast and what was expected of it (log_loss_expected);
    spend_ratio, spend_low, spend_high (realised over predicted); hits (listed items in the next basket); watch and
    drifted (numbers of features and forecasts); verdict and reasons.
    """
    p = params.parse(params.read(folder / "params.yaml"))
    made = _table(folder, "predictions")
    events = engine.connect(p.engine).read_parquet(str(folder / "data" / "events.parquet"), table_name="events")
    members = _table(folder, "members")["member_id"]
    found = monitor.compare(made, members, events, _table(folder, "items"), p.windows.holdout_end, p.monitor)
    buy, spend, hits = (found.overall(name) for name in ("repurchase", "spend", "listed items bought"))
    numbers = files.read_json(folder / "reports" / "metrics" / "decide.json")
    decision = decide.read(folder / "data" / "decision.json")
    decided = {name: numbers[f"monitor_{name}"] for name in ("watch", "drifted")}
    reasons = words.render("decide_reasons", checks=decision.deciding)
    decided |= {"verdict": decision.verdict, "reasons": reasons}
    share = {"predicted": buy["predicted"], "realised": buy["realised"], "status": buy["status"]}
    share |= {end: buy["predicted"] * buy[end] for end in ("low", "high")}
    chances = found.calibrated.set_index("outcome").loc["repurchase"]
    share |= {"log_loss": chances["log_loss"], "log_loss_expected": chances["expected"]}
    money = {f"spend_{name}": spend[name] for name in ("ratio", "low", "high")}
    live = {"as_of": as_of, "policy": champion["policy"], "version": found.version, "members": int(buy["members"])}
    return live | share | money | {"hits": hits["realised"]} | decided


def _log(table: pd.DataFrame, to: Path, p: Stage) -> None:
    """Log the replay as a run in MLflow, and in it a run for each period, with the metrics of its stages."""
    from membership.pipeline import track  # seconds that the tests of the periods need not wait for

    run = track.StageRun("replay", {"periods": p.replay.periods, **p.replay.overrides}, {})
    runs = []
    for one in table.to_dict("records"):
        stages = [files.read_json(to / str(one["as_of"]) / f"reports/metrics/{name}.json") for name in _JUDGED]
        numbers = {
            key: value for part in [*stages, one] for key, value in part.items() if isinstance(value, int | float)
        }
        words = {key: one[key] for key in ("policy", "version", "verdict")}
        runs.append({"kind": "period", "name": str(one["as_of"]), "params": words, "metrics": numbers})
    run.log_nested(runs)
    run.finish(ok=True)


def _overrides(as_of: date, p: Stage, cheaper: Mapping[str, Any]) -> dict[str, Any]:
    """Return `cheaper` with the windows moved to `as_of`, and no event after them."""
    end = as_of + timedelta(days=p.windows.holdout.days)
    return {**cheaper, "windows.as_of": as_of.isoformat(), "clean.known_until": end.isoformat()}


def _table(folder: Path, name: str) -> pd.DataFrame:
    return tables.check(name, pd.read_parquet(folder / "data" / f"{name}.parquet"))


if __name__ == "__main__":
    sys.exit(main())
