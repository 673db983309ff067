"""How members, scores and what came true are watched from one period to the next."""

from typing import Annotated

from pydantic import Field, model_validator

from membership.settings.section import Level, Section


class Threshold(Section):
    """Below `watch` a distance is stable, from `drifted` on it has drifted."""

    watch: Annotated[float, Field(gt=0)]
    drifted: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.watch >= self.drifted:
            raise ValueError(f"watch = {self.watch} must be below drifted = {self.drifted}")
        return self


class Monitor(Section):
    """How members, scores and what came true are watched from one period to the next."""

    features: Annotated[list[str], Field(min_length=1)]
    psi: Threshold
    ks: Threshold
    ratio: Threshold
    slope: Threshold
    confidence: Level
    min_members: Annotated[int, Field(ge=2)]
