"""The knobs of the programme: tiers, points and benefits."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.base.section import Count, Days, NotNegative, Positive, Section, Share


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
