"""What was assigned, kept: rows are only ever added, whatever later happens to keys, shares or declarations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from membership.base import absent, files, paths, tables
from membership.base.errors import DataError, ParamError
from membership.settings.trials import HOLDOUT, PERIOD, Trial, Trials
from membership.trials import assign

HELD_OUT, PROGRAMME = "held_out", "programme"  # arms of the global holdout
DECLARED = "trials.json"  # under data/: each trial as it was when it began


@dataclass(frozen=True)
class Register:
    """All assignments (table `assignments`) and each trial as declared when it began, by its stored name."""

    rows: pd.DataFrame
    declared: Mapping[str, Mapping[str, Any]]

    def of(self, name: str) -> pd.DataFrame:
        """Return the rows of a trial. Raises ParamError, naming the trials there are, where it has not begun."""
        found = self.rows[self.rows["trial"] == name]
        if found.empty:
            known = ", ".join(sorted(self.rows["trial"].unique())) or "none"
            raise ParamError(
                f"trial {name!r} has not begun; begun have: {known}. Declare it in params.yaml, then run stage trials."
            )
        return found.reset_index(drop=True)

    def without(self, members: pd.Series) -> "Register":
        """Return it without the rows of `members` (ids): they are in no trial and not held out."""
        return Register(self.rows[~self.rows["member_id"].isin(members)].reset_index(drop=True), self.declared)

    def trial(self, name: str) -> Trial:
        """Return a trial as it was declared when it began; errors as of `of`."""
        if name not in self.declared:
            self.of(name)
            raise ParamError(f"trial {name!r} is the holdout, which is not declared.")
        return Trial(**{key: value for key, value in self.declared[name].items() if key in Trial.model_fields})


def read() -> Register:
    """Return what is stored; nothing yet, or nothing was possible: an empty register."""
    path = tables.ALL["assignments"].path()
    rows = tables.read("assignments", or_empty=True) if path.exists() else tables.check("assignments", empty())
    known = paths.data(DECLARED).exists() and absent.reason(paths.data(DECLARED)) is None
    declared = files.read_json(paths.data(DECLARED)) if known else {}
    return Register(rows, declared)


def empty() -> pd.DataFrame:
    """Return table `assignments` without rows."""
    return pd.DataFrame({column: [] for column in assign.COLUMNS})


def stored_name(trial: Trial, as_of: date) -> str:
    """Return the name under which a trial is stored: its own; a rehearsal's carries the day, as it begins on each."""
    return f"{trial.name} {as_of}" if trial.rehearsal else trial.name


def enrol(stored: Register, settings: Trials, members: pd.DataFrame, day: date) -> Register:
    """Return `stored` with what is new on `day`: who was never assigned, in each trial that runs on that day.

    `members` as of `assign.assign`. First the global holdout is drawn; who is held out takes part in no trial. A trial
    begins on the first day on or after its start on which this is called. Trials that are over or no longer declared
    keep their rows. Called again on the same day, it adds nothing. Rehearsals, in which nobody is treated, are drawn
    anew each time.

    Raises ParamError for a trial that has changed since it began, or that overlaps another one on the same members and
    the same thing.
    """
    stored = lasting(stored)
    rows, declared = [stored.rows], dict(stored.declared)
    held = _holdout(stored.rows, settings, members, day)
    rows.append(held)
    whole = pd.concat([stored.rows, held]) if len(stored.rows) else held
    free = members[~members["member_id"].isin(held_out(whole))]
    for trial in settings.declared:
        name = stored_name(trial, day)
        now = as_declared(trial, day)
        if name in declared:
            _unchanged(name, declared[name], now)
        if not _runs(trial, day):
            continue
        new = _new(stored.rows, name, trial, free, day)
        _apart(name, now, new, pd.concat(rows), declared)
        declared[name] = declared.get(name, now)
        rows.append(new)
    found = pd.concat([part for part in rows if len(part)] or [empty()], ignore_index=True)
    return Register(tables.check("assignments", found, "assignments"), declared)


def lasting(stored: Register) -> Register:
    """Return `stored` without rehearsals."""
    kept = {name: one for name, one in stored.declared.items() if not one["rehearsal"]}
    gone = set(stored.declared) - set(kept)
    return Register(stored.rows[~stored.rows["trial"].isin(gone)].reset_index(drop=True), kept)


def as_declared(trial: Trial, day: date) -> dict[str, Any]:
    """Return a trial as plain values, with what was left open filled in: what may not change while it runs."""
    start = trial.start or day
    return trial.model_dump(mode="json") | {
        "start": str(start), "end": str(trial.end or start + timedelta(days=1)), "rehearsal": trial.rehearsal,
    }  # fmt: skip


def withhold(allocations: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `allocations` (one row a member and benefit) without those of members who are held out for good."""
    return allocations[~allocations["member_id"].isin(held_out(rows))].reset_index(drop=True)


def held_out(rows: pd.DataFrame) -> pd.Series:
    """Return the ids of members who are held out for good, from table `assignments`."""
    return rows.loc[(rows["trial"] == HOLDOUT) & (rows["arm"] == HELD_OUT), "member_id"]


def holdout(rows: pd.DataFrame) -> pd.DataFrame:
    """Return who is `held` out for good, and the `chance` of it, by member_id, of all who were drawn."""
    own = rows[rows["trial"] == HOLDOUT].set_index("member_id")
    held = own["arm"] == HELD_OUT
    return pd.DataFrame({"held": held, "chance": own["propensity"].where(held, 1 - own["propensity"])})


def arms(register: Register, day: date) -> pd.DataFrame:
    """Return what members are in on `day`, index member_id: arm ("trial: arm", joined by "; ") and propensity.

    Of trials that are served on that day, and of the holdout; propensity is that of all of them together. OUTSIDE of a
    trial counts, too: that somebody took no part was chance as well.
    """
    parts = [register.rows[register.rows["trial"] == HOLDOUT]]
    for name, one in register.declared.items():
        if not one["rehearsal"]:
            own, lasts = register.rows[register.rows["trial"] == name], pd.Timedelta(days=_lasts(one))
            parts.append(own[(own["at"] <= pd.Timestamp(day)) & (own["at"] + lasts > pd.Timestamp(day))])
    rows = pd.concat(parts).sort_values(["member_id", "trial"], kind="stable")
    told = rows.assign(arm=rows["trial"] + ": " + rows["arm"]).groupby("member_id")
    return pd.DataFrame({"arm": told["arm"].agg("; ".join).astype("str"), "propensity": told["propensity"].prod()})


def _holdout(rows: pd.DataFrame, settings: Trials, members: pd.DataFrame, day: date) -> pd.DataFrame:
    share = settings.holdout_share
    known = rows.loc[rows["trial"] == HOLDOUT, "member_id"]
    new = members[~members["member_id"].isin(known)]
    if not share or new.empty:
        return empty()
    drawn = assign.draw(
        new["member_id"], pd.Series("", new.index), {HELD_OUT: share, PROGRAMME: 1 - share}, settings.holdout_salt
    )
    known_now = new.reset_index(drop=True)[["member_id", *assign.KNOWN]].assign(forecast=new["p_repurchase"].to_numpy())
    return known_now.join(drawn).assign(trial=HOLDOUT, at=pd.Timestamp(day))[list(assign.COLUMNS)]


def _new(rows: pd.DataFrame, name: str, trial: Trial, free: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of members who are not in the trial yet; units that are known keep the arm that they have."""
    own = rows[rows["trial"] == name]
    if trial.unit == PERIOD and len(own):
        return empty()  # all periods were drawn when it began
    new = assign.assign(trial, free[~free["member_id"].isin(own["member_id"])], day, name)
    kept = own.drop_duplicates("unit").set_index("unit")
    there = new["unit"].isin(kept.index)
    for column in ("arm", "propensity", "stratum") if there.any() else ():
        new.loc[there, column] = new.loc[there, "unit"].map(kept[column])
    return new


def _runs(trial: Trial, day: date) -> bool:
    start = trial.start or day
    return start <= day < (trial.end or start + timedelta(days=1))


def _lasts(declared: Mapping[str, Any]) -> int:
    """Return for how many days an assignment is served."""
    return declared["period_days"] if declared["unit"] == PERIOD else declared["serve_days"]


def _over(declared: Mapping[str, Any]) -> date:
    """Return the first day on which nobody is served any more."""
    return date.fromisoformat(declared["end"]) + timedelta(days=_lasts(declared))


def _unchanged(name: str, began: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key, was in began.items():
        if now.get(key, was) != was:
            raise ParamError(
                f"params.yaml: trials.declared: {name}: {key} = {now[key]!r}, but it began with {was!r}; a trial that "
                "has begun may not change. Put the value back, or take the trial out and declare another name."
            )


def _apart(name: str, now: Mapping[str, Any], new: pd.DataFrame, rows: pd.DataFrame, declared: Mapping) -> None:
    """Refuse members who are in another trial on the same thing while this one runs."""
    mine = _trial(now).things
    for other, began in declared.items():
        both = not now["rehearsal"] and not began["rehearsal"] and other != name
        if not both or not mine & _trial(began).things or _ahead(now, began) or _ahead(began, now):
            continue
        shared = set(new["member_id"]) & set(rows.loc[rows["trial"] == other, "member_id"])
        if shared:
            raise ParamError(
                f"params.yaml: trials.declared: {name} overlaps {other}: both are on {', '.join(sorted(mine))} from "
                f"{max(now['start'], began['start'])} with {len(shared)} members in common, e.g. {min(shared)}; give "
                "them members apart (eligible), or start one when the other is served no more."
            )


def _ahead(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return date.fromisoformat(one["start"]) >= _over(other)


def _trial(declared: Mapping[str, Any]) -> Trial:
    return Trial(**{key: value for key, value in declared.items() if key in Trial.model_fields})


def checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one trial. Raises DataError where a member has two arms at once."""
    doubled = rows.loc[rows.duplicated(["member_id", "unit"]), "member_id"]
    if len(doubled):
        raise DataError(f"assignments: {len(doubled)} members have two arms, e.g. {doubled.iloc[0]!r}; one is needed.")
    return rows


def sizes(register: Register) -> pd.DataFrame:
    """Return what is stored by trial and arm: trial, arm, members, propensity (mean), at (the first)."""
    by = register.rows.groupby(["trial", "arm"], as_index=False)
    return by.agg(members=("member_id", "nunique"), propensity=("propensity", "mean"), at=("at", "min"))
