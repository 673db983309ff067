"""What the field itself is judged by: the share of members who come back in time, under the field's own name.

A renewal, a return, activity in the season, or, where fewer are better, a repeated contact. Lists that nobody was shown
cannot have changed it, so it stands beside the decision and decides nothing; a live test can.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from membership.evaluate.metrics import Counted, Metric, Unit
from membership.repurchase.judge import Judged
from membership.settings.decide import FieldMetric
from membership.stats import resample


@dataclass(frozen=True)
class Outcome:
    """Of `members` on the day of scoring: the shares who came within `days` of it, and who were expected to.

    `low` to `high`: the interval of `came`; `before`: the share of the same members who came in the `days` before.
    """

    metric: Metric
    days: int
    members: int
    before: float
    expected: float
    came: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return its numbers, with the name, unit and direction of its metric."""
        numbers = {name: value for name, value in asdict(self).items() if name != "metric"}
        named = {"metric": self.metric.name, "unit": str(self.metric.unit)}
        return named | {"higher_is_better": self.metric.higher_is_better} | numbers


def of_field(now: Judged, before: Judged, rule: FieldMetric | None, confidence: float) -> Outcome | None:
    """Return what came of the chances `now` and what the same members did `before`; None where no rule names it.

    Source: Wilson (1927), the score interval.
    """
    if rule is None or now.came.empty:
        return None
    low, high = resample.wilson(np.array([now.came.sum()]), np.array([len(now.came)]), confidence)
    return Outcome(
        metric=Metric(rule.name, Unit.SHARE, rule.higher_is_better, Counted.AFTER_SCORING),
        days=now.days,
        members=len(now.came),
        before=float(before.came.mean()),
        expected=float(now.chances.iloc[:, 0].mean()),
        came=float(now.came.mean()),
        low=float(low[0]),
        high=float(high[0]),
    )
