"""Table `item_rules`: what may be listed on a day, to members of which shop and age, and what comes first.

    available   an item with such rows is listed where and when one of them holds, and not elsewhere
    blocked     it is not listed
    pinned      it is listed first, the lowest `value` before the others
    age         it is listed to who is known to be at least `value` years old

A row holds from the day of `starts_at` to that of `ends_at`, for members of its `shop`, or of all if that is "". To
members of whom no shop is known everything may be listed that is available in any, and only rows of all shops block and
pin.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import AGE, AVAILABLE, BLOCKED, PINNED
from membership.recommend import personal
from membership.recommend.baskets import Baskets
from membership.recommend.personal import Fit

SHOP, YEARS = "shop", "age"  # columns of table `members` that rows ask for
ANYWHERE = ""  # the `shop` of rows that hold in all


@dataclass(frozen=True)
class InShops:
    """What the rules of a day say of I items in P places: each shop of `names`, any other one, an unknown one.

    `listable` (I, P); `pins` (P, most) columns, -1 for none; `place` of members by id; `least` age (I,), null for any.
    """

    names: list[str]
    listable: np.ndarray
    pins: np.ndarray
    place: pd.Series
    least: np.ndarray
    ages: pd.Series

    @property
    def visited(self) -> dict[str, np.ndarray]:
        """What is listable (I,) in each shop that has members, by its name, and to whom no shop is known of."""
        places = dict(enumerate([*self.names, "another than those of the table", "unknown"]))
        there = {*self.place.dropna().astype(int), len(places) - 1}
        return {name: self.listable[:, place] for place, name in places.items() if place in there}

    @property
    def fits(self) -> list[Fit]:
        """To whom items may be listed."""
        places = Fit(
            np.arange(len(self.listable)),
            self.place,
            self.listable.shape[1] - 1,
            lambda item, place: self.listable[item, place.astype(int)],
        )
        return [places, personal.old_enough(self.least, self.ages)] if np.isfinite(self.least).any() else [places]


def columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of table `members` that the rows of `table` need."""
    needed = {SHOP: (table["shop"] != ANYWHERE).any(), YEARS: (table["rule"] == AGE).any()}
    return [name for name, there in needed.items() if there]


def in_shops(
    table: pd.DataFrame,
    market: Baskets,
    allowed: np.ndarray,
    items: pd.DataFrame,
    day: date,
    members: pd.DataFrame | None,
) -> InShops:
    """Return what `table` says on `day` of the catalogue of `market`, of which other rules have `allowed` some (I,).

    `items` and `members` are the canonical tables. Raises DataError where a row names an unknown item, has no age or
    days in the wrong order, or pins what must not be listed; ParamError where table `members` lacks a column.
    """
    _checked(table, items)
    holds = table[_holds(table, day)]
    people = pd.DataFrame() if members is None else members.set_index("member_id")
    names = sorted(set(table["shop"]) - {ANYWHERE})
    listable = _listable(table, holds, names, market) & allowed[:, None]
    of = {name: personal.column("item_rules", "members", people, name) for name in columns(table)}
    place = _places(of[SHOP], names) if SHOP in of else pd.Series(dtype=float)
    ages = personal.numbers("item_rules", "members", of[YEARS]) if YEARS in of else pd.Series(dtype=float)
    return InShops(names, listable, _pins(holds, names, market, listable, day), place, _least(holds, market), ages)


def _checked(table: pd.DataFrame, items: pd.DataFrame) -> None:
    ages = table["rule"] == AGE
    wrong = {
        "unknown items, which are not in table 'items'": ~table["item_id"].isin(items["item_id"]),
        "they end before they start": table["ends_at"] < table["starts_at"],
        "an age limit without a value": ages & table["value"].isna(),
        "an age limit of one shop; leave its shop empty": ages & (table["shop"] != ANYWHERE),
    }
    for what, rows in wrong.items():
        if rows.any():
            first = table[rows].head(5)
            shown = ", ".join(f"{item} ({rule})" for item, rule in zip(first["item_id"], first["rule"], strict=True))
            raise DataError(f"item_rules: {rows.sum()} rows, e.g. {shown}: {what}. Correct the rows, or take them out.")


def _holds(table: pd.DataFrame, day: date) -> np.ndarray:
    at, starts, ends = pd.Timestamp(day), table["starts_at"].dt.normalize(), table["ends_at"].dt.normalize()
    return ((starts.isna() | (starts <= at)) & (ends.isna() | (ends >= at))).to_numpy()


def _listable(table: pd.DataFrame, holds: pd.DataFrame, names: list[str], market: Baskets) -> np.ndarray:
    limited = np.isin(market.items, table.loc[table["rule"] == AVAILABLE, "item_id"])
    found = np.repeat(~limited[:, None], len(names) + 2, axis=1)
    there, gone = holds[holds["rule"] == AVAILABLE], holds[holds["rule"] == BLOCKED]
    for place, shop in enumerate([*names, None, None]):
        unknown = place == len(names) + 1
        open_ = there if unknown else there[there["shop"].isin([ANYWHERE, shop])]
        found[:, place] |= np.isin(market.items, open_["item_id"])
        found[:, place] &= ~np.isin(market.items, gone.loc[gone["shop"].isin([ANYWHERE, shop]), "item_id"])
    return found


def _places(shops: pd.Series, names: list[str]) -> pd.Series:
    number = shops.astype("str").map(dict(zip(names, range(len(names)), strict=True))).astype(float)
    return number.where(number.notna() | shops.isna(), len(names))


def _pins(holds: pd.DataFrame, names: list[str], market: Baskets, listable: np.ndarray, day: date) -> np.ndarray:
    """Return `InShops.pins`; a pin of all shops is kept where its item may be listed, and must be so in one."""
    rows = holds[holds["rule"] == PINNED].sort_values(["value", "item_id"])
    columns = market.columns(rows["item_id"].to_numpy(dtype=str))
    for item, shop, column in zip(rows["item_id"], rows["shop"], columns, strict=True):
        if column < 0:
            raise DataError(f"item_rules: pinned {item!r} was bought too seldom to be recommended; take the row out.")
        if not (listable[column] if shop == ANYWHERE else listable[column, [names.index(shop)]]).any():
            where = f" in shop {shop!r}" if shop else ""
            raise DataError(
                f"item_rules: {item!r} is pinned, but blocked or not available on {day}{where}; take one row out."
            )
    found = np.full((len(names) + 2, len(rows)), -1)
    for place, shop in enumerate([*names, None, None]):
        pinned = columns[rows["shop"].isin([ANYWHERE, shop])]
        found[place, : len(pinned)] = pinned
    return found


def _least(holds: pd.DataFrame, market: Baskets) -> np.ndarray:
    ages = holds[holds["rule"] == AGE].set_index("item_id")["value"]
    return ages.reindex(market.items).to_numpy(dtype=float)
