"""The knobs of the programme: tiers, points and benefits."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.base.member_schemas import STAGES
from membership.base.section import Count, Days, Level, NotNegative, Positive, Section, Share

KINDS = (
    "discount",
    "free_shipping",
    "priority_service",
    "exclusive_products",
    "personalised_offers",  # on the items that the recommender puts first
    "points_multiplier",
)


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
    """A benefit: what it costs, who may have it and what it is assumed to change."""

    name: Annotated[str, Field(min_length=1)]
    kind: Literal[KINDS]
    cost: NotNegative = 0.0
    cost_share: Share = 0.0
    cost_per_order: NotNegative = 0.0
    multiplier: Annotated[float, Field(gt=1)] | None = None
    uplift: Share
    uplift_sd: NotNegative
    min_tier: Annotated[int, Field(ge=0)] = 0
    stages: Annotated[list[Literal[STAGES]], Field(min_length=1)] | None = None
    personas: Annotated[list[str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _multiplied(self):
        if (self.kind == "points_multiplier") != (self.multiplier is not None):
            raise ValueError(
                f"benefit {self.name!r}: `multiplier` belongs to kind points_multiplier, and to no other kind; "
                f"it is {self.multiplier} with kind {self.kind}"
            )
        return self


class Fairness(Section):
    """How far apart the groups of an attribute may be in what is spent on them."""

    attributes: list[str]
    min_ratio: Annotated[float, Field(ge=0, lt=1)]
    min_group: Count


class Benefits(Section):
    """The catalogue, the budget and the limits of who gets what."""

    budget: NotNegative
    max_per_member: Count
    min_tier_share: Share
    fairness: Fairness
    catalogue: Annotated[list[Benefit], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self):
        for what, names in (
            ("benefit", [benefit.name for benefit in self.catalogue]),
            ("attribute of fairness", self.fairness.attributes),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"every {what} needs its own name; there are {names}")
        return self


class Response(Section):
    """What campaigns may say of the response to benefits, and when they are believed."""

    evidence: dict[str, Annotated[list[str], Field(min_length=1)]]
    history_days: Days
    folds: Annotated[int, Field(ge=2, le=20)]
    trees: Annotated[int, Field(ge=1, le=1000)]
    trim: Annotated[float, Field(ge=0, lt=0.5)]
    min_ess: Positive
    confidence: Level
