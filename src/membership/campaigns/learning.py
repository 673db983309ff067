"""What a randomised log says about shifts of log-odds, overlap and spend per order: the regressions behind `learn`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.campaigns import ceiling, covariates
from membership.stats import laplace

_EDGE = 1e-6  # chances nearer to 0 or 1 than this are taken as that far from it
_BASELINE = 1.0  # log-odds: sd of how far, at first sight, a forecast may be off for those who get nothing
_DESIGNED = 1.0  # log-odds: the same between who was likely and who was unlikely to be given a benefit
_LARGEST = 0.99  # quantile of spend per order beyond which it counts as that


@dataclass(frozen=True)
class Terms:
    """A log in numbers."""

    ordered: np.ndarray  # (rows,) 0 or 1
    offset: np.ndarray  # (rows,) log-odds forecast without benefits
    given: np.ndarray  # (rows, benefits) of bool
    rows: list[np.ndarray]  # for each benefit (rows, covariates)
    baseline: np.ndarray  # (rows, q) what the forecast may have been off by
    baseline_sd: np.ndarray  # (q,)

    def predicted(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log-odds (rows,) and slopes (rows, k) at theta: coefficients by benefit, overlap, baseline."""
        at = len(self.rows) * self.rows[0].shape[1]
        own = theta[:at].reshape(len(self.rows), -1)
        alone = np.column_stack([x @ coefficients for x, coefficients in zip(self.rows, own, strict=True)])
        alone = np.where(self.given, alone, 0.0)
        joint, full = ceiling.combined(alone, theta[at])
        lost = -np.where(self._second(alone), alone, 0.0).sum(axis=1)
        slopes = [x * np.where(self.given, full, 0.0)[:, [number]] for number, x in enumerate(self.rows)]
        odds = self.offset + joint + self.baseline @ theta[at + 1 :]
        return odds, np.column_stack([*slopes, lost, self.baseline])

    def _second(self, alone: np.ndarray) -> np.ndarray:
        """Return which shifts lose by overlap: the positive ones beside the largest."""
        return ceiling.combined(alone, 1.0)[1] < 1


@dataclass(frozen=True)
class Shifts:
    """The posterior of the coefficients, and of the overlap."""

    mean: np.ndarray  # (benefits, covariates)
    cov: np.ndarray  # (benefits x covariates,) twice
    overlap: float
    overlap_sd: float


def given(log: pd.DataFrame, benefits: Sequence[str]) -> np.ndarray:
    """Return who was given what, (rows, benefits) of bool. Raises DataError where `ordered` is neither 0 nor 1."""
    ordered = covariates.asked(log, "ordered").to_numpy(dtype=float)
    wrong = np.flatnonzero(~np.isin(ordered, [0, 1]))
    if len(wrong):
        raise DataError(
            f"reaction: ordered is {ordered[wrong[0]]} in row {wrong[0]} of the log, and neither 0 nor 1 in "
            f"{len(wrong)}; leave out members whose days are not over."
        )
    none = np.zeros(len(log), dtype=bool)
    return np.column_stack([log[name].to_numpy(dtype=bool) if name in log else none for name in benefits])


def terms(log: pd.DataFrame, given: np.ndarray, rows: list[np.ndarray], names: Sequence[str]) -> Terms:
    """Return the log in numbers, for the benefits `names` with their `rows` (rows, covariates) each."""
    chance = np.clip(covariates.chances(log), _EDGE, 1 - _EDGE)
    common = [rows[0][:, [0]], rows[0][:, np.ptp(rows[0], axis=0) > 0]]
    errors = [np.full(sum(part.shape[1] for part in common), _BASELINE)]
    for name in names:
        for column in (f"propensity_{name}", f"{covariates.HAD}_{name}"):
            if column in log and np.ptp(log[column]) > 0:
                common.append(log[[column]].to_numpy(dtype=float))
                errors.append(np.array([_DESIGNED]))
    offset = np.log(chance) - np.log1p(-chance)
    ordered = log["ordered"].to_numpy(dtype=float)
    return Terms(ordered, offset, given, rows, np.column_stack(common), np.concatenate(errors))


def shifts(log: Terms, mean: np.ndarray, cov: np.ndarray, overlap: float, overlap_sd: float) -> Shifts:
    """Return the posterior after `log` of all coefficients, before N(`mean`, `cov`), and of the overlap.

    `mean`: (benefits, covariates); `cov`: (benefits x covariates,) twice.
    """
    at = mean.size
    precision = np.zeros((at + 1 + len(log.baseline_sd),) * 2)
    precision[:at, :at] = np.linalg.inv(cov + 1e-12 * np.eye(at))
    rest = np.arange(at, len(precision))
    precision[rest, rest] = 1 / np.r_[max(overlap_sd, 1e-6), log.baseline_sd] ** 2
    start = np.r_[mean.ravel(), overlap, np.zeros(len(log.baseline_sd))]
    theta, found = laplace.logistic(log.predicted, log.ordered, start, precision)
    return Shifts(
        mean=theta[:at].reshape(mean.shape),
        cov=found[:at, :at],
        overlap=float(np.clip(theta[at], 0, 1)),
        overlap_sd=float(np.sqrt(found[at, at])),
    )


def order_values(
    log: pd.DataFrame, given: np.ndarray, baseline: np.ndarray, value: np.ndarray, value_sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd (benefits,) of the relative change of what is spent by those who order.

    Spend over what was expected of them if they came (expected spend over chance; the days expected and those of the
    log need not be as many) is regressed on what was given and on `baseline` (rows, q); prior N(`value`, `value_sd`^2).
    """
    came = (log["ordered"] == 1) & (log["expected_spend"] > 0) & (log["chance"] > 0) & log["spend"].notna()
    came = came.to_numpy()
    if came.sum() <= 2 * (given.shape[1] + baseline.shape[1]):
        return value, value_sd
    seen = log[came]
    ratio = (seen["spend"] * seen["chance"] / seen["expected_spend"]).to_numpy(dtype=float)
    ratio = np.minimum(ratio, np.quantile(ratio, _LARGEST))
    ratio = ratio / max(ratio.mean(), 1e-9)
    rows = np.column_stack([given[came], baseline[came]]).astype(float)
    free = np.linalg.lstsq(rows, ratio, rcond=None)[0]
    noise = max(float(((ratio - rows @ free) ** 2).mean()), 1e-12)
    before = np.r_[1 / np.maximum(value_sd, 1e-9) ** 2, np.full(baseline.shape[1], 1e-6)]
    cov = np.linalg.inv(rows.T @ rows / noise + np.diag(before))
    found = cov @ (rows.T @ ratio / noise + before * np.r_[value, np.zeros(baseline.shape[1])])
    return found[: len(value)], np.sqrt(np.diag(cov))[: len(value)]
