"""What a peer is: a way to recommend that the model is compared with. All that belongs to one stands in one module.

A peer is a function that learns from histories and returns what ranks items for the members of any histories of the
same catalogue: those that it has learned from, or others that come in later, of whom nothing is learned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from membership.base.errors import ParamError
from membership.recommend import reasons
from membership.recommend.baskets import Baskets
from membership.recommend.names import LEARNED
from membership.recommend.ranking import Ranker
from membership.settings import params
from membership.settings.section import Section


@dataclass(frozen=True)
class Context:
    """What a peer may use besides histories: `items` (the canonical table, None where unknown), and `seed`."""

    items: pd.DataFrame | None = None
    seed: int = 0


@dataclass(frozen=True)
class Range:
    """Where a search looks: numbers from `low` to `high`, whole ones if both are, evenly or by their logarithm."""

    low: float
    high: float
    log: bool = False


Fitted = Callable[[Baskets], Ranker]  # histories -> what ranks items for their rows
Fit = Callable[[Baskets, Any, Context], Fitted]
Space = Mapping[str, Range | list]  # setting -> where a search looks; a list is a choice


@dataclass(frozen=True)
class Peer:
    """A registered peer: `fit(known, settings, context)`, the class of its settings, and where a search looks for them.

    `dated` is where it looks beside, for settings that count days, if it is asked to: they say little without dates.
    `reason` says why an item that the member has not bought is on its list, in words with the fields of
    `reasons.FIELDS`.
    """

    name: str
    fit: Fit
    settings: type[Section]
    reason: str
    space: Space
    dated: Space

    def checked(self, given: Mapping[str, Any]) -> Section:
        """Return the settings `given` over the defaults. Raises ParamError, naming key, value and what is allowed."""
        try:
            return self.settings.model_validate(dict(given))
        except ValidationError as error:
            raise ParamError("\n".join(params.explain(f"recommend.peers.{self.name}", error))) from error


PEERS: dict[str, Peer] = {}


def peer(
    settings: type[Section] = Section, reason: str = "", space: Space | None = None, dated: Space | None = None
) -> Callable[[Fit], Fit]:
    """Register the decorated function as the peer of its name.

    Raises ParamError where it has no reason, or one with unknown fields; where the search spaces have settings that
    the peer has not; and where the name is taken.
    """

    def register(fit: Fit) -> Fit:
        name, spaces = fit.__name__, (dict(space or {}), dict(dated or {}))
        unknown = sorted(set().union(*spaces) - set(settings.model_fields))
        if name in PEERS or name in LEARNED:
            raise ParamError(f"peer '{name}': there is one of this name already; give the function another name.")
        if unknown:
            raise ParamError(f"peer '{name}': it has no settings {', '.join(unknown)}, which its search space names.")
        try:
            reasons.check(reason)
        except ParamError as error:
            raise ParamError(f"peer '{name}': {error}") from error
        PEERS[name] = Peer(name, fit, settings, reason, *spaces)
        return fit

    return register
