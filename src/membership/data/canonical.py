"""What every source delivers: the canonical tables, checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine, tables


@dataclass(frozen=True)
class Canonical:
    """The canonical tables of one data set; columns and units are those of `base.schemas`.

    Events, which may be more than memory holds, are a frame or lie in an engine: then they are an expression.
    """

    members: pd.DataFrame
    items: pd.DataFrame
    events: pd.DataFrame | ir.Table
    survey: pd.DataFrame
    offers: pd.DataFrame
    exposures: pd.DataFrame
    contracts: pd.DataFrame = field(default_factory=lambda: empty("contracts"))
    points: pd.DataFrame = field(default_factory=lambda: empty("points"))
    item_rules: pd.DataFrame = field(default_factory=lambda: empty("item_rules"))
    found: Mapping[str, int] = field(default_factory=dict)  # what the source has united or left out, rule -> rows

    def placed(self, con: ibis.BaseBackend) -> "Canonical":
        """Return the same with its events as table `events` of `con`."""
        there = not isinstance(self.events, pd.DataFrame) and self.events.get_backend() is con
        return self if there else replace(self, events=engine.keep(con, "events", self.held().events))

    def held(self) -> "Canonical":
        """Return the same with its events as a frame, in the order of their ids."""
        if isinstance(self.events, pd.DataFrame):
            return self
        return replace(self, events=self.events.order_by("event_id").to_pandas())

    def of_members(self, members: pd.Series | pd.Index, kept: bool) -> "Canonical":
        """Return the rows of `members` (ids), or, where not `kept`, those of all others; items and offers stay."""
        rows = {name: engine.of_members(getattr(self, name), members, kept) for name in _MEMBERS}
        return replace(self, **rows)

    def save(self, write: Callable[[str, pd.DataFrame], object] = tables.write) -> None:
        """Check every table, and only then `write(name, rows)` them all."""
        names = [each.name for each in fields(self) if each.name in tables.ALL]
        checked = {name: tables.check(name, getattr(self, name)) for name in names}
        for name, rows in checked.items():
            write(name, rows)


_MEMBERS = ("members", "events", "survey", "exposures", "contracts", "points")  # tables whose rows belong to members


def empty(name: str) -> pd.DataFrame:
    """Return table `name` without rows, for a source that does not have it."""
    return pd.DataFrame(columns=list(tables.ALL[name].columns))
