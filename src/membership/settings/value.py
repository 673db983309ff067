"""How members are valued: which models are tried, how they learn, and by which rule one of them is chosen."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from membership.settings.section import Count, Days, Level, NotNegative, Section

Candidate = Literal[
    "zero", "mean", "same_rate", "recent_rate", "renewals", "rfm", "bgbb", "bgnbd", "mbgnbd", "pareto_nbd",
    "bgnbd_covariates", "pareto_nbd_covariates", "boosted", "ziln", "stack",
]  # fmt: skip
Metric = Literal[
    "spend_rmse", "spend_mae", "spend_gini", "spend_spearman", "spend_decile_error",
    "orders_rmse", "orders_mae", "orders_gini", "orders_spearman", "orders_decile_error",
]  # fmt: skip


class Boosting(Section):
    """Gradient boosting of the ratio of what happened to what the base model expected."""

    iterations: Count = 80  # trees
    learning_rate: Level = 0.05
    leaf_share: Level = 0.06  # share of the training rows in a leaf at least


class Network(Section):
    """The zero-inflated lognormal network."""

    hidden: Count = 32  # units of the hidden layer
    epochs: Count = 100  # passes over the training rows
    learning_rate: Level = 0.01
    weight_decay: NotNegative = 4.0  # shrinks the network towards no correction of its base, BG/NBD


class Value(Section):
    """How members are valued."""

    horizon_days: Days = 90  # days ahead that a member's value covers
    lifetime_days: Annotated[int, Field(ge=1, le=36500)] = 1825  # days ahead that the residual lifetime value covers
    # cut-offs, one validation window apart, from which candidates predict the window that followed, fewer where
    # history is short; the oldest only teaches the stack
    origins: Annotated[int, Field(ge=2, le=24)] = 3
    # who teach and are judged on, drawn at random where there are more members; all are scored
    most_members: Annotated[int, Field(ge=1000)] = 100_000
    # cut-offs before each origin that learned models are trained at
    learning_origins: Annotated[int, Field(ge=1, le=24)] = 2
    # what is tried, from simple to rich; zero and mean are never used
    candidates: Annotated[list[Candidate], Field(min_length=1)] = [
        name
        for name in get_args(Candidate)
        if name not in ("renewals", "bgbb")  # which are for contracts, and for who comes seldom
    ]
    # the round of the candidate bgbb, in which a member comes or does not; somebody must have had three of them
    opportunity: Literal["month", "quarter", "half_year", "year"] = "year"
    # the best mean rank over these and the judged origins wins, unless an earlier candidate is not clearly worse in any
    # of them (paired interval, `confidence`): the first such one is used
    choose_by: Annotated[list[Metric], Field(min_length=1)] = [
        "spend_rmse", "spend_gini", "orders_rmse", "orders_gini", "orders_decile_error",
    ]  # fmt: skip
    # columns of `features`, 0 and up and never null for buyers, that stay as they are at a member's start
    covariates: list[str] = ["first_spend"]
    penalizer: NotNegative = 0.0  # L2 penalty on the logarithms of the parameters of the lifetime models
    clip_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.005  # share of members beyond each end of an RFM scale
    confidence: Level = 0.95  # of the intervals of weights and values
    # draws for the intervals of the RFM weights and of differences between candidates
    bootstrap: Annotated[int, Field(ge=20, le=10000)] = 200
    high_value_share: Level = 0.2  # share of members called high value
    may_be_gone_chance: Level = 0.5  # of an order within horizon_days, below which a member may be gone
    boosting: Boosting = Boosting()
    network: Network = Network()
