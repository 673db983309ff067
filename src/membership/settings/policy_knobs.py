"""The knobs of policies: how one recommends, is tuned and trained, is judged, and replaces another."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from membership.settings.section import Count, Days, Level, NotNegative, Positive, Section, Share


class TopFreq(Section):
    """Own counts; `ties` says which of two equal counts comes first."""

    ties: Literal["popularity", "first_bought"]


class Upcf(Section):
    """UP-CF@r."""

    recency: Count
    alpha: Share
    locality: NotNegative
    neighbours: Count
    shrink: NotNegative


class Tifuknn(Section):
    """TIFUKNN."""

    neighbours: Count
    within_decay: Share
    group_decay: Share
    alpha: Share
    groups: Count


class ItemKnn(Section):
    """Item-kNN: the items near to what a member bought."""

    neighbours: Count
    asymmetry: Share
    shrink: NotNegative
    decay: Share
    own: NotNegative


class Ease(Section):
    """EASE, among the `most_bought` items."""

    most_bought: Annotated[int, Field(ge=1, le=20000)]
    penalty: Positive
    decay: Share
    own: NotNegative


class Als(Section):
    """Alternating least squares on implicit feedback."""

    factors: Annotated[int, Field(ge=1, le=1024)]
    iterations: Count
    confidence: NotNegative
    penalty: Positive
    decay: Share
    own: NotNegative


class Content(Section):
    """What an item is, for new items."""

    decay: Share
    popularity: Share
    own: NotNegative


class Peers(Section):
    """The baselines that the model is compared with, and their settings."""

    g_topfreq: Section
    p_topfreq: TopFreq
    gp_topfreq: TopFreq
    upcf: Upcf
    tifuknn: Tifuknn
    item_knn: ItemKnn
    ease: Ease
    als: Als
    content: Content


class Recommend(Section):
    """What is recommended to whom, and the settings of the peers."""

    k: Annotated[int, Field(ge=1, le=100)]
    min_item_purchases: Count
    min_baskets: Count
    max_baskets: Count
    explore: NotNegative
    peers: Peers


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

    learning_rate: Range
    weight_decay: Range
    dropout: Range
    hidden: Annotated[list[Count], Field(min_length=1)]

    @model_validator(mode="after")
    def _possible(self):
        if self.dropout.high >= 1 or self.learning_rate.low == 0:
            raise ValueError("dropout must stay below 1 and learning_rate above 0")
        return self


class Tune(Section):
    """The search for the model's settings, on the validation window only."""

    trials: Count
    round: Count
    workers: Annotated[int, Field(ge=1, le=256)]
    pruning_warmup: Annotated[int, Field(ge=0)]
    storage: str | None
    space: Space

    @field_validator("storage")
    @classmethod
    def _no_password(cls, url):
        if url and re.search(r"://[^/@]*:[^/]*@", url):
            raise ValueError(
                "holds a password, which everybody would read here and in MLflow; leave it to what the database's "
                "client reads, e.g. ~/.pgpass or PGPASSWORD"
            )
        return url


class Stored(Section):
    """Settings of the model where no search has chosen any."""

    learning_rate: Positive
    weight_decay: NotNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    hidden: Count


class Train(Section):
    """How the model is trained, whatever its settings."""

    origins: Count
    origin_step_days: Days
    members: Count
    candidates: Annotated[int, Field(ge=0, le=1000)]
    negative_share: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    batch_size: Count
    settings: Stored


class Evaluate(Section):
    """How the policy is judged."""

    primary_metric: str
    confidence: Level
    bootstrap: Annotated[int, Field(ge=100, le=100000)]
    aa_repeats: Annotated[int, Field(ge=20, le=10000)]
    aa_band: Level
    coverage_repeats: Annotated[int, Field(ge=20, le=10000)]
    power: Level
    salt: Annotated[str, Field(min_length=1)]
    sample_ratio_p: Level
    worth: Annotated[list[Positive], Field(min_length=1)]
    plan_weeks: Annotated[int, Field(ge=1, le=104)]
    reach_costs: Annotated[list[NotNegative], Field(min_length=1)]


class Guardrail(Section):
    """A metric that may not get worse by more than `margin` (absolute)."""

    metric: str
    margin: NotNegative


class Decide(Section):
    """The rule by which the challenger replaces the champion."""

    margin: NotNegative
    guardrails: list[Guardrail]
    drift_blocks: bool

    @field_validator("guardrails")
    @classmethod
    def _each_once(cls, guardrails):
        names = [guardrail.metric for guardrail in guardrails]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"metric {', '.join(doubled)} comes twice; give each metric one margin")
        return guardrails
