"""Every table of the house: its key, its columns, their types and units. Schemas come before code.

Money is in integer minor units (cents), so that sums are exact on every engine. `at` is UTC and `local_at` is wall
clock time in `dataset.timezone`, both without zone; ids are text. One table lives in one file, `data/<name>.parquet`,
and one module writes it.
"""

from membership.base import member_schemas
from membership.base.columns import BOOL, COUNT, FLOAT, INT, SHARE, TEXT, TIME, Table, optional, required

PURCHASE, RETURN, RENEWAL, CANCEL = "purchase", "return", "renewal", "cancel"
VIEW, CART, FAVOURITE, RATING, CONTACT = "view", "cart", "favourite", "rating", "contact"
KINDS = (
    VIEW, CART, FAVOURITE, PURCHASE, RETURN, CONTACT, RATING, RENEWAL, CANCEL, "visit", "play", "booking", "trip",
)  # fmt: skip
MEANING = ("comes_back", "pays", "interest", "effort")  # columns of `events` that ingest adds to what sources deliver
PERIODS = ("day", "week", "month", "year")  # of a contract
AVAILABLE, BLOCKED, PINNED, AGE = ITEM_RULES = ("available", "blocked", "pinned", "age")
PURPOSES = ("offers", "trials", "profiling")  # what a member may refuse: `data.consent`

_CANONICAL = (
    # --- canonical: what every source delivers -------------------------------------------------------------------
    Table(
        "members",
        ("member_id",),
        {
            "member_id": required(TEXT),
            "joined_at": optional(TIME),
            "left_at": optional(TIME, may_lack=True),  # wall clock; null: a member still: data/membership_span.py
        },
        open=True,
    ),
    Table(
        "items",
        ("item_id",),
        {
            "item_id": required(TEXT),
            "name": required(TEXT),
            "category": optional(TEXT),  # broad, a few dozen values: what people would call a department
            "subcategory": optional(TEXT),
            "brand": optional(TEXT),
        },
        open=True,
    ),
    Table(
        "events",
        ("event_id",),
        {
            "event_id": required(TEXT),  # stable: the same source row has the same id at every read
            "member_id": required(TEXT),
            "item_id": optional(TEXT),  # null for what concerns no item, e.g. a contact
            "kind": required(TEXT, among=KINDS),
            # what that means in this field, by the settings of `economics`: data/meaning.py
            "comes_back": required(BOOL),  # the member came back: what an order is here
            "pays": required(BOOL),  # its amount adds to net spend
            "interest": required(BOOL),  # the member looked around, and did not come back by that alone
            "effort": required(BOOL),  # the member needed help
            "at": required(TIME),  # UTC
            "local_at": required(TIME),  # wall clock in dataset.timezone
            "quantity": required(INT),
            "amount": required(INT),  # cents, net paid; returns negative; 0 where the event does not pay
            "discount": required(INT),  # cents off the list price
            "currency": required(TEXT),
            "order_id": optional(TEXT),
            "channel": optional(TEXT),
            # what may qualify for a tier beyond money, e.g. miles, nights or minutes; of a rating, its value
            "measure": optional(FLOAT, may_lack=True),
        },
    ),
    Table(
        "survey",
        ("member_id", "question", "answer"),
        {
            "member_id": required(TEXT),
            "question": required(TEXT),
            "answer": required(TEXT),
            "asked_at": optional(TIME),
        },
    ),
    Table(
        "offers",
        ("offer_id",),
        {
            "offer_id": required(TEXT),
            "kind": required(TEXT),
            "cost": optional(FLOAT, **COUNT),  # cents a redemption
            "starts_at": optional(TIME),
            "ends_at": optional(TIME),
            "applies_to": optional(TEXT),
        },
    ),
    Table(
        "exposures",
        ("exposure_id",),
        {
            "exposure_id": required(TEXT),
            "member_id": required(TEXT),
            "offer_id": required(TEXT),
            "policy_id": optional(TEXT),
            "at": optional(TIME),
            "arm": optional(TEXT),
            "propensity": optional(FLOAT, **SHARE),
            "redeemed_at": optional(TIME),
        },
    ),
    Table(  # one at a time; another plan is another contract
        "contracts",
        ("member_id", "contract_id"),
        {
            "member_id": required(TEXT),
            "contract_id": required(TEXT),
            "plan": required(TEXT),
            "starts_at": required(TIME),  # wall clock in dataset.timezone, as is what follows
            "ends_at": optional(TIME),  # null: it runs on
            "period": required(TEXT, among=PERIODS),  # it is paid at the start of each `every` of these
            "every": required(INT, low=1),
            "price": required(INT, **COUNT),  # cents a period
            "auto_renew": required(BOOL),  # it renews itself until it is ended; else it ends at `ends_at`
        },
    ),
    Table(  # the books of points, where the data keep them
        "points",
        ("member_id", "at"),
        {
            "member_id": required(TEXT),
            "at": required(TIME),  # wall clock in dataset.timezone
            "earned": required(FLOAT, **COUNT),  # points, as what follows
            "redeemed": required(FLOAT, **COUNT),
            "expired": required(FLOAT, **COUNT),
        },
    ),
    Table(
        "consent",
        ("member_id", "purpose"),
        {"member_id": required(TEXT), "purpose": required(TEXT, among=PURPOSES), "allowed": required(BOOL)},
    ),
    Table(  # what may be listed to whom, and when: recommend/item_rules.py
        "item_rules",
        ("item_id", "rule", "shop"),
        {
            "item_id": required(TEXT),
            "rule": required(TEXT, among=ITEM_RULES),
            "shop": required(TEXT),  # it holds for members of this `shop`; "": for all
            "starts_at": optional(
                TIME
            ),  # wall clock; on its day the rule holds for the first time; null: it always did
            "ends_at": optional(TIME),  # on its day the rule holds for the last time; null: it goes on
            "value": optional(FLOAT, **COUNT),  # age: years at least; pinned: the lowest comes first
        },
    ),
    Table(
        "quality",
        ("step", "rule"),
        {
            "step": required(INT),  # order in which the rules ran
            "rule": required(TEXT),
            "action": required(TEXT, among=("kept", "corrected", "dropped", "united")),
            "rows": required(INT, **COUNT),  # rows the rule found
            "left": required(INT, **COUNT),  # rows of events after it
            "money": optional(FLOAT, **SHARE),  # share of all money paid and returned that is on them
            "members": optional(FLOAT, **SHARE),  # share of members of whom nothing else is there
            "whom": optional(TEXT),  # ids concerned, the first of them
            "limit": optional(FLOAT, **COUNT),  # cents on a line, of rule `outlier`: where it drops those above
            "loud": required(BOOL),  # too much to pass over: said at the top of the page and in the memo
            "why": required(TEXT),
        },
    ),
    Table(
        "signs",
        ("member_id", "sign"),
        {
            "member_id": required(TEXT),
            "sign": required(TEXT),  # that points or offers may be abused: data/abuse.py
            "found": required(FLOAT, **COUNT),
            "usual": required(FLOAT, **COUNT),  # of others
            "why": required(TEXT),  # what was found
        },
    ),
    # --- features: functions of (events before a cut-off, the cut-off) ---------------------------------------------
    Table(
        "features",
        ("member_id", "as_of"),
        {
            "member_id": required(TEXT),
            "as_of": required(TIME),  # the cut-off, local midnight; only earlier events are seen
            "orders": required(INT, **COUNT),
            "purchase_days": required(INT, **COUNT),  # distinct local days with a purchase
            "frequency": required(INT, **COUNT),  # repeat purchase days: max(purchase_days - 1, 0), BG/NBD's x
            "recency_days": required(FLOAT, **COUNT),  # first to last purchase day, BG/NBD's t_x; 0 without purchases
            "age_days": required(FLOAT, **COUNT),  # first purchase day to as_of, BG/NBD's T; 0 without purchases
            "days_since_last": optional(FLOAT, **COUNT),  # null where nothing was bought
            "spend": required(INT),  # cents, net of returns
            "first_spend": required(INT, **COUNT),  # cents of purchases on the first purchase day; 0 without one
            "repeat_spend_mean": optional(FLOAT),  # cents a repeat purchase day, Gamma-Gamma's mean; null without one
            "median_gap_days": optional(FLOAT, **COUNT),  # between purchase days; null below two
            "gap_spread": optional(FLOAT, **COUNT),  # standard deviation over mean of gaps; null below three
            "items_distinct": required(INT, **COUNT),
            "basket_items": optional(FLOAT, **COUNT),  # mean distinct items an order
            "orders_30d": required(INT, **COUNT),
            "orders_90d": required(INT, **COUNT),
            "spend_30d": required(INT),
            "spend_90d": required(INT),
            "discount_share": optional(FLOAT, **SHARE),  # discount over list price paid for
            "return_share": optional(FLOAT, **COUNT),  # return events over purchase events
            "weekend_share": optional(FLOAT, **SHARE),  # of orders, Saturday and Sunday local
            "evening_share": optional(FLOAT, **SHARE),  # of orders, 17:00 and later local
            "channels": required(INT, **COUNT),  # distinct channels (stores, web, ...)
            "main_channel_share": optional(FLOAT, **SHARE),  # of orders, in the most used channel
            "views": required(INT, **COUNT),
            "carts": required(INT, **COUNT),
            "browse_to_buy": optional(FLOAT, **SHARE),  # items viewed and later bought, over items viewed
            "contacts": required(INT, **COUNT),
        },
    ),
    Table(
        "category_shares",
        ("member_id", "as_of", "category"),
        {
            "member_id": required(TEXT),
            "as_of": required(TIME),
            "category": required(TEXT),
            "spend": required(INT, **COUNT),  # cents of purchases
            "share": required(FLOAT, **SHARE),
        },
    ),
)

_GIVEN = (  # people's own, read with the others and not stored: what they say is in the tables above
    Table(
        "rates",
        ("currency", "day"),
        {
            "currency": required(TEXT),
            "day": required(TIME),  # local day in dataset.timezone
            "rate": required(FLOAT, **COUNT),  # units of dataset.currency for one unit of the currency
        },
    ),
    Table("aliases", ("source_id",), {"source_id": required(TEXT), "member_id": required(TEXT)}),
)

ALL: dict[str, Table] = {table.name: table for table in (*_CANONICAL, *member_schemas.DEFINITIONS)}
READ: dict[str, Table] = ALL | {table.name: table for table in _GIVEN}  # all that files of the user may hold
