"""The purchase days that forecasts of the next order are judged on: the default data, CDNOW and Online Retail."""

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from benchmarks import cdnow as published
from membership.base import engine, tables
from membership.base.errors import DataError
from membership.repurchase import purchase_days
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings import params

_RAW = "online_retail_2010_2011_raw.csv.gz"
_RETAIL_BEGINS, _RETAIL_ENDS = date(2010, 12, 1), date(2011, 12, 10)


@dataclass(frozen=True)
class Data:
    """A history up to the day before `end`, the origins, each judged once, and for how many days after them."""

    history: PurchaseDays
    end: date
    origins: tuple[date, ...]
    spans: tuple[int, ...]  # the first one is the one that goals are set for


def default() -> Data:
    """Return the default data as stages read them. Raises DataError where they have not been made."""
    p = params.parse(params.read())
    events, members = engine.load(engine.connect(), "events"), tables.read("members")
    history = purchase_days.read(events, members, p.windows.start, p.windows.holdout_end)
    origins = tuple(date(2017, month, 1) for month in (10, 11, 12))
    return Data(history, p.windows.holdout_end, origins, (14, 7, 30))


def cdnow() -> Data:
    """Return all customers of CDNOW, seen from the first purchase on. Raises DataError without the files."""
    events = published.read().events
    days = purchase_days.active_days(events, published.END).to_pandas()
    return _of(days, date(1997, 1, 1), published.END)


def retail() -> Data:
    """Return the customers of Online Retail 2010-11, invoices that were not cancelled, as `cdnow` does."""
    folder = Path(os.environ.get("MEMBERSHIP_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / "online_retail" / _RAW
    if not path.exists():
        raise DataError(f"no {path}; set MEMBERSHIP_DATA to the folder that holds online_retail/.")
    raw = pd.read_csv(path, dtype={"InvoiceNo": str, "StockCode": str}, parse_dates=["InvoiceDate"])
    sold = raw["CustomerID"].notna() & ~raw["InvoiceNo"].str.startswith("C")
    raw = raw[sold & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)]
    lines = pd.DataFrame(
        {
            "member_id": raw["CustomerID"].astype(int).astype(str),
            "day": (raw["InvoiceDate"].dt.normalize() - pd.Timestamp(0)).dt.days,
            "spend": (100 * raw["Quantity"] * raw["UnitPrice"]).round().astype("int64"),
        }
    )
    days = lines.groupby(["member_id", "day"], as_index=False)["spend"].sum().assign(bought=True, visited=False)
    return _of(days, _RETAIL_BEGINS, _RETAIL_ENDS)


def _of(days: pd.DataFrame, start: date, end: date) -> Data:
    """Return purchase days of members who joined when they first bought, and the last three months as origins."""
    first = pd.to_datetime(days.groupby("member_id")["day"].min(), unit="D")
    origins = tuple(end - timedelta(30 * back) for back in (3, 2, 1))
    return Data(purchase_days.of(days, first, start), end, origins, (14, 30))
