"""What members need and say, and what kinds of members there are."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Level, Section, Share


class Question(Section):
    """The kind of a survey question; a scale has the lowest and the highest answer allowed."""

    kind: Literal["single", "multiple", "scale", "text"]
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _scales_have_ends(self):
        ends = (self.low, self.high)
        if self.kind != "scale" and ends != (None, None):
            raise ValueError(f"low and high are for scales only, and this question is {self.kind}")
        if self.kind == "scale" and (None in ends or self.low >= self.high):
            raise ValueError("a scale needs low and high, low below high")
        return self


class Clustering(Section):
    """Which numbers of personas are tried, and which are accepted."""

    fewest: Annotated[int, Field(ge=2, le=20)] = 2  # personas that are tried
    most: Annotated[int, Field(ge=2, le=20)] = 8
    # resamples; stability is how far groupings of them agree (adjusted Rand index)
    bootstrap: Annotated[int, Field(ge=2, le=1000)] = 20
    min_stability: Share = 0.75  # a number of personas below that is not stable
    tolerance: Share = 0.13  # the largest number is chosen that is, less 3 sd, within this of the most stable one
    # clouds without groups; silhouettes 2 sd above theirs are more than chance
    chance: Annotated[int, Field(ge=0, le=1000)] = 5
    min_members: Count = 10  # members of a persona at least
    # members at most among whom personas are found; all others are assigned
    sample: Annotated[int, Field(ge=100, le=20000)] = 4000

    @model_validator(mode="after")
    def _in_order(self):
        if self.fewest > self.most:
            raise ValueError("fewest must not be above most")
        return self


class Needs(Section):
    """Needs, survey and personas."""

    personas: Clustering = Clustering()
    min_purchase_days: Count = 3  # purchase days below which a member is a newcomer rather than clustered
    min_category_share: Share = 0.01  # share of all spend; smaller categories are no needs
    min_level_share: Share = 0.1  # share of all spend (brands) or orders (channels); smaller ones are no needs
    min_reliability: Share = 0.2  # a preference with a lower mean reliability is no need
    confidence: Level = 0.95  # of intervals
    survey: dict[str, Question] = {}  # what is not declared is inferred
    # question -> {answer: need}, or, for a scale, question -> need
    needs_from_answers: dict[str, str | dict[str, str]] = {}
