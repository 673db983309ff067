"""Every candidate for the next order, and the one that the written rule chose, on days that none of them has seen.

At each origin all is as in notebook 30: candidates are judged on the days before it, the stack learns from them, the
rule chooses, and candidates fitted on the origin are judged once on the days that follow. Days of one length after
the origins do not overlap.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from benchmarks import goals
from benchmarks.repurchase_data import Data
from membership.base.progress import bar
from membership.repurchase import candidates, choose, holdout, judge, purchase_days, rules
from membership.repurchase.judge import Judged
from membership.settings import params
from membership.settings.repurchase import Repurchase

RULE = "the rule"  # whatever it chose at each origin
FOLLOWED = 30  # days for which shares of members who ordered are compared


def run(data: Data, seed: int) -> dict:
    """Return `scores` and `differences` by days and origin (`all`: pooled), `chosen`, `curves` and the goals."""
    settings = params.parse(params.read()).repurchase
    return summed(data, [at(data, origin, settings, seed) for origin in bar(data.origins, "origins")], settings)


@dataclass(frozen=True)
class Opened:
    """What followed one origin: chances and outcomes by days, what was chosen, and curves of the goal's days."""

    judged: dict[int, Judged]
    chosen: list[dict]
    curves: pd.DataFrame


def at(data: Data, origin: date, settings: Repurchase, seed: int) -> Opened:
    """Choose before `origin`, fit on it, and judge what followed, once."""
    day = purchase_days.number(origin)
    known = data.history.until(day)
    alone = candidates.fit(known, day, settings, seed)
    judged, chosen, curves = {}, [], pd.DataFrame()
    for days in data.spans:
        rolled = judge.roll(known, day, days, settings, seed)
        fitted = candidates.stacked(alone, settings, rolled.every.past)
        choice = choose.choose(rolled.judged, list(fitted.candidates), settings.confidence)
        chosen.append({"days": days, "origin": origin.isoformat(), "chosen": choice.name, "best": choice.best})
        judged[days] = _with_rule(judge.observe(fitted, data.history, [day], days), choice.name)
        if days == data.spans[0]:
            held = holdout.Holdout.of(fitted, choice, data.history, day + FOLLOWED, days, settings)
            curves = held.next_order(days)
    return Opened(judged, chosen, curves)


def summed(data: Data, opened: list[Opened], settings: Repurchase) -> dict:
    """Return what `run` does, of what followed each of the origins."""
    names = [origin.isoformat() for origin in data.origins]
    parts = {}
    for days in data.spans:
        of_origins = [one.judged[days] for one in opened]
        parts[days] = dict(zip(names, of_origins, strict=True)) | {"all": pooled(of_origins)}
    found = {"scores": _scores(parts, settings), "differences": _differences(parts, settings)}
    found |= {"chosen": [row for one in opened for row in one.chosen]}
    found |= {"curves": gaps(pd.concat([one.curves for one in opened]))}
    return found | {"goals": targets(found, data.spans[0], names[-1])}


def pooled(parts: list[Judged]) -> Judged:
    """Return all rows of `parts` with the candidates that all of them have."""
    table = pd.concat([one.chances for one in parts], join="inner")
    return Judged(parts[0].days, table, pd.concat([one.came for one in parts]))


def gaps(curves: pd.DataFrame) -> list[dict]:
    """Return, by fifth of the chance, the largest gap between predicted and actual shares over days, and its day.

    `curves` has the rows of `Holdout.next_order` at all origins; each counts by its members.
    """
    weighted = curves.assign(**{name: curves[name] * curves["members"] for name in ("predicted", "actual")})
    sums = weighted.groupby(["group", "day"])[["members", "predicted", "actual"]].sum()
    shares = sums[["predicted", "actual"]].div(sums["members"], axis=0)
    shares["gap"] = shares["predicted"] - shares["actual"]
    worst = shares["gap"].abs().groupby("group").idxmax()
    return shares.loc[worst].reset_index().to_dict(orient="records")


def targets(found: dict, days: int, last: str) -> list[dict]:
    """Return the goals within `days`: the rule against logistic regression and the best lifetime model, and its slope.

    Which lifetime model is best is known only after the holdouts: that is a favour to it.
    """
    told = []
    for span in sorted({row["days"] for row in found["scores"]}):
        scores = {row["candidate"]: row for row in found["scores"] if (row["days"], row["origin"]) == (span, "all")}
        best = min((name for name in rules.LIFETIME if name in scores), key=lambda name: scores[name]["log_loss"])
        for rival in (holdout.FLOOR, best):
            (gain,) = (
                row for row in found["differences"]
                if (row["days"], row["origin"], row["candidate"], row["reference"]) == (span, "all", RULE, rival)
            )  # fmt: skip
            share = 100 * gain["difference"] / scores[rival]["log_loss"]
            told.append(goals.told(f"log loss within {span} days over {rival}, %", share))
            told.append(goals.at_most("the same, lower end of the interval: above 0 is worse", gain["low"], 0.0))
            told.append(goals.below("the same, upper end of the interval: below 0 is better", gain["high"], 0.0))
        told.append(goals.between(f"calibration slope within {span} days", scores[RULE]["slope"], 0.9, 1.1))
    at_last = {row["candidate"]: row for row in found["scores"] if (row["days"], row["origin"]) == (days, last)}
    told += [goals.told(f"{name} within {days} days of {last}", at_last[RULE][name]) for name in ("log_loss", "auc")]
    gap = max(abs(row["gap"]) for row in found["curves"])
    return [*told, goals.told(f"largest gap of a fifth's curve over {FOLLOWED} days", gap)]


def _with_rule(judged: Judged, name: str) -> Judged:
    return Judged(judged.days, judged.chances.assign(**{RULE: judged.chances[name]}), judged.came)


def _scores(parts: dict[int, dict[str, Judged]], settings: Repurchase) -> list[dict]:
    return [
        {"days": days, "origin": origin, "rows": len(one.came), "came": float(np.mean(one.came))} | row
        for days, origins in parts.items()
        for origin, one in origins.items()
        for row in judge.table(one, settings.confidence).reset_index().to_dict(orient="records")
    ]


def _differences(parts: dict[int, dict[str, Judged]], settings: Repurchase) -> list[dict]:
    """Return how much the log loss of each candidate is above that of logistic regression and of lifetime models."""
    return [
        {"days": days, "origin": origin, "reference": reference} | row
        for days, origins in parts.items()
        for origin, one in origins.items()
        for reference in (holdout.FLOOR, *rules.LIFETIME)
        if reference in one.chances
        for row in judge.differences(one, reference, settings.confidence).reset_index().to_dict(orient="records")
    ]
