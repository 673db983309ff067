"""A/A: trials of nothing, through the real assignment, on what members did: they should find as little as they say."""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy.stats

from membership.settings.trials import Trial, Trials
from membership.trials import assign, effects, outcomes, register
from membership.trials.reading import Reading
from membership.trials.register import Register

_HABIT = 6  # windows before a period from whose orders the forecast of a past period is made


@dataclass(frozen=True)
class Repeated:
    """One row a repetition: day, members, difference, low, high, p_value; `rejected` of `repeats` at 1 - confidence,
    and `low` to `high`, how many of them honest tests would reject with a chance of 99 %.
    """

    rows: pd.DataFrame
    rejected: int
    low: int
    high: int

    @property
    def passed(self) -> bool:
        """Whether nothing is found about as often as it should be."""
        return self.low <= self.rejected <= self.high


def chosen(settings: Trials) -> Trial:
    """Return the first rehearsal that is declared; without one, of two even arms of the list."""
    plain = Trial(name="rehearsal", what="list", arms={"control": 0.5, "treatment": 0.5})
    return next((trial for trial in settings.declared if trial.rehearsal), plain)


def assigned(stored: Register, trial: Trial, members: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of a rehearsal: those stored, or, where it is not declared, drawn now and stored nowhere."""
    name = register.stored_name(trial, day)
    if name in stored.declared:
        return stored.of(name)
    free = members[~members["member_id"].isin(register.held_out(stored.rows))]
    return assign.assign(trial, free, day, name)


def wrong(reading: Reading) -> bool:
    """Return whether a rehearsal, in which nobody was treated, found an effect on an order."""
    verdicts = reading.verdicts if reading.open else ()
    return any(reading.of(arm)["p_all"] < 1 - reading.confidence for arm in verdicts)


def salts(trial: Trial, members: pd.DataFrame, observed: pd.DataFrame, settings: Trials) -> Repeated:
    """Assign the members of a rehearsal anew by other salts, and read each on the same outcomes (`observed`)."""
    known = observed.drop_duplicates("member_id").set_index("member_id")
    day, rows = observed["at"].iloc[0].date(), []
    may = members[members["member_id"].isin(known.index)]
    for number in range(settings.aa_salts):
        drawn = assign.assign(trial.model_copy(update={"salt": f"{trial.salt or trial.name}/{number}"}), may, day)
        ordered = known["ordered"].reindex(drawn["member_id"]).to_numpy(dtype=float)
        rows.append({"day": day} | _read(drawn, ordered, trial, settings.confidence))
    return _repeated(rows, settings.confidence)


def periods(events: ir.Table, trial: Trial, members: pd.DataFrame, day: date, days: int, settings: Trials) -> Repeated:
    """Assign members on the first day of each of the last periods of `days` before `day`, and read what they did then.

    Of a past period the forecast is the share of the windows before it in which the member ordered; strata and
    eligibility are those of today.
    """
    ordered, rows = _ordered(events, members, day, days, settings.aa_periods + _HABIT), []
    for back in range(1, settings.aa_periods + 1):
        start, now = day - timedelta(days=back * days), ordered.shape[1] - back
        known = members.assign(p_repurchase=ordered[:, now - _HABIT : now].mean(axis=1))
        drawn = assign.assign(trial.model_copy(update={"salt": f"{trial.name}/{start}"}), known, start)
        happened = pd.Series(ordered[:, now], members["member_id"]).reindex(drawn["member_id"]).to_numpy()
        rows.append({"day": start} | _read(drawn, happened, trial, settings.confidence))
    return _repeated(rows, settings.confidence)


def _ordered(events: ir.Table, members: pd.DataFrame, day: date, days: int, number: int) -> np.ndarray:
    """Return whether each of `members` ordered in each of the last `number` windows before `day`: (members, number)."""
    starts = pd.to_datetime([day - timedelta(days=days * back) for back in range(number, 0, -1)])
    rows = members[["member_id"]].merge(pd.DataFrame({"unit": starts.strftime("%Y-%m-%d"), "at": starts}), how="cross")
    seen = outcomes.observe(events, rows, days, day, "rehearsal")
    wide = seen.pivot_table(index="member_id", columns="unit", values="ordered")
    return wide.reindex(members["member_id"]).to_numpy(dtype=float)


def _read(drawn: pd.DataFrame, ordered: np.ndarray, trial: Trial, confidence: float) -> dict:
    arms = drawn["arm"].to_numpy()
    treated = next(arm for arm in trial.arms if arm != trial.control)
    pair = np.isin(arms, [trial.control, treated])
    unit = None if trial.unit == "member" else drawn["unit"].to_numpy()[pair]
    found = effects.contrast(
        ordered[pair], arms[pair] == treated, confidence, unit, drawn["forecast"].to_numpy(dtype=float)[pair]
    )
    return {name: getattr(found, name) for name in ("members", "difference", "low", "high", "p_value")}


def _repeated(rows: list[dict], confidence: float) -> Repeated:
    frame = pd.DataFrame(rows)
    low, high = scipy.stats.binom.interval(0.99, len(frame), 1 - confidence)
    return Repeated(frame, int((frame["p_value"] < 1 - confidence).sum()), int(low), int(high))
