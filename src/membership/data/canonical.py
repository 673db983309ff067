"""What every source delivers: the canonical tables, checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import pandas as pd

from membership.base import tables


@dataclass(frozen=True)
class Canonical:
    """The canonical tables of one data set; columns and units are those of `base.schemas`."""

    members: pd.DataFrame
    items: pd.DataFrame
    events: pd.DataFrame
    survey: pd.DataFrame
    offers: pd.DataFrame
    exposures: pd.DataFrame
    contracts: pd.DataFrame = field(default_factory=lambda: empty("contracts"))
    points: pd.DataFrame = field(default_factory=lambda: empty("points"))
    found: Mapping[str, int] = field(default_factory=dict)  # what the source has united or left out, rule -> rows

    def save(self, write: Callable[[str, pd.DataFrame], object] = tables.write) -> None:
        """Check every table, and only then `write(name, frame)` them all."""
        names = [each.name for each in fields(self) if each.name in tables.ALL]
        checked = {name: tables.check(name, getattr(self, name)) for name in names}
        for name, frame in checked.items():
            write(name, frame)


def empty(name: str) -> pd.DataFrame:
    """Return table `name` without rows, for a source that does not have it."""
    return pd.DataFrame(columns=list(tables.ALL[name].columns))
