"""Signs that points or offers may be abused: table `signs`, a row a member and sign, with its reason.

A sign is no proof and nothing follows from it by itself: no stage reads the table, and no member loses anything by it.
A family shares a card, a shop books corrections as returns, books of points begin with a balance; somebody has to look.

- `returned`: RETURNS return orders and more, and at least RETURNED of what was paid came back, after its points.
- `same_basket`: ACCOUNTS accounts and more bought the same items, two and more, in the same minute.
- `beyond_earned`: more points were redeemed and expired than had been earned by then.
"""

import pandas as pd

from membership.base import tables
from membership.data import purchases
from membership.data.canonical import Canonical

RETURNS, RETURNED = 3, 0.5  # orders; share of what was paid
ACCOUNTS = 3
_WORDS = {
    "returned": "share of what was paid that came back, and of all members together",
    "same_basket": "accounts that bought the same items in the same minute",
    "beyond_earned": "points redeemed and expired beyond those earned by then, at most",
}


def signs(data: Canonical) -> pd.DataFrame:
    """Return table `signs` of clean `data`: by member and sign, what was `found` and what is `usual`."""
    parts = [_returned(data.events), _same_basket(data.events), _beyond_earned(data.points)]
    names = list(tables.ALL["signs"].columns)
    found = pd.concat([part[names] for part in parts if len(part)]) if any(map(len, parts)) else tables.empty("signs")
    known = found[found["member_id"].isin(data.members["member_id"])]
    return tables.check("signs", known.sort_values(["member_id", "sign"], ignore_index=True))


def by_sign(found: pd.DataFrame) -> pd.DataFrame:
    """Return for each sign its members and what it means, without naming anybody."""
    counts = found["sign"].value_counts().reindex(list(_WORDS), fill_value=0)
    return pd.DataFrame({"members": counts, "why": pd.Series(_WORDS)}).rename_axis("sign")


def _told(sign: str, found: pd.Series, usual: float) -> pd.DataFrame:
    rows = found.rename("found").rename_axis("member_id").reset_index()
    return rows.assign(sign=sign, usual=usual, why=_WORDS[sign])


def _returned(events: pd.DataFrame) -> pd.DataFrame:
    back, paid = events[purchases.is_return(events)], purchases.is_income(events)
    orders = back.assign(order=purchases.order).groupby("member_id")["order"].nunique()
    often = orders.index[orders >= RETURNS]
    gone = -back.groupby("member_id")["amount"].sum()[often]
    spent = events[paid & events["member_id"].isin(often)].groupby("member_id")["amount"].sum().reindex(often)
    share, usual = gone / spent, -back["amount"].sum() / max(events.loc[paid, "amount"].sum(), 1)
    return _told("returned", share[share >= RETURNED], usual)


def _same_basket(events: pd.DataFrame) -> pd.DataFrame:
    """Compare baskets by the sum of hashes of their different items; times without a clock tell no minute."""
    rows = events.loc[purchases.is_purchase(events) & events["item_id"].notna(), ["member_id", "local_at", "item_id"]]
    rows = rows.assign(minute=rows["local_at"].to_numpy().astype("datetime64[m]").astype("int64"))
    rows = rows[rows["local_at"] != rows["local_at"].dt.normalize()]
    there = rows.assign(account=pd.factorize(rows["member_id"])[0])[["minute", "account"]].drop_duplicates()
    crowded = there["minute"].value_counts().loc[lambda accounts: accounts >= ACCOUNTS].index
    rows = rows.loc[rows["minute"].isin(crowded), ["member_id", "minute", "item_id"]].drop_duplicates()
    items = rows.assign(basket=pd.util.hash_array(rows["item_id"].to_numpy(dtype=object)))
    baskets = items.groupby(["member_id", "minute"])["basket"].agg(["sum", "size"]).query("size > 1").reset_index()
    accounts = baskets.groupby(["minute", "sum"])["member_id"].transform("nunique")
    found = accounts[accounts >= ACCOUNTS].groupby(baskets["member_id"]).max()
    return _told("same_basket", found.astype(float), 1.0)


def _beyond_earned(points: pd.DataFrame) -> pd.DataFrame:
    rows = points.sort_values(["member_id", "at"])
    change = (rows["earned"] - rows["redeemed"] - rows["expired"]).astype(float)
    least = change.groupby(rows["member_id"]).cumsum().groupby(rows["member_id"]).min()
    return _told("beyond_earned", -least[least < 0], 0.0)
