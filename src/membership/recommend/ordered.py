"""Next baskets without dates: the order of each member's baskets is known, and the next basket of some members.

    ... basket 2    basket 1    basket 0    next basket
    -- signals --)[- target -)                            origin 1: of everybody
    -------- signals --------)[- target -)                origin 0: of members with a label

What is learned from labels by other ways than training, e.g. what sells next, is made out of fold.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from membership.base import seeds
from membership.base.errors import DataError
from membership.recommend import labels, train, tune
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.model import Settings
from membership.recommend.policy import Recommender
from membership.recommend.train import Samples, Situation


def fit(known: Baskets, after: Targets, p: SimpleNamespace, settings: Mapping[str, Any] | None = None) -> Recommender:
    """Fit the model to histories `known` and to next baskets `after` of some of their members.

    `p` has `train`, `seed` and `device`; without `settings`, those in `p.train.settings` are used. Scores are
    P(item in the next basket).
    """
    settings = p.train.settings.model_dump() if settings is None else settings
    model = train.fit(samples(known, after, p), Settings(**settings), p.train, p.seed, p.device).model
    now = situation(known, after, p)
    return Recommender("model", known, now.pairs.ranked(model.probability(now.inputs)))


def search(known: Baskets, after: Targets, val: Targets, p: SimpleNamespace, trials: int) -> dict[str, Any]:
    """Return the settings of the highest recall on `val`, of `trials` drawn from the space in `p.tune`."""
    knobs = p.model_copy(update={"tune": p.tune.model_copy(update={"trials": trials})})
    now = situation(known, after, p, val.members)
    task = tune.Task(samples(known, after, p), now, val, p.recommend.k)
    settings, _ = tune.best(tune.search(task, knobs), trials)
    return asdict(settings)


def situation(known: Baskets, after: Targets, p: SimpleNamespace, members: np.ndarray | None = None) -> Situation:
    """Return what is known of `members` (ids; None: of all who have no label) when labels `after` are known."""
    members = np.setdiff1d(known.members, after.members) if members is None else members
    return train.situation(known, None, _folded(known, after, p), p.train.candidates, members)


def samples(known: Baskets, after: Targets, p: SimpleNamespace) -> Samples:
    """Return the training rows of all origins. Raises DataError where there are none."""
    parts = []
    for back in range(p.train.origins - 1, -1, -1):
        past, next_ = earlier(known, back) if back else (known, after)
        if len(next_.members):
            parts.append(train.labelled(past, next_, _folded(past, next_, p), None, p.train, p.seed))
    if not parts:
        raise DataError("no training rows: no member has a next basket or two baskets; bring more histories.")
    return train.stacked(parts)


def earlier(known: Baskets, back: int) -> tuple[Baskets, Targets]:
    """Return the histories without the last `back` baskets, and the first basket that is left out, as the target."""
    kept = known.basket >= back
    rows = np.unique(known.member[kept])
    renamed = np.full(len(known.members), -1, dtype=np.int32)
    renamed[rows] = np.arange(len(rows))
    past = replace(
        known,
        members=known.members[rows],
        member=renamed[known.member[kept]],
        item=known.item[kept],
        basket=known.basket[kept] - back,
        age=known.age[kept] - back,
    )
    held = (known.basket == back - 1) & (renamed[known.member] >= 0)
    lines = (np.ones(held.sum()), (renamed[known.member[held]], known.item[held]))
    matrix = sparse.coo_array(lines, shape=past.shape).tocsr()
    return past, Targets(past.members, matrix, np.zeros(len(rows), dtype=np.int64))


def _folded(known: Baskets, after: Targets, p: SimpleNamespace) -> labels.Labels:
    return labels.folded(known, after, seeds.rng(p.seed, "label-folds"))
