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

from benchmarks.labelled import LabelledCandidates, folded
from membership.base import seeds
from membership.base.errors import DataError
from membership.recommend import policy, train, tune
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Candidates
from membership.recommend.model import Settings
from membership.recommend.policy import Recommender
from membership.recommend.situation import Situation, View
from membership.recommend.train import Samples


def fit(known: Baskets, after: Targets, p: SimpleNamespace, settings: Mapping[str, Any] | None = None) -> Recommender:
    """Fit the model to histories `known` and to next baskets `after` of some of their members.

    `p` has `train`, `recommend`, `seed` and `device`; without `settings`, those in `p.train.settings` are used. Scores
    are P(item in the next basket); those of members with a label do not know it.
    """
    settings = p.train.settings.model_dump() if settings is None else settings
    now = _view(known, after, p)
    model = train.fit(_samples(now, after, p), Settings(**settings), p.train, p.seed, p.device).model
    return policy.of_model(model, now, p.recommend.explore)


def search(known: Baskets, after: Targets, val: Targets, p: SimpleNamespace, trials: int) -> dict[str, Any]:
    """Return the settings of the highest recall on `val`, of `trials` drawn from the space in `p.tune`.

    Like `tune.search` it goes on where it was interrupted, and `p.tune.workers` processes share the trials.
    """
    knobs = p.model_copy(update={"tune": p.tune.model_copy(update={"trials": trials})})
    now = situation(known, after, p, val.members)
    task = tune.Task(samples(known, after, p), now, val, p.recommend.k)
    settings, _ = tune.best(tune.search(task, knobs), trials)
    return asdict(settings)


def situation(known: Baskets, after: Targets, p: SimpleNamespace, members: np.ndarray) -> Situation:
    """Return what is known of `members` (ids) when labels `after` are known."""
    rows = np.unique(known.rows(members))
    return _view(known, after, p).of(rows[rows >= 0])


def samples(known: Baskets, after: Targets, p: SimpleNamespace) -> Samples:
    """Return the training rows: those of labels `after`, then of origin 1 and so on, until `train.members` are there.

    Raises DataError where there are none.
    """
    return _samples(_view(known, after, p), after, p)


def _samples(now: View, after: Targets, p: SimpleNamespace) -> Samples:
    parts, most = [], p.train.members
    for back in range(p.train.origins):
        past, next_ = earlier(now.baskets, back) if back else (now.baskets, after)
        if len(next_.members) and most:
            view = _view(past, next_, p, len(after.members) > 0) if back else now
            parts.append(train.labelled(view, next_, p.train, p.seed, most))
            most -= min(len(next_.members), most)
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


def _view(known: Baskets, after: Targets, p: SimpleNamespace, labelled: bool = True) -> View:
    """Return what can be looked up; where the labels that will be known are none, no origin learns with any."""
    if not labelled or not (known.rows(after.members) >= 0).any():
        return View(Candidates(known, p.train.candidates), excited=p.train.intensity)
    given = folded(known, after, seeds.rng(p.seed, "label-folds"))
    return View(LabelledCandidates(known, given, p.train.candidates), excited=p.train.intensity)
