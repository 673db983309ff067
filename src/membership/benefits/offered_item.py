"""On which item a personal offer is put: where it moves most margin, not where the member buys anyway.

An offer shifts the log-odds of buying the item by a given amount. With c the chance of buying it without the offer and
c' with it, it brings price x margin rate x (c' - c): next to nothing on what is bought surely anyway, and on what is
hardly ever bought. A trial may put it on the item that the member buys most surely instead.
"""

import numpy as np
import pandas as pd

from membership.campaigns import ceiling
from membership.settings.trials import ITEM_RULES

_MOST_LIKELY = ITEM_RULES[0]


def best(
    recommendations: pd.DataFrame,
    prices: pd.DataFrame,
    margin_rate: float,
    shift: float,
    rules: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the item of each member's lists on which an offer brings most margin: one row a member, sorted by id.

    `recommendations`: the table of that name, of any policies; only rows with a chance are compared, and a member
    without any is given the first of a list. `prices`: item_id and price (cents); an item without a price brings
    nothing. `shift`: log-odds that the offer adds. `rules`: one of ITEM_RULES by member_id, of whom a trial
    says so; most_likely is the item of the largest chance. Columns member_id, item_id, chance, chance_with, gain (cents
    of margin, null where no chance is known).
    """
    rows = recommendations.merge(prices[["item_id", "price"]], on="item_id", how="left")
    chance = rows["chance"].to_numpy(dtype=float)
    rows["chance_with"] = chance * (1 + ceiling.uplift(chance, shift))
    rows["gain"] = margin_rate * rows["price"].fillna(0.0) * (rows["chance_with"] - chance)
    likely = False if rules is None else rows["member_id"].map(rules).eq(_MOST_LIKELY)
    rows["most"] = np.where(likely, rows["chance"], rows["gain"])
    rows = rows.sort_values(["member_id", "most", "rank", "item_id"], ascending=[True, False, True, True])
    found = rows.drop_duplicates("member_id")
    return found[["member_id", "item_id", "chance", "chance_with", "gain"]].reset_index(drop=True)


def named(chosen: pd.DataFrame, items: pd.DataFrame, on_items: list[str]) -> pd.DataFrame:
    """Return what is given (`Allocation.chosen`) with the `item_id` that each benefit of `on_items` is on.

    `items` is from `best`; null for other benefits and members without a list.
    """
    mine = chosen["member_id"].map(items.set_index("member_id")["item_id"]).astype(object)
    return chosen.assign(item_id=mine.where(chosen["benefit"].isin(on_items), None))
