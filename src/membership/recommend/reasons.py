"""Reasons: why an item is on a member's list, as one short sentence made from data.

An item that the member has bought is explained by its rhythm. Any other item is explained by what the policy goes by: a
peer gives its own words; for the model it is the source of candidates in which the item ranks first among all that the
member has not bought. Ranks compare sources whose scores have different units, and do not depend on other members.
"""

from string import Formatter

import numpy as np
import pandas as pd
from scipy import sparse

from membership.base.errors import ParamError
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs

FIELDS = {
    "lead": "the item of the member that leads to it",
    "category": "its category, from which the member buys",
    "buyers": "the members who bought it",
    "members": "all members",
}
LEAD = "goes with {lead}, which this member buys"
MEMBERS = "bought by members like this one"
CATEGORY = "of category {category}, which this member buys"
POPULAR = "sells well: {buyers} of {members} members bought it"  # said where the words of a policy do not apply
WORDS = "described like what this member buys"
NOW = "sells well these days"
LATELY = "came in lately"
SAME_NAME = "another kind of {lead}, which this member buys"
NEW = "new: too few have bought it to say more"
STRANGER = "; this member has too few baskets to say more"
KINDS = (LEAD, MEMBERS, CATEGORY, WORDS, NOW, LATELY, POPULAR)  # of the model; of equal ranks the more personal counts
SOURCES = {  # of candidates; `follow_last` counts as `follow`
    "follow": LEAD,
    "alike": LEAD,
    "near": MEMBERS,
    "content": CATEGORY,
    "popular": POPULAR,
    "words_cold": WORDS,
    "now": NOW,
    "new": LATELY,
}
DECAY = 0.8  # a basket: of two items that lead to a third as well, the one bought last is named
SHRINK = 3  # members by which the cosine of two items is shrunk
TOLD_BY = 20_000  # members who say which item leads to which, at most, evenly: enough to name one


def check(words: str) -> None:
    """Raise ParamError where `words` are no reason: empty, or with fields that are not in FIELDS."""
    allowed = ", ".join(f"{{{name}}} ({meaning})" for name, meaning in FIELDS.items())
    if not words or not words.strip():
        raise ParamError(f"it has no reason: say in words why an item is listed; fields: {allowed}.")
    unknown = sorted(_fields(words) - set(FIELDS))
    if unknown:
        raise ParamError(f"its reason has unknown fields: {', '.join(unknown)}; allowed: {allowed}.")


def reasons(
    known: Baskets,
    rows: np.ndarray,
    columns: np.ndarray,
    items: pd.DataFrame | None,
    words: str = POPULAR,
    pairs: Pairs | None = None,
    among: Baskets | None = None,
) -> np.ndarray:
    """Return why the item `columns[n]` is recommended to the member `rows[n]` (-1: no history), (n,) texts.

    `items` (the canonical table) gives names and categories; without it there are only ids. `words` are those of the
    policy, with FIELDS; instead of them count `pairs`, where the policy has them: what the sources say of all
    candidates of these members. `among` are the histories that say which items go together and which sell well:
    `known` unless given.
    """
    wanted = _keys(known, rows, columns)
    own = (rows >= 0) & np.isin(wanted, _keys(known, known.member, known.item))
    found = np.empty(len(rows), dtype=object)
    found[own] = _repeat(known, wanted[own])
    if pairs is None:
        kinds, ranks = (words,), np.zeros(((~own).sum(), 1))
    else:
        kinds, ranks = KINDS, _ranks(known, pairs, wanted[~own])
    found[~own] = _explore(known, rows[~own], columns[~own], items, kinds, ranks, among or known)
    return found


def _explore(
    known: Baskets,
    rows: np.ndarray,
    columns: np.ndarray,
    items: pd.DataFrame | None,
    kinds: tuple[str, ...],
    ranks: np.ndarray,
    among: Baskets,
) -> list[str]:
    names, code, categories = _described(known, items)
    lead, buys = _lead(known, rows, columns, among.evenly(TOLD_BY)), _buys(known, code, rows, columns)
    buyers = among.buyers[columns]
    there = {"lead": lead >= 0, "category": buys}
    possible = [
        np.logical_and.reduce([rows >= 0, *(there[name] for name in _fields(kind) & set(there))]) for kind in kinds
    ]
    ranks = np.where(np.stack(possible, axis=1), ranks, np.inf)
    best = np.where(np.isfinite(ranks).any(axis=1), ranks.argmin(axis=1), len(kinds))
    values = zip(best, names[lead], names[columns], categories[code[columns]], buyers, rows < 0, strict=True)
    kinds, members = (*kinds, POPULAR), among.shape[0]
    return [_sentence(kinds[kind], *value, members) for kind, *value in values]


def _sentence(words: str, lead: str, name: str, category: str, buyers: int, stranger: bool, members: int) -> str:
    if words == LEAD and lead == name:
        words = SAME_NAME
    if words == POPULAR and not buyers:
        words = NEW
    said = words.format(lead=lead, category=category, buyers=buyers, members=members)
    return said + STRANGER if stranger else said


def _fields(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def _described(known: Baskets, items: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the items' names (I,), the codes of their categories (I,), -1 for none, and these, "" the last."""
    ids = known.items.astype(object)
    if items is None:
        return ids, np.full(len(ids), -1), np.array([""], dtype=object)
    described = items.set_index("item_id").reindex(known.items)
    code, categories = pd.factorize(described["category"])
    names = described["name"].to_numpy(dtype=object)
    return np.where(pd.isna(names), ids, names), code, np.append(categories.to_numpy(dtype=object), "")


def _keys(known: Baskets, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return np.asarray(rows).astype(np.int64) * known.shape[1] + columns


def _repeat(known: Baskets, wanted: np.ndarray) -> np.ndarray:
    """Say how often, how regularly and when last each pair `wanted` (keys) was bought."""
    lines = _keys(known, known.member, known.item)
    asked = np.flatnonzero(np.isin(lines, wanted))
    asked = asked[np.argsort(lines[asked], kind="stable")]  # within a pair still from the last basket back
    pair, start, count = np.unique(lines[asked], return_index=True, return_counts=True)
    last, first = known.age[asked[start]], known.age[asked[start + count - 1]]
    gap = np.rint((first - last) / np.maximum(count - 1, 1)).astype(int)
    unit = "day" if known.dated else "basket"
    times = np.where(count > 1, "bought " + _counted(count, "time"), "bought once")
    usual = np.where(count > 1, ", usual gap " + _counted(gap, unit), "")
    return (times + usual + ", " + _counted(last, unit) + " ago")[np.searchsorted(pair, wanted)]


def _counted(numbers: np.ndarray, unit: str) -> np.ndarray:
    text = numbers.astype(str).astype(object)
    return text + np.where(numbers == 1, f" {unit}", f" {unit}s").astype(object)


def _ranks(known: Baskets, pairs: Pairs, wanted: np.ndarray) -> np.ndarray:
    """Return the best rank by the sources of each kind, (n, kinds), of the pairs `wanted` (keys), 0 for the first.

    What the member has bought takes no part; a source that says nothing of a pair has no rank for it.
    """
    other = pairs.keep(~pairs.own)
    key, member = _keys(known, other.member, other.item), other.member
    start = np.searchsorted(member, member)
    ranks = np.full((len(key) + 1, len(KINDS)), np.inf)
    for name, score in zip(other.names, other.scores.T, strict=True):
        words = SOURCES.get(name.removesuffix("_last"))
        if words is None:
            continue
        rank = np.empty(len(key))
        rank[np.lexsort((-score, member))] = np.arange(len(key))
        rank = np.where(score > 0, rank - start, np.inf)
        kind = KINDS.index(words)
        ranks[:-1, kind] = np.minimum(ranks[:-1, kind], rank)
    position = np.searchsorted(key, wanted)
    there = np.append(key, -1)[position] == wanted
    return ranks[np.where(there, position, len(key))]


def _buys(known: Baskets, code: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Say whether the member has bought from the item's category; `code` (I,) is -1 for none."""
    width = int(code.max(initial=0)) + 1
    lines = code[known.item] >= 0
    bought = known.member[lines].astype(np.int64) * width + code[known.item[lines]]
    return (rows >= 0) & (code[columns] >= 0) & np.isin(rows.astype(np.int64) * width + code[columns], bought)


def _lead(known: Baskets, rows: np.ndarray, columns: np.ndarray, among: Baskets) -> np.ndarray:
    """Return the column of the member's own item that leads to the item, by cosine times decay; -1 where none does."""
    lead = np.full(len(rows), -1)
    asked = np.flatnonzero(rows >= 0)
    if not len(asked):
        return lead
    history = known.matrix(DECAY**known.basket)[rows[asked]]
    wanted, place = np.unique(columns[asked], return_inverse=True)
    bought = _bought(among, np.append(wanted, history.indices))
    scaled = (bought @ sparse.diags_array(1 / (np.sqrt(bought.sum(axis=0)) + SHRINK))).tocsc()
    alike = (scaled[:, wanted].T @ scaled).tocsr()
    alike.sort_indices()  # in a sorted row an entry is found by halving
    pair = np.repeat(np.arange(len(asked)), np.diff(history.indptr))
    weight = alike[place[pair], history.indices] * history.data
    first = np.lexsort((history.indices, -weight, pair))[history.indptr[:-1]]
    lead[asked] = np.where(weight[first] > 0, history.indices[first], -1)
    return lead


def _bought(among: Baskets, columns: np.ndarray) -> sparse.csr_array:
    """Return who bought which of `columns`, (M, I): 1, and 0 for all other columns too."""
    asked = np.zeros(among.shape[1], dtype=bool)
    asked[columns] = True
    lines = asked[among.item]
    places = among.member[lines], among.item[lines]
    return sparse.coo_array((np.ones(len(places[0])), places), shape=among.shape).tocsr().sign()
