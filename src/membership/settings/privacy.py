"""What may be shown of few members together, of who is among them, and what is released with noise."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Count, Level, Section


class Privacy(Section):
    """`k`: no page, table, picture, plot or metric tells of a group of fewer members than that.

    `told`: counts and shares over time are told so coarsely that who knows all that a person did can tell from one such
    table at most so much better than chance whether that person is a member (0 is chance, 1 is certainty); null: as
    they are.

    `epsilon`: the whole budget of differential privacy, for all totals that are ever released, to one person; null:
    none are. Each of `releases` takes an equal part. A release counts of each member at most `most_orders` and
    `most_spend` in all of its months, in proportion; null: about what 95 % do not exceed, which takes a part as well.
    """

    k: Annotated[int, Field(ge=1, le=10**6)] = 5
    told: Level | None = 0.1  # at most four weeks are told together from about a thousand members on
    epsilon: Annotated[float, Field(gt=0, le=100)] | None = None  # takes the extra `privacy`, which is OpenDP
    releases: Annotated[int, Field(ge=1, le=1000)] = 4
    most_orders: Count | None = None
    most_spend: Count | None = None  # cents
