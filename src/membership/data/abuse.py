"""Signs that points or offers may be abused: table `signs`, a row a member and sign, with its reason.

A sign is no proof and nothing follows from it by itself: no stage reads the table, and no member loses anything by it.
A family shares a card, a shop books corrections as returns, books of points begin with a balance; somebody has to look.

- `returned`: RETURNS return orders and more, and at least RETURNED of what was paid came back, after its points.
- `same_basket`: ACCOUNTS accounts and more bought the same items, two and more, in the same minute.
- `beyond_earned`: more points were redeemed and expired than had been earned by then.
"""

import ibis.expr.types as ir
import pandas as pd

from membership.base import engine, tables
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
    events = engine.table(data.events)
    parts = [_returned(events), _same_basket(events), _beyond_earned(data.points)]
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


def _returned(events: ir.Table) -> pd.DataFrame:
    back, spent = events.filter(purchases.is_return), events.filter(purchases.is_income)
    returned = back.mutate(order=purchases.order).group_by("member_id")
    gone = returned.agg(orders=lambda t: t.order.nunique(), gone=lambda t: -t.amount.sum())
    often = gone.filter(gone.orders >= RETURNS)
    paid = spent.group_by("member_id").agg(spent=spent.amount.sum())
    rows = often.left_join(paid, "member_id").select("member_id", "gone", "spent").to_pandas().set_index("member_id")
    sums = [int(table.amount.sum().to_pyarrow().as_py() or 0) for table in (back, spent)]
    share = (rows["gone"] / rows["spent"]).sort_index()
    return _told("returned", share[share >= RETURNED], -sums[0] / max(sums[1], 1))


def _same_basket(events: ir.Table) -> pd.DataFrame:
    """Compare baskets by their different items; times without a clock tell no minute."""
    bought = events.drop_null("item_id").filter(purchases.is_purchase)
    timed = bought.filter(bought.local_at != bought.local_at.truncate("D"))
    rows = timed.select("member_id", "item_id", minute=timed.local_at.truncate("m"))
    minutes = rows.group_by("minute").agg(accounts=rows.member_id.nunique())
    crowded = rows.semi_join(minutes.filter(minutes.accounts >= ACCOUNTS), "minute").distinct()
    what = crowded.item_id.collect().sort().join("\x1f")
    baskets = (
        crowded.group_by("member_id", "minute").agg(basket=what, size=crowded.count()).filter(lambda t: t["size"] > 1)
    )
    alike = baskets.group_by("minute", "basket").agg(accounts=baskets.member_id.nunique())
    found = baskets.inner_join(alike.filter(alike.accounts >= ACCOUNTS), ["minute", "basket"])
    most = found.group_by("member_id").agg(accounts=found.accounts.max()).order_by("member_id").to_pandas()
    return _told("same_basket", most.set_index("member_id")["accounts"].astype(float), 1.0)


def _beyond_earned(points: pd.DataFrame) -> pd.DataFrame:
    rows = points.sort_values(["member_id", "at"])
    change = (rows["earned"] - rows["redeemed"] - rows["expired"]).astype(float)
    least = change.groupby(rows["member_id"]).cumsum().groupby(rows["member_id"]).min()
    return _told("beyond_earned", -least[least < 0], 0.0)
