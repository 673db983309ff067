"""What may be shown of few members together."""

from typing import Annotated

from pydantic import Field

from membership.settings.section import Section


class Privacy(Section):
    """`k`: no page, table, picture, plot or metric tells of a group of fewer members than that."""

    k: Annotated[int, Field(ge=1, le=10**6)] = 5
