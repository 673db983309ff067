"""What a purchase, a return, a purchase day, an order and activity are: stated here, and nowhere else.

A purchase is whatever counts as coming back in this field (a renewal, a visit, a trip): the column `comes_back`, which
ingest has set (`meaning`). No stage asks for kinds of events itself.

Functions take events, an Ibis table with the columns of table `events`; those whose argument has no type also take a
frame. What returns a column can be given to `filter` or `mutate`, e.g. `events.filter(purchases.is_purchase)`.
"""

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from membership.base.schemas import CART, PURCHASE, RETURN


def is_purchase(events):
    """Return whether each event is a purchase: by it, its member came back, and paid or did not."""
    return events["comes_back"]


def is_return(events):
    """Return whether each event is a return: its amount is negative or 0."""
    return events["kind"] == RETURN


def is_paid(events):
    """Return whether each event pays: amounts of those add up to net spend."""
    return events["pays"]


def is_income(events):
    """Return whether each event brings money in: what a purchase day is worth is the sum of these of that day."""
    return events["pays"] & (events["kind"] != RETURN) & (events["amount"] > 0)


def is_counted(events):
    """Return whether each event is a purchase or pays."""
    return events["comes_back"] | events["pays"]


def is_sale(events):
    """Return whether each event, by its kind, is a sale of goods or takes one back, whatever that means here."""
    return events["kind"].isin((PURCHASE, RETURN))


def is_view(events):
    """Return whether each event shows interest, short of a cart."""
    return events["interest"] & (events["kind"] != CART)


def is_cart(events):
    """Return whether something was put into a cart."""
    return events["interest"] & (events["kind"] == CART)


def is_contact(events):
    """Return whether the member needed help."""
    return events["effort"]


def is_activity(events, kinds: Sequence[str]):
    """Return whether each event shows that its member is active: a purchase, or one of `economics.activity_kinds`."""
    return events["comes_back"] | events["kind"].isin(tuple(kinds))


def day(events: ir.Table) -> ir.DateValue:
    """Return the local day of each event. A member's purchases of one day are one visit, a purchase day."""
    return events.local_at.date()


def order(events):
    """Return the order that each purchase or return belongs to; it is unique within a member.

    It is `order_id`. A member's purchases of one day without an `order_id` are one order, and so are its returns.
    """
    if isinstance(events, pd.DataFrame):
        what = events["kind"].mask(is_purchase(events), PURCHASE)
        return events["order_id"].fillna(what + " of " + events["local_at"].dt.strftime("%Y-%m-%d"))
    what = is_purchase(events).ifelse(PURCHASE, events.kind)
    return events.order_id.fill_null(what + " of " + day(events).cast("string"))


def lines(events: ir.Table) -> ir.Table:
    """Return the purchases among `events`, with the columns `day` and `order`."""
    return events.filter(is_purchase).mutate(day=day, order=order)


def basket_lines(events: ir.Table) -> ir.Table:
    """Return the purchases of an item that is known, of one unit or more."""
    return events.drop_null("item_id").filter(is_purchase, events.quantity > 0)
