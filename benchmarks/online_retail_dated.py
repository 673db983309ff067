"""Next baskets on Online Retail with its dates: `python -m benchmarks.online_retail_dated --raw CSV --out JSON`.

The exam is that of `complete_journey`. Lines are those of `online_retail` (no cancellations, products only); items
bought at least 5 times and customers with at least 3 baskets before the cut-off; the last 50 baskets; cut-offs on the
first of November, October, September and August 2011; the target is the first basket from then on, before the next
cut-off or the data's end. `--tune N` tunes every method on the first basket of the month before.
"""

import argparse
import sys
from pathlib import Path

import ibis
import pandas as pd

from benchmarks import complete_journey, contest, online_retail
from benchmarks.contest import OURS
from membership.base import engine
from membership.base.errors import ProjectError
from membership.recommend.peers import registry

SETUP = contest.STORED | {
    "windows.start": "2010-12-01",
    "recommend.min_item_purchases": 5,
    "recommend.min_baskets": 3,
    "recommend.max_baskets": 50,
}
WINDOWS = [  # as in `complete_journey`
    ("2011-10-01", "2011-11-01", "2011-12-10"),
    ("2011-09-01", "2011-10-01", "2011-11-01"),
    ("2011-08-01", "2011-09-01", "2011-10-01"),
    ("2011-07-01", "2011-08-01", "2011-09-01"),
]
METHODS = (*(name for name in registry.names() if name != "content"), OURS)  # items have no attributes here


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="online_retail_2010_2011_raw.csv.gz, or as plain CSV")
    complete_journey.add_arguments(parser, METHODS, WINDOWS)
    given = parser.parse_args()
    try:
        said = complete_journey.judged(given, lambda: read(engine.connect(), given.raw), SETUP, WINDOWS)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(said + "\n")


def read(con: ibis.BaseBackend, path: Path) -> tuple[ibis.Table, pd.DataFrame]:
    """Return events, a line an item and day, and the items, of which only ids are known.

    Raises DataError as `online_retail.sales` does.
    """
    lines = online_retail.sales(path)
    events = pd.DataFrame(
        {
            "member_id": lines["member"],
            "item_id": lines["item"],
            **complete_journey.BOUGHT,
            "quantity": 1,
            "local_at": lines["day"].astype("datetime64[us]"),
        }
    )
    unknown = dict.fromkeys(("name", "category", "subcategory", "brand"))
    items = pd.DataFrame({"item_id": sorted(lines["item"].unique()), **unknown})
    return con.create_table("events", ibis.memtable(events)), items


if __name__ == "__main__":
    main()
