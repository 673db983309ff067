"""What every section of `params.yaml` is made of: checked, named, unchanging values in their allowed ranges."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of `params.yaml`: unknown and missing keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, raw: Any) -> Any:
        """Let a part of an inner section replace that part of its default alone."""
        if not isinstance(raw, dict):
            return raw
        inner = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Section)}
        given = {name: raw[name] for name in inner if isinstance(raw.get(name), dict)}
        return raw | {name: inner[name].model_dump() | part for name, part in given.items()}
