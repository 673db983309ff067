"""Checks as values: what was looked at, whether it holds, and the numbers; `report` has the words for them.

A check that could not have failed on these data has shown nothing: it does not block, and is not counted as passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from membership.base.errors import DataError


class Kind(StrEnum):
    """What a check looks at."""

    POLICY = "policy"  # is the challenger another policy than the champion
    PRIMARY = "primary"  # does the primary metric improve by more than the margin
    TRAINING = "training"  # would it still, were the spread of trainings over seeds added to its interval
    GUARDRAIL = "guardrail"  # is a loss of more than the margin ruled out
    AA = "aa"  # do the tests reject as often as they should where there is nothing to find
    COVERAGE = "coverage"  # do the intervals hold the truth as often as they should
    INDEPENDENCE = "independence"  # do members tell different things
    ASSIGNMENT = "assignment"  # do arms follow chance alone
    LIVE_TEST = "live_test"  # has a live test said that more come back
    SAMPLE_RATIO = "sample_ratio"  # are the arms as large as planned
    DRIFT = "drift"  # are features and forecasts where they were
    FORECASTS = "forecasts"  # did earlier forecasts come true on average
    CALIBRATION = "calibration"  # did they for members with high and with low forecasts


class Found(StrEnum):
    """What a check found."""

    YES = "yes"
    NO = "no"
    NOBODY = "nobody"  # has a value of the metric
    NO_GROUPS = "no_groups"  # are known whose members could be compared
    COULD_NOT_FAIL = "could_not_fail"  # whatever the data had said


class Result(StrEnum):
    """What a check means for the decision."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"  # failed, and does not block
    COULD_NOT_FAIL = "could not fail"  # neither blocks nor counts as passed


@dataclass(frozen=True)
class Check:
    """One condition of the rule; one that does not block only warns.

    `numbers` depend on the kind, null where there is none. Primary and guardrail: metric, unit, higher_is_better,
    control (the champion's value), difference, low, high, margin, confidence. Training: the same, low and high with the
    spread added, and sd and share (of the half width over members). Policy: champion, challenger. A/A and coverage:
    tests, repeats, wrong and idle (names of tests; idle ones could not fail). Sample ratio: p_value, gate.
    Live test: trial, verdict (null where there was none).
    Independence: members, twins, clusters, inflation, level, allowed. Assignment: looked_at, furthest, p_value, gate.
    Drift: rows, furthest and psi, and moved (name, psi, ks, status). Forecasts: made, until, policy, version, rows
    (outcome, members, predicted, realised, ratio, low, high, status). Calibration: rows (outcome, slope, low, high,
    status).
    """

    name: str
    kind: Kind
    passed: bool
    found: Found
    blocks: bool = True
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """What it means for the decision."""
        if self.passed:
            return Result.COULD_NOT_FAIL if self.found == Found.COULD_NOT_FAIL else Result.PASSED
        return Result.FAILED if self.blocks else Result.WARNING


def check(
    name: str, kind: Kind, passed: bool, blocks: bool = True, found: Found | None = None, could_fail: bool = True,
    **numbers: Any,
) -> Check:  # fmt: skip
    """Return a check; `found` follows from `passed` and `could_fail` unless said, numbers not finite become null."""
    passed = bool(passed)
    found = found or (Found.NO if not passed else Found.YES if could_fail else Found.COULD_NOT_FAIL)
    return Check(name, kind, passed, found, blocks, {key: _known(value) for key, value in numbers.items()})


def counts(checks: Iterable[Check]) -> dict[str, int]:
    """Return how many checks there are, and how many have each result."""
    results = [each.result for each in checks]
    names = {"passed": Result.PASSED, "could_not_fail": Result.COULD_NOT_FAIL, "warnings": Result.WARNING}
    return {"checks": len(results)} | {name: results.count(result) for name, result in names.items()}


def to_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Return `checks` as plain values."""
    return [{key: str(value) if key in _CODES else value for key, value in asdict(each).items()} for each in checks]


def from_json(rows: Any, source: str) -> tuple[Check, ...]:
    """Return the checks that `to_json` made.

    Raises DataError, naming `source`, where they have another form, as those of an earlier version of this project.
    """
    try:
        return tuple(Check(**row | {name: code(row[name]) for name, code in _CODES.items()}) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{source}: its checks do not have the form that this version reads; run `dvc repro` to make it again."
        ) from error


def table(checks: Iterable[Check]) -> pd.DataFrame:
    """Return the checks, one a row: check, kind, result, found, and the numbers of those that look at a metric."""
    rows = [
        {"check": each.name, "kind": str(each.kind), "result": str(each.result), "found": str(each.found)}
        | {name: each.numbers.get(name) for name in ("metric", *_NUMBERS)}
        for each in checks
    ]
    frame = pd.DataFrame(rows, columns=["check", "kind", "result", "found", "metric", *_NUMBERS])
    return frame.astype(dict.fromkeys(_NUMBERS, "float64"))


_CODES = {"kind": Kind, "found": Found}
_NUMBERS = ("difference", "low", "high", "margin", "confidence")


def _known(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
