"""The challenger: the model, the stack, the heads or a peer, whichever the members who were asked tell to be best.

The model stays unless another is better by more than noise and a margin. Where the model itself is not ahead of every
peer by more than noise, the stack and the heads, which hold counting too, need only be better by the margin; and where
few purchases tell of repeats or of first ones, the heads, which lean on counting until told otherwise, need only not be
worse by more than noise. What is compared is a member's recall and NDCG together, each as a share of the model's mean.
A peer has learned from no label; stack and heads are judged on members who did not teach their weights. Intervals of
peers are as wide as their number asks (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.recommend import heads, metrics, stack
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs
from membership.recommend.names import HEADS, MODEL, STACK
from membership.recommend.stack import Lists
from membership.stats import resample

FOLDS = 3  # of the members, each judged by weights of the others
FEW = 100  # purchases, of own items or of new ones, below which heads lean on counting rather than on the network


@dataclass(frozen=True)
class Challenger:
    """The chosen `policy`: MODEL, STACK, HEADS or the name of a peer.

    `weights` are the stack's by signal, or those of the heads by head and input, if one of these is chosen.

    `compared`: a row each but the model, index policy: gain (mean over members, a share of the model's recall and
    NDCG), low and high (its paired interval).
    """

    policy: str
    weights: dict[str, Any]
    compared: pd.DataFrame

    def plain(self, settings: Mapping[str, Any], peers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return policy and settings as champion.json has them; `settings` are the model's, `peers` those of peers."""
        taking = [name for name in stack.PEERS if name in self.weights]
        of_stack = {"model": dict(settings), "peers": {name: dict(peers.get(name, {})) for name in taking}}
        of_heads = {"model": dict(settings), **self.weights}
        known = {MODEL: dict(settings), STACK: of_stack | {"weights": self.weights}, HEADS: of_heads}
        return {"policy": self.policy, "settings": known.get(self.policy, dict(peers.get(self.policy, {})))}


def choose(
    lists: Lists, pairs: Pairs, known: Baskets, after: Targets, k: int, confidence: float, margin: float, seed: int
) -> Challenger:
    """Return the choice for the members of `after`, whose `lists` are those of a model that has not seen their label.

    `pairs` are what the heads see of that model; `margin` is a share; `known` are the histories as of which the lists
    were made.
    """
    among = lists.only(stack.PEERS)
    found = stack.rows(among, known, after.members)
    judged = {name: _judged(columns[:, :k], after) for name, columns in zip(lists.names, lists.columns, strict=True)}
    fold = seeds.rng(seed, "stack-folds").permutation(np.arange(len(after.members)) % FOLDS)
    judged[STACK] = _judged(_by_stack(found, after, among, k, fold), after)
    hit = stack.bought(pairs, after)
    judged[HEADS] = _judged(_by_heads(pairs, hit, k, fold), after)
    gains = {name: _gain(each, judged[MODEL]) for name, each in judged.items() if name != MODEL}
    every = 1 - (1 - confidence) / max(len(lists.names) - 1, 1)
    levels = dict.fromkeys(lists.names, every) | {STACK: confidence, HEADS: confidence}
    rows = {name: (gain.mean(), *resample.student(gain, levels[name])[:2]) for name, gain in gains.items()}
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=["gain", "low", "high"]).rename_axis("policy")
    few = min(hit[pairs.own].sum(), hit[~pairs.own].sum()) < FEW
    policy, weights = best(compared, margin, few), {}
    if policy == STACK:
        fitted = stack.weights(found, after, among.names).tolist()
        weights = dict(zip(stack.signals(among.names), fitted, strict=True))
    if policy == HEADS:
        weights = heads.weights(pairs, hit)
    return Challenger(policy, weights, compared)


def best(compared: pd.DataFrame, margin: float, few: bool = False) -> str:
    """Return the policy that the rule takes of `compared`, as in `Challenger`: of several that may be, the best.

    `few` says whether few purchases tell of repeats or of first ones.
    """
    enough, mixed = compared["low"] > margin, [STACK, HEADS]
    if (compared["high"].drop(mixed) >= 0).any():
        enough[mixed] = compared.loc[mixed, "gain"] > margin
    if few:
        enough[HEADS] = compared.loc[HEADS, "high"] > 0
    return compared.loc[enough, "gain"].idxmax() if enough.any() else MODEL


def _by_stack(found: stack.Rows, after: Targets, lists: Lists, k: int, fold: np.ndarray) -> np.ndarray:
    """Return the columns (n, k) that the stack puts first, for each `fold` of members by weights of the others."""
    columns = np.full((len(fold), k), -1)
    for number in np.unique(fold):
        held = fold == number
        by = stack.weights(found.of(~held), _targets(after, ~held), lists.names)
        asked = found.of(held)
        columns[held], _ = stack.ranked(asked, asked.inputs @ by, int(held.sum()), k)
    return columns


def _by_heads(pairs: Pairs, hit: np.ndarray, k: int, fold: np.ndarray) -> np.ndarray:
    """Return the same of the heads; `hit` (n,) says which of `pairs` were bought."""
    columns = np.full((len(fold), k), -1)
    for number in np.unique(fold):
        taught = fold[pairs.member] != number
        by = heads.weights(pairs.keep(taught), hit[taught])
        held = fold == number
        columns[held] = heads.ranked(pairs.keep(~taught), by, len(fold), k)[0][held]
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
