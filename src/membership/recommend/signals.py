"""Signals: what the past says of a member and an item that it may buy next, one row a pair."""

import numpy as np
import pandas as pd

from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs
from membership.recommend.rhythm import DECAYS, Rhythm, rhythm

LEVELS = ("subcategory", "name")  # groups of items within which one replaces another
RECENT_DAYS = 30  # over which an item's trend is measured
RECENT_BASKETS = (1, 2, 4)  # the same, in each member's last baskets
FLOOR = 1e-4  # what a source's score counts at least: below it is as good as nothing
PRIOR_MEMBERS = 5  # strength of the prior that shrinks an item's statistics, in buyers
PRIOR_BASKETS = 50  # the same for rates a basket


def signals(pairs: Pairs, baskets: Baskets, items: pd.DataFrame | None = None) -> tuple[np.ndarray, list[str]]:
    """Return what is known at the cut-off of each of `pairs`: (n, signals) float32, finite, and the signals' names.

    Of the member: how often and how regularly it shops. Of the item: popularity, trend, and how it is bought again.
    Of the two: the member's rhythm with the item and with the groups (`LEVELS`, columns of `items`) that it is in,
    and the sources' scores. Counts, times and scores are logarithms. Where there are no `items` or no dates, what
    needs them is left out.
    """
    own = rhythm(baskets, baskets.item, len(baskets.items))
    at = own.at(pairs.member, pairs.item)
    columns = {f"item_{name}": column for name, column in _timing(own, at).items()}
    columns |= {name: np.log(score + FLOOR) for name, score in zip(pairs.names, pairs.scores.T, strict=True)}
    if items is not None:
        columns |= _of_groups(pairs, baskets, items, own, at)
    of_item = _of_items(baskets, own)
    columns |= {f"item_{name}": column[pairs.item] for name, column in of_item.items()}
    columns["item_overdue"] = np.log1p(own.last[at]) - of_item["usual_gap"][pairs.item]
    columns |= {f"member_{name}": column[pairs.member] for name, column in _of_members(baskets, own).items()}
    values = np.empty((len(at), len(columns)), dtype=np.float32)
    for number, column in enumerate(columns.values()):
        values[:, number] = column
    return values, list(columns)


def _of_groups(
    pairs: Pairs, baskets: Baskets, items: pd.DataFrame, own: Rhythm, at: np.ndarray
) -> dict[str, np.ndarray]:
    columns, grouped = {}, items.set_index("item_id").reindex(baskets.items)
    for level in LEVELS:
        code = pd.factorize(grouped[level])[0] + 1  # 0 is "no group"
        group = rhythm(baskets, code[baskets.item], int(code.max()) + 1)
        there = group.at(pairs.member, code[pairs.item])
        columns |= {f"{level}_{name}": column for name, column in _timing(group, there).items()}
        columns[f"{level}_share"] = own.count[at] / np.maximum(group.count[there], 1)
        columns[f"{level}_since"] = np.log1p(own.last[at]) - np.log1p(group.last[there])
    return columns


def _timing(times: Rhythm, at: np.ndarray) -> dict[str, np.ndarray]:
    entries = {
        "count": np.log1p(times.count),
        "rate": times.count / (times.first_basket + 1),
        "last": np.log1p(times.last),
        "gap": np.log1p(times.gap),
        "last_gap": np.log1p(times.last_gap),
        "due": np.log1p(times.last) - np.log1p(times.gap),
    }
    entries |= {f"decay_{decay}": np.log1p(times.decayed[:, number]) for number, decay in enumerate(DECAYS)}
    return {name: entry[at] for name, entry in entries.items()}


def _of_items(baskets: Baskets, own: Rhythm) -> dict[str, np.ndarray]:
    item, count, again = own.key % own.things, own.count[:-1], own.count[:-1] > 1
    log_gap = np.where(again, np.log1p(own.gap[:-1]), 0)
    buyers, rebuyers = np.bincount(item, minlength=own.things), _total(item, again, own)
    bought, chances = _total(item, count, own), _total(item, own.first_basket[:-1], own)
    late = {f"late_{count}": baskets.basket < count for count in RECENT_BASKETS}
    late["later_half"] = 2 * baskets.basket < baskets.sizes[baskets.member]
    if baskets.dated:
        late["trend"] = baskets.age <= RECENT_DAYS
    trends = {
        name: np.log1p(np.bincount(baskets.item[recent], minlength=own.things)) - np.log1p(bought * recent.mean())
        for name, recent in late.items()
    }
    return {
        "popularity": np.log1p(bought),
        **trends,
        "rebuy": _shrunk(rebuyers, buyers, again.mean()),  # P(rebuy | bought)
        "buys": np.log(_shrunk(bought, buyers, count.mean())),
        "rebuy_rate": np.log((bought - buyers + 1) / (chances + PRIOR_BASKETS)),
        "usual_gap": _shrunk(_total(item, log_gap, own), rebuyers, log_gap.sum() / max(again.sum(), 1)),
    }


def _of_members(baskets: Baskets, own: Rhythm) -> dict[str, np.ndarray]:
    everything = rhythm(baskets, np.zeros(len(baskets.item), dtype=np.int64), 1)
    lines = np.bincount(baskets.member)
    last = np.bincount(baskets.member[baskets.basket == 0])
    first = np.bincount(own.key[own.first_basket[:-1] == 0] // own.things, minlength=len(lines))
    timing = _timing(everything, np.arange(len(baskets.members)))
    return {
        **{name: timing[name] for name in (("count", "last", "gap", "due") if baskets.dated else ("count",))},
        "basket_size": np.log(lines / baskets.sizes),
        "last_size": np.log(last),
        "last_new": first / last,
        "variety": np.bincount(own.key // own.things) / lines,
    }


def _total(item: np.ndarray, values: np.ndarray, own: Rhythm) -> np.ndarray:
    return np.bincount(item, weights=values, minlength=own.things)


def _shrunk(total: np.ndarray, members: np.ndarray, overall: float) -> np.ndarray:
    return (total + PRIOR_MEMBERS * overall) / (members + PRIOR_MEMBERS)
