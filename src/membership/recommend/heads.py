"""Two heads: what a member buys again and what it buys first, each with its own calibration, in one list.

Of each item that the model lists high it is known whether the member has it already. Among own items (repeat) and among
new ones (explore) the chance that an item is in the next basket is a logistic regression of its own, on the model's
log-odds, the logarithm of the purchases that the intensity (`recommend.intensity`) expects, and how much the member
tries: its share of first purchases, in log-odds beyond those of all members, shrunk. So both chances are on one scale,
and who is listed by them gets the most expected hits: how many of a list are new follows for each member.

Until purchases say otherwise, model and intensity count alike: where few repeats teach a network, it underrates what
was bought long ago, and counting does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from membership.recommend import intensity, stack
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs
from membership.recommend.intensity import Intensity, Parts
from membership.recommend.names import HEADS
from membership.recommend.policy import MEMBERS, Recommender
from membership.recommend.ranking import filled, popularity

REPEAT, EXPLORE = "repeat", "explore"
LEVEL, INPUTS = "level", ("odds", "intensity", "tries")
PRIOR = {LEVEL: 0.0, "odds": 0.5, "intensity": 0.5, "tries": 0.0}
PULL = np.array([1e-3, 50, 50, 50])  # towards it, as precisions; a level is free
DEPTH = 100  # items of the model that are looked at, at most
LEAST = 1e-5  # purchases that the intensity expects, at least
SURE = 5.0  # purchases that a member's share of first ones is shrunk by

Weights = dict[str, dict[str, float]]  # REPEAT and EXPLORE -> LEVEL and each of INPUTS
Given = Mapping[str, Mapping[str, float]]  # the same


@dataclass(frozen=True)
class Told:
    """What is known of M members beside the model: their intensity `brought`, and how much they try, `tries` (M,)."""

    brought: Parts
    tries: np.ndarray


@dataclass(frozen=True)
class Beside:
    """What histories say beside the model: the intensity, and the share of later purchases that are `first` ones."""

    intensity: Intensity
    first: float

    def of(self, histories: Baskets) -> Told:
        """Return what is known of the members of `histories`, of the same catalogue.

        How much a member tries is in log-odds beyond those of all members; its share is shrunk by SURE purchases.
        """
        first, later = _firsts(histories)
        share = (first + SURE * self.first) / (later + SURE)
        return Told(self.intensity.of(histories), stack.log_odds(share) - stack.log_odds(self.first))


def learn(known: Baskets, items: pd.DataFrame | None = None) -> Beside:
    """Return what `known` says; `items` (the canonical table) tells kinds of items apart."""
    first, later = _firsts(known)
    return Beside(intensity.fit(known, items), float((first.sum() + 1) / (later.sum() + 2)))


def asked(model: Recommender, told: Told, members: np.ndarray) -> Pairs:
    """Return what `model` lists for `members` (ids), with INPUTS as scores; `member` is a place among `members`.

    `told` is of the members of the model's histories. Who has none has no pairs.
    """
    known = model.baskets
    ids, chance = model.recommend(members, min(DEPTH, len(known.items)))
    columns, row = known.columns(ids), known.rows(members)
    member, place = np.nonzero((columns >= 0) & (chance > 0) & (row >= 0)[:, None])
    item, own = columns[member, place], known.bought(members, ids)[member, place]
    expected = np.log(told.brought.at(row[member], item)["all"] + LEAST)
    found = np.column_stack([stack.log_odds(chance[member, place]), expected, told.tries[row[member]]])
    order = np.lexsort((item, member))
    return Pairs(*(each[order] for each in (member, item, own, found)), list(INPUTS))


def joined(parts: Sequence[Pairs], sizes: Sequence[int], order: np.ndarray) -> Pairs:
    """Return the pairs of all `parts`, of `sizes` members, who are put one after the other and then in `order`."""
    starts = np.cumsum([0, *sizes[:-1]])
    member = np.concatenate([part.member + start for part, start in zip(parts, starts, strict=True)])
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "own", "scores")]
    place = np.argsort(order)[member]
    sort = np.lexsort((columns[0], place))
    return Pairs(place[sort], *(column[sort] for column in columns), list(INPUTS))


def weights(found: Pairs, hit: np.ndarray) -> Weights:
    """Return the weights of both heads by what was bought among `found`: `hit` (n,) is 1 where it was, else 0."""
    parts = {REPEAT: found.own, EXPLORE: ~found.own}
    return {head: _fitted(found.scores[part], hit[part]) for head, part in parts.items()}


def strengths(found: Pairs, by: Given) -> np.ndarray:
    """Return the log-odds that each of `found` is in the next basket, (n,), by the weights `by` of both heads."""
    repeat, explore = (np.array([by[head][name] for name in (LEVEL, *INPUTS)]) for head in (REPEAT, EXPLORE))
    x = _with_level(found.scores)
    return np.where(found.own, x @ repeat, x @ explore)


def ranked(found: Pairs, by: Given, members: int, k: int, explore: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` most probable of `found` for each of `members`, (members, k), -1 where fewer, and their chances.

    `explore` is added to the log-odds of new items in the order alone.
    """
    strength = strengths(found, by)
    return found.ranked(expit(strength), strength + explore * ~found.own)(np.arange(members), k)


def serve(model: Recommender, told: Told, by: Given, explore: float = 0.0) -> Recommender:
    """Recommend by the weights `by` of both heads among what `model` lists; scores are P(in the next basket).

    `told` is of the members of the model's histories. Where a member has fewer candidates than are asked for, the most
    popular other items follow, with score 0.
    """
    known, share = model.baskets, popularity(model.market)

    def top(asked_rows, k):
        columns, scores = np.full((len(asked_rows), k), -1), np.zeros((len(asked_rows), k))
        for start in range(0, len(asked_rows), MEMBERS):
            batch = slice(start, start + MEMBERS)
            members = known.members[asked_rows[batch]]
            found = ranked(asked(model, told, members), by, len(members), k, explore)
            columns[batch], scores[batch] = filled(*found, share)
        return columns, scores.clip(min=0)

    return Recommender(HEADS, known, top, model.pairs, model.among, explore=explore)


def _fitted(inputs: np.ndarray, hit: np.ndarray) -> dict[str, float]:
    """Return the weights with the highest likelihood of `hit` (n,) for `inputs` (n, INPUTS), pulled towards PRIOR."""
    x, prior = _with_level(inputs), np.array(list(PRIOR.values()))

    def loss(weight):
        strength, far = x @ weight, weight - prior
        return np.logaddexp(0, strength).sum() - hit @ strength + far @ (PULL * far) / 2

    def slope(weight):
        return x.T @ (expit(x @ weight) - hit) + PULL * (weight - prior)

    def curve(weight):
        chance = expit(x @ weight)
        return (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(PULL)

    found = minimize(loss, prior, jac=slope, hess=curve, method="trust-exact", options={"gtol": 1e-6})
    return dict(zip(PRIOR, found.x.tolist(), strict=True))


def _with_level(inputs: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(inputs)), inputs])


def _firsts(known: Baskets) -> tuple[np.ndarray, np.ndarray]:
    """Return how many items each member has bought first after its first visit, and how many at all, both (M,)."""
    later = known.basket < known.sizes[known.member] - 1
    of_member = np.bincount(known.member[later], minlength=len(known.members))
    held = np.diff(known.matrix().indptr)  # different items
    return held - (np.bincount(known.member, minlength=len(known.members)) - of_member), of_member
