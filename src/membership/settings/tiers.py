"""Tiers, the rule by which members rise and fall, and points."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, NotNegative, Positive, Section, Share


class Tier(Section):
    """One tier: what it gives, what it costs and what it is assumed to change."""

    name: Annotated[str, Field(min_length=1)]
    points_multiplier: Positive = 1.0
    cost: NotNegative = 0.0  # cents a member-month; order_share adds to it
    order_share: NotNegative = 0.0  # cost a member-month as a share of what an order usually comes to
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

    budget: NotNegative | None = None  # cents over value.horizon_days; null: budget_share of the expected margin
    budget_share: Share = 0.01  # of the margin that all members are expected to bring over value.horizon_days
    max_moves_per_year: NotNegative = 0.5  # levels risen or fallen, a member and year
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.02  # of members that each tier above the entry tier holds
    candidates: Annotated[int, Field(ge=1, le=1000)] = 60  # amounts tried: quantiles of the positive amounts
    round_to: Count | None = None  # cents or points; null: a round number, about a hundredth of the usual amount


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

    def settled(self, expected_margin: float, order: float, amount: float) -> "Tiers":
        """Return these with all that are shares in cents, and `search.round_to` chosen; what is absolute stays.

        Members are expected to bring `expected_margin` cents over the horizon; an order usually comes to `order` cents;
        `amount` usually qualifies (cents or points).
        """
        given, levels = self.search, []
        for level in self.levels:
            cost = level.cost + level.order_share * order
            levels.append(level.model_copy(update={"cost": cost, "order_share": 0.0}))
        budget = given.budget_share * max(expected_margin, 0.0) if given.budget is None else given.budget
        step = given.round_to or _round_below(amount / 100)
        search = given.model_copy(update={"budget": budget, "round_to": step})
        return self.model_copy(update={"levels": levels, "search": search})

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


def _round_below(number: float) -> int:
    """Return the largest of 1, 2, 5, 10, 20, 50 ... that is at most `number`; 1 where none is."""
    power = 10 ** max(len(str(int(max(number, 1)))) - 1, 0)
    return max(step * power for step in (1, 2, 5) if step * power <= max(number, 1))
