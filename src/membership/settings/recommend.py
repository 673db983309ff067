"""What is recommended to whom, and what is changed in the settings of the peers."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from membership.settings.section import Count, Days, NotNegative, Section

Knob = Annotated[float, Field(ge=0, le=1000)]  # purchases


class InCart(Section):
    """What becomes of an item that a member put into the cart in the last `days` and has not bought since."""

    days: Days
    listed: Literal["never", "first"] = "never"


class Rules(Section):
    """Rules of the business on what is listed, by ids and columns of `items` and `members`: `recommend/rules.py`.

    Beside them an item is listed from its `available_from` to its `available_until` only, where `items` has these.
    """

    blocked: list[str] = []  # ids of items that are never listed
    pinned: list[str] = []  # ids of items that are listed first, in this order
    at_most: dict[str, Count] = {}  # column -> items of one value on a list, at most, e.g. {category: 3, brand: 2}
    same: list[str] = []  # columns of `items` and `members`, e.g. [shop]: listed to whom it is the same, or unknown
    at_least: dict[str, str] = {}  # numbers of `items` -> of `members`, e.g. {age_limit: age}: not listed below it
    not_within_days: Days | None = None  # days after a purchase in which a member is not shown the item again
    in_cart: InCart | None = None  # e.g. {days: 7}, or {days: 7, listed: first}; null: a cart changes nothing
    favour: dict[
        str, float
    ] = {}  # column of numbers, e.g. margin -> log of how much more the highest counts than the lowest

    @field_validator("pinned")
    @classmethod
    def _once(cls, pinned):
        if len(set(pinned)) < len(pinned):
            raise ValueError("an item is pinned twice")
        return pinned


class Rerank(Section):
    """What a list is for beside purchases: `recommend/rerank.py`. A knob is the purchases a list that its metric is
    worth, where it is 1 instead of 0: 0.5 gives half a purchase for it. 0: nothing.
    """

    novelty: Knob = 0.0  # how rare listed items are
    diversity: Knob = 0.0  # share of listed pairs that are of two categories
    serendipity: Knob = 0.0  # share that is bought, new to the member and no best seller
    freshness: Knob = 0.0  # share that nobody had bought until a month ago
    coverage: Knob = 0.0  # share of the catalogue that is on some member's list
    popularity: Knob = 0.0  # how much less popular than now, where items are more so than what the member buys


class Recommend(Section):
    """What is recommended to whom. `peers` is name -> settings over the peer's defaults, which the peer checks."""

    k: Annotated[int, Field(ge=1, le=100)] = 10  # items recommended to a member
    min_item_purchases: Count | None = None  # null: as many as fit the number of members (`baskets.least_purchases`)
    min_baskets: Count = 3  # before the cut-off below which a member is not learned from
    max_baskets: Count = 50  # last baskets of a member that are looked at
    explore: NotNegative = 0.0  # log-odds added to items new to the member when the model ranks
    cold: bool = False  # whatever is known is a candidate, bought or not: by how new it is and by what is said of it
    rerank: Rerank = Rerank()
    rules: Rules = Rules()
    peers: dict[str, dict[str, Any]] = {}
