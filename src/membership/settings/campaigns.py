"""How campaigns are judged, and for which benefits they are evidence."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Days, Level, NotNegative, Positive, Section


class Campaigns(Section):
    """How campaigns are judged, and for which benefits they are evidence."""

    evidence: dict[str, Annotated[list[str], Field(min_length=1)]]
    history_days: Days
    folds: Annotated[int, Field(ge=2, le=20)]
    repeats: Annotated[int, Field(ge=1, le=100)]
    trees: Annotated[int, Field(ge=1, le=1000)]
    trim: Annotated[float, Field(ge=0, lt=0.5)]
    min_ess: Positive
    confidence: Level
    reach_costs: Annotated[list[NotNegative], Field(min_length=1)]
