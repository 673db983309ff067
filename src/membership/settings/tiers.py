"""Tiers, the rule by which members rise and fall, and points."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, NotNegative, Positive, Section, Share


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


class Jitter(Section):
    """Thresholds that differ between members by a hash, so that what the tiers change can be measured."""

    share: Share = 0.0  # of members whose thresholds differ
    amounts: list[Annotated[float, Field(gt=-1, le=1)]] = [-0.1, 0.1]  # shares of the threshold, equally likely
    salt: Annotated[str, Field(min_length=1)] = "thresholds-1"  # another one draws anew

    @model_validator(mode="after")
    def _amounts_differ(self):
        if self.share and (not self.amounts or 0 in self.amounts or len(set(self.amounts)) < len(self.amounts)):
            raise ValueError(f"amounts = {self.amounts}: allowed: at least one, each other than 0 and named once")
        return self


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
    redeem_at: Count
    redeem_share: Share
    pull: Pull
    search: TierSearch
    jitter: Jitter = Jitter()
    in_force_since: date | None = None  # since when members have lived under the listed thresholds; null: not yet
    pressure_days: Annotated[int, Field(ge=1, le=14)] = 10  # before a month end, in which members may push for a tier

    @property
    def names(self) -> list[str]:
        """The tiers from the entry tier up."""
        return [level.name for level in self.levels]

    @property
    def unit(self) -> int:
        """What one unit of a threshold is, as people read it: 100 cents of spend, or one point."""
        return 100 if self.qualify_by == "spend" else 1

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
        if given is None and self.in_force_since:
            raise ValueError(
                f"in_force_since = {self.in_force_since}: allowed with listed thresholds; list them, or null"
            )
        if given is None and self.search.candidates < above:
            raise ValueError(f"search.candidates = {self.search.candidates}: fewer than the {above} thresholds to find")
        return self
