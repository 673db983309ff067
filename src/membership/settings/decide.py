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

    @field_validator("guardrails")
    @classmethod
    def _each_once(cls, guardrails):
        names = [guardrail.metric for guardrail in guardrails]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"metric {', '.join(doubled)} comes twice; give each metric one margin")
        return guardrails
