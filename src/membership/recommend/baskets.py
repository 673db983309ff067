"""Baskets: what each member bought, one basket a local day, before a cut-off, and the next basket after it.

    ... basket 2    basket 1    basket 0 | cutoff            next basket
    ------------- history --------------)[--------------- window --------------)

The target is the first basket in the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import sparse

from membership.base import batches, engine
from membership.base.errors import NotPossible
from membership.base.timeline import Window
from membership.data import purchases
from membership.recommend import arrivals
from membership.settings.recommend import Recommend


@dataclass(frozen=True)
class Baskets:
    """Histories before `cutoff`, as coordinates: line n says that member `member[n]` bought item `item[n]`.

    `members` (M,) and `items` (I,) are sorted ids; `member` and `item` (N,) index them; `basket` (N,) counts a
    member's baskets back from the last one, which is 0; `age` (N,) is in days before the cut-off, at least 1. Lines
    are sorted by member, basket, item, and a basket holds an item once. Where the order of baskets is known but not
    their dates, `cutoff` is None and `age` is `basket` + 1, so that it counts baskets instead of days. `discount` (N,)
    is the share of the list price that was saved, None where prices are not known. `carts` (member_id, item_id) is what
    members have in their carts, each one's newest first; None where no rule asks. `since` (I,) is for how many days
    each item has been known at the cut-off, NaN where that is unknown; None where `recommend.cold` is off.
    """

    cutoff: date | None
    members: np.ndarray
    items: np.ndarray
    member: np.ndarray
    item: np.ndarray
    basket: np.ndarray
    age: np.ndarray
    discount: np.ndarray | None = None
    carts: pd.DataFrame | None = None
    since: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of members, number of items."""
        return len(self.members), len(self.items)

    @property
    def dated(self) -> bool:
        """Whether ages are days; else they count baskets."""
        return self.cutoff is not None

    @property
    def sizes(self) -> np.ndarray:
        """Baskets of each member, (M,)."""
        end = np.searchsorted(self.member, np.arange(len(self.members)), side="right")  # the last line is the oldest
        return self.basket[end - 1].astype(np.int64) + 1

    @property
    def days_before_last(self) -> np.ndarray:
        """Days from each line's basket to its member's last one, (N,); baskets where days are not known."""
        return self.age - self.age[np.searchsorted(self.member, self.member)]

    def only(self, rows: np.ndarray) -> "Baskets":
        """Return the histories of the members `rows` (n,), sorted, each once; of the same catalogue."""
        begin, end = (np.searchsorted(self.member, rows, side=side) for side in ("left", "right"))
        many = end - begin
        member = np.repeat(np.arange(len(rows), dtype=np.int32), many)
        lines = np.arange(len(member)) + np.repeat(begin - (np.cumsum(many) - many), many)
        own = {name: getattr(self, name)[lines] for name in ("item", "basket", "age")}
        discount = None if self.discount is None else self.discount[lines]
        return replace(self, members=self.members[rows], member=member, discount=discount, **own)

    def evenly(self, most: int) -> "Baskets":
        """Return the histories of `most` members, evenly, where there are more."""
        members = len(self.members)
        return self if members <= most else self.only(np.linspace(0, members - 1, most).astype(int))

    def matrix(self, values: np.ndarray | None = None) -> sparse.csr_array:
        """Return the (M, I) sum of `values` (N,) over lines; without values, in how many baskets an item was."""
        values = np.ones(len(self.member)) if values is None else values
        return sparse.coo_array((values, (self.member, self.item)), shape=self.shape).tocsr()

    def rows(self, members: np.ndarray) -> np.ndarray:
        """Return the row of each of `members` (ids), -1 for one without a history."""
        return _positions(self.members, members)

    def columns(self, items: np.ndarray) -> np.ndarray:
        """Return the column of each of `items` (ids, any shape), -1 for one that is not in the catalogue."""
        return _positions(self.items, items)

    def with_items(self, ids: Sequence[str]) -> "Baskets":
        """Return the same histories with `ids` in the catalogue, too: items that nobody has bought yet."""
        items = np.union1d(self.items, np.asarray(ids, dtype=str))
        place = np.searchsorted(items, self.items).astype(self.item.dtype)
        since = None if self.since is None else pd.Series(self.since, self.items).reindex(items).to_numpy()
        return replace(self, items=items, item=place[self.item], since=since)

    def bought(self, members: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Say of `ids` (n, k) which are in the history of `members` (n,): repeat (True) or explore (False)."""
        return self.holds(self.rows(members)[:, None], self.columns(ids))

    def holds(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Say whether the items `columns` are in the histories `rows`, of shapes that go together; -1 is nobody's."""
        wanted = np.where((rows < 0) | (columns < 0), -1, rows.astype(np.int64) * len(self.items) + columns)
        return self._pairs[np.searchsorted(self._pairs, wanted).clip(max=len(self._pairs) - 1)] == wanted

    @cached_property
    def buyers(self) -> np.ndarray:
        """How many members have bought each item, (I,)."""
        blocks = (np.arange(len(self.members))[block] for block in batches.blocks(len(self.members)))
        return sum(np.bincount(self.only(rows).matrix().indices, minlength=len(self.items)) for rows in blocks)

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Numbers of the pairs of a member and an item that it has bought, sorted; first one that is no pair's."""
        return np.append(-2, np.unique(self.member.astype(np.int64) * len(self.items) + self.item))


@dataclass(frozen=True)
class Targets:
    """The next basket of each of `members` (n,), sorted ids: `matrix` (n, I) is 1 where it holds the item.

    `unseen` (n,) counts the items of the basket that are in no history, and so not in the catalogue. No basket is
    empty.
    """

    members: np.ndarray
    matrix: sparse.csr_array
    unseen: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Items in each basket, (n,)."""
        return self.matrix.sum(axis=1).astype(np.int64) + self.unseen

    def of(self, members: np.ndarray) -> "Targets":
        """Return the next baskets of those of `members` (ids) who have one."""
        chosen = np.isin(self.members, members)
        return Targets(self.members[chosen], self.matrix[chosen], self.unseen[chosen])


def of_products(events: ir.Table, items: pd.DataFrame) -> ir.Table:
    """Return `events` without those of items that are no products (`items.is_product`), e.g. fuel or coupons.

    They are spend and visits, which is why cleaning keeps them, but nothing to recommend.
    """
    others = items.loc[~items["is_product"], ["item_id"]]
    return events.anti_join(ibis.memtable(others, schema={"item_id": "string"}), "item_id")


def history(events: ir.Table, cutoff: date, knobs: Recommend, items: pd.DataFrame | None = None) -> Baskets:
    """Return the baskets before `cutoff` of members with at least `min_baskets`, of items bought often enough.

    Items are restricted first, then members, then each member's last `max_baskets` are kept. With `cold`, the catalogue
    is what is known at the cut-off, of `items` (the canonical table) too. Raises DataError where nothing is left.
    """
    frame = history_lines(events, cutoff, knobs)
    known = catalogue(frame, events, cutoff, knobs, items)
    found = of_catalogue(frame, known, cutoff)
    rule = knobs.rules.in_cart
    return replace(found, carts=in_carts(events, cutoff, rule.days).to_pandas()) if rule else found


def history_lines(events: ir.Table, cutoff: date, knobs: Recommend) -> pd.DataFrame:
    """Return the `lines` of `history`, with the same errors."""
    bought = _purchases(engine.before(events, cutoff))
    least = 1 if knobs.cold else knobs.min_item_purchases
    least = least or least_purchases(int(bought.member_id.nunique().execute()))
    often = bought.group_by("item_id").having(bought.count() >= least).agg()
    frame = lines(events, often, cutoff, knobs).to_pandas()
    if frame.empty and bought.limit(1).to_pandas().empty:
        raise NotPossible(
            f"before {cutoff} no purchase names an item, so no item can be recommended; map a column to item_id, or "
            "bring a table of what was bought."
        )
    if frame.empty:
        raise NotPossible(
            f"before {cutoff} no member has {knobs.min_baskets} baskets (recommend.min_baskets) of items bought "
            f"{least} times (recommend.min_item_purchases): lower these, or bring more events."
        )
    return frame


def catalogue(
    frame: pd.DataFrame, events: ir.Table, cutoff: date, knobs: Recommend, items: pd.DataFrame | None = None
) -> pd.Series:
    """Return what can be recommended beside the `lines` in `frame`: for how many days each item is known, by sorted id.

    That is NaN without `cold`, where these are the items of the lines; with it they are those that have `arrived`.
    """
    if knobs.cold:
        return arrivals.arrived(events, items, cutoff).rename_axis("item_id").rename("since")
    ids = np.unique(frame["item_id"].to_numpy(dtype=str))
    return pd.Series(np.nan, pd.Index(ids, name="item_id"), name="since")


def least_purchases(members: int) -> int:
    """Return how often an item must have been bought where `members` have bought: once for each 150, 2 to 20.

    An item that hardly anybody has bought says little of who else would; more than 20 purchases say enough anywhere.
    """
    return min(max(-(-members // 150), 2), 20)


def lines(events: ir.Table, catalogue: ir.Table, cutoff: date, knobs: Recommend) -> ir.Table:
    """Return the lines of the baskets before `cutoff` of items in `catalogue` (item_id), sorted as in `Baskets`.

    Columns: member_id, item_id, day, basket, baskets (of the member), and discount if prices are known. Of members
    with at least `min_baskets`, the last `max_baskets`.
    """
    bought = _purchases(engine.before(events, cutoff))
    found = bought.semi_join(catalogue, "item_id").group_by("member_id", "item_id", "day").agg(**_saved(bought))
    found = found.mutate(basket=ibis.dense_rank().over(group_by=found.member_id, order_by=found.day.desc()))
    found = found.mutate(baskets=found.basket.max().over(group_by=found.member_id) + 1)
    found = found.filter(found.baskets >= knobs.min_baskets, found.basket < knobs.max_baskets)
    return found.order_by("member_id", "basket", "item_id")


def of_catalogue(frame: pd.DataFrame, known: pd.Series, cutoff: date) -> Baskets:
    """Return the histories of the `lines` in `frame`; `known` is as from `catalogue`."""
    since = known.to_numpy(dtype=float)
    return of_lines(frame, known.index.to_numpy(dtype=str), cutoff, None if np.isnan(since).all() else since)


def of_lines(frame: pd.DataFrame, items: np.ndarray, cutoff: date, since: np.ndarray | None = None) -> Baskets:
    """Return the histories of the `lines` in `frame`, with the catalogue `items` (sorted ids), known `since`."""
    member, members = pd.factorize(frame["member_id"], sort=True)
    item = np.searchsorted(items, frame["item_id"].to_numpy(dtype=str))
    age = (pd.Timestamp(cutoff) - frame["day"]).dt.days
    whole = [array.astype(np.int32) for array in (member, item, frame["basket"].to_numpy(), age.to_numpy())]
    discount = frame["discount"].to_numpy(dtype=np.float32) if "discount" in frame else None
    return Baskets(cutoff, members.to_numpy(dtype=str), items, *whole, discount, since=since)


def in_carts(events: ir.Table, cutoff: date, days: int) -> ir.Table:
    """Return `Baskets.carts` on `cutoff`: what was put in within `days` before, and not bought since."""
    since = ibis.timestamp((cutoff - timedelta(days=days)).isoformat())
    late = engine.before(events, cutoff).filter(lambda t: t.local_at >= since)
    put = late.drop_null("item_id").filter(purchases.is_cart)
    put, bought = (
        rows.group_by("member_id", "item_id").agg(**{name: rows.local_at.max()})
        for name, rows in (("put", put), ("bought", purchases.basket_lines(late)))
    )
    left = put.left_join(bought, ["member_id", "item_id"])
    left = left.filter(~(left.bought >= left.put).fill_null(False))
    return left.order_by("member_id", left.put.desc(), "item_id").select("member_id", "item_id")


def targets(events: ir.Table, window: Window, baskets: Baskets) -> Targets:
    """Return the first basket in `window` of each member of `baskets`, restricted to its items; ids sorted.

    Raises ValueError where the window starts before the history ends.
    """
    if window.start < baskets.cutoff:
        raise ValueError(f"the window {window} starts before the cut-off {baskets.cutoff} of the history.")
    after = events.filter(events.local_at >= ibis.timestamp(window.start.isoformat()))
    bought = _purchases(engine.before(after, window.end))
    known = ibis.memtable({"item_id": baskets.items.tolist()})
    regulars = ibis.memtable({"member_id": baskets.members.tolist()})
    bought = bought.semi_join(known, "item_id").semi_join(regulars, "member_id")
    first = bought.mutate(first=bought.day.min().over(group_by=bought.member_id)).filter(ibis._.day == ibis._.first)
    frame = first.group_by("member_id", "item_id").agg().order_by("member_id", "item_id").to_pandas()
    member, members = pd.factorize(frame["member_id"], sort=True)
    columns = baskets.columns(frame["item_id"].to_numpy(dtype=str))
    shape = (len(members), len(baskets.items))
    matrix = sparse.coo_array((np.ones(len(frame)), (member, columns)), shape).tocsr()
    return Targets(members.to_numpy(dtype=str), matrix, np.zeros(len(members), dtype=np.int64))


def _purchases(events: ir.Table) -> ir.Table:
    bought = purchases.basket_lines(events)
    return bought.mutate(day=bought.local_at.truncate("D"))


def _saved(bought: ir.Table) -> dict[str, ir.Value]:
    """Return the share of the list price that was saved, `discount`, if prices are known."""
    if not {"amount", "discount"} <= set(bought.columns):
        return {}
    paid, saved = bought.amount.sum().coalesce(0), bought.discount.sum().coalesce(0)
    return {"discount": (saved / ibis.greatest(paid + saved, 1)).clip(0, 1)}


def _positions(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    wanted = np.asarray(wanted, dtype=str)
    if not len(ids):
        return np.full(wanted.shape, -1)
    positions = np.searchsorted(ids, wanted).clip(max=len(ids) - 1)
    return np.where(ids[positions] == wanted, positions, -1)
