"""The knobs of profiles: needs, personas and the life of a membership."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.base.section import Count, Days, Level, Positive, Section, Share


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
