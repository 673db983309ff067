"""Who gets which arm: a hash of unit and salt, so that every machine draws the same, and how likely it was.

Nothing here reads or writes anything: `register` keeps what was drawn. Members known later move nobody, as each unit's
hash is its own; in strata, whose arms are to be as large as planned, those who come later are drawn among themselves.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.settings.trials import MEMBER, OUTSIDE, PERIOD, Trial

KNOWN = ("stage", "tier", "persona")  # kept as they are at assignment: later they may be effects
COLUMNS = ("member_id", "trial", "unit", "arm", "propensity", "stratum", "at", "forecast", *KNOWN)


def uniform(units: Iterable[str], salt: str) -> np.ndarray:
    """Return a number in [0, 1) for each of `units` (n,): the first 52 bits of SHA-256 of "salt/unit".

    >>> uniform(["anna", "ben"], "spring").round(3).tolist()
    [0.782, 0.242]
    """
    start = f"{salt}/"
    names = units.tolist() if isinstance(units, pd.Series) else units
    digests = b"".join(hashlib.sha256(f"{start}{unit}".encode()).digest()[:8] for unit in names)
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(12)).astype(float) / 2**52


def draw(units: pd.Series, strata: pd.Series, shares: Mapping[str, float], salt: str, wave: str = "") -> pd.DataFrame:
    """Return an arm for each of `units` (unique): unit, stratum, arm, propensity, in the order given.

    `strata`: text, with the index of `units`; all "": each unit's hash falls into an arm's share by itself. Else the
    units of a stratum are put in the order of their hashes and take the arms in equal steps from a start that the hash
    of stratum and `wave` says, so that an arm differs by less than one unit from its share and each unit's chance is
    still exactly that share. What shares leave is OUTSIDE.

    Source: systematic sampling, Cochran (1977), chapter 8.
    """
    arms = [*shares, OUTSIDE]
    ends = np.cumsum([*shares.values()])
    place = uniform(units, salt)
    if (strata != "").any():
        frame = pd.DataFrame({"stratum": strata.to_numpy(), "place": place, "unit": units.to_numpy()})
        ordered = frame.sort_values(["place", "unit"]).groupby("stratum", sort=False)
        rank = ordered.cumcount().reindex(frame.index).to_numpy()
        size = frame.groupby("stratum")["unit"].transform("size").to_numpy()
        names = frame["stratum"].unique()
        start = pd.Series(uniform([f"{wave}/stratum {name}" for name in names], salt), names)
        place = (rank + frame["stratum"].map(start).to_numpy()) / size
    taken = np.minimum(np.searchsorted(ends - 1e-12, place, side="right"), len(ends))
    chance = np.array([*shares.values(), max(1 - ends[-1], 0.0)])
    found = {"unit": units.to_numpy(), "stratum": strata.to_numpy()}
    return pd.DataFrame(found | {"arm": np.array(arms)[taken], "propensity": chance[taken]})


def known(members: pd.DataFrame, profile: pd.DataFrame, tiers: pd.DataFrame, repurchase: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of members at assignment, from the tables of these names: one row a member of `profile`.

    Columns: those of `members`, KNOWN, tier_rank, p_repurchase and expected_orders.
    """
    found = profile[["member_id", "stage", "persona"]].merge(tiers[["member_id", "tier", "tier_rank"]], on="member_id")
    found = found.merge(repurchase[["member_id", "p_repurchase", "expected_orders"]], on="member_id")
    return found.merge(members, on="member_id", how="left").sort_values("member_id", ignore_index=True)


def eligible(trial: Trial, members: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `members` who may take part. Raises ParamError for a column that is not known of members."""
    may = pd.Series(True, members.index)
    for column, among in (("stage", trial.eligible.stages), ("tier", trial.eligible.tiers)):
        if among is not None:
            may &= _column(trial, members, column).isin(among)
    for column, (low, high) in trial.eligible.where.items():
        values = pd.to_numeric(_column(trial, members, column))
        may &= (values >= (-np.inf if low is None else low)) & (values < (np.inf if high is None else high))
    return members[may]


def assign(trial: Trial, members: pd.DataFrame, day: date, name: str | None = None) -> pd.DataFrame:
    """Return table `assignments` of those of `members` who are eligible for `trial` as of `day`, sorted by member.

    `members`: one row a member, with member_id, p_repurchase (the forecast, which CUPED uses), KNOWN, and whatever the
    trial names for eligibility, strata or its unit. A member without the unit's column is a unit alone. In a
    switchback every member has a row for each period from `day` to the trial's end.

    Raises DataError where a member comes twice, who could land in two arms.
    """
    doubled = members.loc[members["member_id"].duplicated(), "member_id"]
    if len(doubled):
        raise DataError(
            f"trial {trial.name!r}: {len(doubled)} members come twice, e.g. {doubled.iloc[0]!r}, and could land in two "
            "arms; allowed: one row a member. Merge them (table `aliases` or the source), then assign."
        )
    may = eligible(trial, members).sort_values("member_id", ignore_index=True)
    rows = _periods(trial, may, day) if trial.unit == PERIOD else _units(trial, may, day)
    rows = rows.assign(trial=name or trial.name, forecast=rows["p_repurchase"])
    rows = rows[list(COLUMNS)]
    return rows if trial.unit == MEMBER else rows.sort_values(["member_id", "unit"], ignore_index=True)


def _units(trial: Trial, may: pd.DataFrame, day: date) -> pd.DataFrame:
    alone = may["member_id"]
    unit = alone if trial.unit == MEMBER else _column(trial, may, trial.unit).astype("str").where(
        may[trial.unit].notna(), "member " + alone
    )  # fmt: skip
    stratum = pd.Series("", may.index)
    if trial.strata:
        first, *others = [_column(trial, may, name).astype("str") for name in trial.strata]
        stratum = first.str.cat(others, sep="/") if others else first
    salt, wave = trial.salt or trial.name, str(day)
    if trial.unit == MEMBER:
        drawn = draw(unit, stratum, trial.arms, salt, wave)
        return pd.concat([may, drawn], axis=1).assign(at=pd.Timestamp(day))
    units = pd.DataFrame({"unit": unit, "stratum": stratum}).drop_duplicates("unit", ignore_index=True)
    drawn = draw(units["unit"], units["stratum"], trial.arms, salt, wave)
    return may.assign(unit=unit, at=pd.Timestamp(day)).merge(drawn, on="unit", how="left", validate="many_to_one")


def _periods(trial: Trial, may: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return a row for each member and period; in each block of time of as many periods as arms they are balanced."""
    end = trial.end or day + timedelta(days=2 * len(trial.arms) * trial.period_days)
    number = max((end - day).days // trial.period_days, 1)
    starts = [day + timedelta(days=trial.period_days * place) for place in range(number)]
    units = pd.Series([f"{start}" for start in starts])
    blocks = pd.Series([f"block {place // len(trial.arms)}" for place in range(number)])
    drawn = draw(units, blocks, trial.arms, trial.salt or trial.name, str(day))
    return may.merge(drawn.assign(at=pd.to_datetime(starts)), how="cross")


def _column(trial: Trial, members: pd.DataFrame, name: str) -> pd.Series:
    if name not in members:
        raise ParamError(
            f"params.yaml: trials.declared: {trial.name}: {name!r} is not known of members; allowed: "
            f"{', '.join(sorted(members.columns))}."
        )
    return members[name]
