"""Tiers, the rule by which members rise and fall, and points."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, NotNegative, Positive, Section, Share


class Tier(Section):
    """One tier: what it gives, what it costs and what it is assumed to change."""

    name: Annotated[str, Field(min_length=1)]
    points_multiplier: Positive = 1.0
    cost: NotNegative = 0.0  # cents a member-month
    # of spend while in the tier, over the entry tier's (ASSUMED), and its standard deviation; 0 in the entry tier
    uplift: Annotated[float, Field(ge=-1, le=1)] = 0.0
    uplift_sd: NotNegative = 0.0


class Pull(Section):
    """The assumed pull of a threshold on members just below it."""

    reach: Annotated[float, Field(ge=0, lt=1)] = 0.15  # share below the next threshold within which it pulls
    uplift: Annotated[float, Field(ge=-1, le=1)] = 0.03
    uplift_sd: NotNegative = 0.02


class TierSearch(Section):
    """Within which limits thresholds are looked for."""

    budget: NotNegative = 300_000  # cents over value.horizon_days beyond everybody's entry tier
    max_moves_per_year: NotNegative = 0.5  # levels risen or fallen, a member and year
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.02  # of members that each tier above the entry tier holds
    candidates: Annotated[int, Field(ge=1, le=1000)] = 60  # amounts tried: quantiles of the positive amounts
    round_to: Count = 500  # thresholds are multiples of this


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

    levels: Annotated[list[Tier], Field(min_length=2)] = [  # from the entry tier up
        Tier(name="Member"),
        Tier(name="Silver", points_multiplier=1.25, cost=30, uplift=0.02, uplift_sd=0.01),
        Tier(name="Gold", points_multiplier=1.5, cost=80, uplift=0.035, uplift_sd=0.015),
        Tier(name="Platinum", points_multiplier=1.75, cost=180, uplift=0.05, uplift_sd=0.02),
    ]
    thresholds: list[Count] | None = None  # null: searched; or one for each tier above the entry tier, rising
    # points: base points, before any multiplier; orders, quantity, measure: whole ones, of what comes back or pays
    qualify_by: Literal["spend", "points", "orders", "quantity", "measure"] = "spend"
    qualifying_days: Days = 180  # over which that counts for promotion
    grace_share: Share = 0.2  # a tier is safe until the amount is this share below its threshold
    grace_months: Annotated[int, Field(ge=0, le=36)] = 1  # in a row that a member may be below that and stay
    points_per_unit: NotNegative = 1.0  # for each whole unit of currency of an order
    points_per_order: Annotated[int, Field(ge=0)] = 0
    points_expire_days: Days = 365  # after the end of the month of earning
    point_value: NotNegative = 0.5  # cents that a point is worth when redeemed
    redeem_at: Count = 200  # points of a voucher; only whole ones are redeemed
    redeem_share: Share = 0.8  # of members who redeem vouchers as soon as they have them (ASSUMED)
    pull: Pull = Pull()
    search: TierSearch = TierSearch()
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
