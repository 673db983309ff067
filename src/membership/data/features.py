"""Features: what is known about each member on the day of a cut-off, as Ibis expressions.

Every expression is a function of (events, members or items, cut-off) and uses only events on local days before the
cut-off. Counts and cents are whole numbers and are divided last, so every engine gives the same figures with any
number of threads.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from membership.base import engine, tables
from membership.data import purchases

EVENING = 17  # o'clock, local
UNKNOWN = "unknown"  # category of items without one


def table(events: ir.Table, members: ir.Table, cutoffs: Iterable[date]) -> pd.DataFrame:
    """Return `at(...)` for each of `cutoffs`, in one frame of the table `features`, sorted by its key."""
    every = ibis.union(*(at(events, members, cutoff) for cutoff in cutoffs))
    return every.order_by("member_id", "as_of").to_pandas()


def category_table(events: ir.Table, items: ir.Table, cutoffs: Iterable[date], min_share: float) -> pd.DataFrame:
    """Return `category_shares(...)` for each of `cutoffs`, in one frame of that table, sorted by its key."""
    every = ibis.union(*(category_shares(events, items, cutoff, min_share) for cutoff in cutoffs))
    return every.order_by("member_id", "as_of", "category").to_pandas()


def at(events: ir.Table, members: ir.Table, cutoff: date) -> ir.Table:
    """Return one row for every member, with or without events; columns and units are those of table `features`."""
    seen = engine.before(events, cutoff)
    lines = purchases.lines(seen)
    known = members.select("member_id").mutate(as_of=ibis.timestamp(cutoff.isoformat()))
    for part in (_totals(seen, cutoff), _orders(lines, cutoff), _rhythm(seen, cutoff), _browsing(seen)):
        known = known.left_join(part, "member_id").drop("member_id_right")
    counts = [name for name, kind in known.schema().items() if kind.is_integer()]
    known = known.mutate(
        *(known[name].fill_null(0).name(name) for name in counts),
        recency_days=_.recency_days.fill_null(0.0),
        age_days=_.age_days.fill_null(0.0),
    )
    return known.select(*tables.ALL["features"].columns)


def category_shares(events: ir.Table, items: ir.Table, cutoff: date, min_share: float) -> ir.Table:
    """Return each member's spend (cents) by category and its share of the member's spend on purchases.

    Shares below `min_share` are left out, and so is a category that cost nothing; items that have no category, or are
    not among `items`, count as `unknown`.
    """
    bought = engine.before(events, cutoff).filter(purchases.is_purchase)
    bought = bought.left_join(items.select("item_id", "category"), "item_id")
    bought = bought.mutate(category=_.category.fill_null(UNKNOWN))
    spend = bought.group_by("member_id", "category").agg(spend=_.amount.sum()).filter(_.spend > 0)
    shares = spend.group_by("member_id").mutate(share=_.spend / _.spend.sum())
    shares = shares.mutate(as_of=ibis.timestamp(cutoff.isoformat())).filter(_.share >= min_share)
    return shares.select("member_id", "as_of", "category", "spend", "share")


def _totals(seen: ir.Table, cutoff: date) -> ir.Table:
    """Counts and sums over a member's events; spend is net of returns."""
    bought, returned, paid = (test(seen) for test in (purchases.is_purchase, purchases.is_return, purchases.is_paid))
    totals = seen.group_by("member_id").agg(
        spend=seen.amount.sum(where=paid),
        spend_30d=seen.amount.sum(where=paid & _since(seen, cutoff, 30)),
        spend_90d=seen.amount.sum(where=paid & _since(seen, cutoff, 90)),
        items_distinct=seen.item_id.nunique(where=bought),
        views=purchases.is_view(seen).sum(),
        carts=purchases.is_cart(seen).sum(),
        contacts=purchases.is_contact(seen).sum(),
        discount=seen.discount.sum(where=bought),
        list_price=(seen.amount + seen.discount).sum(where=bought),
        purchases=bought.sum(),
        returns=returned.sum(),
    )
    return totals.mutate(
        discount_share=_.discount / _.list_price.nullif(0),
        return_share=_.returns / _.purchases.nullif(0),
    ).drop("discount", "list_price", "purchases", "returns")


def _orders(lines: ir.Table, cutoff: date) -> ir.Table:
    """Counts and shares of a member's orders."""
    orders = lines.group_by("member_id", "order").agg(
        local_at=_.local_at.min(), items=_.item_id.nunique(), channel=_.channel.min()
    )
    weekday = orders.local_at.day_of_week.index()  # Monday is 0
    counted = orders.group_by("member_id").agg(
        orders=orders.count(),
        orders_30d=_since(orders, cutoff, 30).sum(),
        orders_90d=_since(orders, cutoff, 90).sum(),
        items=orders["items"].sum(),
        weekend=(weekday >= 5).sum(),
        evening=(orders.local_at.hour() >= EVENING).sum(),
        channels=orders.channel.nunique(),
        with_channel=orders.channel.count(),
    )
    used = orders.drop_null("channel").group_by("member_id", "channel").agg(n=_.count())
    main = used.group_by("member_id").agg(main=_.n.max())
    return (
        counted.left_join(main, "member_id")
        .mutate(
            basket_items=_["items"] / _.orders,
            weekend_share=_.weekend / _.orders,
            evening_share=_.evening / _.orders,
            main_channel_share=_.main / _.with_channel,
        )
        .drop("member_id_right", "items", "weekend", "evening", "with_channel", "main")
    )


def _rhythm(seen: ir.Table, cutoff: date) -> ir.Table:
    """A member's purchase days, what was paid on them, and the gaps between them, in days."""
    counted = seen.filter(purchases.is_counted).mutate(day=purchases.day)
    days = counted.group_by("member_id", "day").agg(
        spend=counted.amount.sum(where=purchases.is_income(counted)).fill_null(0),
        bought=purchases.is_purchase(counted).any(),
    )
    days = days.filter(days.bought)
    own = ibis.window(group_by="member_id", order_by="day")
    days = days.mutate(gap=days.day.delta(days.day.lag().over(own), unit="day"))
    rhythm = days.group_by("member_id").agg(
        purchase_days=_.count(),
        first_day=_.day.min(),
        last_day=_.day.max(),
        first_spend=_.spend.argmin(_.day),
        repeat_spend=_.spend.sum(where=_.gap > 0),
        gaps=_.gap.count(),
        gap_sum=_.gap.sum(),
        gap_squares=(_.gap * _.gap).sum(),
        median_gap_days=_.gap.median().cast("float64"),
    )
    n, total, squares = rhythm.gaps, rhythm.gap_sum, rhythm.gap_squares
    deviation = (n * (n * squares - total * total) / (n - 1).nullif(0)).sqrt()  # times n; sample standard deviation
    ends = ibis.date(cutoff.isoformat())
    return rhythm.mutate(
        frequency=_.purchase_days - 1,
        recency_days=rhythm.last_day.delta(rhythm.first_day, unit="day").cast("float64"),
        age_days=ends.delta(rhythm.first_day, unit="day").cast("float64"),
        days_since_last=ends.delta(rhythm.last_day, unit="day").cast("float64"),
        repeat_spend_mean=_.repeat_spend / n.nullif(0),
        gap_spread=ibis.ifelse(n >= 2, deviation / total, ibis.null("float64")),
    ).drop("first_day", "last_day", "repeat_spend", "gaps", "gap_sum", "gap_squares")


def _browsing(seen: ir.Table) -> ir.Table:
    """The share of the items a member viewed that the member then bought."""
    viewed = seen.filter(purchases.is_view).group_by("member_id", "item_id").agg(viewed_at=_.local_at.min())
    bought = seen.filter(purchases.is_purchase).group_by("member_id", "item_id").agg(bought_at=_.local_at.max())
    both = viewed.left_join(bought, ["member_id", "item_id"])
    return both.group_by("member_id").agg(browse_to_buy=(_.bought_at >= _.viewed_at).fill_null(False).mean())


def _since(table: ir.Table, cutoff: date, days: int) -> ir.BooleanValue:
    return table.local_at >= ibis.timestamp((cutoff - timedelta(days=days)).isoformat())
