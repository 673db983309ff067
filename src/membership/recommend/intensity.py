r"""Intensity: what a member's next visit is likely to hold, by what earlier purchases still bring on.

    purchases of an item   ...x....x............x        |
    what they bring on     ...|\___|\___________|\_____  | now

A self-exciting process (Hawkes, Biometrika 1971), given the visits: on a visit at t member u is expected to buy of item
i the sum of

    base  n_u * (a * share of i in all purchases + b * the same of late)
    own   c * share of u's visits so far that held i
          + sum over half-lives h of d_h * sum over u's purchases of i at s < t of 2^(-(t - s) / h)
    kind  share of i in its kind * sum over h of e_h * sum over u's purchases of that kind at s < t of 2^(-(t - s) / h)

with n_u the items of u's mean visit so far. Times are days where dates are known, else visits. All is linear in the
weights a to e, which are not negative: the likelihood has one maximum, and since sums of exponentials fade by one
factor from visit to visit, each part is known in one pass. As an item is bought once a visit at most, this is a
quasi-likelihood for what is bought often: means are right, and weights are found all the same.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.rhythm import changes

TEACH = 1000  # members whose purchases say how strong each part is, evenly; more would say the same
TAUGHT = 50_000  # of their purchases, at most, evenly
FAINT = 1e-3  # purchases that a part of weight 1 expects for each one made, below which it takes no part
LEVELS = ("subcategory", "category")  # columns of `items`: the first that tells any apart says of which kind each is
PRIOR = 0.5  # purchases that every item has beyond those that were made
STEPS = 300  # of EM, at most
TOLERANCE = 1e-7  # of the mean log-likelihood of a purchase, in nats
DAYS, VISITS = (7.0, 28.0, 112.0, 448.0), (1.0, 4.0, 16.0)  # half-lives, where dates are known and where not
LATE_DAYS = 28.0  # half-life of what counts as sold of late
LONG, LATE, SHARE = "base_long", "base_late", "own_share"


@dataclass(frozen=True)
class Kernels:
    """Half-lives of what purchases bring on; `late` that of what counts as sold of late, None where nothing does.

    In days, or in visits where dates are not known.
    """

    half_lives: tuple[float, ...]
    late: float | None = None

    def names(self, part: str) -> list[str]:
        """Return the names of `part`, "own" or "kind", one a half-life."""
        return [f"{part}_{life:g}" for life in self.half_lives]


@dataclass(frozen=True)
class Intensity:
    """A fitted intensity for a catalogue of I items.

    `weights`: name of a part -> its weight, as in the module's formula; `brought` -> the share of purchases that it
    brought on, in all 1. `share` (I,) is the base of each item for a visit of one item; `kind` (I,) the number of its
    kind, and `within` (I,) its share there.
    """

    kernels: Kernels
    weights: dict[str, float]
    brought: dict[str, float]
    share: np.ndarray
    kind: np.ndarray
    within: np.ndarray

    def of(self, asked: Baskets) -> "Parts":
        """Return what members of `asked`, of the same catalogue, are brought to buy on a visit now."""
        visits = asked.sizes
        mean_visit = np.bincount(asked.member, minlength=len(visits)) / visits
        own = self._faded("own", asked) + self.weights[SHARE] / visits[asked.member]
        kinds = None
        if self.kind.any():
            faded = self._faded("kind", asked), (asked.member, self.kind[asked.item])
            kinds = sparse.coo_array(faded, shape=(len(visits), self.kind.max() + 1)).tocsr()
        return Parts(self, mean_visit, asked.matrix(own), kinds)

    def _faded(self, part: str, asked: Baskets) -> np.ndarray:
        """Return what each line of `asked`, (N,), still brings on by `part`."""
        lives = zip(self.kernels.names(part), self.kernels.half_lives, strict=True)
        return sum(self.weights[name] * 0.5 ** (asked.age / life) for name, life in lives)


@dataclass(frozen=True)
class Parts:
    """The parts of the intensity `fitted` for M members: `mean_visit` (M,) times an item's share, `own` (M, I), and
    `kinds` (M, kinds) times an item's share in its kind, None where there is one kind.
    """

    fitted: Intensity
    mean_visit: np.ndarray
    own: sparse.csr_array
    kinds: sparse.csr_array | None

    def score(self, rows: np.ndarray) -> np.ndarray:
        """Return the purchases that are expected of `rows` of all items, (len(rows), I) float32."""
        share, within = self.fitted.share.astype(np.float32), self.fitted.within.astype(np.float32)
        scores = self.mean_visit[rows, None].astype(np.float32) * share
        if self.kinds is not None:
            scores += self.kinds[rows].toarray().astype(np.float32).take(self.fitted.kind, axis=1) * within
        own = self.own[rows]
        scores[np.repeat(np.arange(len(rows)), np.diff(own.indptr)), own.indices] += own.data
        return scores

    def at(self, member: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        """Return the same of pairs, (n,), as `all`, and its parts: `base`, `own`, and `kind` where there is any."""
        found = {"base": self.mean_visit[member] * self.fitted.share[item], "own": _held(self.own, member, item)}
        if self.kinds is not None:
            found["kind"] = _held(self.kinds, member, self.fitted.kind[item]) * self.fitted.within[item]
        return {"all": sum(found.values()), **found}


def fit(known: Baskets, items: pd.DataFrame | None = None, kernels: Kernels | None = None) -> Intensity:
    """Return the intensity that the histories `known` tell; by kinds where `items` (the canonical table) have any.

    Without `kernels` half-lives are DAYS or VISITS, and LATE_DAYS. The first visit of each member is taken as given.
    Where nobody came twice, what was bought and what sells weigh 1.
    """
    kernels = kernels or Kernels(DAYS if known.dated else VISITS, LATE_DAYS)
    kind = kinds(known.items, items)
    count = np.bincount(known.item, minlength=len(known.items)) + PRIOR
    of_kind = np.bincount(kind, count)[kind]
    rows = np.linspace(0, len(known.members) - 1, min(TEACH, len(known.members))).astype(int)
    taught, now = known.only(rows), {LONG: count / count.sum()}
    others = count - 1  # a line is not told by itself
    of_line = {LONG: (others / (count.sum() - 1))[taught.item]}
    if kind.any():
        of_line["kind"] = (others / np.maximum(of_kind - 1, PRIOR))[taught.item]
    if kernels.late and known.dated:
        before, now[LATE] = of_late(known, kernels.late)
        of_line[LATE] = before[np.isin(known.member, rows)]
    weights, brought = _weights(taught, kernels, kind, of_line)
    share = sum(weights[name] * part for name, part in now.items())
    return Intensity(kernels, weights, brought, share, kind, count / of_kind)


def kinds(ids: np.ndarray, items: pd.DataFrame | None) -> np.ndarray:
    """Return the number of the kind of each of the items `ids` (I,), by the first of LEVELS that has two.

    0 is that of all items of which none is known.
    """
    for level in [] if items is None else [level for level in LEVELS if level in items]:
        kind, found = pd.factorize(items.drop_duplicates("item_id").set_index("item_id")[level].reindex(ids))
        if len(found) > 1:
            return kind + 1
    return np.zeros(len(ids), dtype=int)


def branching(x: np.ndarray) -> np.ndarray:
    """Return the shares (parts,), in all 1, with the highest mean log(x @ shares) for `x` (n, parts), by EM.

    Column p of `x` is how likely part p brings on each of n purchases, if it brings on one (Veen and Schoenberg, JASA
    2008).
    """
    shares, before = np.full(x.shape[1], 1 / x.shape[1]), -np.inf
    for _ in range(STEPS):
        made = x @ shares
        reached = np.log(made).mean()
        if reached - before < TOLERANCE:
            break
        before, shares = reached, shares * (x.T @ (1 / made)) / len(x)
    return shares


def faded(taught: Baskets, thing: np.ndarray, half_lives: np.ndarray) -> np.ndarray:
    """Return what earlier purchases of the same `thing` (N,) amount to on the visit of each line, (N, half-lives).

    They are the same member's, and each counts 2^(-(time since) / half-life).
    """
    group = taught.member.astype(np.int64) * (int(thing.max(initial=0)) + 1) + thing
    order = np.lexsort((-taught.basket, group))  # the oldest first
    opens = changes(group[order]) | changes(taught.basket[order])
    first = np.flatnonzero(opens)
    amount = np.diff(first, append=len(order))
    entries = excited(group[order][first], taught.age[order][first], amount, half_lives)
    found = np.empty((len(order), len(half_lives)))
    found[order] = entries[np.cumsum(opens) - 1]
    return found


def excited(group: np.ndarray, age: np.ndarray, amount: np.ndarray, half_lives: np.ndarray) -> np.ndarray:
    """Return what the earlier entries of its group amount to for each of n entries, (n, half-lives).

    Entries are sorted by group, the oldest first; ages and half-lives are in the same unit.
    """
    number = np.arange(len(group))
    place = number - np.maximum.accumulate(np.where(changes(group), number, 0))
    order, ends = np.argsort(place, kind="stable"), np.cumsum(np.bincount(place, minlength=1))
    found = np.zeros((len(group), len(half_lives)))
    for start, end in pairwise(ends):
        at = order[start:end]
        left = 0.5 ** ((age[at - 1] - age[at])[:, None] / half_lives)
        found[at] = (found[at - 1] + amount[at - 1, None]) * left
    return found


def _held(matrix: sparse.csr_array, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the entry of `matrix` at each place, (n,), 0 where there is none."""
    width = matrix.shape[1]
    there = np.repeat(np.arange(matrix.shape[0]) * width, np.diff(matrix.indptr)) + matrix.indices
    asked = row.astype(np.int64) * width + column
    place = np.searchsorted(there, asked).clip(max=max(len(there) - 1, 0))
    return np.where(there[place] == asked, matrix.data[place], 0.0)


def _weights(
    taught: Baskets, kernels: Kernels, kind: np.ndarray, of_line: dict[str, np.ndarray]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return `weights` and `brought` as in `Intensity`.

    `of_line` has for each line of `taught` the share of its item in all purchases, in those of late, and in its kind.
    """
    later = taught.basket < taught.sizes[taught.member] - 1
    values, totals = _parts(taught, kernels, kind, of_line)
    weights, brought = dict.fromkeys(values, 0.0), dict.fromkeys(values, 0.0)
    if not later.any():
        return weights | {LONG: 1.0, SHARE: 1.0}, brought
    names = [name for name in values if totals[name] > FAINT * later.sum()]
    some = np.flatnonzero(later)[:: max(later.sum() // TAUGHT, 1)]
    shares = branching(np.column_stack([values[name][some] / totals[name] for name in names])).tolist()
    brought |= dict(zip(names, shares, strict=True))
    return weights | {name: brought[name] * later.sum() / totals[name] for name in names}, brought


def _parts(
    taught: Baskets, kernels: Kernels, kind: np.ndarray, of_line: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return what each part of weight 1 expects: of each line (N,), and of all items on all visits but first ones."""
    lives = np.array([np.inf, *kernels.half_lives])  # what never fades counts
    own, all_items = (faded(taught, thing, lives) for thing in (taught.item, np.zeros_like(taught.item)))
    visits = np.maximum(taught.sizes[taught.member] - 1 - taught.basket, 1)  # before that of the line
    mean_visit = all_items[:, 0] / visits
    a_visit = changes(taught.member) | changes(taught.basket)  # one line of each
    values = {name: mean_visit * of_line[name] for name in (LONG, LATE) if name in of_line}
    values[SHARE] = own[:, 0] / visits
    totals = dict.fromkeys(values, mean_visit[a_visit].sum())
    parts = {"own": own} | ({"kind": faded(taught, kind[taught.item], lives)} if "kind" in of_line else {})
    for part, found in parts.items():
        for number, name in enumerate(kernels.names(part), start=1):
            values[name] = found[:, number] * of_line.get(part, 1.0)
            totals[name] = all_items[a_visit, number].sum()
    return values, totals


def of_late(known: Baskets, half_life: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each line's item in what was sold of late, before its day (N,), and of each item now (I,)."""
    lives, oldest = np.array([half_life]), int(known.age.max())
    day = oldest - known.age  # from the first one
    cell, line, amount = np.unique(
        known.item.astype(np.int64) * (oldest + 1) + day, return_inverse=True, return_counts=True
    )
    of_item = excited(cell // (oldest + 1), -(cell % (oldest + 1)), amount, lives)[line, 0]
    sold = np.bincount(day, minlength=oldest + 1)
    of_all = excited(np.zeros_like(sold), -np.arange(len(sold)), sold, lives)[day, 0]
    weight = 0.5 ** (known.age / half_life)
    now = np.bincount(known.item, weight, len(known.items)) / weight.sum()
    return np.where(of_all > 0, of_item / np.maximum(of_all, 1e-300), 0.0), now
