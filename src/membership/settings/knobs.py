"""Every knob of `params.yaml`: its type, its unit and its allowed range. `params.yaml` alone holds the values."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from membership.base.timeline import Window
from membership.settings.monitor_knobs import Monitor, Overrides, Replay
from membership.settings.policy_knobs import Decide, Evaluate, Recommend, Train, Tune
from membership.settings.profile_knobs import Profile
from membership.settings.programme_knobs import Benefits, Response, Tiers
from membership.settings.section import Days, Level, NotNegative, Section, Share
from membership.settings.source_knobs import Clean, Dataset
from membership.settings.value_knobs import Value

_MOVED = ("calibration_end", "validation_end", "holdout_end")
_DATES = TypeAdapter(dict[str, date | None])


class Windows(Section):
    """The three windows of time, as local dates, half-open.

    `as_of` is the day for which members are scored: everything before it is known, nothing on or after it. A date
    moves the other three by as many days as it lies from `validation_end`, so that windows keep their lengths and
    `start` stays; null leaves them, and is read as `validation_end`.
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
            raise ValueError(f"as_of = {as_of}: no calendar goes as far as the windows that it moves") from error

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


class Economics(Section):
    """What a purchase is worth to the programme."""

    margin_rate: Level
    repurchase_days: Days
    discount_rate: Share


class Features(Section):
    """What behaviour is turned into."""

    min_category_share: Share


class Check(Section):
    """How closely another machine must reproduce the committed metrics."""

    metrics: dict[str, NotNegative]


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    device: Literal["auto", "cpu", "cuda"]
    dataset: Dataset
    clean: Clean
    windows: Windows
    economics: Economics
    features: Features
    value: Value
    profile: Profile
    tiers: Tiers
    response: Response
    benefits: Benefits
    recommend: Recommend
    tune: Tune
    train: Train
    evaluate: Evaluate
    decide: Decide
    monitor: Monitor
    check: Check
    quick: Overrides
    replay: Replay

    @model_validator(mode="after")
    def _sources_fit(self):
        if self.dataset.source == "files" and self.dataset.files.events is None:
            raise ValueError("dataset.files.events: missing; dataset.source 'files' needs a mapping of events")
        unknown = set(self.response.evidence) - {benefit.name for benefit in self.benefits.catalogue}
        if unknown:
            raise ValueError(
                f"response.evidence: {', '.join(sorted(unknown))}: no such benefit; allowed: names of the catalogue"
            )
        top = len(self.tiers.levels) - 1
        beyond = [benefit.name for benefit in self.benefits.catalogue if benefit.min_tier > top]
        if beyond:
            raise ValueError(
                f"benefits.catalogue: {', '.join(beyond)}: min_tier above the top tier; allowed: 0 to {top}"
            )
        if self.economics.repurchase_days > self.windows.holdout.days:
            raise ValueError(
                f"economics.repurchase_days = {self.economics.repurchase_days}: longer than the holdout "
                f"{self.windows.holdout} of {self.windows.holdout.days} days; allowed: at most that"
            )
        return self
