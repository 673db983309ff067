"""Members hashed to arms, as a live test would do it, and what each shows under its own arm alone."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import DataError
from membership.evaluate.experiment import CHALLENGER as TREATMENT
from membership.evaluate.experiment import CHAMPION as CONTROL

BEFORE = "_before"  # ends the name of what is known from the window before
BALANCED = 0.1  # standardised difference below which arms are commonly called balanced


def assign(tiers: pd.DataFrame, salt: str) -> pd.DataFrame:
    """Give each member of table `tiers` an arm: member_id, tier, arm, sorted by member_id.

    Members of a tier are ordered by SHA-256 of "salt/member_id" and take arms in turn, the first of them the one that
    the hash of the tier says, so that arms of a tier differ by at most one member. The same salt gives the same arms
    on every machine; another salt gives independent ones. To be called once, before the test: who joins later would
    move others.

    Raises DataError where a member comes twice, because it could land in both arms.
    """
    doubled = tiers.loc[tiers["member_id"].duplicated(), "member_id"]
    if len(doubled):
        raise DataError(
            f"table 'tiers': {len(doubled)} members come twice, e.g. {doubled.iloc[0]!r}, and could land in both arms; "
            "one row a member is needed. Run stage tiers again."
        )
    members = tiers[["member_id", "tier"]].assign(digest=tiers["member_id"].map(lambda member: _digest(salt, member)))
    place = members.sort_values(["digest", "member_id"]).groupby("tier").cumcount().reindex(members.index)
    start = {tier: int(_digest(salt, f"tier {tier}"), 16) % 2 for tier in members["tier"].unique()}
    first = members["tier"].map(start).astype(int)
    arm = np.where((place + first) % 2 == 0, CONTROL, TREATMENT)
    return members.drop(columns="digest").assign(arm=arm).sort_values("member_id", ignore_index=True)


def observe(assigned: pd.DataFrame, outcomes: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return what a live test would see: each member's row of `outcomes` under the own arm, and nothing of the other.

    `outcomes` has policy, member_id and columns of numbers; those of the same name in `before` (one row a member) come
    with `_before` at the end, where a member without them gets the mean of the others, which tells the arms nothing.
    Columns: member_id, tier, arm, the outcomes, the covariates; sorted by member_id.

    Raises DataError where a member is in both arms, has no arm, or has no outcome under its own.
    """
    doubled = assigned.loc[assigned["member_id"].duplicated(), "member_id"]
    if len(doubled):
        raise DataError(f"arms: {len(doubled)} members are in both arms, e.g. {doubled.iloc[0]!r}; one arm is needed.")
    armless = np.setdiff1d(outcomes["member_id"], assigned["member_id"])
    if len(armless):
        raise DataError(
            f"arms: {len(armless)} members have an outcome but no arm, e.g. {armless[0]!r}; assign everybody who is "
            "judged, from table 'tiers'."
        )
    numbers = outcomes.drop(columns="tier", errors="ignore")
    own = assigned.merge(numbers, left_on=["member_id", "arm"], right_on=["member_id", "policy"]).drop(columns="policy")
    missing = np.setdiff1d(outcomes["member_id"], own["member_id"])
    if len(missing) or own["member_id"].duplicated().any():
        example = missing[0] if len(missing) else own.loc[own["member_id"].duplicated(), "member_id"].iloc[0]
        raise DataError(
            f"table 'outcomes': of member {example!r} one row under its own arm is needed, but there is none or more "
            f"than one ({len(missing)} members have none). Run stage evaluate again."
        )
    shared = [column for column in before.columns if column in own.columns and column not in ("member_id", "week")]
    known = before.set_index("member_id")[shared].reindex(own["member_id"]).reset_index(drop=True)
    known = known.fillna(known.mean()).fillna(0.0).add_suffix(BEFORE)
    return pd.concat([own, known], axis=1).sort_values("member_id", ignore_index=True)


def balance(assigned: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Compare the arms on what was `known` of members (member_id and numbers) before the test: one row a column.

    Columns: known, members, champion, challenger (means), apart (standardised difference, in pooled standard
    deviations), p_value (Welch). Columns without variance are left out.

    Source: Austin (2009), Statistics in Medicine 28, on standardised differences.
    """
    columns = [name for name in known.columns if name != "member_id"]
    arms = assigned.merge(known, on="member_id", validate="one_to_one")
    rows = []
    for name in columns:
        values = arms[["arm", name]].dropna()
        control, treatment = (values.loc[values["arm"] == arm, name].astype(float) for arm in (CONTROL, TREATMENT))
        spread = np.sqrt((control.var() + treatment.var()) / 2)
        if spread > 0:
            gap = (treatment.mean() - control.mean()) / spread
            p_value = scipy.stats.ttest_ind(treatment, control, equal_var=False).pvalue
            row = {"known": name, "members": len(values), CONTROL: control.mean(), TREATMENT: treatment.mean()}
            rows.append(row | {"apart": gap, "p_value": p_value})
    return pd.DataFrame(rows, columns=["known", "members", CONTROL, TREATMENT, "apart", "p_value"])


@dataclass(frozen=True)
class Balance:
    """How alike the arms were before: the number `known` that is furthest `apart`, and how many p values are low.

    `low`: of `numbers` p values those below 1 - confidence; `by_chance`: how many would be expected to be.
    """

    known: str
    apart: float
    numbers: int
    low: int
    by_chance: float

    @property
    def balanced(self) -> bool:
        """Whether every number is within the common limit."""
        return abs(self.apart) < BALANCED


def summary(balance: pd.DataFrame, confidence: float) -> Balance | None:
    """Return what `balance` comes to; None where nothing that varies was known of members."""
    if balance.empty:
        return None
    worst = balance.loc[balance["apart"].abs().idxmax()]
    low = int((balance["p_value"] < 1 - confidence).sum())
    return Balance(worst["known"], worst["apart"], len(balance), low, len(balance) * (1 - confidence))


def _digest(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt}/{name}".encode()).hexdigest()
