"""Signals: what the past says of a member and an item that it may buy next, one row a pair."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.recommend import intensity, prices
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs
from membership.recommend.intensity import Intensity, Parts
from membership.recommend.rhythm import DECAYS, Rhythm, changes, rhythm

LEVELS = ("subcategory", "name")  # groups of items within which one replaces another
RECENT_DAYS = 30  # over which an item's trend is measured
RECENT_BASKETS = (1, 2, 4)  # the same, in each member's last baskets
FLOOR = 1e-4  # what a source's score counts at least: below it is as good as nothing
PRIOR_MEMBERS = 5  # strength of the prior that shrinks an item's statistics, in buyers
PRIOR_BASKETS = 50  # the same for rates a basket
CHUNK = 32768  # pairs that are looked up at once: they stay in the cache


@dataclass(frozen=True)
class Table:
    """What is known of n things: `rows` (n, signals) float32, and the signals' names."""

    names: list[str]
    rows: np.ndarray


@dataclass(frozen=True)
class Items:
    """What is known of items at one cut-off: a table of them, and for each level of LEVELS the group of each, (I,).

    And what brings purchases on, where that is asked for.
    """

    table: Table
    groups: list[np.ndarray]
    intensity: Intensity | None = None


@dataclass(frozen=True)
class Tables:
    """What is known at one cut-off, for `signals` to look up: of items, of members, of pairs that were bought.

    `timing` has an entry for each pair in `own`; `groups` has for each level of LEVELS the group of each item, (I,),
    the members' rhythm with the groups, and a table with an entry for each pair in it. `brought` is the
    intensity, where that is asked for.
    """

    own: Rhythm
    timing: Table
    item: Table
    member: Table
    groups: list[tuple[np.ndarray, Rhythm, Table]]
    brought: Parts | None = None


def learn(baskets: Baskets, items: pd.DataFrame | None = None, excited: bool = False) -> Items:
    """Return what `baskets` say of items; of groups of them only if there are `items` (the canonical table).

    With `excited`, the intensity of purchases, too.
    """
    own = rhythm(baskets, baskets.item, len(baskets.items))
    fitted = intensity.fit(baskets, items) if excited else None
    return Items(_table("item", _of_items(baskets, own)), _groups(baskets, items), fitted)


def prepare(baskets: Baskets, known: Items) -> Tables:
    """Return what is known of the members of `baskets`, of the catalogue of which `known` was learned."""
    own = rhythm(baskets, baskets.item, len(baskets.items))
    bought = _timing(own)
    if baskets.discount is not None:
        bought["sale"] = prices.of_pairs(baskets, own)
    member = _table("member", _of_members(baskets, own))
    timed = [_timed(baskets, level, group) for level, group in zip(LEVELS, known.groups, strict=False)]
    brought = known.intensity and known.intensity.of(baskets)
    return Tables(own, _table("own", bought), known.table, member, timed, brought)


def signals(pairs: Pairs, tables: Tables) -> tuple[np.ndarray, list[str]]:
    """Return what is known of each of `pairs`: (n, signals) float32, finite, and the signals' names.

    Of the member: how often and how regularly it shops. Of the item: popularity, trend, how it is bought again, and
    discounts. Of the two: the member's rhythm with the item and with the groups that it is in, and the sources'
    scores. And the intensity, where it is asked for. All but rates are logarithms. Where there are no items, dates or
    prices, what needs them is left out.
    """
    brought = _brought(pairs, tables.brought)
    found = [
        (tables.timing, _bought(pairs, tables.own)),
        (tables.item, pairs.item),
        (tables.member, pairs.member),
        *((table, times.at(pairs.member, group[pairs.item])) for group, times, table in tables.groups),
    ]
    names = [*pairs.names, *brought.names, *(name for table, _ in found for name in table.names)]
    values = np.empty((len(pairs.item), len(names)), dtype=np.float32)
    for start in range(0, len(values), CHUNK):
        rows = slice(start, start + CHUNK)
        first = np.log(pairs.scores[rows] + np.float32(FLOOR)), brought.rows[rows]
        np.concatenate([*first, *(table.rows[at[rows]] for table, at in found)], axis=1, out=values[rows])
    return values, names


def _brought(pairs: Pairs, parts: Parts | None) -> Table:
    if parts is None:
        return Table([], np.empty((len(pairs.item), 0), dtype=np.float32))
    found = parts.at(pairs.member, pairs.item)
    return _table("intensity", {name: np.log(values + FLOOR) for name, values in found.items()})


def _bought(pairs: Pairs, own: Rhythm) -> np.ndarray:
    at = np.full(len(pairs.item), len(own.key))
    at[pairs.own] = own.at(pairs.member[pairs.own], pairs.item[pairs.own])
    return at


def _table(prefix: str, columns: dict[str, np.ndarray]) -> Table:
    values = np.empty((len(next(iter(columns.values()))), len(columns)), dtype=np.float32)
    for number, column in enumerate(columns.values()):
        values[:, number] = column
    return Table([f"{prefix}_{name}" for name in columns], values)


def _groups(baskets: Baskets, items: pd.DataFrame | None) -> list[np.ndarray]:
    """Return for each of LEVELS the group of each item, (I,), 0 for none; nothing without `items`."""
    if items is None:
        return []
    grouped = items.set_index("item_id").reindex(baskets.items)
    return [pd.factorize(grouped[level])[0] + 1 for level in LEVELS]


def _timed(baskets: Baskets, level: str, group: np.ndarray) -> tuple[np.ndarray, Rhythm, Table]:
    times = rhythm(baskets, group[baskets.item], int(group.max()) + 1)
    return group, times, _table(level, _timing(times))


def _timing(times: Rhythm) -> dict[str, np.ndarray]:
    return {
        "count": np.log1p(times.count),
        "rate": times.count / (times.first_basket + 1),
        "last": np.log1p(times.last),
        "gap": np.log1p(times.gap),
        "last_gap": np.log1p(times.last_gap),
        **{f"decay_{decay}": np.log1p(times.decayed[number]) for number, decay in enumerate(DECAYS)},
    }


def _of_items(baskets: Baskets, own: Rhythm) -> dict[str, np.ndarray]:
    item, count = own.key % own.things, own.count[:-1]
    again = count > 1
    log_gap = np.where(again, np.log1p(own.gap[:-1]), 0)
    total = [np.bincount(item, weights, own.things) for weights in (None, again, count, own.first_basket[:-1], log_gap)]
    buyers, rebuyers, bought, chances, gaps = total
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
        "usual_gap": _shrunk(gaps, rebuyers, log_gap.sum() / max(again.sum(), 1)),
        **(prices.of_items(baskets) if baskets.discount is not None else {}),
    }


def _of_members(baskets: Baskets, own: Rhythm) -> dict[str, np.ndarray]:
    opens = changes(baskets.member) | changes(baskets.basket)
    lines = {name: getattr(baskets, name)[opens] for name in ("member", "item", "basket", "age")}
    times = rhythm(replace(baskets, **lines, discount=None), np.zeros(opens.sum(), dtype=np.int64), 1)
    timing = {name: column[:-1] for name, column in _timing(times).items()}
    member = own.key // own.things
    bought, last = np.bincount(baskets.member), np.bincount(baskets.member[baskets.basket == 0])
    first = np.bincount(member[own.first_basket[:-1] == 0], minlength=len(bought))
    return {
        **{name: timing[name] for name in (("count", "last", "gap") if baskets.dated else ("count",))},
        "basket_size": np.log(bought / baskets.sizes),
        "last_size": np.log(last),
        "last_new": first / last,
        "variety": np.bincount(member) / bought,
        **({"sale": prices.of_members(baskets)} if baskets.discount is not None else {}),
    }


def _shrunk(total: np.ndarray, members: np.ndarray, overall: float) -> np.ndarray:
    return (total + PRIOR_MEMBERS * overall) / (members + PRIOR_MEMBERS)
