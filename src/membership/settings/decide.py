"""The rule by which the challenger replaces the champion."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from membership.settings.section import NotNegative, Section, Share


class Guardrail(Section):
    """A metric that may not get worse by more than `margin` (absolute), or `margin_share` of the champion's own."""

    metric: str
    margin: NotNegative | None = None
    margin_share: Share | None = None  # travels to other currencies and sizes of order

    @model_validator(mode="after")
    def _one_margin(self):
        if (self.margin is None) == (self.margin_share is None):
            raise ValueError(
                f"metric {self.metric}: margin = {self.margin}, margin_share = {self.margin_share}; give one of them"
            )
        return self

    def allowed(self, control: float) -> float:
        """Return the loss that is allowed where the champion has `control`, in the unit of the metric."""
        return self.margin if self.margin is not None else self.margin_share * abs(control)


class FieldMetric(Section):
    """What a field calls it that a member comes back within economics.repurchase_days, and whether that is good."""

    name: Annotated[str, Field(min_length=1)]
    higher_is_better: bool = True


class Decide(Section):
    """The rule by which the challenger replaces the champion."""

    margin: NotNegative = 0.0  # the primary metric's lower bound must be above this, absolute
    # metrics (evaluate/metrics.py) whose interval must rule out a loss of more than their margin
    guardrails: list[Guardrail] = [
        Guardrail(metric="explore_recall_at_10", margin=0.005),  # could fail only where the champion finds new items
        Guardrail(metric="hit_at_10", margin=0.01),
        Guardrail(metric="discount_per_item_at_10", margin=3),  # cents an item, of the discount items on a list had
        Guardrail(metric="margin_at_10", margin=5),  # cents a member, on the price of listed items that were bought
        Guardrail(metric="catalogue_coverage", margin=0.01),  # share of all items on anybody's list
        Guardrail(metric="fairness_spread", margin=0.02),  # of the primary metric between the groups of fairness
    ]
    # what the field is judged by beside lists, shown with the decision; null: what lists find alone
    field_metric: FieldMetric | None = None
    drift_blocks: bool = False  # true: drift that the monitor flags keeps the champion
    # true: what no check fails is tried in a live test on lists first, and promoted only when that says so
    live_test: bool = False
    # standard deviation of evaluate.primary_metric over seeds of training, on these data; null: not measured
    training_sd: NotNegative | None = None

    @field_validator("guardrails")
    @classmethod
    def _each_once(cls, guardrails):
        names = [guardrail.metric for guardrail in guardrails]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"metric {', '.join(doubled)} comes twice; give each metric one margin")
        return guardrails
