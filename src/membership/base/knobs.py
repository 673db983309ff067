"""Every knob of `params.yaml`: its type, its unit and its allowed range. `params.yaml` alone holds the values."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.base.policy_knobs import Decide, Evaluate, Recommend, Train, Tune
from membership.base.section import Count, Days, Level, NotNegative, Positive, Section, Share
from membership.base.source_knobs import Clean, Dataset
from membership.base.timeline import Window
from membership.base.value_knobs import Value


class Windows(Section):
    """The three windows of time, as local dates, half-open."""

    start: date
    calibration_end: date
    validation_end: date
    holdout_end: date

    @model_validator(mode="after")
    def _in_order(self):
        dates = [self.start, self.calibration_end, self.validation_end, self.holdout_end]
        if any(earlier >= later for earlier, later in pairwise(dates)):
            raise ValueError("dates must follow each other: start < calibration_end < validation_end < holdout_end")
        return self

    @property
    def as_of(self) -> date:
        """The day for which members are scored: everything before it is known, nothing on or after it."""
        return self.validation_end

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


class Lifecycle(Section):
    """When a member changes stage, in multiples of the member's own usual gap between purchases."""

    new_days: Days
    loyal_orders: Count
    loyal_days: Days
    rhythm_quantile: Level
    at_risk_gaps: Positive
    lapsed_gaps: Positive
    lapsed_days: Days

    @model_validator(mode="after")
    def _in_order(self):
        if self.at_risk_gaps >= self.lapsed_gaps:
            raise ValueError("at_risk_gaps must be smaller than lapsed_gaps")
        return self


class Profile(Section):
    """Needs, personas and lifecycle."""

    personas: Annotated[int, Field(ge=2, le=20)]
    min_purchase_days: Count
    min_category_share: Share
    lifecycle: Lifecycle


class Tier(Section):
    """One tier: the share of members it is meant for and what keeps them in it."""

    name: str
    share: Share
    points_multiplier: Positive


class Tiers(Section):
    """Tiers from value, with a rule on spend."""

    levels: Annotated[list[Tier], Field(min_length=2)]
    qualifying_days: Days
    grace_share: Share
    points_per_unit: NotNegative
    points_expire_days: Days

    @model_validator(mode="after")
    def _add_up(self):
        total = sum(level.share for level in self.levels)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of all levels must add up to 1; they add up to {total:g}")
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError(f"every level needs its own name; there are {names}")
        return self


class Benefit(Section):
    """A benefit: what it costs and what it is assumed to change."""

    name: str
    cost: NotNegative
    cost_share: Share
    uplift: Share
    min_tier: Annotated[int, Field(ge=0)]


class Benefits(Section):
    """The catalogue and the budget."""

    budget: NotNegative
    max_per_member: Count
    min_tier_share: Share
    catalogue: Annotated[list[Benefit], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self):
        names = [benefit.name for benefit in self.catalogue]
        if len(set(names)) < len(names):
            raise ValueError(f"every benefit needs its own name; there are {names}")
        return self


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
    benefits: Benefits
    recommend: Recommend
    tune: Tune
    train: Train
    evaluate: Evaluate
    decide: Decide
    check: Check
    quick: dict[str, bool | int | float | str | list | None]

    @model_validator(mode="after")
    def _sources_fit(self):
        if self.dataset.source == "files" and self.dataset.files.events is None:
            raise ValueError("dataset.files.events: missing; dataset.source 'files' needs a mapping of events")
        if self.economics.repurchase_days > self.windows.holdout.days:
            raise ValueError(
                f"economics.repurchase_days = {self.economics.repurchase_days}: longer than the holdout "
                f"{self.windows.holdout} of {self.windows.holdout.days} days; allowed: at most that"
            )
        return self
