"""How many periods `make replay` goes through, and what it does more cheaply than `make repro`."""

from typing import Annotated

from pydantic import Field

from membership.settings.quick import Overrides
from membership.settings.section import Section


class Replay(Section):
    """How many periods `make replay` goes through, and what it does more cheaply than `make repro`."""

    periods: Annotated[int, Field(ge=2, le=24)] = 4
    overrides: Overrides = {}
