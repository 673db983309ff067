"""How members are valued: which models are tried, how they learn, and by which rule one of them is chosen."""

from typing import Annotated, Literal

from pydantic import Field

from membership.settings.section import Count, Days, Level, NotNegative, Section

Candidate = Literal[
    "zero", "mean", "same_rate", "recent_rate", "rfm", "bgnbd", "mbgnbd", "pareto_nbd", "bgnbd_covariates",
    "pareto_nbd_covariates", "boosted", "ziln", "stack",
]  # fmt: skip
Metric = Literal[
    "spend_rmse", "spend_mae", "spend_gini", "spend_spearman", "spend_decile_error",
    "orders_rmse", "orders_mae", "orders_gini", "orders_spearman", "orders_decile_error",
]  # fmt: skip


class Boosting(Section):
    """Gradient boosting of the ratio of what happened to what the base model expected."""

    iterations: Count
    learning_rate: Level
    leaf_share: Level


class Network(Section):
    """The zero-inflated lognormal network."""

    hidden: Count
    epochs: Count
    learning_rate: Level
    weight_decay: NotNegative


class Value(Section):
    """How members are valued."""

    horizon_days: Days
    lifetime_days: Annotated[int, Field(ge=1, le=36500)]
    origins: Annotated[int, Field(ge=2, le=24)]
    learning_origins: Annotated[int, Field(ge=1, le=24)]
    candidates: Annotated[list[Candidate], Field(min_length=1)]
    choose_by: Annotated[list[Metric], Field(min_length=1)]
    covariates: list[str]
    penalizer: NotNegative
    clip_share: Annotated[float, Field(ge=0, lt=0.5)]
    confidence: Level
    bootstrap: Annotated[int, Field(ge=20, le=10000)]
    high_value_share: Level
    at_risk_p_alive: Level
    boosting: Boosting
    network: Network
