"""How the model is trained, whatever its settings."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Count, Days, NotNegative, Positive, Section


class Stored(Section):
    """Settings of the model, unless a search finds better ones."""

    learning_rate: Positive = 0.0014
    weight_decay: NotNegative = 0.004
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.12
    hidden: Count = 128  # units of the first layer, twice those of the second


class Train(Section):
    """How the model is trained, whatever its settings."""

    origins: Count = 4  # earlier cut-offs whose next baskets are learned from
    origin_step_days: Days = 30  # days between them
    members: Count = 12000  # members that are learned from at all origins together, the newest first
    candidates: Annotated[int, Field(ge=0, le=1000)] = 15  # items that each source adds to a member's own
    intensity: bool = False  # whether what earlier purchases bring on, by their likelihood, is a signal
    # share of the items not bought that are learned from (and weighted up)
    negative_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    epochs: Count = 5  # passes over the training rows
    batch_size: Count = 2048  # rows
    processes: Annotated[int, Field(ge=1, le=32)] = (
        1  # that train one network together, on a GPU each where there are any
    )
    settings: Stored = Stored()
