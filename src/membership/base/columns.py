"""Columns and tables: how a schema is written down."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from membership.base import paths

TEXT, INT, FLOAT, BOOL, TIME = "str", "int64", "float64", "bool", "datetime64[us]"
SHARE = {"low": 0, "high": 1}
COUNT = {"low": 0}


@dataclass(frozen=True)
class Column:
    """A column's type, whether it may be null, and which values are allowed; `tables.check` enforces it."""

    dtype: str
    nullable: bool = False
    low: float | None = None  # smallest value allowed
    high: float | None = None  # largest
    among: tuple[str, ...] | None = None
    may_lack: bool = False  # a source that does not know it need not have the column: it is null then


@dataclass(frozen=True)
class Table:
    """A table's name, key (which is also its sort order) and checked columns."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    open: bool = False  # further columns may follow, e.g. attributes that only one source knows

    def path(self, root: Path | None = None) -> Path:
        """Where the table is stored, in the project or under another `root`."""
        return (root or paths.root()) / "data" / f"{self.name}.parquet"

    def kinds(self) -> dict[str, str]:
        """Return the columns and their types as Ibis calls them."""
        named = {TEXT: "string", BOOL: "boolean", TIME: "timestamp(6)"}
        return {name: named.get(column.dtype, column.dtype) for name, column in self.columns.items()}

    def lacking(self, there: Collection[str]) -> list[str]:
        """Return the columns that may lack and are not `there`."""
        return [name for name, column in self.columns.items() if column.may_lack and name not in there]


def required(dtype: str, **allowed) -> Column:
    """Return a column that is never null."""
    return Column(dtype, **allowed)


def optional(dtype: str, **allowed) -> Column:
    """Return a column that may be null."""
    return Column(dtype, nullable=True, **allowed)
