"""Habits: whole numbers behind each member's preferences on the day of a cut-off, as Ibis expressions.

A share is useful only with the number of trials behind it, so both are counted here and nothing is divided. Sums over
whole numbers are the same on every engine. Only events on local days before the cut-off are used.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from membership.base import engine
from membership.data import purchases
from membership.data.features import EVENING, UNKNOWN

COLUMNS = (
    "orders",
    "weekend_orders",  # on Saturday or Sunday, local
    "evening_orders",  # from 17:00, local
    "channel_orders",  # with a channel
    "channel_repeats",  # ordered pairs of orders in the same channel
    "items",  # distinct items, summed over orders
    "item_squares",  # their squares, summed over orders
    "paid",  # cents of purchases
    "line_squares",  # squared cents a line, summed: paid^2 over it is Kish's effective number of lines
    "list_price",  # cents of purchases before discounts
    "list_squares",  # squared cents a line, summed; so are all squares and products below
    "discount",  # cents
    "discount_squares",
    "discount_products",  # discount times list price
    "shelf_price",  # cents before discounts (these are another need) of lines of a subcategory and a unit or more
    "shelf_squares",
    "usual_price",  # cents, had each unit of such a line cost its subcategory's mean before the cut-off
    "usual_squares",
    "price_products",  # shelf price times usual price
    "brand_lines",  # lines of a brand in subcategories of which the member bought two branded lines or more
    "brand_pairs",  # ordered pairs of branded lines of one subcategory
    "brand_repeats",  # those of the same brand
    "items_viewed",  # distinct
    "items_viewed_bought",  # at or after the first view
)


def at(events: ir.Table, items: ir.Table, cutoff: date) -> pd.DataFrame:
    """Return `COLUMNS`, whole numbers, of every member who bought or viewed before `cutoff`, by member_id."""
    seen = engine.before(events, cutoff)
    lines = purchases.lines(seen)
    listed = lines.join(_products(items).select("item_id", "subcategory", "brand"), "item_id")
    members = seen.select("member_id").distinct()
    for part in (_orders(lines), _channels(lines), _lines(lines), _prices(listed), _brands(listed), _views(seen)):
        members = members.left_join(part, "member_id").drop("member_id_right")
    counts = members.select("member_id", **{name: members[name].fill_null(0).cast("int64") for name in COLUMNS})
    return counts.order_by("member_id").to_pandas().set_index("member_id")


def levels(events: ir.Table, items: ir.Table, cutoff: date) -> pd.DataFrame:
    """Return what each member bought, by level of three habits: member_id, habit, level, amount (whole numbers).

    habit brand: cents; channel: orders; category: distinct items, those without a category as `unknown`. Lines without
    a brand, what is no product (fuel is not bought for its brand) and orders without a channel are left out; so is a
    brand that cost nothing.
    """
    lines = purchases.lines(engine.before(events, cutoff))
    listed = lines.join(_products(items).select("item_id", "brand", "category"), "item_id")
    listed = listed.mutate(category=_.category.fill_null(UNKNOWN))
    by_brand = listed.group_by("member_id", level="brand").agg(amount=_.amount.sum()).filter(_.amount > 0)
    by_category = listed.group_by("member_id", level="category").agg(amount=_.item_id.nunique())
    by_channel = _by_order(lines).group_by("member_id", level="channel").agg(amount=_.count())
    found = {"brand": by_brand, "channel": by_channel, "category": by_category}
    parts = (part.drop_null("level").mutate(habit=ibis.literal(name)) for name, part in found.items())
    table = ibis.union(*(part.select("member_id", "habit", "level", amount=_.amount.cast("int64")) for part in parts))
    return table.order_by("member_id", "habit", "level").to_pandas()


def _products(items: ir.Table) -> ir.Table:
    return items.filter(items.is_product) if "is_product" in items.columns else items


def _by_order(lines: ir.Table) -> ir.Table:
    """One row an order, as in `features`."""
    return lines.group_by("member_id", "order").agg(
        local_at=_.local_at.min(), items=_.item_id.nunique(), channel=_.channel.min()
    )


def _orders(lines: ir.Table) -> ir.Table:
    orders = _by_order(lines)
    return orders.group_by("member_id").agg(
        orders=orders.count(),
        weekend_orders=(orders.local_at.day_of_week.index() >= 5).sum(),  # Monday is 0
        evening_orders=(orders.local_at.hour() >= EVENING).sum(),
        items=orders["items"].sum(),
        item_squares=(orders["items"] * orders["items"]).sum(),
    )


def _channels(lines: ir.Table) -> ir.Table:
    used = _by_order(lines).drop_null("channel").group_by("member_id", "channel").agg(n=_.count())
    return used.group_by("member_id").agg(channel_orders=_.n.sum(), channel_repeats=(_.n * (_.n - 1)).sum())


def _lines(lines: ir.Table) -> ir.Table:
    listed = lines.mutate(list_price=_.amount + _.discount)
    return listed.group_by("member_id").agg(
        paid=_.amount.sum(),
        line_squares=(_.amount * _.amount).sum(),
        list_squares=(_.list_price * _.list_price).sum(),
        discount=_.discount.sum(),
        discount_squares=(_.discount * _.discount).sum(),
        discount_products=(_.discount * _.list_price).sum(),
        list_price=_.list_price.sum(),
    )


def _prices(listed: ir.Table) -> ir.Table:
    """Each line's shelf price beside the usual price of as many units of its subcategory, in whole cents."""
    priced = listed.drop_null("subcategory").filter(_.quantity > 0).mutate(shelf=_.amount + _.discount)
    usual = priced.group_by("subcategory").agg(total=_.shelf.sum(), units=_.quantity.sum())
    both = priced.join(usual, "subcategory")
    # half a cent goes up: engines differ in how they round it
    both = both.mutate(usual=(both.quantity * both.total / both.units + 0.5).floor().cast("int64"))
    return both.group_by("member_id").agg(
        shelf_price=_.shelf.sum(),
        shelf_squares=(_.shelf * _.shelf).sum(),
        usual_price=_.usual.sum(),
        usual_squares=(_.usual * _.usual).sum(),
        price_products=(_.shelf * _.usual).sum(),
    )


def _brands(listed: ir.Table) -> ir.Table:
    branded = listed.drop_null(["subcategory", "brand"])
    each = branded.group_by("member_id", "subcategory", "brand").agg(n=_.count())
    within = each.group_by("member_id", "subcategory").agg(lines=_.n.sum(), same=(_.n * (_.n - 1)).sum())
    within = within.filter(within.lines >= 2)
    return within.group_by("member_id").agg(
        brand_lines=_.lines.sum(), brand_pairs=(_.lines * (_.lines - 1)).sum(), brand_repeats=_.same.sum()
    )


def _views(seen: ir.Table) -> ir.Table:
    viewed = seen.filter(purchases.is_view).group_by("member_id", "item_id").agg(viewed_at=_.local_at.min())
    bought = seen.filter(purchases.is_purchase).group_by("member_id", "item_id").agg(bought_at=_.local_at.max())
    both = viewed.left_join(bought, ["member_id", "item_id"])
    return both.group_by("member_id").agg(
        items_viewed=_.count(), items_viewed_bought=(_.bought_at >= _.viewed_at).fill_null(False).sum()
    )
