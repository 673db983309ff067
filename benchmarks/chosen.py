"""What ships where baskets have no dates: the model, the stack or a peer, chosen on members with a label.

Labels of train members are learned from in folds, so that each is asked of a model that has not seen it; those of val
members are asked of the model of all train members, which is the one that is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import ordered
from membership.base import seeds
from membership.recommend import challenger, heads, policies, stack
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs
from membership.recommend.challenger import Challenger
from membership.recommend.heads import Told
from membership.recommend.names import HEADS, MODEL, STACK
from membership.recommend.policy import Recommender
from membership.recommend.stack import Lists

FOLDS = 2  # of train members; more cost as many trainings


@dataclass(frozen=True)
class Known:
    """Histories, and the next baskets of train and of val members."""

    baskets: Baskets
    train: Targets
    val: Targets

    @property
    def labels(self) -> Targets:
        """The next baskets of both, by member."""
        members = np.concatenate([self.train.members, self.val.members])
        order = np.argsort(members)
        matrix = sparse.vstack([self.train.matrix, self.val.matrix]).tocsr()[order]
        return Targets(members[order], matrix, np.concatenate([self.train.unseen, self.val.unseen])[order])


def peers(known: Baskets, names: Sequence[str], p: SimpleNamespace) -> dict[str, Recommender]:
    """Return the peers called `names` with the settings that `p` has of them, fitted to `known`."""
    return {name: policies.peer(name, p.recommend.peers.get(name, {}), known, seed=p.seed) for name in names}


def choose(
    known: Known,
    model: Recommender,
    peers: Mapping[str, Recommender],
    p: SimpleNamespace,
    settings: Mapping[str, Any] | None = None,
) -> tuple[Challenger, Recommender]:
    """Return the choice between `model` (of all train members), the stack and `peers`, and what it has chosen.

    `settings` of the model as for `ordered.fit`.
    """
    told = heads.learn(known.baskets).of(known.baskets)
    lists, pairs = _asked(known, model, peers, told, p, settings)
    rule = p.recommend.k, p.tune.confidence, p.tune.margin, p.seed
    chosen = challenger.choose(lists, pairs, known.baskets, known.labels, *rule)
    if chosen.policy == STACK:
        taking = {name: peers[name] for name in lists.names if name in stack.PEERS}
        return chosen, stack.serve(model, taking, chosen.weights, p.recommend.explore)
    if chosen.policy == HEADS:
        return chosen, heads.serve(model, told, chosen.weights, p.recommend.explore)
    return chosen, model if chosen.policy == MODEL else peers[chosen.policy]


def _asked(
    known: Known, model: Recommender, peers: Mapping[str, Recommender], told: Told, p, settings
) -> tuple[Lists, Pairs]:
    """Return the lists and pairs for all members with a label, by member: of a model that has not seen theirs."""
    train = known.train
    fold = seeds.rng(p.seed, "model-folds").permutation(np.arange(len(train.members)) % FOLDS)
    models, members = [model], [known.val.members]
    for number in np.unique(fold):
        models.append(ordered.fit(known.baskets, train.of(train.members[fold != number]), p, settings))
        members.append(train.members[fold == number])
    order = np.argsort(np.concatenate(members))
    asked = list(zip(models, members, strict=True))
    lists = stack.joined([stack.asked(each, peers, of) for each, of in asked]).of(order)
    return lists, heads.joined([heads.asked(each, told, of) for each, of in asked], [len(of) for of in members], order)
