"""Gates that open before any effect is read: arms as large as planned, by chance alone, no lost logs, no copies.

They look at who was *assigned*. Who came back afterwards may be an effect of the treatment, so that a ratio of those
who came would shut the gate on every treatment that works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
import scipy.stats

from membership.base.errors import DataError
from membership.settings.trials import MEMBER, OUTSIDE
from membership.stats import twins
from membership.trials.assign import KNOWN

_TIME = "datetime64[us]"


class Kind(StrEnum):
    """What a gate looks at."""

    SAMPLE_RATIO = "sample_ratio"  # are the arms as large as their shares
    CHANCE = "chance"  # do arms follow nothing that was known, nor the ids
    EXPOSURE = "exposure"  # does the log hold as many of each arm's units
    COPIES = "copies"  # is nobody there twice


@dataclass(frozen=True)
class Gate:
    """What one gate found: open where `p_value` is at least `limit`; one that cannot fail shows nothing.

    `numbers`: sample ratio: by arm units and expected; chance: looked_at, furthest; exposure: by arm the share of units
    in the log; copies: rows, copies.
    """

    kind: Kind
    p_value: float
    limit: float
    could_fail: bool = True
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether the trial may be read, as far as this gate goes."""
        return self.p_value >= self.limit


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float], limit: float) -> Gate:
    """Compare the units of each arm with its share of all: chi-square, or, below 1,000 units of two arms, exact.

    >>> sample_ratio({"control": 5000, "treatment": 5000}, {"control": 0.5, "treatment": 0.5}, 0.001).open
    True
    """
    units = np.array([counts.get(arm, 0) for arm in shares], dtype=float)
    share = np.array([*shares.values()]) / sum(shares.values())
    expected = share * units.sum()
    p_value = 1.0
    if units.sum():
        exact = len(units) == 2 and units.sum() < 1000
        p_value = (
            scipy.stats.binomtest(int(units[0]), int(units.sum()), share[0]).pvalue
            if exact
            else scipy.stats.chisquare(units, expected).pvalue
        )
    numbers = {arm: {"units": int(n), "expected": float(e)} for arm, n, e in zip(shares, units, expected, strict=True)}
    could_fail = bool(units.sum() > 1 - np.log2(limit))  # so many in one arm would show it
    return Gate(Kind.SAMPLE_RATIO, float(p_value), limit, could_fail, numbers)


def chance(units: pd.DataFrame, control: str, limit: float) -> Gate:
    """Look whether arms follow what was known at assignment, the order of ids or their last letter.

    `units`: one row a unit, with unit, arm, forecast and KNOWN. Each arm is compared with the control; the lowest p
    value, times their number, is that of the gate.
    """
    looked = {}
    for arm in sorted(set(units["arm"]) - {control, OUTSIDE}):
        pair = units[units["arm"].isin([control, arm])]
        treated = (pair["arm"] == arm).to_numpy()
        forecasts = [pair["forecast"].to_numpy(dtype=float)[treated == side] for side in (True, False)]
        if min(map(len, forecasts)) > 1 and np.ptp(pair["forecast"]) > 0:
            looked[f"forecast, {arm}"] = scipy.stats.ttest_ind(*forecasts, equal_var=False).pvalue
        looked |= {f"{name}, {arm}": _table(pair[name], treated) for name in KNOWN}
        looked[f"order of ids, {arm}"] = runs(treated[in_order(pair["unit"])])
        looked[f"last letter of ids, {arm}"] = by_letter(pair["unit"], treated)
    if not looked:
        return Gate(Kind.CHANCE, 1.0, limit, could_fail=False)
    furthest = min(looked, key=looked.get)
    numbers = {"looked_at": len(looked), "furthest": furthest}
    able = runs(np.sort((units["arm"] != control).to_numpy())) * len(looked) < limit
    return Gate(Kind.CHANCE, float(min(1.0, looked[furthest] * len(looked))), limit, bool(able), numbers)


def exposure(units: pd.DataFrame, log: pd.DataFrame, limit: float) -> Gate:
    """Compare the shares of each arm's units that the log holds: before the first exposure no arm can have an effect.

    `units` with unit, arm, `log` with unit, checked by `checked_log`; without rows it shows nothing.
    """
    taking = units[units["arm"] != OUTSIDE]
    seen = places(taking["unit"], log["unit"].drop_duplicates()) >= 0
    shares = pd.Series(seen).groupby(taking["arm"].to_numpy()).mean().to_dict()
    p_value = _table(seen, taking["arm"])
    return Gate(Kind.EXPOSURE, p_value, limit, bool(len(log)), {arm: float(share) for arm, share in shares.items()})


def copies(observed: pd.DataFrame, limit: float) -> Gate:
    """Look for members who are there twice under two ids: the same forecast, and the same orders and spend.

    See `stats.twins`: equal rows are no evidence, only more of one number of copies than independent rows can give.
    """
    found = twins.find(observed[["forecast", "orders", "spend", *KNOWN]], 1 - limit)
    p_value = found.p_value if found.twins else max(found.p_value, limit)
    return Gate(Kind.COPIES, p_value, limit, found.could_find, {"rows": found.rows, "copies": found.twins})


def checked_log(log: pd.DataFrame, rows: pd.DataFrame, name: str, unit: str = MEMBER) -> pd.DataFrame:
    """Return the exposures of a trial with the unit of each, checked against what was assigned.

    `log`: member_id, trial, arm, at (local); `rows`: those of the trial in table `assignments`.

    Raises DataError for a log of another trial, of members without assignment, of another arm than theirs, or from
    before their assignment.
    """
    other = log.loc[log["trial"] != name, "trial"]
    _refuse(other, name, "are of another trial", "bring the log of this one")
    if unit == MEMBER:
        place = places(log["member_id"], rows["member_id"])
        _refuse(log["member_id"][place < 0], name, "are of members without assignment", "find out who served them")
        known = rows.iloc[place]
    else:  # a member may have several units in time: the last one that had begun
        left = log.reset_index(drop=True).reset_index(names="row").sort_values("at").astype({"at": _TIME})
        right = rows.sort_values("at").astype({"at": _TIME}).rename(columns={"at": "began", "arm": "meant"})
        found = pd.merge_asof(
            left, right[["member_id", "unit", "began", "meant"]], by="member_id", left_on="at", right_on="began"
        )
        found = found.sort_values("row").reset_index(drop=True)
        _refuse(
            found.loc[found["unit"].isna(), "member_id"],
            name,
            "have no assignment at their time",
            "find out who served them",
        )
        known = found.rename(columns={"at": "shown_at"}).assign(at=found["began"], arm=found["meant"])
    early = log["at"].to_numpy() < known["at"].to_numpy()
    _refuse(log["member_id"][early], name, "come before the assignment", "correct the clocks")
    crossed = log["arm"].to_numpy() != known["arm"].to_numpy()
    _refuse(log["member_id"][crossed], name, "show another arm than was assigned", "find out who served them")
    return log.assign(unit=known["unit"].to_numpy())


def places(values: pd.Series, among: pd.Series) -> np.ndarray:
    """Return where each of `values` (n,) of text stands in `among`, whose values are unique; -1 where it does not."""
    sides = [pyarrow.array(side, type=pyarrow.large_string()) for side in (values, among)]
    return pyarrow.compute.index_in(sides[0], value_set=sides[1]).fill_null(-1).to_numpy()


def runs(treated: np.ndarray) -> float:
    """Return the p value of the number of runs of arms in this order, two-sided: neither too few nor too many.

    Source: Wald and Wolfowitz (1940), Annals of Mathematical Statistics 11.
    """
    n, m = int(treated.sum()), int((~treated).sum())
    if min(n, m) < 2:
        return 1.0
    found, mean = 1 + int((treated[1:] != treated[:-1]).sum()), 1 + 2 * n * m / (n + m)
    variance = (mean - 1) * (mean - 2) / (n + m - 1)
    return float(2 * scipy.stats.norm.sf(abs(found - mean) / np.sqrt(variance)))


def in_order(ids: pd.Series) -> np.ndarray:
    """Return the places of `ids` in their order: numbers by size, others as text."""
    numbers = pd.to_numeric(ids, errors="coerce")
    return np.argsort(ids.to_numpy(dtype="U") if numbers.isna().any() else numbers.to_numpy(), kind="stable")


def by_letter(ids: pd.Series, treated: np.ndarray) -> float:
    """Return the p value that the last letter of `ids` says nothing of the arm; rare letters are left out."""
    return _table(ids.str[-1], treated)


def _table(rows: pd.Series | np.ndarray, columns: pd.Series | np.ndarray) -> float:
    """Return the p value of chi-square that columns do not follow rows."""
    (row, rows), (column, columns) = pd.factorize(rows), pd.factorize(columns)
    table = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns)).reshape(len(rows), -1)
    table = table[table.sum(axis=1) >= 10]  # that chi-square holds
    table = table[:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 1.0
    return float(scipy.stats.chi2_contingency(table).pvalue)


def _refuse(found: pd.Series, name: str, what: str, remedy: str) -> None:
    if len(found):
        raise DataError(
            f"trial {name!r}: {len(found)} exposures {what}, e.g. of {found.iloc[0]!r}; allowed: each member's own arm "
            f"of this trial, from the assignment on. Nothing was read; {remedy}."
        )
