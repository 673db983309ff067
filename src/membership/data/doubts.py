"""Doubts about the data as a whole: keys that come twice, references to nobody, one member with many of the orders.

Each is a row of the table `quality` after the rules of cleaning, there only where something was found.
"""

from collections.abc import Iterator

import pandas as pd

from membership.base import tables
from membership.data import purchases
from membership.data.canonical import Canonical
from membership.data.sources.aliases import UNITED

_TIMES = 10  # orders of the median member: below it nobody has suspiciously many
_SHOWN = 3  # ids


def found(data: Canonical, suspicious: float, loud: float) -> pd.DataFrame:
    """Return a row a doubt about clean `data`: rule, action, rows, members, whom, loud, why.

    `suspicious` is the share of all orders from which one member is named, `loud` the share of a table's rows from
    which a doubt about its rows is said at the top of the page. `members` is the share of members concerned.
    """
    parts = [*_twice(data, loud), *_nobody(data, loud), *_many(data, suspicious)]
    return pd.DataFrame(parts, columns=["rule", "action", "rows", "members", "whom", "loud", "why"])


def _twice(data: Canonical, loud: float) -> Iterator[tuple]:
    for rule, rows in data.found.items():
        if rule == UNITED:
            yield rule, "united", rows, None, None, False, "ids that table aliases says are another member"
            continue
        name = rule.rpartition("_")[2]
        share = rows / max(rows + len(getattr(data, name)), 1)
        key = ", ".join(tables.ALL[name].key)
        why = f"rows of one file with the {key} of another row in it: the last one counts"
        if rule.startswith("same_key_"):
            yield rule, "united", rows, None, None, share > loud, why
        else:
            yield rule, "kept", rows, None, None, share > loud, "an empty cell where one is needed; not used"


def _nobody(data: Canonical, loud: float) -> Iterator[tuple]:
    members, offers = data.members["member_id"], data.offers
    for name in ("survey", "exposures"):
        table = getattr(data, name)
        wrong = table[~table["member_id"].isin(members)]
        yield from _referring(f"{name}_of_nobody", wrong["member_id"], len(table), loud, "no such member; not used")
    wrong = data.exposures[~data.exposures["offer_id"].isin(offers["offer_id"])]
    told = "no such offer in table offers; not used"
    yield from _referring("exposures_of_no_offer", wrong["offer_id"], len(data.exposures), loud, told)
    backwards = offers[offers["ends_at"] < offers["starts_at"]]
    told = "ends before it starts: no campaign that can be read"
    yield from _referring("offer_ends_first", backwards["offer_id"], len(offers), loud, told)


def _referring(rule: str, ids: pd.Series, of: int, loud: float, why: str) -> Iterator[tuple]:
    if len(ids):
        yield rule, "kept", len(ids), None, _shown(ids), len(ids) / of > loud, why


def _many(data: Canonical, suspicious: float) -> Iterator[tuple]:
    """Name members who have that share of all orders, and far more than the median member."""
    bought = data.events[purchases.is_purchase(data.events)]
    orders = bought.assign(order=purchases.order)[["member_id", "order"]].drop_duplicates()
    count = orders.groupby("member_id").size()
    many = count[(count >= suspicious * count.sum()) & (count >= _TIMES * count.median())]
    if len(many):
        why = "orders of single members who may be nobody, such as guests: then name them under `nobody`"
        whom = _shown(many.sort_values(ascending=False).index)
        yield "orders_of_few", "kept", int(many.sum()), len(many) / len(count), whom, True, why


def _shown(ids) -> str:
    each = pd.unique(pd.Series(ids))
    return ", ".join(map(str, each[:_SHOWN])) + (", ..." if len(each) > _SHOWN else "")
