"""The rule by which the challenger replaces the champion."""

from pydantic import field_validator

from membership.settings.section import NotNegative, Section


class Guardrail(Section):
    """A metric that may not get worse by more than `margin` (absolute)."""

    metric: str
    margin: NotNegative


class Decide(Section):
    """The rule by which the challenger replaces the champion."""

    margin: NotNegative
    guardrails: list[Guardrail]
    drift_blocks: bool
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
