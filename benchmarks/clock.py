"""Do forecasts decay between two trainings? `python -m benchmarks.clock --out JSON`, after `dvc repro`.

Run it under `env $(python -m membership.base.kernels)`, as stages run: many threads on few cores make it slow. On each
of the days after as_of all members are scored three times: by the models that stand, from the events up to that
day; by the same candidate fitted anew on that day; and by the models that stand as if nothing had happened since as_of,
which is what the scorer knows of members whose events are not sent. What is judged is the log loss of an order within
`economics.repurchase_days`, or within SHORT days where these would leave the data.
"""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from membership.base import engine, files, paths, stored, tables
from membership.base.errors import ProjectError
from membership.repurchase import candidates, judge, purchase_days, rhythm, rules
from membership.repurchase import score as forecasts
from membership.repurchase.boosted import Trees
from membership.repurchase.hazard import Hazard
from membership.repurchase.judge import Judged
from membership.repurchase.logistic import Logistic
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings import params

DAYS = 14  # after as_of
SHORT = 7
_NAMES = {Trees: "boosted", Hazard: "hazard", Logistic: "logistic", rules.OwnRate: "own_rate"}


def main() -> None:
    """Measure, write the JSON and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--days", type=int, default=DAYS, help="days after as_of")
    given = parser.parse_args()
    try:
        table, cpu = run(given.days)
    except ProjectError as error:
        sys.exit(str(error))
    files.write_json(given.out, {"rows": table.to_dict("records"), "cpu_s": cpu})
    sys.stdout.write(f"{table.round(4).to_string(index=False)}\n{cpu:.0f} CPU s\n")


def run(days: int) -> tuple[pd.DataFrame, float]:
    """Return one row a day, as `row` says, with its date, and one of all days together; and the CPU seconds."""
    began, p = time.process_time(), params.parse(params.read())
    classes = (*candidates.STORED, forecasts.Forecast)
    standing, windows = stored.load(paths.models("repurchase"), classes), p.windows
    events, members = engine.load(engine.connect(), "events"), tables.read("members")
    history = purchase_days.read(events, members, windows.start, windows.holdout_end)
    end, as_of = (purchase_days.number(day) for day in (windows.holdout_end, windows.as_of))
    rows, every = [], []
    for ahead in range(1, days + 1):
        day, within = as_of + ahead, p.economics.repurchase_days
        within = within if day + within <= end else SHORT
        if day + within > end:
            break
        judged = of_day(standing, history, as_of, day, within, p)
        every.append(judged)
        rows.append({"as_of": str(windows.as_of + timedelta(days=ahead)), **row(judged, p.repurchase.confidence)})
    parts = pd.concat([one.chances for one in every]), pd.concat([one.came for one in every])
    rows.append({"as_of": "all", **row(Judged(0, *parts), p.repurchase.confidence), "within": np.nan})
    return pd.DataFrame(rows), time.process_time() - began


def of_day(standing: forecasts.Forecast, history: PurchaseDays, as_of: int, day: int, within: int, p) -> Judged:
    """Return the chances of an order `within` days of `day` by standing, fresh and silent, and who came."""
    known = history.until(day)
    here, waited = known.present(day), history.since(day)
    now, before = rhythm.at(known, day)[here], rhythm.at(history.until(as_of), day)[here]
    models = {"standing": (standing.model, now), "silent": (standing.model, before)}
    models["fresh"] = (fresh(standing.model, known, day, p), now)
    chances = {name: model.chances(rows, day, [within])[:, 0] for name, (model, rows) in models.items()}
    came = pd.Series((waited[here] >= 0) & (waited[here] < within), now.index)
    key = pd.MultiIndex.from_product([[day], now.index], names=["day", "member_id"])
    return Judged(within, pd.DataFrame(chances).set_axis(key), came.set_axis(key))


def fresh(model, history: PurchaseDays, day: int, p):
    """Return the candidate that `model` is, fitted to what was known on `day`."""
    lifetime = {kind: name for name, kind in rules.LIFETIME.items()}
    name = lifetime[type(model.buying)] if isinstance(model, rules.TillGone) else _NAMES.get(type(model), "stack")
    if name != "stack":
        settings = p.repurchase.model_copy(update={"candidates": [name]})
        return candidates.fit(history, day, settings, p.seed).candidates[name]
    rolled = judge.roll(history, day, p.economics.repurchase_days, p.repurchase, p.seed)
    fitted = candidates.fit(history, day, p.repurchase, p.seed)
    return candidates.stacked(fitted, p.repurchase, rolled.every.past).candidates[name]


def row(judged: Judged, confidence: float) -> dict[str, float]:
    """Return within (days), rows, came (share), the log loss of each, and standing's above fresh's, with its interval.

    Intervals have members as clusters.
    """
    found = {"within": judged.days, "rows": len(judged.came), "came": float(judged.came.mean())}
    found |= {name: float(judge.log_losses(judged.came, one).mean()) for name, one in judged.chances.items()}
    return found | judge.differences(judged, "fresh", confidence).loc["standing"].to_dict()


if __name__ == "__main__":
    main()
