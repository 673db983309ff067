"""The knobs of profiles: needs, personas and the life of a membership."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, Level, Positive, Section, Share

Words = Annotated[str, Field(min_length=1)]


class Question(Section):
    """What kind of question the survey asked; a scale says between which numbers its answers lie."""

    kind: Literal["single", "multiple", "scale", "text"]
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _scales_have_ends(self):
        ends = (self.low, self.high)
        if self.kind != "scale" and ends != (None, None):
            raise ValueError(f"low and high are for scales only, and this question is {self.kind}")
        if self.kind == "scale" and (None in ends or self.low >= self.high):
            raise ValueError("a scale needs low and high, low below high")
        return self


class Clustering(Section):
    """How many personas are tried, and which numbers of them are accepted."""

    fewest: Annotated[int, Field(ge=2, le=20)]
    most: Annotated[int, Field(ge=2, le=20)]
    bootstrap: Annotated[int, Field(ge=2, le=1000)]
    min_stability: Share
    tolerance: Share
    chance: Annotated[int, Field(ge=0, le=1000)]
    min_members: Count
    sample: Annotated[int, Field(ge=100, le=20000)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.fewest > self.most:
            raise ValueError("fewest must not be above most")
        return self


class Lifecycle(Section):
    """When a member changes stage, in multiples of the member's own usual gap between purchases."""

    new_days: Days
    loyal_orders: Count
    loyal_days: Days
    rhythm_quantile: Level
    at_risk_gaps: Positive
    lapsed_gaps: Positive
    lapsed_days: Days
    at_risk_p_alive: Level
    lapsed_p_alive: Level
    follow_days: Days
    confidence: Level
    bootstrap: Annotated[int, Field(ge=20, le=10000)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.at_risk_gaps >= self.lapsed_gaps:
            raise ValueError("at_risk_gaps must be smaller than lapsed_gaps")
        if self.lapsed_p_alive >= self.at_risk_p_alive:
            raise ValueError("lapsed_p_alive must be smaller than at_risk_p_alive")
        return self

    @property
    def startup_days(self) -> int:
        """The longest time that a rule looks back: until as much history has passed, stages are those of a start-up."""
        return max(self.new_days, self.loyal_days, self.lapsed_days)


class Step(Section):
    """What a lifecycle stage calls for, in words: for the campaign tool (`action`) and for who plans and checks."""

    goal: Words
    action: Words
    watch: Words


class Strategy(Section):
    """What each lifecycle stage calls for."""

    prospect: Step
    new: Step
    active: Step
    loyal: Step
    at_risk: Step
    lapsed: Step
    won_back: Step

    def column(self, name: str) -> dict[str, str]:
        """Return goal, action or watch of each stage, by stage."""
        return {stage: getattr(step, name) for stage, step in self}


class Profile(Section):
    """Needs, personas and lifecycle."""

    personas: Clustering
    min_purchase_days: Count
    min_category_share: Share
    min_level_share: Share
    min_reliability: Share
    survey: dict[str, Question]
    needs_from_answers: dict[str, str | dict[str, str]]
    lifecycle: Lifecycle
    strategy: Strategy
