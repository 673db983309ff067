"""The windows of time: where models are fitted, chosen and judged."""

from datetime import date
from itertools import pairwise

from pydantic import TypeAdapter, ValidationError, model_validator

from membership.base.timeline import Window
from membership.settings.section import Section

_MOVED = ("calibration_end", "validation_end", "holdout_end")
_DATES = TypeAdapter(dict[str, date | None])


class Windows(Section):
    """The three windows of time, as local dates, half-open.

    `as_of` is the day for which members are scored: everything before it is known, nothing on or after it. A date moves
    the other three dates by its distance from `validation_end`, so the windows keep their lengths and `start` stays.
    Null means `validation_end`, and moves nothing.
    """

    start: date
    calibration_end: date
    validation_end: date
    holdout_end: date
    as_of: date | None = None  # never None once it is checked

    @model_validator(mode="before")
    @classmethod
    def _move(cls, raw):
        try:
            dates = _DATES.validate_python(raw)
        except ValidationError:
            return raw  # the fields' own checks say what is wrong
        if any(dates.get(name) is None for name in _MOVED):
            return raw
        as_of = dates.get("as_of") or dates["validation_end"]
        by = as_of - dates["validation_end"]
        try:
            return {**raw, **{name: dates[name] + by for name in _MOVED}, "as_of": as_of}
        except OverflowError as error:
            raise ValueError(
                f"as_of = {as_of}: too far away; the windows that move with it would leave the calendar"
            ) from error

    @model_validator(mode="after")
    def _in_order(self):
        dates = [self.start, self.calibration_end, self.validation_end, self.holdout_end]
        if any(earlier >= later for earlier, later in pairwise(dates)):
            raise ValueError(
                "dates must follow each other: start < calibration_end < validation_end < holdout_end; with as_of = "
                f"{self.as_of} they are {' < '.join(map(str, dates))}"
            )
        return self

    @property
    def calibration(self) -> Window:
        """Where models are fitted."""
        return Window(self.start, self.calibration_end)

    @property
    def validation(self) -> Window:
        """Where models and settings are chosen."""
        return Window(self.calibration_end, self.validation_end)

    @property
    def holdout(self) -> Window:
        """Where what was chosen is judged, once."""
        return Window(self.validation_end, self.holdout_end)
