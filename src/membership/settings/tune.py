"""The search for the settings of the model, on the validation window only."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from membership.settings.section import Count, Level, NotNegative, Section, Share, without_password


class Range(Section):
    """Numbers from `low` to `high`, drawn evenly on a linear or a logarithmic scale."""

    low: NotNegative
    high: NotNegative
    scale: Literal["linear", "log"]

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high or (self.scale == "log" and self.low == 0):
            raise ValueError("low must be at most high, and above 0 on a log scale")
        return self

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Space(Section):
    """Where the settings of the model are looked for."""

    learning_rate: Range = Range(low=0.001, high=0.03, scale="log")
    weight_decay: Range = Range(low=0.001, high=0.3, scale="log")
    dropout: Range = Range(low=0.0, high=0.2, scale="linear")
    hidden: Annotated[list[Count], Field(min_length=1)] = [32, 64, 128]  # units of the first layer

    @model_validator(mode="after")
    def _possible(self):
        if self.dropout.high >= 1 or self.learning_rate.low == 0:
            raise ValueError("dropout must stay below 1 and learning_rate above 0")
        return self


class Tune(Section):
    """The search for the model's settings, on the validation window only."""

    trials: Count = 2
    round: Count = 4  # trials that learn from the same earlier ones, so that they can run at once
    workers: Annotated[int, Field(ge=1, le=256)] = 2  # processes that run the trials
    pruning_warmup: Annotated[int, Field(ge=0)] = 1  # epochs before a trial may be pruned
    confidence: Level = 0.95  # of the interval that must exclude 0 before a search replaces train.settings
    margin: Share = 0.01  # of the model's recall and NDCG by which another policy must be better to be the challenger
    storage: str | None = None  # URL of a database that machines share; null: a journal in models/study
    space: Space = Space()

    @field_validator("storage")
    @classmethod
    def _no_password(cls, url):
        return without_password(url)
