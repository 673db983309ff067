"""The challenger: the model, the stack or the best peer, whichever the members who were asked tell to be best.

The model stays unless another is better by more than noise and a margin. Where the model itself is not ahead of every
peer by more than noise, the stack, which holds the peers too, need only be better by the margin. What is compared is a
member's recall and NDCG together, each as a share of the model's mean. A peer has learned from no label; the stack is
judged on members who did not teach its weights. Intervals of peers are as wide as their number asks (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.recommend import metrics, stack
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.names import MODEL, STACK
from membership.recommend.stack import Lists
from membership.stats import resample

FOLDS = 3  # of the members, each judged by weights of the others


@dataclass(frozen=True)
class Challenger:
    """The chosen `policy`: MODEL, STACK or the name of a peer; `weights` are the stack's, by signal, if it is chosen.

    `compared`: a row each but the model, index policy: gain (mean over members, a share of the model's recall and
    NDCG), low and high (its paired interval).
    """

    policy: str
    weights: dict[str, float]
    compared: pd.DataFrame

    def plain(self, settings: Mapping[str, Any], peers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return policy and settings as champion.json has them; `settings` are the model's, `peers` those of peers."""
        taking = [name for name in stack.PEERS if name in self.weights]
        of_stack = {"model": dict(settings), "peers": {name: dict(peers.get(name, {})) for name in taking}}
        known = {MODEL: dict(settings), STACK: of_stack | {"weights": self.weights}}
        return {"policy": self.policy, "settings": known.get(self.policy, dict(peers.get(self.policy, {})))}


def choose(
    lists: Lists, known: Baskets, after: Targets, k: int, confidence: float, margin: float, seed: int
) -> Challenger:
    """Return the choice for the members of `after`, whose `lists` are those of a model that has not seen their label.

    `margin` is a share; `known` are the histories as of which the lists were made.
    """
    among = lists.only(stack.PEERS)
    found = stack.rows(among, known, after.members)
    judged = {name: _judged(columns[:, :k], after) for name, columns in zip(lists.names, lists.columns, strict=True)}
    judged[STACK] = _judged(_out_of_fold(found, after, among, k, seed), after)
    gains = {name: _gain(each, judged[MODEL]) for name, each in judged.items() if name != MODEL}
    every = 1 - (1 - confidence) / max(len(lists.names) - 1, 1)
    levels = dict.fromkeys(lists.names, every) | {STACK: confidence}
    rows = {name: (gain.mean(), *resample.student(gain, levels[name])[:2]) for name, gain in gains.items()}
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=["gain", "low", "high"]).rename_axis("policy")
    policy, weights = best(compared, margin), {}
    if policy == STACK:
        fitted = stack.weights(found, after, among.names).tolist()
        weights = dict(zip(stack.signals(among.names), fitted, strict=True))
    return Challenger(policy, weights, compared)


def best(compared: pd.DataFrame, margin: float) -> str:
    """Return the policy that the rule takes of `compared`, as in `Challenger`: of several that may be, the best."""
    enough = compared["low"] > margin
    if (compared["high"].drop(STACK) >= 0).any():
        enough[STACK] = compared.loc[STACK, "gain"] > margin
    return compared.loc[enough, "gain"].idxmax() if enough.any() else MODEL


def _out_of_fold(found: stack.Rows, after: Targets, lists: Lists, k: int, seed: int) -> np.ndarray:
    """Return the columns (n, k) that the stack puts first, for each fold of members by weights of the others."""
    fold = seeds.rng(seed, "stack-folds").permutation(np.arange(len(after.members)) % FOLDS)
    columns = np.full((len(fold), k), -1)
    for number in np.unique(fold):
        held = fold == number
        by = stack.weights(found.of(~held), _targets(after, ~held), lists.names)
        asked = found.of(held)
        columns[held], _ = stack.ranked(asked, asked.inputs @ by, int(held.sum()), k)
    return columns


def _targets(after: Targets, chosen: np.ndarray) -> Targets:
    return Targets(after.members[chosen], after.matrix[chosen], after.unseen[chosen])


def _judged(columns: np.ndarray, after: Targets) -> np.ndarray:
    """Return recall and NDCG of the lists `columns` (n, k) of each member, (n, 2)."""
    hits, size = metrics.held(after.matrix, columns), after.sizes
    return np.column_stack([hits.sum(axis=1) / size, metrics.ndcg(hits, size)])


def _gain(judged: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Return how much better each member fares, (n,): the mean over both metrics, each a share of the model's mean.

    Where the model never hits, shares are those of the other's mean.
    """
    unit = np.where(model.mean(axis=0) > 0, model.mean(axis=0), judged.mean(axis=0))
    return ((judged - model) / np.where(unit > 0, unit, 1)).mean(axis=1)
