"""A policy: a way to recommend, `recommend(members, k) -> (ids, scores)`; and the trained model as one.

`policies` fits policies by their names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.recommend import baskets, reasons
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Candidates, Pairs
from membership.recommend.model import NextBasket
from membership.recommend.names import MODEL
from membership.recommend.ranking import Ranker, filled, popular, popularity
from membership.recommend.situation import View

MEMBERS = 4096  # that the model is asked for together: bounds the memory


@dataclass(frozen=True)
class Recommender:
    """A policy fitted to the histories `baskets`; `top` ranks items for rows of them.

    `pairs`, where the policy chooses among candidates, returns those of rows (sorted), with the scores of each;
    elsewhere `why` says in words why an item is listed. `among` are the histories that it has learned from, where
    these are not `baskets`. `within`, where there are rules or a reranker, makes a ranker keep them. `explore` are
    log-odds by which new items are ordered higher than by their scores.
    """

    name: str
    baskets: Baskets
    top: Ranker
    pairs: Callable[[np.ndarray], Pairs] | None = None
    among: Baskets | None = None
    why: str = reasons.POPULAR
    within: Callable[[Ranker], Ranker] | None = None
    explore: float = 0.0

    @property
    def market(self) -> Baskets:
        """The histories that say what sells well."""
        return self.among or self.baskets

    def recommend(self, members: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids and scores, (len(members), k), of the items for `members` (ids), best first.

        Ties go to the lower item id. A member without a history gets the most popular items. Where there are fewer
        than `k` items, "" with score 0 fills the list. Raises DataError where ids are not text, ParamError where `k`
        is no whole number from 1.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ParamError(f"k = {k!r}: allowed: whole numbers, 1 and up.")
        rows = self.baskets.rows(_text(members))
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        known = rows >= 0
        for chosen in (known, ~known):
            if chosen.any():
                top = self.top if chosen is known else popular(self.market)
                asked = self.within(top) if self.within else top
                columns[chosen], scores[chosen] = asked(rows[chosen], k)
        return np.where(columns < 0, "", self.baskets.items[columns]), scores

    def reasons(self, members: np.ndarray, ids: np.ndarray, items: pd.DataFrame | None = None) -> np.ndarray:
        """Return in words why each of `ids` (n, k) is recommended to `members` (n,): texts (n, k), "" for no item.

        `items` (the canonical table) gives names and categories.
        """
        rows, columns = self.baskets.rows(_text(members)), self.baskets.columns(ids)
        there, words = columns >= 0, np.full(ids.shape, "", dtype=object)
        mine = np.unique(rows[rows >= 0])
        pairs = self.pairs(mine) if self.pairs else None
        pairs = pairs and replace(pairs, member=np.searchsorted(mine, pairs.member))
        rows = np.where(rows >= 0, np.searchsorted(mine, rows), -1)
        asked = np.broadcast_to(rows[:, None], ids.shape)[there], columns[there]
        words[there] = reasons.reasons(self.baskets.only(mine), *asked, items, self.why, pairs, self.market)
        return words


def serve(model: NextBasket, events: ir.Table, items: pd.DataFrame, cutoff: date, p: SimpleNamespace) -> Recommender:
    """Let a trained `model` recommend at `cutoff`; its scores are P(item in the next basket).

    `p` has `recommend` and `train`. Raises DataError where the model was trained on other signals.
    """
    known = baskets.history(events, cutoff, p.recommend, items)
    return of_model(model, view_of(model, known, items, p), p.recommend.explore)


def ready(
    model: NextBasket, known: Baskets, items: pd.DataFrame, p: SimpleNamespace
) -> Callable[[Baskets], Recommender]:
    """Return a function from histories that come in later to `model` for their members.

    What is known of others is that of `known`, and is made once. `p` and errors as for `serve`.
    """
    seen = view_of(model, known, items, p)

    def of(asked: Baskets) -> Recommender:
        if not len(asked.members):
            return Recommender(MODEL, asked, popular(known), among=known)
        return of_model(model, seen.of_others(asked), p.recommend.explore, known)

    return of


def of_model(model: NextBasket, view: View, explore: float = 0.0, among: Baskets | None = None) -> Recommender:
    """Recommend by the probabilities of `model`, as `of_pairs` does; no more than MEMBERS are looked up together.

    Where a member has fewer candidates than are asked for, the most popular other items follow, with score 0; `among`
    are the histories that say which, if not those of `view`.
    """
    share = popularity(among or view.baskets)

    def top(rows, k):
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), MEMBERS):
            batch = slice(start, start + MEMBERS)
            now = view.of(np.unique(rows[batch]))
            ranked = of_pairs(view.baskets, now.pairs, model.probability(now.inputs), explore)
            columns[batch], scores[batch] = filled(*ranked.top(rows[batch], k), share)
        return columns, scores.clip(min=0)

    return Recommender(MODEL, view.baskets, top, view.candidates.of, among, explore=explore)


def of_pairs(known: Baskets, pairs: Pairs, probability: np.ndarray, explore: float = 0.0) -> Recommender:
    """Recommend among `pairs` by `probability` (n,), which stays the score.

    In the order, `explore` is added to the log-odds of items that the member has never bought: 0 orders by probability
    alone, log(2) takes an item that is new to the member for one with twice its odds.
    """
    by = np.log(probability) - np.log1p(-probability) + explore * ~pairs.own
    top = pairs.ranked(probability, by)
    return Recommender(MODEL, known, top, lambda rows: pairs.keep(np.isin(pairs.member, rows)), explore=explore)


def order_chance(scores: np.ndarray, new: np.ndarray, explore: float) -> np.ndarray:
    """Return the chances by which a policy orders, of its `scores`: `explore` is added to the log-odds of the `new`."""
    if not explore:
        return scores
    odds = np.exp(explore)
    return np.where(new, odds * scores / (1 + (odds - 1) * scores), scores)


def listed(recommender: Recommender, items: pd.DataFrame, members: np.ndarray, k: int) -> pd.DataFrame:
    """Return the first `k` items for `members`, one a row; no more than MEMBERS are looked up together.

    Columns: member_id, rank, item_id, name, category, score, source (repeat where the item is in the member's
    history, else explore), reason (why it is listed, in words).
    """
    batches = (members[start : start + MEMBERS] for start in range(0, max(len(members), 1), MEMBERS))
    return pd.concat([_listed(recommender, items, batch, k) for batch in batches], ignore_index=True)


def _listed(recommender: Recommender, items: pd.DataFrame, members: np.ndarray, k: int) -> pd.DataFrame:
    ids, scores = recommender.recommend(members, k)
    repeat = recommender.baskets.bought(members, ids)
    frame = pd.DataFrame(
        {
            "member_id": np.repeat(members, k),
            "rank": np.tile(np.arange(1, k + 1), len(members)),
            "item_id": ids.ravel(),
            "score": scores.ravel(),
            "source": np.where(repeat, "repeat", "explore").ravel(),
            "reason": recommender.reasons(members, ids, items).ravel(),
        }
    )
    named = frame[frame["item_id"] != ""].merge(items[["item_id", "name", "category"]], on="item_id", how="left")
    return named[["member_id", "rank", "item_id", "name", "category", "score", "source", "reason"]]


def view_of(model: NextBasket, known: Baskets, items: pd.DataFrame, p: SimpleNamespace) -> View:
    """Return what `model` sees of `known`. Raises DataError where it was trained on other signals."""
    seen = View(Candidates(known, p.train.candidates, items), items, p.train.intensity)
    if seen.names != model.signals:
        raise DataError("the model was trained on other signals than there are now; run `dvc repro train`.")
    return seen


def _text(members: Sequence[str]) -> np.ndarray:
    ids = np.asarray(members, dtype=None if isinstance(members, np.ndarray) else object)
    if ids.ndim != 1:
        raise DataError(f"members: {members!r} is no list of ids; give a list or an array, also for a single member.")
    others = [] if ids.dtype.kind == "U" else [one for one in ids.tolist() if not isinstance(one, str)]
    if others:
        raise DataError(f"members: ids are text, but {others[0]!r} is not; give them as they are in table 'members'.")
    return ids.astype(str)
