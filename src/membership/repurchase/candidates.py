"""All candidates for the next order, fitted to what was known on one day."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.base.errors import DataError, NotPossible
from membership.base.progress import bar
from membership.lifetimes import renewals
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.histories import Scale
from membership.lifetimes.mbg_cnbd import MbgCnbd
from membership.lifetimes.pareto import ParetoNbd
from membership.repurchase import baselines, lessons, rhythm
from membership.repurchase.boosted import Trees
from membership.repurchase.dated import Dated
from membership.repurchase.hazard import Hazard
from membership.repurchase.logistic import Logistic
from membership.repurchase.purchase_days import PurchaseDays, date_of
from membership.repurchase.rules import LIFETIME, Due, OwnRate, TillGone
from membership.repurchase.season import Season
from membership.repurchase.stack import Stack
from membership.settings.repurchase import Repurchase
from membership.stats.forest import Forest

STORED = (  # all that a candidate may be made of
    OwnRate, TillGone, Due, Logistic, Trees, Hazard, Dated, Stack, Forest, BgNbd, MbgNbd, ParetoNbd, MbgCnbd, Scale,
    Season, *baselines.ALL.values(), *renewals.STORED,
)  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """The candidates that could be fitted on `day`, in the order of `repurchase.candidates`, and why others not."""

    day: int
    candidates: dict[str, Any]  # with `chances(rhythm, day, days)`
    refusals: dict[str, str]

    def chances(self, known: pd.DataFrame, day: int, days: int) -> pd.DataFrame:
        """Return P(order within `days` of `day`) of each row of the rhythm `known`, one column a candidate."""
        found = {name: one.chances(known, day, [days])[:, 0] for name, one in self.candidates.items()}
        return pd.DataFrame(found, index=known.index)


@dataclass(frozen=True)
class Past:
    """Chances at an earlier cut-off of candidates fitted before it, and who came: what a stack learns from."""

    chances: pd.DataFrame
    came: np.ndarray


def fit(history: PurchaseDays, day: int, settings: Repurchase, seed: int, dated: Dated | None = None) -> Fitted:
    """Fit every one of `settings.candidates` but the stack to what was known on `day`, of members and of days.

    A candidate that refuses its data (DataError) is left out with its reason. Raises NotPossible where all do, where
    nobody has bought, or where all have left.
    """
    known, dated = history.until(day), dated and dated.until(day)
    if not len(known.days):
        raise NotPossible(
            f"none of {len(known.members)} members has bought before the day of scoring, so nothing says who will."
        )
    here = known.present(day)
    if not here.any():
        raise NotPossible(f"all {len(here)} members had left before {date_of(day)}: nobody can come back.")
    now = rhythm.at(known, day)[here]
    taught: list[lessons.Lessons] = []

    def lesson() -> lessons.Lessons:
        if not taught:
            taught.append(lessons.of(known, day, settings))
        return taught[0]

    found, refusals = {}, {}
    for name in bar([name for name in settings.candidates if name != "stack"], "candidates"):
        try:
            found[name] = _one(name, known, now, day, lesson, settings, seed, dated)
        except DataError as error:
            refusals[name] = str(error)
    if not found:
        raise NotPossible("repurchase: no candidate fits these data:\n" + "\n".join(refusals.values()))
    return Fitted(day, found, refusals)


def stacked(fitted: Fitted, settings: Repurchase, past: Past) -> Fitted:
    """Return `fitted` with the stack of all but the baselines, where it is wanted and can be learned from `past`."""
    if "stack" not in settings.candidates:
        return fitted
    parts = {name: one for name, one in fitted.candidates.items() if name not in baselines.ALL}
    try:
        stack = Stack.fit(parts, past.chances, past.came)
    except DataError as error:
        return Fitted(fitted.day, fitted.candidates, fitted.refusals | {"stack": str(error)})
    return Fitted(fitted.day, fitted.candidates | {"stack": stack}, fitted.refusals)


def _one(
    name: str,
    known: PurchaseDays,
    now: pd.DataFrame,
    day: int,
    lesson,
    settings: Repurchase,
    seed: int,
    dated: Dated | None = None,
) -> Any:
    if name == "own_rate":
        return OwnRate()
    if name in baselines.ALL:
        return baselines.ALL[name].fit(known, day, settings.horizons)
    if name == "renewals":
        return Due.fit(known, day)
    if name in LIFETIME:
        return TillGone.fit(name, known, now, day)
    if name == "logistic":
        return Logistic.fit(known, day, settings.horizons)
    if name == "season":
        return Season.fit(known, day, settings.horizons)
    if name == "boosted":
        return Trees.fit(lesson(), settings, seeds.child(seed, "repurchase.boosted"), dated)
    return Hazard.fit(lesson(), settings.network, seed, dated)
