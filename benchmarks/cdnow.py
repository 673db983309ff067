"""CDNOW: 23,570 customers whose first purchase was in the first quarter of 1997, followed to the end of June 1998."""

import gzip
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError

CALIBRATED = date(1997, 10, 1)  # the published calibration ends with 30 September
END = date(1998, 7, 1)
_DATA = "MEMBERSHIP_DATA"


@dataclass(frozen=True)
class Cdnow:
    """The purchases as events, all customers, and the customers of the published sample."""

    events: ir.Table
    members: ir.Table
    sample: pd.Index


def read() -> Cdnow:
    """Read the shared files. Raises DataError, saying what is missing, where they are not there.

    Every row is a purchase, those of 0 dollars and exact duplicates too; features merge what was bought on one day.
    """
    folder = Path(os.environ.get(_DATA, Path(__file__).parents[2] / "shared" / "data")) / "cdnow"
    master, sample = folder / "CDNOW_master.txt.gz", folder / "sample_ids.txt"
    missing = [str(path) for path in (master, sample) if not path.exists()]
    if missing:
        raise DataError(f"no {' and no '.join(missing)}; set {_DATA} to the folder that holds cdnow/.")
    with gzip.open(master, "rt") as lines:
        names = ["member_id", "day", "discs", "dollars"]
        rows = pd.read_csv(
            lines, sep=r"\s+", skiprows=1, header=None, names=names, dtype={"member_id": str, "day": str}
        )
    events = pd.DataFrame(
        {
            "member_id": rows["member_id"].str.zfill(5),
            "item_id": "cd",
            "kind": "purchase",
            "comes_back": True,
            "pays": True,
            "interest": False,
            "effort": False,
            "local_at": pd.to_datetime(rows["day"], format="%Y%m%d").astype("datetime64[us]"),
            "amount": (100 * rows["dollars"]).round().astype(int),
            "discount": 0,
            "order_id": None,
            "channel": "web",
        }
    ).astype({"order_id": "str"})
    con = engine.connect()
    members = events[["member_id"]].drop_duplicates()
    drawn = pd.Index([line.strip().zfill(5) for line in sample.read_text().split()], name="member_id")
    tables = (
        con.create_table(name, ibis.memtable(frame)) for name, frame in (("events", events), ("members", members))
    )
    return Cdnow(*tables, drawn)
