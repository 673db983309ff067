"""When a member changes stage, and what to do in each stage."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, Level, Section

Words = Annotated[str, Field(min_length=1)]


class Step(Section):
    """What to do in a lifecycle stage: `action` is for the campaign tool, `goal` and `watch` are for planners.

    `action` goes to everybody in the stage, so it names no benefit: those that a member gets are added to it.
    """

    goal: Words
    action: Words
    watch: Words


class Strategy(Section):
    """What to do in each lifecycle stage."""

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


class Lifecycle(Section):
    """When a member changes stage; the chance is that of an order within economics.repurchase_days."""

    new_days: Days
    loyal_orders: Count
    loyal_days: Days
    at_risk_share: Level = 0.7  # of the usual chance of an order: below it a member is at risk
    lapsed_share: Level = 0.3  # below it a member has lapsed
    lapsed_days: Days
    follow_days: Days = 90  # days that members are followed to their next purchase, at least; from a month start on
    confidence: Level = 0.95  # of intervals
    # draws of members for the intervals of moves between stages
    bootstrap: Annotated[int, Field(ge=20, le=10000)] = 500
    strategy: Strategy

    @model_validator(mode="after")
    def _in_order(self):
        if self.lapsed_share >= self.at_risk_share:
            raise ValueError("lapsed_share must be smaller than at_risk_share")
        return self

    @property
    def startup_days(self) -> int:
        """The longest look-back of a rule, in days; until that much history has passed, stages are provisional."""
        return max(self.new_days, self.loyal_days, self.lapsed_days)
