"""Does it help to know the day? `python -m benchmarks.repurchase_dated --out JSON`, after `dvc repro`.

On the default data, at origins before October 2017 (later ones judge the pipeline), boosting learns with and without
what is known of days (`repurchase.dated`), as of the first of a month, and forecasts an order within 14 days on that
day and 14 days later. The days with a name are public holidays of the United States. A season needs two years.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

import pandas as pd

from membership.base import engine, files, seeds, tables
from membership.base.errors import ProjectError
from membership.base.progress import bar
from membership.repurchase import dated, judge, lessons, purchase_days
from membership.repurchase.boosted import Trees
from membership.repurchase.candidates import Fitted
from membership.repurchase.judge import Judged
from membership.settings import params

ORIGINS = tuple(date(2017, month, 1) for month in (6, 7, 8))
DAYS, CONFIDENCE = 14, 0.95
HOLIDAYS = ("2017-01-01", "2017-01-16", "2017-02-20", "2017-05-29", "2017-07-04", "2017-09-04", "2017-10-09")
KINDS = {"promotions": ["promotions"], "price": ["price"], "calendar": ["calendar"]}
EVERY = {"none": [], **KINDS, "all three": list(KINDS)}


def main() -> None:
    """Measure, write the JSON and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    given = parser.parse_args()
    try:
        table = run()
    except ProjectError as error:
        sys.exit(str(error))
    files.write_json(given.out, {"rows": table.reset_index().to_dict("records")})
    sys.stdout.write(f"{table.round(5).to_string()}\n")


def run() -> pd.DataFrame:
    """Return, by what was known of days, the log loss and how far it is above that of knowing nothing of them."""
    calendar = [{"day": day, "name": "holiday"} for day in HOLIDAYS]
    p = params.parse(params.read(), {"repurchase.calendar": calendar})
    windows, (events, offers) = p.windows, (engine.load(engine.connect(), "events"), tables.read("offers"))
    history = purchase_days.read(events, tables.read("members"), windows.start, windows.holdout_end)
    seed, judged = seeds.child(p.seed, "repurchase.boosted"), []
    for origin in bar(ORIGINS, "origins"):
        day, models = purchase_days.number(origin), {}
        past = lessons.of(history.until(day), day, p.repurchase)
        for name, kinds in EVERY.items():
            settings = p.repurchase.model_copy(update={"dated": kinds})
            known = dated.read(events, offers, settings, windows.start, windows.as_of)
            models[name] = Trees.fit(past, settings, seed, known and known.until(day))
        judged.append(judge.observe(Fitted(day, models, {}), history, [day, day + DAYS], DAYS))
    whole = Judged(DAYS, pd.concat([one.chances for one in judged]), pd.concat([one.came for one in judged]))
    found = judge.differences(whole, "none", CONFIDENCE)
    losses = {name: judge.log_losses(whole.came, whole.chances[name]).mean() for name in EVERY}
    return pd.DataFrame({"log_loss": losses}).join(found)


if __name__ == "__main__":
    main()
