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

    fewest: Annotated[int, Field(ge=2, le=20)]
    most: Annotated[int, Field(ge=2, le=20)]
    bootstrap: Annotated[int, Field(ge=2, le=1000)]
    min_stability: Share
    tolerance: Share
    chance: Annotated[int, Field(ge=0, le=1000)]
    min_members: Count
    sample: Annotated[int, Field(ge=100, le=20000)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.fewest > self.most:
            raise ValueError("fewest must not be above most")
        return self


class Needs(Section):
    """Needs, survey and personas."""

    personas: Clustering
    min_purchase_days: Count
    min_category_share: Share
    min_level_share: Share
    min_reliability: Share
    confidence: Level = 0.95
    survey: dict[str, Question]
    needs_from_answers: dict[str, str | dict[str, str]]
