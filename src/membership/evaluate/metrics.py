"""The metrics that lists are judged by: the unit of each, which way is better, and how it is computed.

This registry alone says what a metric is: no name decides anything. A new guardrail is one more entry of METRICS.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.recommend import exploration
from membership.recommend import metrics as of_lists
from membership.recommend.baskets import Baskets, Targets

COVERAGE, GAP, SPREAD = "catalogue_coverage", "fairness_gap", "fairness_spread"


class Unit(StrEnum):
    """What a metric is measured in."""

    SHARE = "share"  # 0 to 1
    CENTS = "cents"  # a member
    CENTS_AN_ITEM = "cents an item"


class Counted(StrEnum):
    """How a metric comes about that no member has alone."""

    OVER_ALL_LISTS = "over all lists"  # `experiment.run`
    BETWEEN_GROUPS = "between groups of members"  # `guardrails.fairness`
    AFTER_SCORING = "over members, after the day of scoring"  # `outcome.of_field`: no list was shown by then


@dataclass(frozen=True)
class Basis:
    """What lists are judged on.

    `targets`: the next baskets of the members who are judged; `history`: what was known before; `prices`: item_id,
    price and discount (cents, as of `guardrails.prices`; an item without a price counts as nothing); `margin_rate`: of
    the price; `k`: items of a list that count; `bought`: items in each whole next basket, (n,), also those that cannot
    be recommended; `items`: the canonical table, whose categories say how diverse a list is.
    """

    targets: Targets
    history: Baskets
    prices: pd.DataFrame
    margin_rate: float
    k: int
    bought: np.ndarray
    items: pd.DataFrame | None = None


@dataclass(frozen=True)
class Lists:
    """The lists `ids` (n, at least k) of one policy for the n members of `basis.targets`; "" is no item."""

    ids: np.ndarray
    basis: Basis

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Return the metrics of `recommend.metrics` and `recommend.exploration`, one row a member."""
        known = self.ids, self.basis.targets, self.basis.history, self.basis.k
        explored = exploration.per_member(*known, self.basis.items)
        return pd.concat([of_lists.per_member(*known), of_lists.composition(*known), explored], axis=1)

    @cached_property
    def hits(self) -> pd.DataFrame:
        """Return place (of the member), price and discount (cents) of each listed item that was bought."""
        listed = self.ids[:, : self.basis.k]
        place, rank = np.nonzero(of_lists.held(self.basis.targets.matrix, self.basis.history.columns(listed)))
        hits = pd.DataFrame({"place": place, "item_id": listed[place, rank]})
        return hits.merge(self.basis.prices, on="item_id")

    @cached_property
    def found(self) -> np.ndarray:
        """Return how many listed items were bought, (n,)."""
        listed = self.ids[:, : self.basis.k]
        return of_lists.held(self.basis.targets.matrix, self.basis.history.columns(listed)).sum(axis=1)

    def share(self, name: str) -> np.ndarray:
        """Return one of `shares`, (n,)."""
        return self.shares[f"{name}_at_{self.basis.k}"].to_numpy()

    def mean_listed(self, column: str) -> np.ndarray:
        """Return the mean of `column` of `basis.prices` over the items of each list, (n,); NaN for an empty list."""
        listed = self.ids[:, : self.basis.k]
        cents = self.basis.prices.set_index("item_id")[column].reindex(listed.ravel()).fillna(0.0)
        items = (listed != "").sum(axis=1)
        total = cents.to_numpy(float).reshape(listed.shape).sum(axis=1)
        return np.divide(total, items, out=np.full(len(listed), np.nan), where=items > 0)

    def total(self, cents: pd.Series) -> np.ndarray:
        """Return the sum of `cents` (one for each of `hits`) by member, (n,); 0 where nothing was hit."""
        return cents.groupby(self.hits["place"]).sum().reindex(range(len(self.ids)), fill_value=0.0).to_numpy(float)


@dataclass(frozen=True)
class Metric:
    """One metric: its name (without the length of the list), unit, direction, and what computes it.

    `how` is a function of one policy's `Lists` that returns a number for each judged member (NaN: not defined), or says
    how the metric is counted where no member has it alone.
    """

    name: str
    unit: Unit
    higher_is_better: bool
    how: Callable[[Lists], np.ndarray] | Counted

    @property
    def worst(self) -> float:
        """The worst value that it can have: nothing at all, or of what should be low, everything."""
        return 0.0 if self.higher_is_better else 1.0 if self.unit == Unit.SHARE else np.inf

    def column(self, k: int | str) -> str:
        """Return its name with the length of the list, e.g. recall_at_10; what is counted otherwise has none."""
        return f"{self.name}_at_{k}" if callable(self.how) else self.name


METRICS = (
    Metric("recall", Unit.SHARE, True, lambda lists: lists.share("recall")),
    Metric("recall_of_all", Unit.SHARE, True, lambda lists: lists.found / lists.basis.bought),
    Metric("ndcg", Unit.SHARE, True, lambda lists: lists.share("ndcg")),
    Metric("hit", Unit.SHARE, True, lambda lists: lists.share("hit")),
    Metric("repeat_recall", Unit.SHARE, True, lambda lists: lists.share("repeat_recall")),
    Metric("explore_recall", Unit.SHARE, True, lambda lists: lists.share("explore_recall")),
    Metric("explore_share", Unit.SHARE, True, lambda lists: lists.share("explore_share")),
    Metric("explore_hit_share", Unit.SHARE, True, lambda lists: lists.share("explore_hit_share")),
    Metric("serendipity", Unit.SHARE, True, lambda lists: lists.share("serendipity")),
    Metric("novelty", Unit.SHARE, True, lambda lists: lists.share("novelty")),
    Metric("diversity", Unit.SHARE, True, lambda lists: lists.share("diversity")),
    Metric("freshness", Unit.SHARE, True, lambda lists: lists.share("freshness")),
    Metric("popularity_bias", Unit.SHARE, False, lambda lists: lists.share("popularity_bias")),
    # of what is listed, bought or not: a list that is bought from more often does not look dearer for that
    Metric("discount_per_item", Unit.CENTS_AN_ITEM, False, lambda lists: lists.mean_listed("discount")),
    Metric("margin", Unit.CENTS, True, lambda lists: lists.total(lists.basis.margin_rate * lists.hits["price"])),
    Metric(COVERAGE, Unit.SHARE, True, Counted.OVER_ALL_LISTS),
    Metric(GAP, Unit.SHARE, False, Counted.BETWEEN_GROUPS),
    Metric(SPREAD, Unit.SHARE, False, Counted.BETWEEN_GROUPS),
)
REGISTRY = {metric.name: metric for metric in METRICS}


def of(name: str, key: str = "metric", there: Iterable[str] | None = None) -> Metric:
    """Return the metric of a name such as recall_at_10 or catalogue_coverage.

    Raises ParamError, naming `key` and what there is (`there`, or the whole registry), where it is unknown.
    """
    known = _find(name)
    if known is None or (there is not None and name not in (there := list(there))):
        names = there if there is not None else [metric.column("<k>") for metric in REGISTRY.values()]
        raise ParamError(f"{key}: metric '{name}' is unknown; there are: {', '.join(names)}.")
    return known


def per_member(lists: Lists) -> pd.DataFrame:
    """Return every metric that a member has alone: member_id and one column a metric, e.g. recall_at_10."""
    found = {each.column(lists.basis.k): each.how(lists) for each in REGISTRY.values() if callable(each.how)}
    return pd.DataFrame({"member_id": lists.basis.targets.members, **found})


def known(columns: Iterable[str]) -> list[str]:
    """Return those of `columns` that are metrics, in the order of the registry."""
    order = list(REGISTRY)
    found = {name: order.index(metric.name) for name in columns if (metric := _find(name))}
    return sorted(found, key=found.__getitem__)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` (with a column metric) in the order of the registry, with the column unit beside metric."""
    units = rows["metric"].map(lambda name: str(of(name).unit))
    place = rows["metric"].map({name: place for place, name in enumerate(known(rows["metric"]))})
    return rows.assign(unit=units).iloc[place.argsort(kind="stable")].reset_index(drop=True)


def _find(name: str) -> Metric | None:
    stem, at, k = name.rpartition("_at_")
    metric = REGISTRY.get(stem if at and k.isdigit() else name)
    return metric if metric is not None and metric.column(k) == name else None
