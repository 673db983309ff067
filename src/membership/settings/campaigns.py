"""How campaigns are judged, and for which benefits they are evidence."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Days, Level, NotNegative, Positive, Section, Share

CONTROL = "control"  # the arm, in `exposures`, of those a campaign held out


class Reacting(Section):
    """What is assumed of how members react to benefits, beside the uplifts of benefits.catalogue."""

    # sd of how a standardised trait of members moves a benefit's effect, as a share of the effect's own size
    spread: NotNegative = 0.5
    overlap: Share = 0.5  # of two benefits at once: the share of the smaller shift that is lost
    overlap_sd: NotNegative = 0.2
    order_value_sd: NotNegative = 0.01  # of the relative change of spend per order, whose mean is 0


class Campaigns(Section):
    """How campaigns are judged, and for which benefits they are evidence."""

    # benefit -> kinds of campaign (`offers.kind`; of several arms `<kind> / <arm>`) that are evidence for it, and whose
    # exposures with arm and propensity say who had it: forecasts leave out the orders that it brought
    evidence: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    attributes: list[
        str
    ] = []  # columns of members, known before any campaign, that are compared beside their purchases
    history_days: Days = 28  # days of data before a campaign's placebo window
    folds: Annotated[int, Field(ge=2, le=20)] = 5  # parts of the members for cross-fitting
    repeats: Annotated[int, Field(ge=1, le=100)] = 3  # divisions into such parts whose mean is taken
    trees: Annotated[int, Field(ge=1, le=1000)] = 40  # of each boosted model of who is reached and of what is spent
    # rows with a propensity nearer than this to 0 or 1 are not compared
    trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    min_ess: Positive = 30  # effective members in each arm below which an estimate is not used
    confidence: Level = 0.95  # of intervals
    # cents to reach a member by a campaign, used unless every offer states its cost
    reach_costs: Annotated[list[NotNegative], Field(min_length=1)] = [0, 25, 50, 100, 200]
    reaction: Reacting = Reacting()
