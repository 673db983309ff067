"""How members are valued: which models are tried, how they learn, and by which rule one of them is believed."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from membership.settings.section import Count, Days, Level, NotNegative, Positive, Section, Share

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


class WorkedCase(Section):
    """The worked case of the weighted linear RFM model: its market and its parameter table, in the order r, f, m."""

    members: Annotated[int, Field(ge=100)]
    days: Days
    weights: Annotated[list[Share], Field(min_length=3, max_length=3)]
    slopes: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    offsets: Annotated[list[NotNegative], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _add_up(self):
        if abs(sum(self.weights) - 1) > 1e-9:
            raise ValueError(f"weights must add up to 1; they add up to {sum(self.weights):g}")
        return self


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
    worked_case: WorkedCase
