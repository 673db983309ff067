"""What a member's reaction to benefits may depend on, as columns of numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from membership.base.errors import DataError

INTERCEPT, HAD = "intercept", "had"
PLAIN = (INTERCEPT, HAD)  # not standardised
COVARIATES = (INTERCEPT, "log_odds", "log_days_since", "log_order_value", "tier_rank", HAD)
_EDGE = 1e-3  # chances nearer to 0 or 1 than this say no more of how a member reacts


def raw(members: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return the covariates `names`, (members, covariates), not standardised; NaN or infinite where unknown.

    log_odds is that of `chance`, log_days_since of `days_since_last`, log_order_value of expected spend per expected
    order; `had` is 0 (see `rows`); `column=value` is 1 where it is so; all others are columns of `members`.
    """
    return np.column_stack([_column(members, name) for name in names]).astype(float)


def rows(
    members: pd.DataFrame, names: Sequence[str], centre: np.ndarray, scale: np.ndarray, benefits: Sequence[str]
) -> list[np.ndarray]:
    """Return the standardised covariates for each benefit, (members, covariates) each; what is unknown is the mean.

    `had` is the column had_<benefit>: how much of the benefit a member had before, 0 where there is none.
    """
    found = raw(members, names)
    x = np.where(np.isfinite(found), (found - centre) / scale, 0.0)
    each = []
    for benefit in benefits:
        own = x
        if HAD in names and f"{HAD}_{benefit}" in members:
            own = x.copy()
            own[:, list(names).index(HAD)] = members[f"{HAD}_{benefit}"].to_numpy(dtype=float)
        each.append(own)
    return each


def standard(found: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and scale (covariates,) of `raw` covariates; 0 and 1 for what is not standardised or constant."""
    known = np.isfinite(found)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, found, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(known, found - centre, 0.0) ** 2).sum(axis=0) / count)
    plain = np.isin(names, PLAIN)
    return np.where(plain, 0.0, centre), np.where(plain | (scale < 1e-12), 1.0, scale)


def chances(members: pd.DataFrame) -> np.ndarray:
    """Return the chance of an order without benefits, (members,). Raises DataError where it is none."""
    chance = asked(members, "chance").to_numpy(dtype=float)
    wrong = np.flatnonzero(~((chance >= 0) & (chance <= 1)))
    if len(wrong):
        raise DataError(
            f"reaction: chance is {chance[wrong[0]]} in row {wrong[0]}, and no chance in {len(wrong)}; "
            "allowed: 0 to 1. Take it from the stage repurchase."
        )
    return chance


def asked(members: pd.DataFrame, name: str) -> pd.Series:
    """Return the column `name`. Raises DataError where there is none."""
    if name not in members:
        raise DataError(f"reaction: there is no column {name} among {', '.join(map(str, members))}. Add it.")
    return members[name]


def _column(members: pd.DataFrame, name: str) -> np.ndarray:
    if name in PLAIN:
        return np.full(len(members), float(name == INTERCEPT))
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "log_odds":
            chance = np.clip(chances(members), _EDGE, 1 - _EDGE)
            return np.log(chance / (1 - chance))
        if name == "log_days_since":
            return np.log1p(asked(members, "days_since_last").to_numpy(dtype=float))
        if name == "log_order_value":
            spend, orders = (asked(members, f"expected_{of}").to_numpy(dtype=float) for of in ("spend", "orders"))
            return np.log(spend / orders)
    if "=" in name:
        column, value = name.split("=", 1)
        return (asked(members, column).astype(str) == value).to_numpy(dtype=float)
    return asked(members, name).to_numpy(dtype=float)
