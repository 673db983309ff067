"""What the scorer needs of trials: each member's arms on a day, what they give, and the rows that the log gets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd

from membership.base import files
from membership.settings.trials import OUTSIDE, PERIOD, Trial
from membership.trials.register import Register, withhold

ARMS, DECLARED = "trial_arms.parquet", "trials.json"  # in the folder of a scorer


@dataclass(frozen=True)
class Arm:
    """A member's arm of one trial, served from `start` until the day before `until`."""

    trial: str
    arm: str
    propensity: float
    start: date
    until: date


def served(register: Register) -> dict[str, Trial]:
    """Return the trials that are more than rehearsed, by name."""
    return {name: register.trial(name) for name, one in register.declared.items() if not one["rehearsal"]}


def days(trial: Trial) -> int:
    """Return for how many days an assignment is served."""
    return trial.period_days if trial.unit == PERIOD else trial.serve_days


def pack(folder: Path, register: Register, as_of: date) -> dict[str, Trial]:
    """Put into `folder` what is served on `as_of` or later; nothing where nothing is. Return these trials."""
    found, parts = {}, []
    for name, trial in served(register).items():
        rows = register.of(name) if name in set(register.rows["trial"]) else register.rows.iloc[:0]
        rows = rows[(rows["arm"] != OUTSIDE) & (rows["at"] + pd.Timedelta(days=days(trial)) > pd.Timestamp(as_of))]
        if len(rows):
            found[name] = trial
            parts.append(rows[["member_id", "trial", "arm", "propensity", "at"]])
    if parts:
        pd.concat(parts).to_parquet(folder / ARMS, index=False)
        files.write_json(folder / DECLARED, {name: register.declared[name] for name in found})
    return found


def given(allocations: pd.DataFrame, register: Register, day: date) -> pd.DataFrame:
    """Return who gets which benefit on `day` (member_id, benefit): what is allocated, as holdout and trials have it.

    Who is held out gets none; a benefit on trial goes to the members of its arm and to no other one in the trial.
    """
    found = withhold(allocations, register.rows)[["member_id", "benefit"]]
    for trial, rows in _running(register, "benefit", day):
        if len(rows):
            tried = found["member_id"].isin(rows["member_id"]) & found["benefit"].isin(trial.gives.values())
            own = rows.assign(benefit=rows["arm"].map(trial.gives)).dropna(subset="benefit")[["member_id", "benefit"]]
            found = pd.concat([found[~tried], own], ignore_index=True)
    return found.sort_values(["member_id", "benefit"], ignore_index=True)


def offered(register: Register, day: date) -> pd.Series:
    """Return the rule by which the item of a personal offer is chosen for whom an arm says so on `day`, by member."""
    running = _running(register, "offered_item", day)
    found = [rows.set_index("member_id")["arm"].map(trial.gives) for trial, rows in running]
    return pd.concat([pd.Series(dtype=object), *found]).dropna().rename_axis("member_id")


def _running(register: Register, what: str, day: date) -> list[tuple[Trial, pd.DataFrame]]:
    """Return the trials on `what` that are served on `day`, each with the members who are in an arm of it then."""
    found = []
    for name, trial in served(register).items():
        rows = register.rows[(register.rows["trial"] == name) & (register.rows["arm"] != OUTSIDE)]
        ends = rows["at"] + pd.Timedelta(days=days(trial))
        if trial.what == what:
            found.append((trial, rows[(rows["at"] <= pd.Timestamp(day)) & (ends > pd.Timestamp(day))]))
    return found


class Serving:
    """The arms of all members in the folder of a scorer; without trials it says nothing and changes nothing."""

    def __init__(self, folder: Path):
        """Read what `pack` left."""
        self._arms: Mapping[str, list[Arm]] = defaultdict(list)
        self.trials: dict[str, Trial] = {}
        if not (folder / DECLARED).exists():
            return
        declared = files.read_json(folder / DECLARED)
        self.trials = {name: Trial(**_fields(one)) for name, one in declared.items()}
        lasting = {name: timedelta(days=days(trial)) for name, trial in self.trials.items()}
        for row in pd.read_parquet(folder / ARMS).itertuples():
            start = row.at.date()
            arm = Arm(row.trial, row.arm, row.propensity, start, start + lasting[row.trial])
            self._arms[row.member_id].append(arm)

    def of(self, member: str, day: date) -> list[Arm]:
        """Return the arms in which a member is served on `day`."""
        return [arm for arm in self._arms.get(member, ()) if arm.start <= day < arm.until]

    def policy(self, arms: Iterable[Arm]) -> str | None:
        """Return the policy whose list these arms give, `champion` or `challenger`; None: the one that is served."""
        found = [self._given(arm) for arm in arms if self.trials[arm.trial].what == "list"]
        return next((given for given in found if given is not None), None)

    def benefits(self, names: list[str], arms: Iterable[Arm]) -> list[str]:
        """Return the benefits of a member whose allocation says `names`; one on trial is given by the arm alone."""
        found = list(names)
        for arm in arms:
            trial = self.trials[arm.trial]
            if trial.what == "benefit":
                tried, own = set(trial.gives.values()), self._given(arm)
                found = [name for name in found if name not in tried] + ([own] if own is not None else [])
        return found

    def rows(
        self, request: str, member: str, arms: Iterable[Arm], shown: str, day: date, at: datetime, version: str
    ) -> list[dict]:
        """Return the rows that the log gets of one answer (`log.COLUMNS`)."""
        about = {
            "request_id": request,
            "member_id": member,
            "shown": shown,
            "as_of": str(day),
            "model_version": version,
        }
        about["at"] = at.isoformat(timespec="milliseconds")
        return [about | {"trial": arm.trial, "arm": arm.arm, "propensity": arm.propensity} for arm in arms]

    def _given(self, arm: Arm) -> str | None:
        return self.trials[arm.trial].gives.get(arm.arm)


def _fields(declared: Mapping) -> dict:
    return {key: value for key, value in declared.items() if key in Trial.model_fields}
