"""Policies: every way to recommend, under one contract, `recommend(members, k) -> (ids, scores)`."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.recommend import baselines, baskets, labels, reasons, train
from membership.recommend.als import als
from membership.recommend.baselines import Ranker
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs
from membership.recommend.content import content
from membership.recommend.ease import ease
from membership.recommend.item_knn import filled, item_knn
from membership.recommend.model import NextBasket, Settings
from membership.recommend.situation import View

SCORERS = {
    "g_topfreq": baselines.g_topfreq,
    "p_topfreq": baselines.p_topfreq,
    "gp_topfreq": baselines.gp_topfreq,
    "upcf": baselines.upcf,
    "tifuknn": baselines.tifuknn,
    "ease": ease,
    "als": als,
    "content": content,
}
OWN_FIRST = ("g_topfreq", "p_topfreq", "gp_topfreq")  # what they know of others is what is popular
BASELINES = SCORERS | {"item_knn": item_knn}
NAMES = (*BASELINES, "model")
MEMBERS = 4096  # that the model is asked for together: bounds the memory


@dataclass(frozen=True)
class Recommender:
    """A policy fitted to the histories `baskets`; `top` ranks items for rows of them.

    `pairs`, where the policy chooses among candidates, returns those of rows (sorted), with what speaks for each.
    `among` are the histories that it has learned from, where these are not `baskets`.
    """

    name: str
    baskets: Baskets
    top: Ranker
    pairs: Callable[[np.ndarray], Pairs] | None = None
    among: Baskets | None = None

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
        for chosen, top in ((known, self.top), (~known, baselines.ranked(baselines.g_topfreq(self.market)))):
            if chosen.any():
                columns[chosen], scores[chosen] = top(rows[chosen], k)
        return np.where(columns < 0, "", self.baskets.items[columns]), scores

    def reasons(self, members: np.ndarray, ids: np.ndarray, items: pd.DataFrame | None = None) -> np.ndarray:
        """Return in words why each of `ids` (n, k) is recommended to `members` (n,): texts (n, k), "" for no item.

        `items` (the canonical table) gives names and categories.
        """
        rows, columns = self.baskets.rows(_text(members)), self.baskets.columns(ids)
        there, words = columns >= 0, np.full(ids.shape, "", dtype=object)
        pairs = self.pairs(np.unique(rows[rows >= 0])) if self.pairs else None
        asked = np.broadcast_to(rows[:, None], ids.shape)[there], columns[there]
        words[there] = reasons.reasons(self.baskets, *asked, items, self.name, pairs, self.market)
        return words


def fit(
    name: str,
    settings: Mapping[str, Any],
    events: ir.Table,
    items: pd.DataFrame,
    cutoff: date,
    p: SimpleNamespace,
) -> Recommender:
    """Fit policy `name` (one of NAMES) with `settings` to `events` before `cutoff`.

    `items` is the canonical table; `p` has `recommend` and, for "model", `train`, `seed` and `device`. Raises
    ParamError for an unknown policy or setting.
    """
    if name == "model":
        _check(name, Settings, **settings)
        data = train.samples(events, items, cutoff, p.recommend, p.train, p.seed)
        model = train.fit(data, Settings(**settings), p.train, p.seed, p.device).model
        return serve(model, events, items, cutoff, p)
    if name not in BASELINES:
        raise ParamError(f"policy '{name}': unknown; there are: {', '.join(NAMES)}.")
    return peer(name, settings, baskets.history(events, cutoff, p.recommend), items, p.seed)


def peer(
    name: str, settings: Mapping[str, Any], known: Baskets, items: pd.DataFrame | None = None, seed: int = 0
) -> Recommender:
    """Fit the peer `name` (of BASELINES) with `settings` to the histories `known`, dated or not.

    `items` (the canonical table) and `seed` are for those that learn from attributes or draw. Raises ParamError for
    an unknown setting.
    """
    takes = inspect.signature(BASELINES[name]).parameters
    given = {key: value for key, value in (("items", items), ("seed", seed)) if key in takes}
    _check(name, BASELINES[name], None, **settings, **given)
    fitted = BASELINES[name](known, **settings, **given)
    return Recommender(name, known, baselines.ranked(fitted) if name in SCORERS else fitted)


def newcomers(known: Baskets, items: pd.DataFrame, settings: Mapping[str, Any]) -> Recommender:
    """Recommend those of `items` (the canonical table) that no history holds: too new, or too rare, to learn from.

    They are ranked by how much they are like what a member buys, by peer `content` with `settings`.
    """
    everything = known.with_items(items["item_id"])
    alike = content(everything, **settings, items=items)
    new = known.columns(everything.items) < 0
    return Recommender("content", everything, baselines.ranked(lambda rows: np.where(new, alike(rows), -np.inf)))


def serve(model: NextBasket, events: ir.Table, items: pd.DataFrame, cutoff: date, p: SimpleNamespace) -> Recommender:
    """Let a trained `model` recommend at `cutoff`; its scores are P(item in the next basket).

    `p` has `recommend` and `train`. Raises DataError where the model was trained on other signals.
    """
    known = baskets.history(events, cutoff, p.recommend)
    return of_model(model, _view(model, known, items, p), p.recommend.explore)


def of_model(model: NextBasket, view: View, explore: float = 0.0, among: Baskets | None = None) -> Recommender:
    """Recommend by the probabilities of `model`, as `of_pairs` does; no more than MEMBERS are looked up together.

    Where a member has fewer candidates than are asked for, the most popular other items follow, with score 0; `among`
    are the histories that say which, if not those of `view`.
    """
    share = baselines.popularity(among or view.baskets)

    def top(rows, k):
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        for start in range(0, len(rows), MEMBERS):
            batch = slice(start, start + MEMBERS)
            now = view.of(np.unique(rows[batch]))
            ranked = of_pairs(view.baskets, now.pairs, model.probability(now.inputs), explore)
            columns[batch], scores[batch] = filled(*ranked.top(rows[batch], k), share)
        return columns, scores.clip(min=0)

    return Recommender("model", view.baskets, top, view.candidates.of, among)


class Standing:
    """A policy fitted to the histories `known`, ready for members whose events come in one by one.

    `model` is the trained one where `name` is "model": it and OWN_FIRST take what they know of others from `known`.
    The other policies are fitted again, with the new histories in place of those they have of the same members.
    """

    def __init__(
        self, name: str, settings: Mapping[str, Any], known: Baskets, items: pd.DataFrame, p: SimpleNamespace,
        model: NextBasket | None = None,
    ):  # fmt: skip
        self._name, self._settings, self._known, self._items, self._p = name, settings, known, items, p
        self._model = model
        self._view = _view(model, known, items, p) if model else None

    def of(self, members: Sequence[str], histories: Baskets) -> Recommender:
        """Return the policy for `members`, of whom `histories` is all that there is; who is not in it has none."""
        known, name, settings = self._known, self._name, self._settings
        if not len(histories.members):
            return Recommender(name, histories, baselines.ranked(baselines.g_topfreq(known)), among=known)
        if self._model:
            return of_model(self._model, self._view.of_others(histories), self._p.recommend.explore, known)
        if name in OWN_FIRST and settings.get("ties") != "first_bought":  # whose scale is that of all histories
            scorer = SCORERS[name](histories, **settings, among=known)
            return Recommender(name, histories, baselines.ranked(scorer), among=known)
        return peer(name, settings, known.with_members(histories, instead_of=members), self._items, self._p.seed)


def of_pairs(known: Baskets, pairs: Pairs, probability: np.ndarray, explore: float = 0.0) -> Recommender:
    """Recommend among `pairs` by `probability` (n,), which stays the score.

    In the order, `explore` is added to the log-odds of items that the member has never bought: 0 orders by probability
    alone, log(2) takes an item that is new to the member for one with twice its odds.
    """
    by = np.log(probability) - np.log1p(-probability) + explore * ~pairs.own
    return Recommender(
        "model", known, pairs.ranked(probability, by), lambda rows: pairs.keep(np.isin(pairs.member, rows))
    )


def listed(recommender: Recommender, items: pd.DataFrame, members: np.ndarray, k: int) -> pd.DataFrame:
    """Return the first `k` items for `members`, one a row.

    Columns: member_id, rank, item_id, name, category, score, source (repeat where the item is in the member's
    history, else explore), reason (why it is listed, in words).
    """
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


def _view(model: NextBasket, known: Baskets, items: pd.DataFrame, p: SimpleNamespace) -> View:
    """Return what `model` sees of `known`. Raises DataError where it was trained on other signals."""
    view = View(known, labels.none(known), p.train.candidates, items)
    if view.names != model.signals:
        raise DataError("the model was trained on other signals than there are now; run `dvc repro train`.")
    return view


def _text(members: Sequence[str]) -> np.ndarray:
    ids = np.asarray(members, dtype=None if isinstance(members, np.ndarray) else object)
    if ids.ndim != 1:
        raise DataError(f"members: {members!r} is no list of ids; give a list or an array, also for a single member.")
    others = [] if ids.dtype.kind == "U" else [one for one in ids.tolist() if not isinstance(one, str)]
    if others:
        raise DataError(f"members: ids are text, but {others[0]!r} is not; give them as they are in table 'members'.")
    return ids.astype(str)


def _check(name: str, function: Callable, *arguments: Any, **settings: Any) -> None:
    try:
        inspect.signature(function).bind(*arguments, **settings)
    except TypeError as error:
        raise ParamError(f"policy '{name}' does not take the settings {settings}: {error}.") from error
