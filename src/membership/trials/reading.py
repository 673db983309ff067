"""One trial, read: gates first, then effects by intent to treat, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from membership.settings.trials import MEMBER, OUTSIDE, Trial, Trials
from membership.trials import effects, gates
from membership.trials.assign import KNOWN
from membership.trials.effects import ADJUSTED, PLAIN
from membership.trials.gates import Gate
from membership.trials.plan import Plan, plan

PRIMARY = "ordered"  # an order within economics.repurchase_days of assignment
OUTCOMES = (PRIMARY, "orders", "spend", "returned", "net")  # net: margin less what the arm's benefit cost, cents


class Verdict(StrEnum):
    """What follows from a trial."""

    WITHHELD = "withheld"  # a gate is shut: nothing is read
    ADOPT = "adopt"  # more come back, and no more than the margin of net is lost
    REJECT = "reject"  # fewer come back, or more than the margin of net is lost for sure
    UNDECIDED = "undecided"  # neither is shown


@dataclass(frozen=True)
class Cost:
    """What an arm's benefit costs a member over the window: cents, a share of spend, and cents an order."""

    fixed: float = 0.0
    share: float = 0.0
    per_order: float = 0.0

    def of(self, observed: pd.DataFrame) -> np.ndarray:
        """Return cents a member, also of those who would have come anyway: (n,)."""
        return (
            self.fixed
            + self.share * observed["spend"].to_numpy(float)
            + self.per_order * observed["orders"].to_numpy(float)
        )


@dataclass(frozen=True)
class Reading:
    """What one trial says; where a gate is shut `effects`, `groups` and `watched` are empty and the verdict says so.

    `observed`: one row an assigned member (and period), with outcomes; `waiting`: those whose window is not over.
    `sizes`: by arm: assigned, read, exposed, rate. `effects` as of `effects.table`, `groups` as of `effects.subgroups`,
    `watched` as of `effects.watch` for the first arm after the control. `verdicts`: arm -> verdict.
    """

    name: str
    trial: Trial
    plan: Plan
    observed: pd.DataFrame
    waiting: int
    gates: tuple[Gate, ...]
    sizes: pd.DataFrame
    effects: pd.DataFrame
    groups: pd.DataFrame
    watched: pd.DataFrame
    verdicts: Mapping[str, Verdict]
    confidence: float

    @property
    def open(self) -> bool:
        """Whether every gate is open."""
        return all(gate.open for gate in self.gates)

    def of(self, arm: str, outcome: str = PRIMARY, method: str = ADJUSTED) -> pd.Series:
        """Return the row of `effects` of an arm."""
        table = self.effects
        return table[(table["arm"] == arm) & (table["outcome"] == outcome) & (table["method"] == method)].iloc[0]

    def found(self, discoveries: float) -> pd.DataFrame:
        """Return the subgroups with an effect at this false discovery rate."""
        return self.groups[self.groups["q_value"] <= discoveries]

    def to_json(self) -> dict[str, Any]:
        """Return what is kept of a reading: verdicts, gates, sizes and the effects."""
        shown = [
            {"kind": str(gate.kind), "p_value": gate.p_value, "open": gate.open, **gate.numbers} for gate in self.gates
        ]
        return {
            "trial": self.name, "confidence": self.confidence, "open": self.open, "gates": shown,
            "waiting": self.waiting,
            "verdicts": {arm: str(verdict) for arm, verdict in self.verdicts.items()},
            "sizes": self.sizes.reset_index().to_dict("records"), "effects": self.effects.to_dict("records"),
        }  # fmt: skip


def read(
    name: str, trial: Trial, assigned: pd.DataFrame, observed: pd.DataFrame, log: pd.DataFrame, settings: Trials,
    margin_rate: float, costs: Mapping[str, Cost] | None = None, measures: Sequence[str] = OUTCOMES,
    by: Sequence[str] = KNOWN,
) -> Reading:  # fmt: skip
    """Read the trial stored as `name`.

    `assigned`: its rows of table `assignments`; `observed`: as of `outcomes.observe`; `log`: exposures (see
    `gates.checked_log`), without rows where none were logged; `costs`: arm -> what it gives costs; `measures`: those of
    OUTCOMES that are read, the primary one and net among them; `by`: columns of KNOWN whose subgroups are read.

    Raises DataError for a log that does not fit the assignments.
    """
    taking = assigned[assigned["arm"] != OUTSIDE]
    observed = observed[observed["arm"] != OUTSIDE].reset_index(drop=True)
    log = gates.checked_log(log, assigned, name, trial.unit)
    observed = observed.assign(
        net=net(observed, margin_rate, costs or {}),
        exposed=gates.places(observed["unit"], log["unit"].drop_duplicates()) >= 0,
    )
    observed = observed.astype(dict.fromkeys((*KNOWN, "arm"), "category"))
    units = taking.drop_duplicates("unit")
    found = [
        gates.sample_ratio(units["arm"].value_counts().to_dict(), trial.arms, settings.gate),
        gates.chance(units, trial.control, settings.gate),
        gates.exposure(units, log, settings.gate),
    ]
    if trial.unit == MEMBER:
        found.append(gates.copies(observed, settings.gate))
    clustered, control, others = (
        trial.unit != MEMBER,
        trial.control,
        [arm for arm in trial.arms if arm != trial.control],
    )
    readable = all(gate.open for gate in found)
    read_from = observed if readable else observed.iloc[:0]
    table = effects.table(read_from, control, measures, settings.confidence, clustered)
    watched = pd.DataFrame()
    if readable and not clustered:
        watched = effects.watch(observed, control, others[0], float(len(units)), settings.confidence)
    return Reading(
        name=name,
        trial=trial,
        plan=plan(taking, trial, settings),
        observed=observed,
        waiting=len(taking) - len(observed),
        gates=tuple(found),
        sizes=_sizes(taking, observed, trial),
        effects=table,
        groups=effects.subgroups(read_from, control, by, settings.confidence, clustered),
        watched=watched,
        verdicts={arm: _verdict(table, arm, settings, readable) for arm in others},
        confidence=settings.confidence,
    )


def net(observed: pd.DataFrame, margin_rate: float, costs: Mapping[str, Cost]) -> np.ndarray:
    """Return each member's margin less what the own arm gives, in cents: (n,). Whoever got it costs, come or not."""
    found = margin_rate * observed["spend"].to_numpy(dtype=float)
    for arm, cost in costs.items():
        found -= np.where(observed["arm"] == arm, cost.of(observed), 0.0)
    return found


def _verdict(table: pd.DataFrame, arm: str, settings: Trials, readable: bool) -> Verdict:
    """Return what the rule says of the primary outcome, with CUPED, for as many arms, and of the net."""
    if not readable:
        return Verdict.WITHHELD
    rows = table[(table["arm"] == arm) & (table["method"] == ADJUSTED)].set_index("outcome")
    primary, money = rows.loc[PRIMARY], rows.loc["net"]
    clear = primary["p_all"] < 1 - settings.confidence
    if money["high"] < -settings.net_margin or (clear and primary["difference"] < 0):
        return Verdict.REJECT
    if clear and primary["difference"] > 0 and money["low"] >= -settings.net_margin:
        return Verdict.ADOPT
    return Verdict.UNDECIDED


def _sizes(taking: pd.DataFrame, observed: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    by_arm = observed.groupby("arm")
    columns = {
        "assigned": taking.groupby("arm").size(), "read": by_arm.size(), "exposed": by_arm["exposed"].mean(),
        "rate": by_arm[PRIMARY].mean(), "spend": by_arm["spend"].mean(), "net": by_arm["net"].mean(),
    }  # fmt: skip
    return pd.DataFrame(columns).reindex(list(trial.arms)).rename_axis("arm")


def variance_cut(reading: Reading) -> float | None:
    """Return how far CUPED cuts the variance of the primary outcome's effect; None where a gate is shut."""
    if not reading.open or reading.effects.empty:
        return None
    arm = next(iter(reading.verdicts))
    plain, adjusted = (reading.of(arm, method=method)["error"] for method in (PLAIN, ADJUSTED))
    return float(1 - (adjusted / plain) ** 2) if plain > 0 else None


def flat(reading: Reading) -> dict[str, float]:
    """Return a reading as flat metrics: members, whether it is read, the effect of each arm on an order."""
    found = {"members": len(reading.observed), "gates_open": int(reading.open)}
    for arm in reading.verdicts if reading.open else ():
        row = reading.of(arm)
        found |= {f"{arm}_difference": row["difference"], f"{arm}_low": row["low"], f"{arm}_high": row["high"]}
    return found
