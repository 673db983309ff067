"""The log of a policy, checked: arms taken, with what probability, what they brought, and what another would do.

All arrays go by row, one decision each. Where several items are shown at once, a row is one item at one position and
the evaluated probabilities are those of that position (`at_position`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError

_SUM = 1e-4  # how far from 1 published probabilities may sum: they are rounded to five digits


@dataclass(frozen=True)
class BanditLog:
    """A checked log; make it by `read`."""

    arm: np.ndarray  # (rows,) int, from 0
    reward: np.ndarray  # (rows,)
    propensity: np.ndarray  # (rows,) of the arm taken
    evaluated: np.ndarray  # (rows, arms) probabilities of the evaluated policy
    unit: np.ndarray  # (rows,) whose rows are not independent
    position: np.ndarray  # (rows,) int, 0 where there is one

    @property
    def rows(self) -> int:
        """Number of decisions."""
        return len(self.arm)

    @property
    def arms(self) -> int:
        """Number of arms."""
        return self.evaluated.shape[1]

    @property
    def weight(self) -> np.ndarray:
        """Evaluated over logged probability of the arm taken: (rows,)."""
        return self.evaluated[np.arange(self.rows), self.arm] / self.propensity


def read(
    arm: np.ndarray,
    reward: np.ndarray,
    propensity: np.ndarray | None,
    evaluated: np.ndarray,
    unit: np.ndarray | None = None,
    position: np.ndarray | None = None,
    unlogged: float = 0.0,
) -> BanditLog:
    """Return the log, checked. Without `unit` rows are taken for independent; without `position` there is one.

    `evaluated` (rows, arms), or (arms,) where it is the same for all rows. Of its probability at most the share
    `unlogged` may lie on arms that were never logged at the position: nothing is known of them.

    Raises DataError for unequal lengths, missing rewards, propensities that are missing, 0 or above 1, probabilities
    that are negative or do not sum to 1, arms that do not exist, and an evaluated policy without overlap.
    """
    if propensity is None:
        raise DataError(
            "off-policy evaluation: the log has no propensities; bring the logging policy's probabilities, or estimate "
            "them and show the overlap (`causal`): its words are then about associations."
        )
    arm, position = np.asarray(arm), np.zeros(len(arm), dtype=int) if position is None else np.asarray(position)
    unit = np.arange(len(arm)) if unit is None else np.asarray(unit)
    reward, propensity = np.asarray(reward, dtype=float), np.asarray(propensity, dtype=float)
    evaluated = np.asarray(evaluated, dtype=float)
    if evaluated.ndim == 1:
        evaluated = np.broadcast_to(evaluated, (len(arm), len(evaluated)))
    columns = {"reward": reward, "propensity": propensity, "evaluated": evaluated, "unit": unit, "position": position}
    _same_length(arm, columns)
    _refuse(~np.isfinite(reward), "have no reward", "complete them, or leave out rows whose outcome is not known yet")
    _refuse(
        ~np.isfinite(propensity), "have no propensity", "bring the logging policy's probabilities, or estimate them"
    )
    _refuse(
        (propensity <= 0) | (propensity > 1),
        "have a propensity that is not above 0 and at most 1",
        "what was logged must have been possible: correct the propensities",
        propensity,
    )
    _refuse(
        (evaluated < 0).any(axis=1) | ~(np.abs(evaluated.sum(axis=1) - 1) <= _SUM),
        "have evaluated probabilities that are negative or do not sum to 1",
        "bring one probability for each arm, those of the row's position only",
        evaluated.sum(axis=1),
    )
    _refuse(pd.isna(unit), "have no unit", "say whose they are, or leave them out")
    known = np.isin(arm, np.arange(evaluated.shape[1]))
    there = f"have an arm that is none of 0 to {evaluated.shape[1] - 1}"
    _refuse(~known, there, "number the arms from 0, as whole numbers", arm)
    log = BanditLog(arm.astype(int), reward, propensity, evaluated, unit, position)
    _overlap(log, unlogged)
    return log


def at_position(probability: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return (rows, arms): of `probability` (arms, positions) the column of each row's `position`, counted from 0.

    Raises DataError for a position that the table does not have.
    """
    position = np.asarray(position)
    _refuse(
        ~np.isin(position, np.arange(probability.shape[1])),
        f"have a position that is none of 0 to {probability.shape[1] - 1}",
        "count positions from 0, as whole numbers",
        position,
    )
    return probability.T[position]


def never_logged(log: BanditLog) -> np.ndarray:
    """Return (rows,) the evaluated probability of arms that were never logged at the row's position."""
    positions, number = np.unique(log.position, return_inverse=True)
    logged = np.zeros((len(positions), log.arms), dtype=bool)
    logged[number, log.arm] = True
    return np.where(logged[number], 0.0, log.evaluated).sum(axis=1)


def _overlap(log: BanditLog, allowed: float) -> None:
    missing = never_logged(log)
    if missing.mean() > allowed:
        row = int(missing.argmax())
        positions = log.position == log.position[row]
        arms = np.setdiff1d(np.flatnonzero(log.evaluated[row] > 0), log.arm[positions])
        raise DataError(
            f"off-policy evaluation: no overlap: {missing.mean():.2%} of what the evaluated policy does was never "
            f"logged (position {log.position[row]}: arms {', '.join(map(str, arms[:5]))}); allowed is {allowed:.2%}: "
            "nothing is known of these arms. Take them out of the policy, or log them first."
        )


def _same_length(arm: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    unequal = [f"{name} {len(values)}" for name, values in columns.items() if len(values) != len(arm)]
    if unequal or not len(arm):
        raise DataError(
            f"off-policy evaluation: {len(arm)} arms were logged, but {', '.join(unequal) or 'there are no rows'}; "
            "every column needs one value for each row, and there must be rows."
        )


def _refuse(bad: np.ndarray, what: str, remedy: str, values: np.ndarray | None = None) -> None:
    if bad.any():
        first = np.flatnonzero(bad)[:3]
        said = ", ".join(f"row {row}" if values is None else f"row {row}: {_shown(values[row])}" for row in first)
        raise DataError(f"off-policy evaluation: {bad.sum()} of {len(bad)} rows {what} ({said}); {remedy}.")


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value:g}"
