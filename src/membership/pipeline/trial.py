"""`make trial NAME=...`: read a live test from what was assigned, what was shown and what members did since.

The page is kept in `reports/trials/<name>/`: reading.md, reading.json, effects.csv, subgroups.csv and effects.svg.
"""

import argparse
import re
import sys
from datetime import timedelta
from pathlib import Path

import pandas as pd

from membership.base import engine, files, paths, results, spreadsheet
from membership.base.errors import ParamError, ProjectError
from membership.data import pseudonyms
from membership.evaluate import champions
from membership.settings import params
from membership.settings.benefits import Benefit
from membership.settings.params import Stage
from membership.settings.trials import PERIOD, Trial
from membership.trials import log, outcomes, reading, register
from membership.trials.reading import Cost, Reading


def main(arguments: list[str] | None = None) -> int:
    """Read the trial named on the command line, print and keep what it says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.trial", description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", default="")
    try:
        print(run(parser.parse_args(arguments).name))
    except ProjectError as error:
        print(f"trial: {error}", file=sys.stderr)
        return 1
    return 0


def run(name: str) -> str:
    """Return what the trial says, in words, and keep its page. Raises ProjectError where it cannot be read."""
    p, kept = params.parse(params.read()), register.read()
    stored = _stored(kept, name)
    trial, rows = kept.trial(stored), register.checked(kept.of(stored))
    events = engine.load(engine.connect(p.engine), "events")
    known_until = pd.Timestamp(events.local_at.max().execute()).date() + timedelta(days=1)
    days = min(p.economics.repurchase_days, trial.period_days) if trial.unit == PERIOD else p.economics.repurchase_days
    observed = outcomes.observe(events, rows, days, known_until, stored)
    exposures = pseudonyms.unmasked(_log(p.trials.log, stored), "the log of trials")
    found = reading.read(
        stored, trial, rows, observed, exposures, p.trials, p.economics.margin_rate, costs(trial, p, days)
    )
    return _keep(found, p, kept.declared[stored]["rehearsal"])


def costs(trial: Trial, p: Stage, days: int) -> dict[str, Cost]:
    """Return what each arm of a trial on benefits costs a member within `days`; others cost nothing.

    A benefit's fixed cost covers `value.horizon_days`; of it the window has its part.
    """
    known = {benefit.name: benefit for benefit in p.benefits.catalogue}
    given = trial.gives.items() if trial.what == "benefit" else ()
    return {arm: _cost(known[str(name)], p, days / p.value.horizon_days) for arm, name in given if str(name) in known}


def _cost(benefit: Benefit, p: Stage, part: float) -> Cost:
    share = benefit.cost_share
    if benefit.multiplier is not None:
        from membership.tiers import worth

        terms = worth.known_terms(p.tiers, p.economics.margin_rate, p.value.horizon_days)
        share += (benefit.multiplier - 1) * terms.points_share
    return Cost(benefit.cost * part, share, benefit.cost_per_order)


def _stored(kept: register.Register, name: str) -> str:
    """Return the name under which a trial is stored; of a rehearsal's, the latest."""
    known = sorted(kept.declared)
    rehearsed = [one for one in known if one.startswith(f"{name} ")]
    if name and (name in known or rehearsed):
        return name if name in known else rehearsed[-1]
    told = ", ".join(known) or "none; declare one in params.yaml (trials.declared), then run `dvc repro trials`"
    raise ParamError(f"NAME={name}: no trial of this name has begun; there are: {told}.")


def _policies() -> dict[str, dict]:
    """Return the champion and the challenger that a trial on lists compares."""
    live = champions.live()
    return {"champion": {name: live[name] for name in ("policy", "settings")}, "challenger": champions.challenger()}


def _log(url: str | None, name: str) -> pd.DataFrame:
    database = Path(log.default().removeprefix("sqlite:///"))
    if url is None and not database.exists():
        return log.empty()
    return log.Log(url).read(name)


def _keep(found: Reading, p: Stage, rehearsed: bool) -> str:
    from membership.report import few, words
    from membership.report.figures import trials as figures

    folder = paths.reports("trials", re.sub(r"[^a-z0-9_-]+", "-", found.name))
    told = words.render("trial_read", reading=found, discoveries=p.trials.discoveries)
    planned = words.render("trial_plan", plan=found.plan, power=p.trials.power)
    files.write_text(folder / "reading.md", f"# {found.name}\n\n{told}\n\n## What it can find\n\n{planned}\n")
    about = {"given": {} if rehearsed else found.trial.gives, "began": str(found.trial.start), "policies": _policies()}
    files.write_json(folder / "reading.json", found.to_json() | about)
    for name, rows in (("effects", found.effects), ("subgroups", found.groups)):
        spreadsheet.write(folder / f"{name}.csv", few.frame(rows, few.smallest()))
    ax = figures.effects(found)
    if ax is not None:
        results.save_figure(folder / "effects.svg", ax)
    return f"{told}\n\nKept in {folder.relative_to(paths.root())}/."


if __name__ == "__main__":
    sys.exit(main())
