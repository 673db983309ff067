"""Rules of the business: what may be on a list, whatever a policy ranks first. They hold before the list is cut at k.

Pins come first, then what the policy ranks, its scores times exp(weight x standing), then what sells best. Of these go
what is blocked, not available on the day, or bought too recently by the member, and what is one too many of its kind.
A pin is shown to who bought it lately, too. A list is shorter than k where nothing else may be on it.

Who a member is counts, too: an item of a shop is listed to members of that shop, one with an age limit to those who
are known to be old enough, also where it is pinned. Of a member without a history nothing is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.recommend import metrics, personal
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.personal import Fit
from membership.recommend.policy import Recommender
from membership.recommend.ranking import Ranker, best, popularity
from membership.settings.recommend import Rules

DEEP = 100  # items of a policy that are looked through, at least (ten times k where that is more), and of best sellers
MEMBERS = 256  # whose lists are made together: bounds the memory
Listable = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # rows, items, pinned (n,) -> may be listed
FROM, UNTIL = "available_from", "available_until"  # columns of table `items`, where known; the day of `until` counts


def ruled(
    recommender: Recommender, rules: Rules, items: pd.DataFrame, day: date, members: pd.DataFrame | None = None
) -> Recommender:
    """Return `recommender` as far as `rules` let it; the same one where there are none, and no dates of availability.

    `items` and `members` are the canonical tables, `day` the one on which lists are shown. Raises ParamError where a
    rule names what is unknown, leaves nothing, or contradicts another.
    """
    if none(rules, items):
        return recommender
    catalogue = of_catalogue(recommender.market, rules, items, day, members)
    return replace(recommender, within=catalogue.within(recommender.baskets))


def none(rules: Rules, items: pd.DataFrame) -> bool:
    """Say whether anything may be listed on any day."""
    return rules == Rules() and FROM not in items and UNTIL not in items


def of_catalogue(
    market: Baskets, rules: Rules, items: pd.DataFrame, day: date, members: pd.DataFrame | None = None
) -> "Ruled":
    """Return what `rules` say of the catalogue of `market`, whose best sellers fill up lists; errors as of `ruled`."""
    described = items.drop_duplicates("item_id").set_index("item_id").reindex(market.items)
    named = {"blocked": rules.blocked, "pinned": rules.pinned}
    for name, ids in named.items():
        _known(name, ids, items["item_id"])
    blocked, available = np.isin(market.items, rules.blocked), _available(described, day)
    _something(~blocked, "blocked")
    _something(available, f"availability on {day} (items.{FROM}, items.{UNTIL})")
    _something(available & ~blocked, f"blocked, with availability on {day},")
    kinds = [(name, _kinds(described, name), most) for name, most in rules.at_most.items()]
    pinned = _pins(rules, market, available & ~blocked, kinds, day)
    factor = np.exp(sum(weight * _standing(described, name) for name, weight in rules.favour.items()) + np.zeros(1))
    order = best(popularity(market)[None, :], len(market.items))[0]
    factor = np.broadcast_to(factor, len(market.items))
    pairs = [(kind, most) for _, kind, most in kinds]
    who = personal.fits(rules, described, members)
    return Ruled(available & ~blocked, pinned, factor, pairs, order, rules.not_within_days, who)


@dataclass(frozen=True)
class Ruled:
    """Of the items of a catalogue (I,): which are `allowed`; `factor` of scores; columns `pinned`, and in `order` of
    popularity; the number of each one's kind, and how `most` of a kind may be on a list; days after a purchase; `who`
    say to whom an item may be listed.
    """

    allowed: np.ndarray
    pinned: np.ndarray
    factor: np.ndarray
    kinds: list[tuple[np.ndarray, int]]
    order: np.ndarray
    days: int | None
    who: list[Fit]

    def within(self, baskets: Baskets) -> Callable[[Ranker], Ranker]:
        """Return what makes a ranker of rows of `baskets` keep the rules; row -1 is a member without a history."""
        width = len(self.allowed)
        lines = baskets.age <= (self.days or 0)
        recent = np.unique(baskets.member[lines].astype(np.int64) * width + baskets.item[lines])
        fits = [fit.of(baskets.members) for fit in self.who]

        def listable(rows: np.ndarray, items: np.ndarray, pinned: np.ndarray) -> np.ndarray:
            may = pinned | ~np.isin(rows.astype(np.int64) * width + items, recent)
            return np.logical_and.reduce([self.allowed[items], may, *(fit(rows, items) for fit in fits)])

        def over(top: Ranker) -> Ranker:
            return lambda rows, k: self._list(top, np.asarray(rows), k, listable)

        return over

    def _list(self, top: Ranker, rows: np.ndarray, k: int, listable: Listable) -> tuple[np.ndarray, np.ndarray]:
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), MEMBERS):
            batch = np.arange(start, min(start + MEMBERS, len(rows)))
            ranked = top(rows[batch], min(max(DEEP, 10 * k), len(self.allowed)))
            columns[batch], scores[batch] = self._cut(*ranked, rows[batch], k, listable, self.order[:DEEP])
            short = np.flatnonzero((columns[batch] < 0).any(axis=1))
            for one in short:  # few: rules leave little of what sells best
                at, its = batch[one : one + 1], (ranked[0][one : one + 1], ranked[1][one : one + 1])
                columns[at], scores[at] = self._cut(*its, rows[at], k, listable, self.order)
        return columns, scores

    def _cut(self, columns, scores, rows, k: int, listable: Listable, rest: np.ndarray):
        """Return the first `k` that may be listed of what is pinned, of `columns` with `scores`, and of `rest`."""
        found = self._candidates(columns, scores, rest)
        may = listable(rows[found["place"]], found["item"].to_numpy(), found["pinned"].to_numpy())
        found = found[may].drop_duplicates(["place", "item"])
        for kind, most in self.kinds:
            its = kind[found["item"]]
            found = found[(its < 0) | (found.groupby(["place", its]).cumcount().to_numpy() < most)]
        rank = found.groupby("place").cumcount().to_numpy()
        found, rank = found[rank < k], rank[rank < k]
        listed, of_listed = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        listed[found["place"], rank], of_listed[found["place"], rank] = found["item"], found["score"]
        return listed, of_listed

    def _candidates(self, columns: np.ndarray, scores: np.ndarray, rest: np.ndarray) -> pd.DataFrame:
        """Return place (row of `columns`), item (column), score and whether it is pinned, in the order of the list."""
        strength = np.where(columns < 0, -np.inf, scores * self.factor[columns])
        by = np.argsort(-strength, axis=1, kind="stable")
        columns, scores = (np.take_along_axis(each, by, axis=1) for each in (columns, scores))
        same = columns[:, None, :] == self.pinned[None, :, None]
        own = np.where(same, scores[:, None, :], 0).max(axis=2, initial=0)
        shape = (len(columns), len(rest))
        parts = np.broadcast_to(self.pinned, own.shape), columns, np.broadcast_to(rest, shape)
        item, score = np.concatenate(parts, axis=1), np.concatenate([own, scores, np.zeros(shape)], axis=1)
        place, order = np.divmod(np.arange(item.size), item.shape[1])
        flat = {"place": place, "item": item.ravel(), "score": score.ravel(), "pinned": order < len(self.pinned)}
        frame = pd.DataFrame(flat)
        return frame[frame["item"] >= 0]


def costs(
    recommender: Recommender,
    rules: Rules,
    items: pd.DataFrame,
    day: date,
    targets: Targets,
    k: int,
    members: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what each rule costs alone, and all of them, on next baskets that `recommender` has not learned from.

    Columns: rule, recall and ndcg (means over members), changed (share of listed items that are others), and the mean
    over listed items of each column that `rules.favour` names, e.g. margin. No row where there are no rules.
    """
    set_ = [name for name in Rules.model_fields if getattr(rules, name) != getattr(Rules(), name)]
    if not set_:
        return pd.DataFrame()
    parts = {"none": Rules(), **{name: Rules(**{name: getattr(rules, name)}) for name in set_}, "all": rules}
    before, _ = recommender.recommend(targets.members, k)
    described, rows = items.drop_duplicates("item_id").set_index("item_id"), []
    for name, part in parts.items():
        ids, _ = ruled(recommender, part, items, day, members).recommend(targets.members, k)
        means = metrics.per_member(ids, targets, recommender.baskets, k)[[f"recall_at_{k}", f"ndcg_at_{k}"]].mean()
        same = (ids[:, :, None] == before[:, None, :]).any(axis=2)
        listed = described.reindex(ids[ids != ""])[list(rules.favour)].mean()
        row = {"rule": name, "recall": means.iloc[0], "ndcg": means.iloc[1], "changed": 1 - same.mean()}
        rows.append(row | listed.to_dict())
    return pd.DataFrame(rows)


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


def _available(described: pd.DataFrame, day: date) -> np.ndarray:
    found, at = np.ones(len(described), dtype=bool), pd.Timestamp(day)
    if FROM in described:
        starts = pd.to_datetime(described[FROM])
        found &= (starts.isna() | (starts <= at)).to_numpy()
    if UNTIL in described:
        ends = pd.to_datetime(described[UNTIL])
        found &= (ends.isna() | (ends >= at)).to_numpy()
    return found


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


def _pins(
    rules: Rules, market: Baskets, allowed: np.ndarray, kinds: list[tuple[str, np.ndarray, int]], day: date
) -> np.ndarray:
    """Return the columns of what is pinned. Raises ParamError where a pin cannot be kept, naming what is against it."""
    columns = market.columns(np.array(rules.pinned, dtype=str))
    for item, column in zip(rules.pinned, columns, strict=True):
        if column < 0:
            raise ParamError(
                f"recommend.rules.pinned: {item!r} was bought too seldom to be recommended; lower "
                "recommend.min_item_purchases, or take it out."
            )
        if not allowed[column]:
            why = "blocked, too" if item in rules.blocked else f"not available on {day}"
            raise ParamError(f"recommend.rules.pinned: {item!r} is {why}; take one of the two out.")
    for name, kind, most in kinds:
        many = pd.Series(kind[columns]).value_counts()
        if len(many := many[many.index >= 0]) and many.max() > most:
            raise ParamError(
                f"recommend.rules.pinned: {many.max()} pins of one {name}, but recommend.rules.at_most allows {most}."
            )
    return columns
