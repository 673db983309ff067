"""What every section of `params.yaml` is made of: checked, named, unchanging values in their allowed ranges."""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from membership.base import secret

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1, le=10**12)]


def without_password(url: str | None) -> str | None:
    """Return the address `url`. Raises ValueError where it holds a password."""
    if url and secret.held(url):
        raise ValueError(
            "holds a password, which everybody would read here and in MLflow; leave it to what the database's "
            "client reads, e.g. ~/.pgpass or PGPASSWORD"
        )
    return url


class Section(BaseModel):
    """A section of `params.yaml`: unknown and missing keys are errors, and values do not change.

    Numbers are finite, and true and false are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, raw: Any, info: ValidationInfo) -> Any:
        inside = raw if isinstance(raw, list) else raw.values() if isinstance(raw, dict) else [raw]
        number = kinds(cls.model_fields[info.field_name].annotation)
        if any(isinstance(value, bool) for value in inside) and number & {int, float} and bool not in number:
            raise ValueError("true and false are no numbers; write 1 or 0 where you mean them")
        return raw

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, raw: Any) -> Any:
        """Let a part of an inner section replace that part of its default alone."""
        if not isinstance(raw, dict):
            return raw
        inner = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Section)}
        given = {name: raw[name] for name in inner if isinstance(raw.get(name), dict)}
        return raw | {name: inner[name].model_dump() | part for name, part in given.items()}


def kinds(annotation: Any) -> set[Any]:
    """Return the types that `annotation` is made of."""
    return {annotation}.union(*(kinds(part) for part in get_args(annotation) if not isinstance(part, str | bool)))
