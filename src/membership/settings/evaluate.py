"""How the policy is judged."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Level, Positive, Section


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
