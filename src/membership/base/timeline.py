"""Time as half-open windows of local days: `[start, end)`.

    start            calibration_end     validation_end      holdout_end
      |---- calibration ----)|---- validation ----)|------ holdout -----)
      fit                     choose                judge, once

Every stage reads the same three windows. Members are scored as of `validation_end`. Features see nothing on
or after it, and the holdout is read only to judge.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, order=True)
class Window:
    """The local days from `start` (in) to `end` (out)."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"
