"""What may be shown of few members together, and of who is among them."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Level, Section


class Privacy(Section):
    """`k`: no page, table, picture, plot or metric tells of a group of fewer members than that.

    `told`: counts over time are told so coarsely that who knows all that a person did can tell from one such table at
    most so much better than chance whether that person is a member (0 is chance, 1 is certainty); null: as they are.
    """

    k: Annotated[int, Field(ge=1, le=10**6)] = 5
    told: Level | None = 0.1  # at most four weeks are told together from about a thousand members on
