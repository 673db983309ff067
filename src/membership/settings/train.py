"""How the model is trained, whatever its settings."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Count, Days, NotNegative, Positive, Section


class Stored(Section):
    """Settings of the model, unless a search finds better ones."""

    learning_rate: Positive
    weight_decay: NotNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    hidden: Count


class Train(Section):
    """How the model is trained, whatever its settings."""

    origins: Count
    origin_step_days: Days
    members: Count
    candidates: Annotated[int, Field(ge=0, le=1000)]
    negative_share: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    batch_size: Count
    settings: Stored
