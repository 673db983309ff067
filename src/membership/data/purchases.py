"""What a purchase, a return, a purchase day, an order and activity are: stated here, and nowhere else.

Functions take events, an Ibis table with the columns of table `events`; those whose argument has no type also take a
frame. What returns a column can be given to `filter` or `mutate`, e.g. `events.filter(purchases.is_purchase)`.
"""

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from membership.base.schemas import PURCHASE, RETURN


def is_purchase(events):
    """Return whether each event is a purchase: something was handed over, paid for or free."""
    return events["kind"] == PURCHASE


def is_return(events):
    """Return whether each event is a return: its amount is negative or 0."""
    return events["kind"] == RETURN


def is_paid(events):
    """Return whether each event is a purchase or a return: their amounts add up to net spend."""
    return events["kind"].isin((PURCHASE, RETURN))


def is_activity(events, kinds: Sequence[str]):
    """Return whether each event shows that its member is active: `kinds` is `economics.activity_kinds`."""
    return events["kind"].isin(tuple(kinds))


def day(events: ir.Table) -> ir.DateValue:
    """Return the local day of each event. A member's purchases of one day are one visit, a purchase day."""
    return events.local_at.date()


def order(events):
    """Return the order that each purchase or return belongs to; it is unique within a member.

    It is `order_id`. A member's purchases of one day without an `order_id` are one order, and so are its returns.
    """
    if isinstance(events, pd.DataFrame):
        return events["order_id"].fillna(events["kind"] + " of " + events["local_at"].dt.strftime("%Y-%m-%d"))
    return events.order_id.fill_null(events.kind + " of " + day(events).cast("string"))


def lines(events: ir.Table) -> ir.Table:
    """Return the purchases among `events`, with the columns `day` and `order`."""
    return events.filter(is_purchase).mutate(day=day, order=order)


def basket_lines(events: ir.Table) -> ir.Table:
    """Return the purchases of an item that is known, of one unit or more."""
    return events.drop_null("item_id").filter(is_purchase, events.quantity > 0)
