"""Who orders again, and when: which models are tried, how they learn, and how one of them is chosen."""

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from membership.settings.section import Count, Days, Level, NotNegative, Section

Candidate = Literal[
    "season", "own_rate", "base_rate", "last_time", "renewals", "bgnbd", "mbgnbd", "pareto_nbd", "mbg_cnbd", "logistic",
    "boosted", "hazard", "stack",
]  # fmt: skip

_STEPS = 3  # from the last horizon to days that are asked for and lie far beyond it


class Boosting(Section):
    """Gradient boosting of whether an order comes within each of `horizons`."""

    iterations: Count = 150  # trees
    learning_rate: Level = 0.05
    leaves: Annotated[int, Field(ge=2)] = 12  # of a tree
    leaf_share: Level = 0.003  # share of the training rows in a leaf at least
    column_share: Annotated[float, Field(gt=0, le=1)] = 0.3  # of the columns that a split may choose from


class Network(Section):
    """The network of the chance of an order on each day, given none before."""

    hidden: Count = 64  # units of the hidden layer
    epochs: Count = 14  # passes over the training rows
    learning_rate: Level = 0.004
    weight_decay: NotNegative = 0.001
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    days: Days = 45  # days after a cut-off that it learns from; later ones are like the last


class Named(Section):
    """A day with a name, such as a public holiday; days to come count as much as those that have passed."""

    day: date
    name: Annotated[str, Field(min_length=1)]


class Repurchase(Section):
    """How the next order is forecast."""

    # in the order in which they are preferred; the least log loss wins, unless an earlier one is not clearly worse
    # (paired interval, `confidence`): the first such one is used. season comes before the others, from simple to rich,
    # since the days on which they are judged may hold none while those to come do; it takes more than a year of
    # history. base_rate and last_time are baselines: used only where nothing else comes to their log loss. All but
    # renewals, which is for contracts
    candidates: Annotated[list[Candidate], Field(min_length=1)] = [
        name for name in get_args(Candidate) if name != "renewals"
    ]
    # days within which an order is forecast and shown; learned where history is long enough. repurchase_days are added
    horizons: Annotated[list[Days], Field(min_length=1)] = [7, 14, 30, 90]
    # cut-offs, economics.repurchase_days apart, on which candidates are judged; fewer where history is short
    origins: Annotated[int, Field(ge=1, le=24)] = 3
    step_days: Days = 5  # between the cut-offs from which models learn: no multiple of 7, so that all weekdays are seen
    # who teach and are judged on, drawn at random where there are more members; all are scored
    most_members: Annotated[int, Field(ge=1000)] = 100_000
    most_rows: Annotated[int, Field(ge=1000)] = 150_000  # members and cut-offs that models learn from
    confidence: Level = 0.95  # of intervals
    # what boosting and the network know of the day besides the member's rhythm; a season takes two years of history
    dated: list[Literal["season", "promotions", "price", "calendar"]] = []
    calendar: list[Named] = []  # days with a name, for `calendar`
    boosting: Boosting = Boosting()
    network: Network = Network()

    def reaching(self, days: int) -> "Repurchase":
        """Return these settings with `days` among the horizons, and, far beyond the last one, up to two on the way.

        Beyond the last horizon a hazard stays as it was, and between two it is constant; over the seasons of a year it
        is neither.
        """
        last = self.horizons[-1]
        steps = min(max(-(-(days - last) // last), 1), _STEPS)
        between = {last + (days - last) * step // steps for step in range(1, steps)}
        return self.model_copy(update={"horizons": sorted({*self.horizons, *between, days})})

    @model_validator(mode="after")
    def _days_are_named(self):
        if "calendar" in self.dated and not self.calendar:
            raise ValueError(
                "dated has calendar, and calendar names no day; allowed: rows such as {day: 2027-12-25, name: Noel}"
            )
        if len(set(self.dated)) < len(self.dated):
            raise ValueError(f"dated = {self.dated}: allowed: each once")
        return self

    @field_validator("horizons")
    @classmethod
    def _rising(cls, days: list[int]) -> list[int]:
        if sorted(set(days)) != days:
            raise ValueError(f"{days}: allowed: days that rise, each once")
        return days
