"""Every table of the house: its key, its columns, their types and units. Schemas come before code.

Money is in integer minor units (cents), so that sums are exact on every engine. `at` is UTC and `local_at` is wall
clock time in `dataset.timezone`, both without zone; ids are text. One table lives in one file, `data/<name>.parquet`,
and one module writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from membership.base import paths

KINDS = ("view", "cart", "favourite", "purchase", "return", "contact", "rating", "renewal")
GROUPS = ("high value", "high value at risk", "at risk", "others")
STAGES = ("prospect", "new", "active", "loyal", "at_risk", "lapsed", "won_back")

_TEXT, _INT, _FLOAT, _BOOL, _TIME = "str", "int64", "float64", "bool", "datetime64[us]"


@dataclass(frozen=True)
class Column:
    """A column's type, whether it may be null, and which values are allowed; `tables.check` enforces it."""

    dtype: str
    nullable: bool = False
    low: float | None = None  # smallest value allowed
    high: float | None = None  # largest
    among: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """A table's name, key (which is also its sort order) and checked columns."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    open: bool = False  # further columns may follow, e.g. attributes that only one source knows

    def path(self) -> Path:
        """Where the table is stored."""
        return paths.data(f"{self.name}.parquet")


def _required(dtype: str, **allowed) -> Column:
    return Column(dtype, **allowed)


def _optional(dtype: str, **allowed) -> Column:
    return Column(dtype, nullable=True, **allowed)


_SHARE = {"low": 0, "high": 1}
_COUNT = {"low": 0}

_DEFINITIONS = (
    # --- canonical: what every source delivers -------------------------------------------------------------------
    Table("members", ("member_id",), {"member_id": _required(_TEXT), "joined_at": _optional(_TIME)}, open=True),
    Table(
        "items",
        ("item_id",),
        {
            "item_id": _required(_TEXT),
            "name": _required(_TEXT),
            "category": _optional(_TEXT),  # broad, a few dozen values: what people would call a department
            "subcategory": _optional(_TEXT),
            "brand": _optional(_TEXT),
        },
        open=True,
    ),
    Table(
        "events",
        ("event_id",),
        {
            "event_id": _required(_TEXT),  # stable: the same source row has the same id at every read
            "member_id": _required(_TEXT),
            "item_id": _optional(_TEXT),  # null for what concerns no item, e.g. a contact
            "kind": _required(_TEXT, among=KINDS),
            "at": _required(_TIME),  # UTC
            "local_at": _required(_TIME),  # wall clock in dataset.timezone
            "quantity": _required(_INT),
            "amount": _required(_INT),  # cents, net paid; returns negative
            "discount": _required(_INT),  # cents off the list price
            "currency": _required(_TEXT),
            "order_id": _optional(_TEXT),
            "channel": _optional(_TEXT),
        },
    ),
    Table(
        "survey",
        ("member_id", "question", "answer"),
        {
            "member_id": _required(_TEXT),
            "question": _required(_TEXT),
            "answer": _required(_TEXT),
            "asked_at": _optional(_TIME),
        },
    ),
    Table(
        "offers",
        ("offer_id",),
        {
            "offer_id": _required(_TEXT),
            "kind": _required(_TEXT),
            "cost": _optional(_FLOAT, **_COUNT),  # cents a redemption
            "starts_at": _optional(_TIME),
            "ends_at": _optional(_TIME),
            "applies_to": _optional(_TEXT),
        },
    ),
    Table(
        "exposures",
        ("exposure_id",),
        {
            "exposure_id": _required(_TEXT),
            "member_id": _required(_TEXT),
            "offer_id": _required(_TEXT),
            "policy_id": _optional(_TEXT),
            "at": _optional(_TIME),
            "arm": _optional(_TEXT),
            "propensity": _optional(_FLOAT, **_SHARE),
            "redeemed_at": _optional(_TIME),
        },
    ),
    Table(
        "quality",
        ("step", "rule"),
        {
            "step": _required(_INT),  # order in which the rules ran
            "rule": _required(_TEXT),
            "action": _required(_TEXT, among=("kept", "mended", "dropped")),
            "rows": _required(_INT, **_COUNT),  # rows the rule found
            "left": _required(_INT, **_COUNT),  # rows of events after it
            "why": _required(_TEXT),
        },
    ),
    # --- features: functions of (events before a cut-off, the cut-off) ---------------------------------------------
    Table(
        "features",
        ("member_id", "as_of"),
        {
            "member_id": _required(_TEXT),
            "as_of": _required(_TIME),  # the cut-off, local midnight; only earlier events are seen
            "orders": _required(_INT, **_COUNT),
            "purchase_days": _required(_INT, **_COUNT),  # distinct local days with a purchase
            "frequency": _required(_INT, **_COUNT),  # repeat purchase days: max(purchase_days - 1, 0), BG/NBD's x
            "recency_days": _required(
                _FLOAT, **_COUNT
            ),  # first to last purchase day, BG/NBD's t_x; 0 without purchases
            "age_days": _required(_FLOAT, **_COUNT),  # first purchase day to as_of, BG/NBD's T; 0 without purchases
            "days_since_last": _optional(_FLOAT, **_COUNT),  # null where nothing was bought
            "spend": _required(_INT),  # cents, net of returns
            "first_spend": _required(_INT, **_COUNT),  # cents of purchases on the first purchase day; 0 without one
            "repeat_spend_mean": _optional(_FLOAT),  # cents a repeat purchase day, Gamma-Gamma's mean; null without one
            "median_gap_days": _optional(_FLOAT, **_COUNT),  # between purchase days; null below two
            "gap_spread": _optional(_FLOAT, **_COUNT),  # standard deviation over mean of gaps; null below three
            "items_distinct": _required(_INT, **_COUNT),
            "basket_items": _optional(_FLOAT, **_COUNT),  # mean distinct items an order
            "orders_30d": _required(_INT, **_COUNT),
            "orders_90d": _required(_INT, **_COUNT),
            "spend_30d": _required(_INT),
            "spend_90d": _required(_INT),
            "discount_share": _optional(_FLOAT, **_SHARE),  # discount over list price paid for
            "return_share": _optional(_FLOAT, **_COUNT),  # return events over purchase events
            "weekend_share": _optional(_FLOAT, **_SHARE),  # of orders, Saturday and Sunday local
            "evening_share": _optional(_FLOAT, **_SHARE),  # of orders, 17:00 and later local
            "channels": _required(_INT, **_COUNT),  # distinct channels (stores, web, ...)
            "main_channel_share": _optional(_FLOAT, **_SHARE),  # of orders, in the most used channel
            "views": _required(_INT, **_COUNT),
            "carts": _required(_INT, **_COUNT),
            "browse_to_buy": _optional(_FLOAT, **_SHARE),  # items viewed and later bought, over items viewed
            "contacts": _required(_INT, **_COUNT),
        },
    ),
    Table(
        "category_shares",
        ("member_id", "as_of", "category"),
        {
            "member_id": _required(_TEXT),
            "as_of": _required(_TIME),
            "category": _required(_TEXT),
            "spend": _required(_INT, **_COUNT),  # cents of purchases
            "share": _required(_FLOAT, **_SHARE),
        },
    ),
    # --- what each stage says of a member ----------------------------------------------------------------------------
    Table(
        "value",
        ("member_id",),
        {
            "member_id": _required(_TEXT),
            "recency_score": _required(_INT, low=1, high=5),  # quintiles, 5 is best
            "frequency_score": _required(_INT, low=1, high=5),
            "monetary_score": _required(_INT, low=1, high=5),
            "rfm_segment": _required(_TEXT),
            "rfm_value": _required(_FLOAT),  # cents of spend over the horizon, weighted linear model
            "p_alive": _required(_FLOAT, **_SHARE),
            "expected_orders": _required(_FLOAT, **_COUNT),  # purchase days over the horizon
            "expected_spend": _required(_FLOAT, **_COUNT),  # cents over the horizon, by the chosen model
            "value": _required(_FLOAT, **_COUNT),  # cents of margin over the horizon: what a member is worth
            "value_low": _required(_FLOAT, **_COUNT),  # its interval, at value.confidence
            "value_high": _required(_FLOAT, **_COUNT),
            "p_repurchase": _required(_FLOAT, **_SHARE),  # an order within economics.repurchase_days
            "residual_value": _required(_FLOAT, **_COUNT),  # cents of margin over value.lifetime_days, discounted
            "residual_low": _required(_FLOAT, **_COUNT),  # its interval, at value.confidence
            "residual_high": _required(_FLOAT, **_COUNT),
            "value_group": _required(_TEXT, among=GROUPS),  # value x P(alive)
        },
    ),
    Table(
        "profile",
        ("member_id",),
        {
            "member_id": _required(_TEXT),
            "stage": _required(_TEXT, among=STAGES),
            "persona": _required(_TEXT),
            "main_need": _required(_TEXT),  # the preference furthest above the population's
            "top_category": _optional(_TEXT),
            "answered_survey": _required(_BOOL),
        },
        open=True,
    ),
    Table(
        "lifecycle_history",
        ("member_id", "as_of"),
        {
            "member_id": _required(_TEXT),
            "as_of": _required(_TIME),
            "stage": _required(_TEXT, among=STAGES),
        },
    ),
    Table(
        "tiers",
        ("member_id",),
        {
            "member_id": _required(_TEXT),
            "tier": _required(_TEXT),
            "tier_rank": _required(_INT, **_COUNT),  # 0 is the entry tier
            "points": _required(_INT, **_COUNT),  # balance
            "qualifying_spend": _required(_INT),  # cents in the qualifying period
            "next_tier": _optional(_TEXT),  # null in the top tier
            "spend_to_next": _required(_INT, **_COUNT),  # cents; 0 in the top tier
            "about_to_drop": _required(_BOOL),
        },
    ),
    Table(
        "tier_history",
        ("member_id", "as_of"),
        {"member_id": _required(_TEXT), "as_of": _required(_TIME), "tier": _required(_TEXT)},
    ),
    Table(
        "allocations",
        ("member_id", "benefit"),
        {
            "member_id": _required(_TEXT),
            "benefit": _required(_TEXT),
            "cost": _required(_FLOAT, **_COUNT),  # expected cents over the horizon
            "gain": _required(_FLOAT),  # expected cents of margin over the horizon, assumed response
        },
    ),
    Table(
        "recommendations",
        ("policy", "member_id", "rank"),
        {
            "policy": _required(_TEXT),
            "member_id": _required(_TEXT),
            "rank": _required(_INT, low=1),
            "item_id": _required(_TEXT),
            "score": _required(_FLOAT),
            "source": _required(_TEXT, among=("repeat", "explore")),
            "reason": _required(_TEXT),  # why, in words
        },
    ),
    Table(
        "outcomes",
        ("policy", "member_id"),
        {
            "policy": _required(_TEXT),
            "member_id": _required(_TEXT),
            "tier": _required(_TEXT),
        },
        open=True,  # and one column a metric, e.g. recall_at_10
    ),
    Table(
        "actions",
        ("member_id",),
        {
            "member_id": _required(_TEXT),
            "value": _required(_FLOAT, **_COUNT),  # cents of margin over the horizon
            "value_low": _required(_FLOAT, **_COUNT),
            "value_high": _required(_FLOAT, **_COUNT),
            "value_group": _required(_TEXT, among=GROUPS),
            "residual_value": _required(_FLOAT, **_COUNT),  # cents of margin over value.lifetime_days
            "p_alive": _required(_FLOAT, **_SHARE),
            "p_repurchase": _required(_FLOAT, **_SHARE),
            "rfm_segment": _required(_TEXT),
            "stage": _required(_TEXT, among=STAGES),
            "persona": _required(_TEXT),
            "main_need": _required(_TEXT),
            "tier": _required(_TEXT),
            "next_tier": _required(_TEXT),  # empty in the top tier
            "spend_to_next": _required(_INT, **_COUNT),  # cents
            "points": _required(_INT, **_COUNT),
            "benefits": _required(_TEXT),  # names joined by "; "
            "next_action": _required(_TEXT),
            "items": _required(_TEXT),  # names joined by "; "
        },
        open=True,  # and item_1, item_1_id, item_1_reason, item_2, ...: the recommended items, best first
    ),
)

ALL: dict[str, Table] = {table.name: table for table in _DEFINITIONS}
