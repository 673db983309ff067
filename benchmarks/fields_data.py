"""The data sets of other fields, as files, and what can be counted in the raw files with a few lines of pandas.

The counts know nothing of the project: what it makes of the same files must agree with them.
"""

import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from membership.base.errors import DataError


@dataclass(frozen=True)
class Case:
    """A data set: its files below the folder of shared data, its field, what is judged, and what its files hold.

    `primary`: back (log loss of coming back against the share who came `last_time`), or the recall of lists against
    popularity: lists, new_lists (items new to the member alone). `facts`: of the folder that holds the files and the
    run. `make` writes the files where they are made up, instead of lying below the folder of shared data.
    """

    files: tuple[str, ...]
    field: str
    primary: str
    facts: Callable[[Path, "Run"], Mapping[str, float]]
    make: Callable[[Path, np.random.Generator], None] | None = None

    def folder(self, place: Path) -> Path:
        """Return the folder that holds the files: `place`, where they are made up."""
        return folder() if self.make is None else place

    def paths(self, place: Path) -> list[Path]:
        """Return the files; those made up are written into `place`. Raises DataError, naming the first missing one."""
        if self.make is not None:
            place.mkdir(parents=True, exist_ok=True)
            self.make(place, np.random.default_rng(zlib.crc32(self.files[0].encode())))
        found = [self.folder(place) / name for name in self.files]
        for path in found:
            if not path.exists():
                raise DataError(f"no {path}; set MEMBERSHIP_DATA to the folder that holds {self.files[0]}.")
        return found


@dataclass(frozen=True)
class Run:
    """What a count in the files has to know of a run: the day of scoring, and the members kept (None: all)."""

    as_of: pd.Timestamp
    members: pd.Index | None = None

    def of(self, rows: pd.DataFrame, column: str | int) -> pd.DataFrame:
        """Return the rows of the members that were kept."""
        return rows if self.members is None else rows[rows[column].isin(self.members)]


def folder() -> Path:
    """Return the folder of shared data."""
    return Path(os.environ.get("MEMBERSHIP_DATA", Path(__file__).parents[2] / "shared" / "data"))


def _airline(root: Path, run: "Run") -> dict[str, float]:
    rows = text(root / "fields/airline/activity.csv.gz")
    members = run.of(text(root / "fields/airline/members.csv.gz"), "Loyalty Number")
    month = _month(members["Cancellation Year"], members["Cancellation Month"])
    flown = run.of(rows[rows["Total Flights"] != "0"], "Loyalty Number")
    months = len(flown.drop_duplicates(["Loyalty Number", "Year", "Month"]))
    return {"members": len(members), "days": months, "left": int((month < run.as_of).sum())}


def _deskdrop(root: Path, run: "Run") -> dict[str, float]:
    rows = run.of(text(root / "fields/deskdrop/users_interactions.csv.gz"), "personId")
    return {"members": rows["personId"].nunique(), "returns": int((rows["eventType"] == "VIEW").sum()), "left": 0}


def _foodiefi(root: Path, run: "Run") -> dict[str, float]:
    """Who left: the plan before the day of scoring is churn, and what had been paid for is over."""
    rows = run.of(text(root / "fields/foodiefi/subscriptions.csv.gz"), "customer_id")
    return {"members": rows["customer_id"].nunique()}


def _servicenow(root: Path, run: "Run") -> dict[str, float]:
    rows = text(root / "fields/servicenow/tickets.csv.gz")
    rows = run.of(rows[rows["caller_id"] != "?"], "caller_id")
    return {"members": rows["caller_id"].nunique(), "returns": len(rows), "left": 0}


def _starbucks(root: Path, run: "Run") -> dict[str, float]:
    rows = run.of(pd.read_json(root / "fields/starbucks/transcript.jsonl.gz", lines=True), "person")
    members = run.of(pd.read_json(root / "fields/starbucks/profile.jsonl.gz", lines=True), "id")
    paid = rows.loc[rows["event"] == "transaction", "value"].map(lambda value: round(100 * value["amount"]))
    return {"members": len(members), "returns": len(paid), "cents": int(paid.sum()), "left": 0}


def _online_retail(root: Path, run: "Run") -> dict[str, float]:
    rows = text(root / "online_retail/online_retail_2010_2011_raw.csv.gz")
    known = rows["CustomerID"].str.removesuffix(".0")
    return {"members": run.of(pd.DataFrame({"id": known[known != ""]}), "id")["id"].nunique(), "left": 0}


def _cdnow(root: Path, run: "Run") -> dict[str, float]:
    rows = pd.read_csv(root / "cdnow/CDNOW_master.txt.gz", sep=r"\s+", header=None, dtype=str)
    return {"members": run.of(rows, 0)[0].nunique(), "left": 0}


def text(path: Path, sep: str = ",") -> pd.DataFrame:
    """Return a file of CSV as it is, every cell as text."""
    return pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False)


def _month(year: pd.Series, month: pd.Series) -> pd.Series:
    """The first days of months; those without a year are left out."""
    parts = pd.DataFrame({"year": year, "month": month, "day": "1"})
    return pd.to_datetime(parts[parts["year"] != ""].astype(float).astype(int))


CASES: dict[str, Case] = {
    "airline": Case(("fields/airline/activity.csv.gz", "fields/airline/members.csv.gz"), "travel", "back", _airline),
    "deskdrop": Case(("fields/deskdrop/users_interactions.csv.gz",), "content", "new_lists", _deskdrop),
    "foodiefi": Case(("fields/foodiefi/subscriptions.csv.gz",), "subscription", "back", _foodiefi),
    "servicenow": Case(("fields/servicenow/tickets.csv.gz",), "service", "back", _servicenow),
    "starbucks": Case(
        (
            "fields/starbucks/transcript.jsonl.gz",
            "fields/starbucks/profile.jsonl.gz",
            "fields/starbucks/portfolio.json",
        ),
        "shop",
        "back",
        _starbucks,
    ),
    "online_retail": Case(("online_retail/online_retail_2010_2011_raw.csv.gz",), "shop", "lists", _online_retail),
    "cdnow": Case(("cdnow/CDNOW_master.txt.gz",), "shop", "back", _cdnow),
}
