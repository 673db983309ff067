"""Rolling origins: what every candidate, fitted on what was known on a day, predicted for the window that followed.

    learn          learn       origin (oldest)    origin         as of
  |------------)|------------)|--- predict ---)|--- predict --)|
The oldest origin only teaches the stack; those after it are judged. At the last cut-off candidates are refitted.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import ibis.expr.types as ir
import pandas as pd

from membership.base.errors import DataError, NotPossible
from membership.base.progress import bar
from membership.data.standing import Book
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.renewals import Renewals
from membership.lifetimes.search import Doubt
from membership.settings.value import Value
from membership.settings.windows import Windows
from membership.value import candidate_models, learned
from membership.value import panel as panels
from membership.value.candidate_models import Candidate
from membership.value.panel import OUTCOMES, Panel


@dataclass(frozen=True)
class Fitted:
    """All candidates that could be fitted at one cut-off, in the order of `value.candidates`, and why others not."""

    origin: date
    candidates: dict[str, Candidate]
    refusals: dict[str, str]

    def predict(self, what: str, features: pd.DataFrame, days: float) -> pd.DataFrame:
        """Return `what` ("orders" or "spend") over `days`: one row a member, one column a candidate."""
        found = {name: getattr(one, what)(features, days) for name, one in self.candidates.items()}
        return pd.DataFrame(found, index=features.index)

    def buying(self, name: str | None) -> BgNbd | MbgNbd | ParetoNbd | None:
        """Return the model of buying of the lifetime candidate `name`; None where there is none."""
        return self.candidates[name].buying if name in self.candidates else None

    @property
    def renewals(self) -> Renewals | None:
        """Return what contracts have taught; None where the candidate `renewals` is not used or refused its data."""
        return self.candidates["renewals"].rule.renewals if "renewals" in self.candidates else None

    def doubts(self, name: str | None) -> tuple[Doubt, ...]:
        """Return the reasons to doubt the parameters of the candidate `name`; none where there is none."""
        return self.candidates[name].doubts if name in self.candidates else ()


@dataclass(frozen=True)
class Rolled:
    """What candidates predicted at each origin and what happened.

    `predictions`: origin, member_id, candidate, orders, spend, actual_orders, actual_spend. `parameters`: origin,
    candidate, parameter, value, low, high (null without an interval). `refusals`: origin, candidate, message. `fitted`:
    all candidates by origin.
    """

    predictions: pd.DataFrame
    parameters: pd.DataFrame
    refusals: pd.DataFrame
    fitted: dict[date, Fitted] = field(default_factory=dict, repr=False)

    @property
    def judged(self) -> pd.DataFrame:
        """The predictions of all origins but the oldest, which only teaches the stack."""
        return self.predictions[self.predictions["origin"] > self.predictions["origin"].min()]


def cutoffs(windows: Windows, settings: Value) -> list[date]:
    """Return the cut-offs of the panel, oldest first: the last is `windows.as_of`, each one validation earlier.

    As many as `origins`, `learning_origins` and the horizon (`horizon.learn`) ask for, or as leave a whole window
    before the oldest. Raises NotPossible where there are not the three that one window to learn from and one to be
    judged on take.
    """
    step, known = windows.validation.days, (windows.as_of - windows.start).days
    most = known // step - 1
    if most < 2:
        raise NotPossible(
            f"windows.calibration_end = {windows.calibration_end}: value is learned and judged on three windows as "
            f"long as the validation, {3 * step} days before {windows.as_of}, but windows.start leaves {known}; "
            "allowed: a later calibration_end, or an earlier start."
        )
    ahead = [back + 1 for back in _passed(step, most, settings)]  # and the one before it
    back = min(max([settings.origins, *ahead]) + settings.learning_origins, most)
    return [windows.as_of - timedelta(days=number * step) for number in range(back, -1, -1)]


def passed(known: Panel, settings: Value) -> list[date]:
    """Return the cut-offs, oldest first, from which a whole horizon has passed by the next of them or by the last.

    Two at most, and only those before which there are two more: one that teaches, and one from which that may learn.
    """
    return [known.cutoffs[-1 - back] for back in _passed(known.days, len(known.cutoffs) - 1, settings)]


def _passed(step: int, most: int, settings: Value) -> list[int]:
    """Return how many windows of `step` days back those of `passed` are, of `most` that there are."""
    windows = -(-settings.horizon_days // step)  # that hold the horizon
    return [back for back in (2 * windows, windows) if back + 2 <= most]


def panel(
    events: ir.Table, members: ir.Table, windows: Windows, settings: Value, contracts: Book | None = None
) -> Panel:
    """Return the snapshots that origins and learning need, as of `cutoffs(windows, settings)`."""
    return panels.build(events, members, cutoffs(windows, settings), contracts, settings)


def fit(known: Panel, past: pd.DataFrame, settings: Value, seed: int) -> Fitted:
    """Fit every one of `settings.candidates` on the panel `known`; `past` are predictions of earlier origins.

    A candidate that refuses its data (DataError) is left out with its reason.
    """
    found, refusals = {}, {}
    stack_last = sorted(settings.candidates, key=lambda name: name == "stack")
    for name in bar(stack_last, f"candidates {known.cutoffs[-1]}"):
        try:
            found[name] = _fit(name, known, past, found, settings, seed)
        except DataError as error:
            refusals[name] = str(error)
    return Fitted(known.cutoffs[-1], found, refusals)


def roll(known: Panel, settings: Value, seed: int) -> Rolled:
    """Fit and predict at each of the `settings.origins` cut-offs before the panel's last, oldest first."""
    predictions, parameters, refusals, fits, past = [], [], [], {}, pd.DataFrame()
    for origin in known.cutoffs[-settings.origins - 1 : -1]:
        fitted = fits[origin] = fit(known.until(origin), past, settings, seed)
        for name, one in fitted.candidates.items():
            predictions.append(predicted(name, one, origin, known))
            parameters.append(one.parameters.reset_index().assign(origin=origin, candidate=name))
        refusals.extend((origin, name, why) for name, why in fitted.refusals.items())
        past = pd.concat(predictions, ignore_index=True)
    refused = pd.DataFrame(refusals, columns=["origin", "candidate", "message"])
    return Rolled(past, pd.concat(parameters, ignore_index=True), refused, fits)


def predicted(name: str, one: Candidate, origin: date, known: Panel) -> pd.DataFrame:
    """Return the rows of `Rolled.predictions` of one candidate at one origin."""
    features, did = known.snapshots[origin], known.did(origin)
    columns = {"orders": one.orders(features, known.days), "spend": one.spend(features, known.days)}
    columns |= {f"actual_{what}": did[what].to_numpy(float) for what in OUTCOMES}
    return pd.DataFrame({"origin": origin, "member_id": features.index, "candidate": name, **columns})


def _fit(
    name: str, known: Panel, past: pd.DataFrame, found: dict[str, Candidate], settings: Value, seed: int
) -> Candidate:
    if name in candidate_models.NAIVE:
        return candidate_models.naive(name, known)
    if name in candidate_models.LIFETIME:
        return candidate_models.lifetime(name, known, settings)
    if name == "renewals":
        return candidate_models.renewals(known)
    if name == "bgbb":
        return candidate_models.seldom(known, settings)
    if name == "rfm":
        return candidate_models.linear(known, settings)
    if name == "stack":
        return learned.stack(past, found)
    return {"boosted": learned.boosted, "ziln": learned.ziln}[name](known, settings, seed)
