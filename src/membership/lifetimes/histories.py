"""Purchase histories as the models read them: checked, equal ones collapsed, covariates standardised."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.lifetimes.search import Doubt, Reason

COLUMNS = ("frequency", "recency_days", "age_days")
_LOOK = 10_000  # rows looked at before the search for equal ones is begun
_SLICES = 20  # of the window; first purchases are counted in the first two


@dataclass(frozen=True)
class Scale:
    """How covariates are standardised: logarithms of 1 + the column, less `mean`, over `sd`; models keep it."""

    names: tuple[str, ...] = ()  # (k,) columns of features
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) of the logarithms, over members
    sd: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) 1 where the logarithm is the same for everybody

    def standardised(self, features: pd.DataFrame, model: str) -> np.ndarray:
        """Return the covariates of any members, (members, k). Raises DataError for one that is missing or negative."""
        return (_logs(features, model, self.names) - self.mean) / self.sd


@dataclass(frozen=True)
class Histories:
    """What the members who have bought did: rows that are equal are one row of a greater weight."""

    frequency: np.ndarray  # (rows,) x, repeat purchases
    recency_days: np.ndarray  # (rows,) t_x, from the first purchase to the last
    age_days: np.ndarray  # (rows,) T, from the first purchase to the cut-off
    weight: np.ndarray  # (rows,) members
    covariates: np.ndarray  # (rows, k) standardised by `scale`
    scale: Scale

    @classmethod
    def of(cls, features: pd.DataFrame, model: str, covariates: Sequence[str] = ()) -> "Histories":
        """Read `frequency`, `recency_days`, `age_days` and `covariates` of the members whose age is above 0.

        Raises DataError, in the name of `model`, for a value that is missing or impossible, and where nobody has
        bought twice.
        """
        columns, logs = read(features, model), _logs(features, model, covariates)
        bought = columns[2] > 0
        if not bought.all():
            columns, logs = tuple(column[bought] for column in columns), logs[bought]
        if not (columns[0] > 0).any():
            raise DataError(
                f"{model}: none of {len(columns[0])} members has bought on a second day, so the data do not show how "
                "soon they come back. A longer calibration window (windows.start, windows.calibration_end) is needed."
            )
        mean, sd = logs.mean(axis=0), logs.std(axis=0)
        scale = Scale(tuple(covariates), mean, np.where(sd > 1e-12, sd, 1.0))
        rows, weight = _collapse(*columns, *((logs - mean) / scale.sd).T)
        return cls(*rows[:3], weight, np.column_stack(rows[3:]) if covariates else logs[: len(weight)], scale)

    @property
    def members(self) -> int:
        """Return how many members there are."""
        return round(self.weight.sum())

    @property
    def mean_age_days(self) -> float:
        """Return the mean time since the first purchase: the scale of time that is divided out of a search."""
        return float(self.age_days @ self.weight / self.weight.sum())

    def sample(self, most: int) -> "Histories":
        """Return every n-th row, so that at most `most` are left."""
        every = slice(None, None, -(-len(self.weight) // most))
        rows = ("frequency", "recency_days", "age_days", "weight", "covariates")
        return replace(self, **{name: getattr(self, name)[every] for name in rows})


def read(features: pd.DataFrame, model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, t_x and T of every member, each of shape (members,). Raises DataError for an impossible history."""
    need(features, model, COLUMNS)
    x, recency, age = columns = tuple(features[name].to_numpy(float) for name in COLUMNS)
    sound = np.isfinite(x) & (x >= 0) & (recency >= 0) & (recency <= age) & np.isfinite(age)
    sound &= (x > 0) | (recency == 0)
    sound &= x == np.rint(x)
    refuse(
        features, ~sound, COLUMNS, model, "history",
        "whole frequency of 0 or more, 0 <= recency_days <= age_days, no recency without a repeat purchase",
    )  # fmt: skip
    return columns


def need(features: pd.DataFrame, model: str, names: Sequence[str]) -> None:
    """Raise DataError, in the name of `model`, where `features` lacks a column."""
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise DataError(f"{model}: no column {', '.join(missing)} in features; there are: {', '.join(features)}.")


def refuse(
    features: pd.DataFrame, wrong: np.ndarray, names: Sequence[str], model: str, what: str, allowed: str
) -> None:
    """Raise DataError, in the name of `model`, where some rows are `wrong`, (members,): it shows `names` of the first.

    `what` is said to be impossible or missing; `allowed` is what it may be.
    """
    if wrong.any():
        row = features.iloc[int(wrong.argmax())]
        shown = ", ".join(f"{name} {row[name]:g}" for name in names)
        raise DataError(
            f"{model}: {wrong.sum()} members have an impossible {what}, e.g. {row.name}: {shown}; allowed: {allowed}, "
            "none missing. Run `dvc repro features` again."
        )


@dataclass(frozen=True)
class Arrivals:
    """How many members were first seen at the start of the data, and how many soon after."""

    members: int  # who have bought
    first: int  # whose first purchase lies in the first `days`
    second: int  # in as many days after
    days: float  # a twentieth of the history

    @property
    def left_truncated(self) -> bool:
        """Whether first purchases pile up at the start: most of these members probably bought before the data begin.

        Age and frequency are then what was seen, not a member's whole history. Who joins at any time is as likely to
        join in the first twentieth as in the second. A cohort that really began on the first day looks the same.
        """
        excess = self.first - 1.25 * self.second
        many = self.first >= 2 * self.members / _SLICES
        return many and bool(excess > 3 * np.sqrt(self.first + self.second))


def arrivals(features: pd.DataFrame, window_days: float) -> Arrivals:
    """Return how many members have their first purchase in the first and the second twentieth of `window_days`."""
    age = features["age_days"].to_numpy(float)
    since = (window_days - age[age > 0]) / window_days * _SLICES
    first, second = int((since < 1).sum()), int(((since >= 1) & (since < 2)).sum())
    return Arrivals(len(since), first, second, window_days / _SLICES)


def short_window(model: str, histories: Histories, interval_days: float) -> tuple[Doubt, ...]:
    """Return a doubt where the typical `interval_days` between purchases is longer than members have been seen."""
    age = histories.mean_age_days
    return (Doubt(model, Reason.SHORT_WINDOW, (), float(interval_days), age),) if interval_days > age else ()


def _logs(features: pd.DataFrame, model: str, names: Sequence[str]) -> np.ndarray:
    """Return log(1 + column) of the covariates, (members, k)."""
    need(features, model, names)
    values = features[list(names)].to_numpy(float)
    sound = (np.isfinite(values) & (values >= 0)).all(axis=1)
    refuse(features, ~sound, names, model, "covariate", "0 and up; or leave the column out of value.covariates")
    return np.log1p(values)


def _collapse(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the distinct rows of `columns` and how many there are of each; as they are where few are equal."""
    look = pd.DataFrame([column[:: -(-len(column) // _LOOK)] for column in columns]).T
    if look.duplicated().mean() < 0.01:
        return list(columns), np.broadcast_to(1.0, len(columns[0]))
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        codes, values = pd.factorize(column)
        key = pd.factorize(key * len(values) + codes)[0]
    weight = np.bincount(key)
    first = np.empty(len(weight), np.int64)
    first[key[::-1]] = np.arange(len(key))[::-1]
    return [column[first] for column in columns], weight.astype(float)
