"""The catalogue of benefits, the budget and the limits of who gets what."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.base.member_schemas import STAGES
from membership.settings.section import Count, NotNegative, Section, Share

KINDS = (
    "discount",
    "free_shipping",
    "priority_service",
    "exclusive_products",
    "personalised_offers",  # on the items that the recommender puts first
    "points_multiplier",
)


class Benefit(Section):
    """A benefit: what it costs, who may have it and what it is assumed to change.

    Costs over value.horizon_days add up: `cost` (cents a member), `order_share` (a member, of what an order usually
    comes to), `cost_share` (of spend), `cost_per_order` (cents); for points_multiplier the `multiplier` of the points
    on spend. `uplift`, with its `uplift_sd`: of the orders of a member whose chance of one within
    economics.repurchase_days is one half; who is surer gains less. Who may have it, all unless named: `min_tier` (0:
    the entry tier), `stages` of the lifecycle, `personas` (names; they change with the data).
    """

    name: Annotated[str, Field(min_length=1)]
    kind: Literal[KINDS]
    action: Annotated[str, Field(min_length=1)] | None = None  # words for the campaign tool; null: the name
    cost: NotNegative = 0.0
    order_share: NotNegative = 0.0  # cost a member as a share of what an order usually comes to; adds to cost
    cost_share: Share = 0.0
    cost_per_order: NotNegative = 0.0
    multiplier: Annotated[float, Field(gt=1)] | None = None
    uplift: Share
    uplift_sd: NotNegative
    min_tier: Annotated[int, Field(ge=0)] = 0
    stages: Annotated[list[Literal[STAGES]], Field(min_length=1)] | None = None
    personas: Annotated[list[str], Field(min_length=1)] | None = None
    places: Annotated[int, Field(ge=0)] | None = None  # members who can have it at most; null: any number

    @property
    def words(self) -> str:
        """What to do for a member who gets it, in words."""
        return self.action or self.name.replace("_", " ")

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

    attributes: list[str] = []  # survey questions (single choice) whose answers are the groups
    min_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.8  # cost a member of a group over that of any other, at least
    min_group: Count = 30  # members below which a group is shown but not limited


CATALOGUE = [  # responses are ASSUMED: campaigns and trials replace them
    Benefit(
        name="personal_offers", kind="personalised_offers", action="send a personal offer",
        cost=20, cost_share=0.004, uplift=0.03, uplift_sd=0.015,
    ),
    Benefit(
        name="points_boost", kind="points_multiplier", action="boost points",
        multiplier=2.0, uplift=0.025, uplift_sd=0.015,
    ),
    Benefit(
        name="free_delivery", kind="free_shipping", action="give free delivery",
        cost_per_order=40, uplift=0.06, uplift_sd=0.03, min_tier=1,
    ),
    Benefit(
        name="member_discount", kind="discount", action="give the member discount",
        cost_share=0.05, uplift=0.09, uplift_sd=0.04, min_tier=1,
    ),
    Benefit(
        name="exclusive_products", kind="exclusive_products", action="open exclusive products",
        cost=100, cost_share=0.002, uplift=0.025, uplift_sd=0.015, min_tier=2, stages=["active", "loyal"],
    ),
    Benefit(
        name="priority_service", kind="priority_service", action="give priority service",
        cost=300, uplift=0.02, uplift_sd=0.015, min_tier=2,
    ),
]  # fmt: skip


class Benefits(Section):
    """The catalogue, the budget and the limits of who gets what."""

    budget: NotNegative | None = None  # cents over value.horizon_days; null: budget_share of the expected margin
    budget_share: Share = 0.02  # of the margin that all members are expected to bring over value.horizon_days
    order_worth: NotNegative = 0.0  # cents that an extra order is worth beyond its margin; 0: margin alone counts
    explore_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1  # of members (and so about of the budget), at random
    item_shift: NotNegative = 0.3  # log-odds that an offer on an item adds to its purchase (ASSUMED)
    max_per_member: Count = 2  # benefits a member may get
    min_tier_share: Share = 0.05  # of the budget that every tier gets at least where its members can use it
    fairness: Fairness = Fairness()
    exclusions: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []  # benefits not given together
    consent: dict[str, list[str]] = {}  # survey question -> answers of members who want no benefits
    catalogue: Annotated[list[Benefit], Field(min_length=1)] = CATALOGUE

    @model_validator(mode="after")
    def _named(self):
        for what, names in (
            ("benefit needs its own name", [benefit.name for benefit in self.catalogue]),
            ("benefit needs its own action", [benefit.words for benefit in self.catalogue]),
            ("attribute of fairness needs its own name", self.fairness.attributes),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"every {what}; there are {names}")
        names = {benefit.name for benefit in self.catalogue}
        for pair in self.exclusions:
            if set(pair) - names or len(set(pair)) < 2:
                raise ValueError(f"exclusions: {pair}; allowed: two different names of the catalogue, {sorted(names)}")
        return self

    def settled(self, expected_margin: float, order: float) -> "Benefits":
        """Return these with all that are shares in cents; what is absolute stays.

        Members are expected to bring `expected_margin` cents over the horizon, and an order usually comes to `order`.
        """
        budget = self.budget_share * max(expected_margin, 0.0) if self.budget is None else self.budget
        catalogue = [
            one.model_copy(update={"cost": one.cost + one.order_share * order, "order_share": 0.0})
            for one in self.catalogue
        ]
        return self.model_copy(update={"budget": budget, "catalogue": catalogue})


def beside(sections):
    """Yield where the catalogue does not fit the tiers and the evidence from campaigns."""
    catalogue = sections["benefits"].catalogue
    if "campaigns" in sections:
        unknown = set(sections["campaigns"].evidence) - {benefit.name for benefit in catalogue}
        if unknown:
            yield f"campaigns.evidence: {', '.join(sorted(unknown))}: no such benefit; allowed: names of the catalogue"
    if "tiers" in sections:
        top = len(sections["tiers"].levels) - 1
        beyond = [benefit.name for benefit in catalogue if benefit.min_tier > top]
        if beyond:
            yield f"benefits.catalogue: {', '.join(beyond)}: min_tier above the top tier; allowed: 0 to {top}"
