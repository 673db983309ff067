"""Policies: every way to recommend, under one contract, `recommend(members, k) -> (ids, scores)`."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.recommend import baselines, baskets, train
from membership.recommend.baselines import Ranker
from membership.recommend.baskets import Baskets
from membership.recommend.model import NextBasket, Settings

BASELINES = {
    "g_topfreq": baselines.g_topfreq,
    "p_topfreq": baselines.p_topfreq,
    "gp_topfreq": baselines.gp_topfreq,
    "upcf": baselines.upcf,
    "tifuknn": baselines.tifuknn,
}
NAMES = (*BASELINES, "model")


@dataclass(frozen=True)
class Recommender:
    """A policy fitted to the histories `baskets`; `top` ranks items for rows of them."""

    name: str
    baskets: Baskets
    top: Ranker

    def recommend(self, members: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids and scores, (len(members), k), of the items for `members` (ids), best first.

        Ties go to the lower item id. A member without a history gets the most popular items. Where there are fewer
        than `k` items, "" with score 0 fills the list.
        """
        rows = self.baskets.rows(members)
        columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
        known = rows >= 0
        for chosen, top in ((known, self.top), (~known, baselines.ranked(baselines.g_topfreq(self.baskets)))):
            if chosen.any():
                columns[chosen], scores[chosen] = top(rows[chosen], k)
        return np.where(columns < 0, "", self.baskets.items[columns]), scores


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
    return peer(name, settings, baskets.history(events, cutoff, p.recommend))


def peer(name: str, settings: Mapping[str, Any], known: Baskets) -> Recommender:
    """Fit the peer `name` (of BASELINES) with `settings` to the histories `known`, dated or not.

    Raises ParamError for an unknown setting.
    """
    _check(name, BASELINES[name], None, **settings)
    return Recommender(name, known, baselines.ranked(BASELINES[name](known, **settings)))


def serve(model: NextBasket, events: ir.Table, items: pd.DataFrame, cutoff: date, p: SimpleNamespace) -> Recommender:
    """Let a trained `model` recommend at `cutoff`; its scores are P(item in the next basket).

    `p` has `recommend` and `train`. Raises DataError where the model was trained on other signals.
    """
    now = train.situation(events, items, cutoff, p.recommend, p.train.neighbour_candidates)
    if now.names != model.signals:
        raise DataError("the model was trained on other signals than there are now; run `dvc repro train`.")
    return Recommender("model", now.baskets, now.pairs.ranked(model.probability(now.inputs)))


def listed(recommender: Recommender, items: pd.DataFrame, members: np.ndarray, k: int) -> pd.DataFrame:
    """Return the first `k` items for `members` as rows: member_id, rank, item_id, name, category, score, source.

    `source` is repeat where the item is in the member's history, else explore.
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
        }
    )
    named = frame[frame["item_id"] != ""].merge(items[["item_id", "name", "category"]], on="item_id", how="left")
    return named[["member_id", "rank", "item_id", "name", "category", "score", "source"]]


def _check(name: str, function: Callable, *arguments: Any, **settings: Any) -> None:
    try:
        inspect.signature(function).bind(*arguments, **settings)
    except TypeError as error:
        raise ParamError(f"policy '{name}' does not take the settings {settings}: {error}.") from error
