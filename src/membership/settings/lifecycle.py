"""When a member changes stage, and what to do in each stage."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, Level, Section

Words = Annotated[str, Field(min_length=1)]


NEXT_TIER = "{next_tier}"  # in an action: the name of the member's next tier


class Step(Section):
    """What to do in a lifecycle stage: `action` is for the campaign tool, `goal` and `watch` are for planners.

    `action` goes to everybody in the stage, so it names no benefit: those that a member gets are added to it. Where it
    names {next_tier}, members of the top tier, who have none, get `top_action`.
    """

    goal: Words
    action: Words
    watch: Words
    top_action: Words | None = None

    @model_validator(mode="after")
    def _said_in_the_top_tier(self):
        if (NEXT_TIER in self.action) != (self.top_action is not None):
            raise ValueError(
                f"action = {self.action!r}, top_action = {self.top_action!r}: allowed: both, where action names "
                f"{NEXT_TIER}, and else no top_action; top_action is for the top tier, which has no next one"
            )
        if NEXT_TIER in (self.top_action or ""):
            raise ValueError(f"top_action = {self.top_action!r}: the top tier has no {NEXT_TIER}; leave it out")
        return self

    def said(self, next_tier: str | None) -> str:
        """Return the action for a member whose next tier that is; None in the top one."""
        return self.action.replace(NEXT_TIER, next_tier) if next_tier else self.top_action or self.action


class Strategy(Section):
    """What to do in each lifecycle stage."""

    prospect: Step = Step(
        goal="A first purchase", action="Invite to a first purchase", watch="Share who buy within a month"
    )
    new: Step = Step(
        goal="A second purchase soon",
        action="Welcome, and remind of the second purchase",
        watch="Share who buy again within a month",
    )
    active: Step = Step(goal="A habit", action="Recommend the next basket", watch="Share who become loyal")
    loyal: Step = Step(
        goal="Keep and deepen",
        action="Thank, and show the way to {next_tier}",
        top_action="Thank, and show what the top tier gives",
        watch="Share who stay loyal",
    )
    at_risk: Step = Step(goal="Keep the habit", action="Remind before the habit breaks", watch="Share who lapse")
    lapsed: Step = Step(goal="A return, at little cost", action="Win back once, then rest", watch="Share who come back")
    won_back: Step = Step(
        goal="A second purchase after the return",
        action="Welcome back, and recommend the next basket",
        watch="Share who lapse again",
    )

    def column(self, name: str) -> dict[str, str]:
        """Return goal, action or watch of each stage, by stage."""
        return {stage: getattr(step, name).replace(NEXT_TIER, "the next tier") for stage, step in self}


class Lifecycle(Section):
    """When a member changes stage; the chance is that of an order within economics.repurchase_days."""

    new_days: Days = 30  # for which a member counts as new, or as won back
    loyal_orders: Count = 12  # purchase days within loyal_days from which an active member is loyal
    loyal_days: Days = 90
    at_risk_share: Level = 0.7  # of the usual chance of an order: below it a member is at risk
    lapsed_share: Level = 0.3  # below it a member has lapsed
    lapsed_days: Days = 90  # without a purchase that end any membership's activity
    follow_days: Days = 90  # days that members are followed to their next purchase, at least; from a month start on
    confidence: Level = 0.95  # of intervals
    # draws of members for the intervals of moves between stages
    bootstrap: Annotated[int, Field(ge=20, le=10000)] = 500
    strategy: Strategy = Strategy()

    @model_validator(mode="after")
    def _in_order(self):
        if self.lapsed_share >= self.at_risk_share:
            raise ValueError("lapsed_share must be smaller than at_risk_share")
        return self

    @property
    def startup_days(self) -> int:
        """The longest look-back of a rule, in days; until that much history has passed, stages are provisional."""
        return max(self.new_days, self.loyal_days, self.lapsed_days)
