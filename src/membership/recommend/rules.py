"""Rules of the business: what may be on a list, whatever a policy ranks first. They hold before the list is cut at k.

The order in which it is decided: what the policy ranks, by its scores, with `recommend.explore` where it knows that,
times exp(weight x standing), has before it pins and then, by setting, what is in the member's cart, and after it what
sells best. Of these go what is blocked, not available on the day, bought too recently by the member or in its cart;
what comes first is shown to who bought it lately, too. What is left is ordered anew by the reranker, if one is given,
behind what comes first. Last goes what is one too many of its kind. A list is shorter than k where nothing else may be
on it.

Who a member is counts, too: an item of a shop is listed to members of that shop, one with an age limit to those who
are known to be old enough, also where it is pinned. Of a member without a history nothing is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from membership.base import tables
from membership.base.errors import ParamError
from membership.recommend import item_rules, personal
from membership.recommend.arrivals import FROM, UNTIL, available
from membership.recommend.baskets import Baskets
from membership.recommend.personal import Fit
from membership.recommend.policy import Recommender, order_chance
from membership.recommend.ranking import Ranker, best, popularity
from membership.recommend.rerank import Again, Reranker
from membership.settings.recommend import InCart, Rules

DEEP = 100  # items of a policy that are looked through, at least (see `depth`), and of best sellers
MEMBERS = 256  # whose lists are made together: bounds the memory
Listable = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # rows, items, pinned (n,) -> may be listed
Firsts = Callable[[np.ndarray], np.ndarray]  # rows (n,) -> columns that come first (n, most), -1 for none


@dataclass(frozen=True)
class Beside:
    """The canonical tables beside `items` at which rules look, where they are there."""

    members: pd.DataFrame | None = None
    item_rules: pd.DataFrame | None = None

    @property
    def rows(self) -> pd.DataFrame:
        """Table `item_rules`, without a row where there is none."""
        return _no_rows() if self.item_rules is None else self.item_rules


NOTHING = Beside()


def depth(k: int, items: int) -> int:
    """Return how many of `items` a policy ranks for a list of `k`."""
    return min(max(DEEP, 10 * k), items)


@cache
def _no_rows() -> pd.DataFrame:
    return tables.empty("item_rules")


def ruled(
    recommender: Recommender,
    rules: Rules,
    items: pd.DataFrame,
    day: date,
    beside: Beside = NOTHING,
    reranker: Reranker | None = None,
) -> Recommender:
    """Return `recommender` as far as rules let it; the same one where there are none, no dates of availability, and no
    `reranker`, which takes scores for chances.

    `items` is the canonical table, `day` the one on which lists are shown. Raises ParamError or DataError where a rule
    names what is unknown, leaves nothing, or contradicts another.
    """
    if none(rules, items, beside) and reranker is None:
        return recommender
    return of_catalogue(recommender.market, rules, items, day, beside, reranker).over(recommender)


def none(rules: Rules, items: pd.DataFrame, beside: Beside) -> bool:
    """Say whether anything may be listed on any day."""
    return rules == Rules() and FROM not in items and UNTIL not in items and beside.rows.empty


def of_catalogue(
    market: Baskets,
    rules: Rules,
    items: pd.DataFrame,
    day: date,
    beside: Beside = NOTHING,
    reranker: Reranker | None = None,
) -> "Ruled":
    """Return what `rules` say of the catalogue of `market`, whose best sellers fill up lists; else as `ruled`."""
    described = items.drop_duplicates("item_id").set_index("item_id").reindex(market.items)
    named = {"blocked": rules.blocked, "pinned": rules.pinned}
    for name, ids in named.items():
        _known(name, ids, items["item_id"])
    blocked, on_sale = np.isin(market.items, rules.blocked), available(described, day)
    _something(~blocked, "blocked")
    _something(on_sale, f"availability on {day} (items.{FROM}, items.{UNTIL})")
    allowed = on_sale & ~blocked
    _something(allowed, f"blocked, with availability on {day},")
    shops = item_rules.in_shops(beside.rows, market, allowed, items, day, beside.members)
    for shop, listable in shops.visited.items():
        _something(listable, f"table item_rules, on {day} in shop {shop}, with recommend.rules,")
    kinds = [(name, _kinds(described, name), most) for name, most in rules.at_most.items()]
    own = _pins(rules, market, shops.listable.any(axis=1), day)
    pinned = np.concatenate([np.broadcast_to(own, (len(shops.pins), len(own))), shops.pins], axis=1)
    _few_of_a_kind(pinned, kinds)
    factor = np.exp(sum(weight * _standing(described, name) for name, weight in rules.favour.items()) + np.zeros(1))
    order = best(popularity(market)[None, :], len(market.items))[0]
    factor = np.broadcast_to(factor, len(market.items))
    pairs = [(kind, most) for _, kind, most in kinds]
    who = [*personal.fits(rules, described, beside.members), *shops.fits]
    return Ruled(
        allowed, pinned, shops.place, factor, pairs, order, rules.not_within_days, rules.in_cart, who, reranker
    )


@dataclass(frozen=True)
class Asked:
    """What is asked of members: what is `listable`, what comes first, the `chances` by which a policy orders columns
    with scores, and how what may be listed is ordered `again`, if it is.
    """

    listable: Listable
    firsts: Firsts
    chances: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    again: Again | None


@dataclass(frozen=True)
class Ruled:
    """Of the items of a catalogue (I,): which are `allowed`; columns `pinned` in each place (places, most), -1 for no
    more, and the `place` of members by id, the last one if unknown; `factor` of scores; columns in `order` of
    popularity; the number of each one's kind, and how `most` of a kind may be on a list; days after a purchase; what
    becomes of what is in the `cart`; `who` say to whom an item may be listed; the `reranker`, if there is one.
    """

    allowed: np.ndarray
    pinned: np.ndarray
    place: pd.Series
    factor: np.ndarray
    kinds: list[tuple[np.ndarray, int]]
    order: np.ndarray
    days: int | None
    cart: InCart | None
    who: list[Fit]
    reranker: Reranker | None

    def over(self, recommender: Recommender) -> Recommender:
        """Return `recommender` as far as the rules let it; its row -1 is a member without a history."""
        known, explore = recommender.baskets, recommender.explore
        listable, firsts = self._of(known)

        def chances(rows: np.ndarray, columns: np.ndarray, scores: np.ndarray) -> np.ndarray:
            return order_chance(scores, ~known.holds(rows[:, None], columns), explore) if explore else scores

        again = self.reranker and self.reranker.among(known)
        asked = Asked(listable, firsts, chances, again)
        return replace(recommender, within=lambda top: lambda rows, k: self._list(top, np.asarray(rows), k, asked))

    def _of(self, baskets: Baskets) -> tuple[Listable, Firsts]:
        width = len(self.allowed)
        lines = baskets.age <= (self.days or 0)
        hidden = baskets.member[lines].astype(np.int64) * width + baskets.item[lines]
        carts = _in_carts(baskets) if self.cart else np.empty((0, 2), dtype=np.int64)
        if self.cart and self.cart.listed == "never":
            carts, hidden = carts[:0], np.append(hidden, carts @ [width, 1])
        fits, own = [fit.of(baskets.members) for fit in self.who], _side_by_side(carts, len(baskets.members))
        place = personal.of_rows(self.place, baskets.members, len(self.pinned) - 1).astype(int)

        def listable(rows: np.ndarray, items: np.ndarray, first: np.ndarray) -> np.ndarray:
            may = first | ~np.isin(rows.astype(np.int64) * width + items, hidden)
            return np.logical_and.reduce([self.allowed[items], may, *(fit(rows, items) for fit in fits)])

        def firsts(rows: np.ndarray) -> np.ndarray:
            return np.concatenate([self.pinned[place[rows]], own[rows]], axis=1)

        return listable, firsts

    def _list(self, top: Ranker, rows: np.ndarray, k: int, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), MEMBERS):
            batch = np.arange(start, min(start + MEMBERS, len(rows)))
            ranked = top(rows[batch], depth(k, len(self.allowed)))
            found = *ranked, asked.chances(rows[batch], *ranked), asked.firsts(rows[batch])
            columns[batch], scores[batch] = self._cut(*found, rows[batch], k, asked, self.order[:DEEP])
            short = np.flatnonzero((columns[batch] < 0).any(axis=1))
            for one in short:  # few: rules leave little of what sells best
                at, its = batch[one : one + 1], (each[one : one + 1] for each in found)
                columns[at], scores[at] = self._cut(*its, rows[at], k, asked, self.order)
        return columns, scores

    def _cut(self, columns, scores, chances, first, rows, k: int, asked: Asked, rest: np.ndarray):
        """Return the `k` that may be listed of what comes `first`, of `columns` with `scores`, and of `rest`."""
        found = self._candidates(columns, scores, chances, first, rest)
        may = asked.listable(rows[found["place"]], found["item"].to_numpy(), found["first"].to_numpy())
        found = found[may].drop_duplicates(["place", "item"])
        if asked.again:
            found = asked.again(found, rows, k, self.kinds)
        for kind, most in self.kinds:
            its = kind[found["item"]]
            found = found[(its < 0) | (found.groupby(["place", its]).cumcount().to_numpy() < most)]
        rank = found.groupby("place").cumcount().to_numpy()
        found, rank = found[rank < k], rank[rank < k]
        listed, of_listed = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        listed[found["place"], rank], of_listed[found["place"], rank] = found["item"], found["score"]
        return listed, of_listed

    def _candidates(self, columns, scores, chances, first, rest: np.ndarray) -> pd.DataFrame:
        """Return place (row of `columns`), item (column), score, chance (by which it is ordered) and whether it comes
        first, in the order of lists.
        """
        chances = chances * self.factor[columns]
        by = np.argsort(np.where(columns < 0, np.inf, -chances), axis=1, kind="stable")
        columns, scores, chances = (np.take_along_axis(each, by, axis=1) for each in (columns, scores, chances))
        same = columns[:, None, :] == first[:, :, None]
        own = np.where(same, scores[:, None, :], 0).max(axis=2, initial=0)
        shape = (len(columns), len(rest))
        item = np.concatenate([first, columns, np.broadcast_to(rest, shape)], axis=1)
        score, chance = (np.concatenate([own, each, np.zeros(shape)], axis=1) for each in (scores, chances))
        place, order = np.divmod(np.arange(item.size), item.shape[1])
        flat = {"place": place, "item": item.ravel(), "score": score.ravel(), "chance": chance.ravel()}
        frame = pd.DataFrame(flat | {"first": order < first.shape[1]})
        return frame[frame["item"] >= 0]


def _in_carts(baskets: Baskets) -> np.ndarray:
    """Return row and column (n, 2) of what lies in carts, in the order of `Baskets.carts`."""
    if baskets.carts is None:
        return np.empty((0, 2), dtype=np.int64)
    rows, columns = baskets.rows(baskets.carts["member_id"]), baskets.columns(baskets.carts["item_id"])
    return np.column_stack([rows, columns])[(rows >= 0) & (columns >= 0)].astype(np.int64)


def _side_by_side(pairs: np.ndarray, members: int) -> np.ndarray:
    """Return the columns of each row of `pairs` (n, 2) in their order, (members + 1, most), -1 where there are no more.

    The last row, which is also row -1, has none.
    """
    place = pd.Series(pairs[:, 0]).groupby(pairs[:, 0]).cumcount().to_numpy()
    found = np.full((members + 1, int(place.max(initial=-1)) + 1), -1)
    found[pairs[:, 0], place] = pairs[:, 1]
    return found


def _known(name: str, ids: list[str], known: pd.Series) -> None:
    unknown = sorted(set(ids) - set(known))
    if unknown:
        raise ParamError(
            f"recommend.rules.{name}: unknown items: {', '.join(unknown[:5])}; they are not in table 'items'. Take "
            "them out, or correct them."
        )


def _something(allowed: np.ndarray, rule: str) -> None:
    if not allowed.any():
        raise ParamError(f"recommend.rules: {rule} leaves no item that can be recommended; loosen it.")


def _kinds(described: pd.DataFrame, name: str) -> np.ndarray:
    """Return a number for each item's value in column `name`, -1 where it is unknown: of these there is no limit."""
    return pd.factorize(personal.column("at_most", "items", described, name))[0]


def _standing(described: pd.DataFrame, name: str) -> np.ndarray:
    """Return where each item stands among all by column `name`, from 0 to 1, a half where it is unknown."""
    column = personal.column("favour", "items", described, name)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise ParamError(
            f"recommend.rules.favour: items.{name} holds no numbers, so nothing stands higher than another."
        )
    return column.rank(pct=True).fillna(0.5).to_numpy(dtype=float)


def _pins(rules: Rules, market: Baskets, allowed: np.ndarray, day: date) -> np.ndarray:
    """Return the columns of what is pinned. Raises ParamError where a pin cannot be kept, naming what is against it."""
    columns = market.columns(np.array(rules.pinned, dtype=str))
    for item, column in zip(rules.pinned, columns, strict=True):
        if column < 0:
            raise ParamError(
                f"recommend.rules.pinned: {item!r} was bought too seldom to be recommended; lower "
                "recommend.min_item_purchases, or take it out."
            )
        if not allowed[column]:
            why = "blocked, too" if item in rules.blocked else f"not available on {day}, or blocked by table item_rules"
            raise ParamError(f"recommend.rules.pinned: {item!r} is {why}; take one of the two out.")
    return columns


def _few_of_a_kind(pinned: np.ndarray, kinds: list[tuple[str, np.ndarray, int]]) -> None:
    """Raise ParamError where more are pinned in a place, a row of `pinned`, than may be listed of their kind."""
    for columns in pinned:
        for name, kind, most in kinds:
            many = pd.Series(kind[np.unique(columns[columns >= 0])]).value_counts()
            if len(many := many[many.index >= 0]) and many.max() > most:
                raise ParamError(
                    f"recommend.rules.pinned: {many.max()} pins of one {name}, with those of table item_rules, but "
                    f"recommend.rules.at_most allows {most}. Pin fewer, or allow more."
                )
