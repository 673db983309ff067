"""The stack: the model and peers in one list, weighted by what members bought next.

Whatever the model or a peer lists for a member is a candidate. Its strength is linear in how each of them ranks it, in
the model's log-odds, and in whether the member has it already, more so for who repeats much. Weights are those of a
conditional logit (McFadden, 1974): the chance that of a member's candidates this one was bought. They are shrunk
towards the model alone, so that what few purchases say moves them little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from membership.recommend.baskets import Baskets, Targets
from membership.recommend.candidates import Pairs
from membership.recommend.names import MODEL, STACK
from membership.recommend.policy import MEMBERS, Recommender
from membership.recommend.ranking import filled, popularity

PEERS = ("als", "gp_topfreq", "item_knn", "tifuknn", "upcf")  # that take part: fast, and unlike each other
DEPTH = 20  # items of each list that are candidates
OWN = ("own", "own_baskets", "own_repeats")  # signals of what the member has bought before
MODEL_ODDS = "model_odds"
RIDGE = 5.0  # strength of the pull towards the model, in members whose next purchase is among the candidates
LEAST = 1e-6  # odds that the model gives what it does not list, at least
STEPS = 25  # of Newton's method, and halvings of one, at most; a handful are enough
TOLERANCE = 1e-3  # of the likelihood of all members, in nats


@dataclass(frozen=True)
class Lists:
    """What each of `names`, the model first, lists for n members: `columns` (names, n, depth) of items, -1 for none.

    `odds` (n, depth) are the model's log-odds of what it lists. Of deeper lists DEPTH items are candidates.
    """

    names: tuple[str, ...]
    columns: np.ndarray
    odds: np.ndarray

    def of(self, chosen: np.ndarray) -> "Lists":
        """Return the lists of the members `chosen` (an index or a mask)."""
        return Lists(self.names, self.columns[:, chosen], self.odds[chosen])

    def only(self, peers: Sequence[str]) -> "Lists":
        """Return the lists of the model and of those of `peers` that are there."""
        kept = [number for number, name in enumerate(self.names) if number == 0 or name in peers]
        return Lists(tuple(self.names[n] for n in kept), self.columns[kept][:, :, :DEPTH], self.odds[:, :DEPTH])


@dataclass(frozen=True)
class Rows:
    """Candidates, sorted by `member` (n,) (a place among those asked for) and `item`; `inputs` (n, signals)."""

    member: np.ndarray
    item: np.ndarray
    inputs: np.ndarray

    def of(self, chosen: np.ndarray) -> "Rows":
        """Return the candidates of the members for whom the mask `chosen` holds, who are numbered anew."""
        mine = chosen[self.member]
        return Rows((np.cumsum(chosen) - 1)[self.member[mine]], self.item[mine], self.inputs[mine])


def asked(model: Recommender, peers: Mapping[str, Recommender], members: np.ndarray) -> Lists:
    """Return the first DEPTH of `model` and `peers`, fitted to the same catalogue, for `members` (ids)."""
    return beside(model, {name: peer.recommend(members, DEPTH)[0] for name, peer in peers.items()}, members)


def beside(model: Recommender, listed: Mapping[str, np.ndarray], members: np.ndarray) -> Lists:
    """Return the lists of `model` for `members` (ids) beside what peers have `listed`, ids (members, depth) each."""
    depth = next((ids.shape[1] for ids in listed.values()), DEPTH)
    ids, scores = model.recommend(members, depth)
    columns = [model.baskets.columns(each) for each in (ids, *listed.values())]
    return Lists((MODEL, *listed), np.stack(columns), log_odds(scores))


def joined(parts: Sequence[Lists]) -> Lists:
    """Return the lists of all `parts`, of the same names, one after the other."""
    columns, odds = [part.columns for part in parts], [part.odds for part in parts]
    return Lists(parts[0].names, np.concatenate(columns, axis=1), np.concatenate(odds))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return the log-odds of `probability`, of at least LEAST and at most 1 - LEAST."""
    held = np.clip(probability, LEAST, 1 - LEAST)
    return np.log(held) - np.log1p(-held)


def signals(names: Sequence[str]) -> list[str]:
    """Return the names of the columns of `Rows.inputs` for lists of `names`."""
    return [MODEL_ODDS, *names, *OWN]


def rows(lists: Lists, known: Baskets, members: np.ndarray) -> Rows:
    """Return the candidates of `members` (ids) and what is known of each, as `signals` names it.

    A list says log((DEPTH + 1) / rank) of what is on it and 0 of the rest; the log-odds of what the model does not list
    are the lowest of what it does.
    """
    width, depth = len(known.items), lists.columns.shape[2]
    listed = lists.columns >= 0
    cells = np.arange(len(members))[:, None] * width + lists.columns
    cell = np.unique(cells[listed])
    member, item = np.divmod(cell, width)
    inputs = np.zeros((len(cell), len(signals(lists.names))))
    lowest = np.where(listed[0], lists.odds, np.inf).min(axis=1)
    inputs[:, 0] = np.where(np.isfinite(lowest), lowest, np.log(LEAST))[member]
    inputs[np.searchsorted(cell, cells[0][listed[0]]), 0] = lists.odds[listed[0]]
    strength = np.broadcast_to(np.log((depth + 1) / np.arange(1, depth + 1)), listed.shape[1:])
    for number, (there, mine) in enumerate(zip(listed, cells, strict=True), start=1):
        inputs[np.searchsorted(cell, mine[there]), number] = strength[there]
    inputs[:, -len(OWN) :] = _own(known, members, member, item)
    return Rows(member, item, inputs)


def _own(known: Baskets, members: np.ndarray, member: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Return whether each candidate was bought before, alone, times log(baskets), and times the share of repeats."""
    row = known.rows(members)
    there = row >= 0
    asked, at = np.unique(row[there], return_inverse=True)
    known = known.only(asked)  # of a million members those of a batch
    own = known.bought(members[member], known.items[item][:, None])[:, 0].astype(float)
    bought, counts = np.bincount(known.member, minlength=len(asked)), known.matrix()
    baskets, again = np.zeros((2, len(row)))
    baskets[there] = np.log(known.sizes)[at]
    again[there] = (1 - np.diff(counts.indptr) / np.maximum(bought, 1))[at]
    return np.column_stack([own, own * baskets[member], own * again[member]])


def alone(names: Sequence[str]) -> np.ndarray:
    """Return the weights with which the model's order stands: 1 for its log-odds, else 0."""
    return np.eye(1, len(signals(names)))[0]


def weights(found: Rows, after: Targets, names: Sequence[str]) -> np.ndarray:
    """Return the weights (signals,) by what members bought: `after` has a row for each member of `found`, in order.

    A member's purchases weigh 1 together. Who bought nothing among the candidates says nothing.
    """
    target = bought(found, after)
    hits = np.bincount(found.member, target, minlength=len(after.members))
    tells = hits[found.member] > 0
    member = np.cumsum(np.diff(found.member[tells], prepend=-1) > 0) - 1
    x, y = found.inputs[tells], target[tells] / hits[found.member[tells]]
    start = alone(names)
    if not len(x):
        return start
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    return _newton((x - centre) / scale, y, member, start * scale) / scale


def bought(found: Rows | Pairs, after: Targets) -> np.ndarray:
    """Say of each candidate whether it was bought, (n,) of 0 and 1; `after` has a row for each member asked for."""
    row, column = after.matrix.nonzero()
    width = after.matrix.shape[1]
    return np.isin(found.member.astype(np.int64) * width + found.item, row.astype(np.int64) * width + column) * 1.0


def _newton(x: np.ndarray, y: np.ndarray, member: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the maximum of the penalised conditional likelihood; `member` is sorted, `y` adds up to 1 for each."""
    starts, weight = np.flatnonzero(np.diff(member, prepend=-1)), prior.copy()

    def value(weight):
        strength = x @ weight
        most = np.maximum.reduceat(strength, starts)
        level = most + np.log(np.add.reduceat(np.exp(strength - most[member]), starts))
        far = weight - prior
        return y @ strength - level.sum() - RIDGE / 2 * far @ far, np.exp(strength - level[member])

    reached, share = value(weight)
    for _ in range(STEPS):
        mean = np.add.reduceat(share[:, None] * x, starts, axis=0)
        slope = (y - share) @ x - RIDGE * (weight - prior)
        curve = x.T @ (share[:, None] * x) - mean.T @ mean + RIDGE * np.eye(len(prior))
        step = np.linalg.solve(curve, slope)
        if slope @ step < TOLERANCE:
            break
        for halved in range(STEPS):  # a whole step may go too far where the model is very sure
            after, shares = value(weight + step / 2**halved)
            if after > reached:
                break
        weight, reached, share = weight + step / 2**halved, after, shares
    return weight


def ranked(found: Rows, strength: np.ndarray, members: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` strongest candidates of each of `members`, (members, k), -1 where fewer, and their scores.

    A score is the chance that this one of the member's candidates is bought, if one of them is.
    """
    columns, scores = np.full((members, k), -1), np.zeros((members, k))
    order = np.lexsort((found.item, -strength, found.member))
    starts = np.searchsorted(found.member, np.arange(members))
    place = np.arange(len(order)) - starts[found.member]
    most = np.full(members, -np.inf)
    np.maximum.at(most, found.member, strength)
    raised = np.exp(strength - most[found.member])
    share = raised / np.bincount(found.member, raised, members)[found.member]
    first = place < k  # candidates are sorted by member, and so are those in `order`
    at = found.member[first], place[first]
    columns[at], scores[at] = found.item[order][first], share[order][first]
    return columns, scores


def serve(
    model: Recommender, peers: Mapping[str, Recommender], weights: Mapping[str, float], explore: float = 0.0
) -> Recommender:
    """Recommend by `weights`, a number for each of `signals`, among what `model` and `peers` list.

    All are ready for the same histories. Where a member has fewer candidates than are asked for, the most popular other
    items follow. `explore` is added to the strength of what the member has never bought.
    """
    known = model.baskets
    by, share = np.array([weights[name] for name in signals([MODEL, *peers])]), popularity(model.market)
    by = by - explore * (np.arange(len(by)) == len(by) - len(OWN))

    def top(asked_rows, k):
        columns, scores = np.full((len(asked_rows), k), -1), np.zeros((len(asked_rows), k))
        for start in range(0, len(asked_rows), MEMBERS):
            batch = slice(start, start + MEMBERS)
            members = known.members[asked_rows[batch]]
            found = rows(asked(model, peers, members), known, members)
            columns[batch], scores[batch] = filled(*ranked(found, found.inputs @ by, len(members), k), share)
        return columns, scores.clip(min=0)

    return Recommender(STACK, known, top, model.pairs, model.among)
