"""The reranker: what a list is for beside purchases, with a knob for each of the metrics of `exploration`.

Of a member's candidates, those k are listed that make

    expected purchases + sum over knobs of knob x metric of the list

highest; so a knob is the number of purchases that a list is worth whose metric is 1 instead of 0. What metric is meant:

novelty, freshness: those of `exploration`. serendipity: its expected value, chance x (new to the member and no best
seller). popularity: less what is more popular than what the member usually buys, so that a list is as popular as its
member's history (calibrated popularity; Abdollahpouri et al., UMAP 2021). coverage: the share of the catalogue that is
on some list, for all members together: an item that would be on n lists, were lists made as purchases are, is on none
with chance exp(-n), and this is what one more list with it adds. diversity: less the share of pairs of one category,
which is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) with the mean in place of the highest
similarity to what is listed already.

The first five add up over items, and the sixth is concave in how many items are of a category. Of such a sum the greedy
list is the best one (a valuated matroid; Murota, 2003), also with at most so many of a category, and a higher knob
never makes its own metric lower. What comes first, pins and carts, stays first and counts; what has no chance stays
last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from membership.recommend import exploration
from membership.recommend.baskets import Baskets
from membership.settings.recommend import Recommend, Rerank

Again = Callable[[pd.DataFrame, np.ndarray, int, list[tuple[np.ndarray, int]]], pd.DataFrame]
KNOBS = tuple(Rerank.model_fields)
LAST = 1e12  # beyond any value of an item: sets apart what comes first and what comes last


@dataclass(frozen=True)
class Candidates:
    """Items that may be listed for n members, (n, width) each: `columns`, -1 for none; `own`, whether bought before;
    `chance` of a purchase, as the policy orders by; and what is `usual` (n,), a share of members, NaN if unknown.
    """

    columns: np.ndarray
    own: np.ndarray
    chance: np.ndarray
    usual: np.ndarray


@dataclass(frozen=True)
class Reranker:
    """The knobs, the length `k` of lists, and what is known of the items of a catalogue (I,): their traits, how `rare`
    each is on lists, and its `kind`, the number of its category, -1 where unknown.
    """

    knobs: Rerank
    k: int
    traits: exploration.Traits
    rare: np.ndarray
    kind: np.ndarray

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """The knobs that do nothing on these data: freshness without dates, diversity without categories."""
        there = {"freshness": ~np.isnan(self.traits.fresh), "diversity": self.kind >= 0}
        return tuple(name for name, known in there.items() if not known.any())

    @property
    def repeated(self) -> float:
        """What an item costs for each one of its category that is listed already, in purchases."""
        return 2 * self.knobs.diversity / max(self.k * (self.k - 1), 1)

    def values(self, of: Candidates) -> np.ndarray:
        """Return what each item adds to its member's list, (n, width), but for `repeated`, in purchases."""
        found = of.chance.copy()
        for name in KNOBS:
            knob = getattr(self.knobs, name)
            if knob and name != "diversity" and name not in self.lacking:
                found += knob * self.added(name, of)
        return found

    def added(self, name: str, of: Candidates) -> np.ndarray:
        """Return what each item adds to the metric of knob `name`, (n, width); diversity does not add up."""
        if name == "serendipity":
            return of.chance * ~of.own * ~self.traits.best[of.columns] / self.k
        if name == "popularity":
            return -np.fmax(self.traits.share[of.columns] - of.usual[:, None], 0) / self.k
        whole = {"novelty": self.traits.novelty, "freshness": self.traits.fresh, "coverage": self.rare}[name]
        return whole[of.columns] / (1 if name == "coverage" else self.k)

    def places(
        self, of: Candidates, k: int, caps: Sequence[tuple[np.ndarray, int]] = (), first: np.ndarray | bool = False
    ) -> np.ndarray:
        """Return where in their rows the `k` stand that are listed, (n, k), in the order of the list, -1 for no more.

        `first` (n, width) come first, as they stand; what has no chance comes last. `caps` are as for `greedy`.
        """
        order = np.arange(of.columns.shape[1])
        values = np.where(first, LAST - order, np.where(of.chance > 0, self.values(of), -LAST - order))
        values[of.columns < 0] = -np.inf
        return greedy(values, self.kind[of.columns], self.repeated, k, caps)

    def among(self, known: Baskets) -> Again:
        """Return what cuts lists of members of `known` anew.

        It takes candidates in their order (place in `rows`, item, chance, whether first), a row each; `rows` of
        `known`, -1 for no history; `k`; and kinds (I,) of which so many may be listed. It returns those on lists, in
        their order.
        """
        usual = exploration.usual(self.traits.share, known)

        def again(found: pd.DataFrame, rows: np.ndarray, k: int, kinds: list[tuple[np.ndarray, int]]) -> pd.DataFrame:
            place, rank = found["place"].to_numpy(), found.groupby("place").cumcount().to_numpy()
            number = np.full((len(rows), rank.max(initial=-1) + 1), -1)
            number[place, rank] = np.arange(len(found))
            item, chance, first = (found[name].to_numpy()[number] for name in ("item", "chance", "first"))
            item, chance = np.where(number < 0, -1, item), np.where((rows < 0)[:, None], 0, chance)
            of = Candidates(item, known.holds(rows[:, None], item), chance, usual[rows])
            places = self.places(of, k, [(kind[item], most) for kind, most in kinds], first)
            return found.iloc[np.take_along_axis(number, places, axis=1)[places >= 0]]

        return again


def of_catalogue(market: Baskets, knobs: Recommend, items: pd.DataFrame) -> Reranker:
    """Return the reranker of `knobs` for the catalogue of `market`; `items` is the canonical table."""
    traits = exploration.traits(market, knobs.k)
    category = items.drop_duplicates("item_id").set_index("item_id")["category"].reindex(market.items)
    members = len(market.members)
    lists = members * knobs.k * traits.share / max(traits.share.sum(), 1e-300)
    rare = np.exp(-lists) * members / len(market.items)
    return Reranker(knobs.rerank, knobs.k, traits, rare, pd.factorize(category)[0])


def greedy(
    values: np.ndarray, kind: np.ndarray, repeated: float, k: int, caps: Sequence[tuple[np.ndarray, int]] = ()
) -> np.ndarray:
    """Return the places (n, k) in rows of `values` (n, width) of the best list, in its order, -1 for no more.

    -inf is never listed. An item loses `repeated` for each listed one of its `kind` (n, width), -1 for none, if it is
    no further than LAST / 2 from 0. Of `caps`, kinds (n, width) and how many may be listed, none is exceeded.
    """
    rows, left = np.arange(len(values)), values.copy()
    kinds = [kind] * bool(repeated) + [each for each, _ in caps]
    counts = [np.zeros(values.shape, dtype=np.int32) for _ in kinds]
    costs = np.where(np.abs(values) < LAST / 2, repeated, 0)
    found = np.full((len(values), k), -1)
    for place in range(min(k, values.shape[1])):
        at = (left - costs * counts[0] if repeated else left).argmax(axis=1)
        there = left[rows, at] > -np.inf
        found[there, place] = at[there]
        left[rows, at] = -np.inf
        for each, count in zip(kinds, counts, strict=True):
            count[(each == each[rows, at][:, None]) & (each >= 0) & there[:, None]] += 1
        for (_, most), count in zip(caps, counts[len(counts) - len(caps) :], strict=True):
            left[count >= most] = -np.inf
    return found
