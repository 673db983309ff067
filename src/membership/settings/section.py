"""What every section of `params.yaml` is made of: checked, named, unchanging values in their allowed ranges."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of `params.yaml`: unknown and missing keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
