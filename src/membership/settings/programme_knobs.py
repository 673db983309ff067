"""The knobs of the programme: tiers, points and benefits."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.base.member_schemas import STAGES
from membership.settings.section import Count, Days, Level, NotNegative, Positive, Section, Share

KINDS = (
    "discount",
    "free_shipping",
    "priority_service",
    "exclusive_products",
    "personalised_offers",  # on the items that the recommender puts first
    "points_multiplier",
)


class Tier(Section):
    """One tier: what it gives, what it costs and what it is assumed to change."""

    name: Annotated[str, Field(min_length=1)]
    points_multiplier: Positive
    cost: NotNegative
    uplift: Annotated[float, Field(ge=-1, le=1)]
    uplift_sd: NotNegative


class Pull(Section):
    """The assumed pull of a threshold on members just below it."""

    reach: Annotated[float, Field(ge=0, lt=1)]
    uplift: Annotated[float, Field(ge=-1, le=1)]
    uplift_sd: NotNegative


class TierSearch(Section):
    """Within which limits thresholds are looked for."""

    budget: NotNegative
    max_moves_per_year: NotNegative
    min_share: Annotated[float, Field(ge=0, lt=1)]
    candidates: Annotated[int, Field(ge=1, le=1000)]
    round_to: Count


class Tiers(Section):
    """Tiers, the rule by which members rise and fall, and points."""

    levels: Annotated[list[Tier], Field(min_length=2)]
    thresholds: list[Count] | None
    qualify_by: Literal["spend", "points"]
    qualifying_days: Days
    grace_share: Share
    grace_months: Annotated[int, Field(ge=0, le=36)]
    points_per_unit: NotNegative
    points_per_order: Annotated[int, Field(ge=0)]
    points_expire_days: Days
    point_value: NotNegative
    breakage: Share
    redeem_at: Count
    redeem_share: Share
    pull: Pull
    search: TierSearch

    @property
    def names(self) -> list[str]:
        """The tiers from the entry tier up."""
        return [level.name for level in self.levels]

    @model_validator(mode="after")
    def _levels_fit(self):
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"every level needs its own name; there are {self.names}")
        if self.levels[0].uplift or self.levels[0].uplift_sd:
            raise ValueError(
                "levels.0: uplift and uplift_sd must be 0, since all uplifts are relative to the entry tier"
            )
        if self.qualify_by == "points" and self.points_per_unit == 0:
            raise ValueError("points_per_unit must be above 0 where qualify_by is points")
        return self

    @model_validator(mode="after")
    def _thresholds_fit(self):
        above, given = len(self.levels) - 1, self.thresholds
        if given is not None and len(given) != above:
            raise ValueError(
                f"thresholds = {given}: {len(given)} for {above} tiers above the entry tier; "
                f"allowed: one for each of {self.names[1:]}, or null to have them searched"
            )
        if given is not None and given != sorted(set(given)):
            raise ValueError(f"thresholds = {given}: out of order; allowed: each above the one before")
        if given is None and self.search.candidates < above:
            raise ValueError(f"search.candidates = {self.search.candidates}: fewer than the {above} thresholds to find")
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
    repeats: Annotated[int, Field(ge=1, le=100)]
    trees: Annotated[int, Field(ge=1, le=1000)]
    trim: Annotated[float, Field(ge=0, lt=0.5)]
    min_ess: Positive
    confidence: Level
