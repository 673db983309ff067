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
from membership.recommend import challenger, policies, stack
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.challenger import Challenger
from membership.recommend.names import MODEL, STACK
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
    lists = _asked(known, model, peers, p, settings)
    rule = p.recommend.k, p.tune.confidence, p.tune.margin, p.seed
    chosen = challenger.choose(lists, known.baskets, known.labels, *rule)
    if chosen.policy == STACK:
        taking = {name: peers[name] for name in lists.names if name in stack.PEERS}
        return chosen, stack.serve(model, taking, chosen.weights, p.recommend.explore)
    return chosen, model if chosen.policy == MODEL else peers[chosen.policy]


def _asked(known: Known, model: Recommender, peers: Mapping[str, Recommender], p, settings) -> Lists:
    """Return the lists for all members with a label, by member: of a model that has not seen theirs, and of `peers`."""
    train = known.train
    fold = seeds.rng(p.seed, "model-folds").permutation(np.arange(len(train.members)) % FOLDS)
    members, parts = [known.val.members], [stack.asked(model, peers, known.val.members)]
    for number in np.unique(fold):
        held, others = train.members[fold == number], train.members[fold != number]
        other = ordered.fit(known.baskets, train.of(others), p, settings)
        members.append(held)
        parts.append(stack.asked(other, peers, held))
    return stack.joined(parts).of(np.argsort(np.concatenate(members)))
