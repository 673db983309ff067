"""Which events are impossible or implausible, which items are no products, and what happens to doubtful rows."""

import warnings
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from membership.base import dialect
from membership.settings.section import Count, Section, Share


def _renamed(action: object) -> object:
    if action != "mended":
        return action
    warnings.warn("params.yaml: clean.item_case: 'mended' is called 'unified' now; please rename it.", stacklevel=2)
    return "unified"


Pattern = Annotated[str, AfterValidator(dialect.pattern)]


class Clean(Section):
    """Which events are impossible or implausible, which items are no products, and what happens to doubtful rows."""

    # local days from earliest (in) to latest (out) are possible; other events are dropped
    earliest: date = date(1990, 1, 1)
    latest: date = date(2035, 1, 1)  # local day after earliest
    # events on that local day and later are not read, and no rule counts them; null: all are (a replay sets it)
    known_until: date | None = None
    cancellation_pattern: Pattern = ""  # on order_id: matching orders are returns; empty: none
    product_pattern: Pattern = ""  # on item_id: what does not match is no product; empty: all match
    non_product_pattern: Pattern = ""  # on category: what matches is no product; empty: none
    # kept | unified; unified: item ids that differ only by case become one
    item_case: Annotated[Literal["kept", "unified"], BeforeValidator(_renamed)] = "kept"
    # kept | dropped; purchases and returns for nothing: here, free goods
    zero_amounts: Literal["kept", "dropped"] = "kept"
    # kept | dropped; kept where equal rows are real, e.g. repeated clicks
    exact_duplicates: Literal["kept", "dropped"] = "dropped"
    outlier_quantity: Count = 100000  # units on a line; above it a line is dropped; fuel here counts up to 89638
    # cents on a line; above it a line is dropped; null: 5,000 times the median line, whatever the currency
    outlier_amount: Count | None = None
    # of money, members or rows that a rule takes: above it the page and the memo say so first
    loud_share: Share = 0.02
    suspicious_share: Share = 0.05  # of all orders: a member with that many is named
