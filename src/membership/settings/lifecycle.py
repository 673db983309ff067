"""When a member changes stage, and what to do in each stage."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, Level, Positive, Section

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
    """When a member changes stage: gaps are multiples of the member's own usual gap between purchases."""

    new_days: Days
    loyal_orders: Count
    loyal_days: Days
    rhythm_quantile: Level = 0.9  # quantile of a member's gaps between purchases that is called the usual gap
    at_risk_gaps: Positive
    lapsed_gaps: Positive
    lapsed_days: Days
    # P(alive) below which a member is at risk whatever the rhythm says; above lapsed_p_alive
    at_risk_p_alive: Level = 0.8
    # P(alive) from which on nobody has lapsed; both count only in months where P(alive) is believed
    lapsed_p_alive: Level = 0.5
    follow_days: Days = 90  # days that members are followed to their next purchase, at least; from a month start on
    confidence: Level = 0.95  # of intervals, and of the test whether to believe P(alive)
    # draws of members for the intervals of moves between stages
    bootstrap: Annotated[int, Field(ge=20, le=10000)] = 500
    strategy: Strategy

    @model_validator(mode="after")
    def _in_order(self):
        if self.at_risk_gaps >= self.lapsed_gaps:
            raise ValueError("at_risk_gaps must be smaller than lapsed_gaps")
        if self.lapsed_p_alive >= self.at_risk_p_alive:
            raise ValueError("lapsed_p_alive must be smaller than at_risk_p_alive")
        return self

    @property
    def startup_days(self) -> int:
        """The longest look-back of a rule, in days; until that much history has passed, stages are provisional."""
        return max(self.new_days, self.loyal_days, self.lapsed_days)
