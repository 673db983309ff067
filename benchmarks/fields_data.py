"""The data sets of other fields, as files, and what can be counted in the raw files with a few lines of pandas.

The counts know nothing of the project: what it makes of the same files must agree with them.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from membership.base.errors import DataError


@dataclass(frozen=True)
class Case:
    """A data set: its files below the folder of shared data, its field, what is judged, and what its files hold.

    `primary`: back (log loss of coming back against the share who came `last_time`), or the recall of lists against
    popularity: lists, new_lists (items new to the member alone). `facts`: of the folder and the day of scoring.
    """

    files: tuple[str, ...]
    field: str
    primary: str
    facts: Callable[[Path, pd.Timestamp], Mapping[str, float]]

    def paths(self) -> list[Path]:
        """Return the files. Raises DataError, naming the first that is missing."""
        found = [folder() / name for name in self.files]
        for path in found:
            if not path.exists():
                raise DataError(f"no {path}; set MEMBERSHIP_DATA to the folder that holds {self.files[0]}.")
        return found


def folder() -> Path:
    """Return the folder of shared data."""
    return Path(os.environ.get("MEMBERSHIP_DATA", Path(__file__).parents[2] / "shared" / "data"))


def _airline(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    members = pd.read_csv(root / "fields/airline/members.csv.gz")
    month = _month(members["Cancellation Year"], members["Cancellation Month"])
    return {"members": len(members), "left": int((month < as_of).sum())}


def _deskdrop(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    rows = pd.read_csv(root / "fields/deskdrop/users_interactions.csv.gz", dtype=str)
    return {"members": rows["personId"].nunique(), "returns": int((rows["eventType"] == "VIEW").sum()), "left": 0}


def _foodiefi(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    """Members who left: the last row before the day of scoring says churn, and the paid period before it is over."""
    rows = pd.read_csv(root / "fields/foodiefi/subscriptions.csv.gz")
    return {"members": rows["customer_id"].nunique()}


def _servicenow(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    rows = pd.read_csv(root / "fields/servicenow/tickets.csv.gz", dtype=str)
    rows = rows[rows["caller_id"] != "?"]
    return {"members": rows["caller_id"].nunique(), "returns": len(rows), "left": 0}


def _starbucks(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    rows = pd.read_json(root / "fields/starbucks/transcript.jsonl.gz", lines=True)
    members = pd.read_json(root / "fields/starbucks/profile.jsonl.gz", lines=True)
    paid = rows.loc[rows["event"] == "transaction", "value"].map(lambda value: round(100 * value["amount"]))
    return {"members": len(members), "returns": len(paid), "cents": int(paid.sum()), "left": 0}


def _online_retail(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    rows = pd.read_csv(root / "online_retail/online_retail_2010_2011_raw.csv.gz", usecols=["CustomerID"])
    return {"members": rows["CustomerID"].nunique(), "left": 0}


def _cdnow(root: Path, as_of: pd.Timestamp) -> dict[str, float]:
    rows = pd.read_csv(root / "cdnow/CDNOW_master.txt.gz", sep=r"\s+", header=None, dtype={0: str})
    return {"members": rows[0].nunique(), "left": 0}


def _month(year: pd.Series, month: pd.Series) -> pd.Series:
    parts = pd.DataFrame({"year": year, "month": month, "day": 1}).dropna()
    return pd.to_datetime(parts)


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
