"""Online Retail 2010-11 in the Reality Check format: `python -m benchmarks.online_retail --raw CSV --out FOLDER`.

Lines with a customer, not cancelled, of positive quantity and price, whose stock code starts with five digits; one
basket a day; customers with 3 to 50 baskets; items bought at least 5 times in the histories, and then customers who
still have 3 baskets. The last basket is the future. Five folds in which each member is tested once.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.reality_check import PARTS
from membership.base import files, seeds
from membership.base.errors import DataError, ProjectError
from membership.settings import params

BASKETS = (3, 50)  # of a member, at least and at most
PURCHASES = 5  # of an item in the histories, at least
FOLDS = 5
VAL_SHARE = 0.1  # of the members who are not tested
NEEDED = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")


def main() -> None:
    """Write the histories, the futures and the keysets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="online_retail_2010_2011_raw.csv.gz, or as plain CSV")
    parser.add_argument("--out", type=Path, required=True, help="folder for history.json, future.json and keysets/")
    given = parser.parse_args()
    try:
        lines = prepare(given.raw)
        write(lines, given.out, params.parse(params.read()).seed)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{lines['member'].nunique()} members and {lines['item'].nunique()} items in {given.out}\n")


def prepare(path: Path) -> pd.DataFrame:
    """Return a line an item of a basket: member, day, item, back (baskets after it); sorted by all of them.

    Raises DataError as `sales` does.
    """
    lines = _numbered(sales(path))
    many = lines.groupby("member")["back"].transform("max") + 1
    lines = lines[many.between(*BASKETS)]
    bought = lines.loc[lines["back"] > 0, "item"].value_counts()
    lines = _numbered(lines[lines["item"].isin(bought.index[bought >= PURCHASES])])
    enough = lines.groupby("member")["back"].transform("max") + 1 >= BASKETS[0]
    return lines[enough].sort_values(["member", "day", "item"], ignore_index=True)


def sales(path: Path) -> pd.DataFrame:
    """Return a line an item that a customer bought on a day: member, day, item.

    Raises DataError, naming the file, where it is missing or has other columns.
    """
    try:
        raw = pd.read_csv(path, usecols=NEEDED, dtype={"InvoiceNo": str, "StockCode": str})
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as Online Retail ({error}); expected columns {NEEDED}.") from error
    sold = raw["CustomerID"].notna() & ~raw["InvoiceNo"].str.startswith("C")
    sold &= (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0) & raw["StockCode"].str.match(r"\d{5}")
    raw = raw[sold]
    lines = pd.DataFrame(
        {
            "member": raw["CustomerID"].astype(int).astype(str),
            "day": pd.to_datetime(raw["InvoiceDate"]).dt.normalize(),
            "item": raw["StockCode"],
        }
    )
    return lines.drop_duplicates()


def _numbered(lines: pd.DataFrame) -> pd.DataFrame:
    back = lines.groupby("member")["day"].rank(method="dense", ascending=False).astype(int) - 1
    return lines.assign(back=back)


def write(lines: pd.DataFrame, folder: Path, seed: int) -> None:
    """Write `history.json`, `future.json` and `keysets/` of `lines`, as from `prepare`, below `folder`."""
    for name, chosen in (("history", lines["back"] > 0), ("future", lines["back"] == 0)):
        baskets = lines[chosen].groupby(["member", "day"])["item"].agg(list)
        held = {member: [[-1], *days, [-1]] for member, days in baskets.groupby(level="member").agg(list).items()}
        files.write_text(folder / f"{name}.json", json.dumps(held))
    members = lines["member"].unique()
    for number, parts in enumerate(folds(members, seed)):
        files.write_text(folder / "keysets" / f"keyset_{number}.json", json.dumps(parts))


def folds(members: np.ndarray, seed: int) -> list[dict[str, list[str]]]:
    """Return five keysets; the test members of each are a fifth of all, val members a tenth of the others."""
    rng = seeds.rng(seed, "folds")
    found = []
    for test in np.array_split(rng.permutation(members), FOLDS):
        others = rng.permutation(np.setdiff1d(members, test))
        val, train = np.split(others, [round(VAL_SHARE * len(others))])
        found.append(dict(zip(PARTS, (train.tolist(), val.tolist(), test.tolist()), strict=True)))
    return found


if __name__ == "__main__":
    main()
