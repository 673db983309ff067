"""What is guessed, with reasons, as values that a page or a comment can put into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from membership.data.guessing.cells import Column
from membership.data.guessing.layouts import Laid
from membership.data.guessing.opening import Opened
from membership.data.guessing.roles import Part


@dataclass(frozen=True)
class Told:
    """What the person at the keyboard said; it goes before every guess."""

    roles: Mapping[str, str] = field(default_factory=dict)  # part -> column
    kinds: Mapping[str, str | None] = field(default_factory=dict)  # their kind -> ours, None: leave out
    tables: Mapping[str, str] = field(default_factory=dict)  # file's name without ending -> table
    field: str | None = None
    timezone: str | None = None
    currency: str | None = None
    time_format: str | None = None
    year: int | None = None  # of times that have none
    begin: pd.Timestamp | None = None  # from when times that are hours or days since a start count


@dataclass(frozen=True)
class Remark:
    """Why something stands where it does: `key` within the mapping of a table, a code, and the numbers behind it."""

    key: str
    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Files of the same columns, as one frame in one row an event, member or item."""

    sources: tuple[Opened, ...]
    laid: Laid
    columns: Mapping[str, Column]
    plain: bool
    why: str

    @property
    def name(self) -> str:
        """The name of its first file."""
        return self.sources[0].stem

    @property
    def frame(self) -> pd.DataFrame:
        """Its rows."""
        return self.laid.frame


@dataclass(frozen=True)
class TableGuess:
    """One canonical table: its mapping (fields of FileTable but `paths`), why, and its rows where written anew."""

    table: str
    sources: tuple[Opened, ...]
    mapping: Mapping[str, object]
    parts: Mapping[str, Part]
    remarks: tuple[Remark, ...] = ()
    converted: pd.DataFrame | None = None


@dataclass(frozen=True)
class Guess:
    """What files are, which field they look like, and where and in which money they live."""

    tables: Mapping[str, TableGuess]
    field: str
    field_words: tuple[str, ...]  # what it was seen by
    timezone: str
    timezone_by: str  # zone | country | currency | told | nothing
    currency: str
    currency_by: str
    cancellation_pattern: str = ""
    repeats: bool = False  # equal rows are events that came again: a click, and the same click on the same day
    doubts: tuple[tuple[str, str, str], ...] = ()  # column, part it is called like, what it holds
    unused: tuple[str, ...] = ()  # files of which nothing was taken
