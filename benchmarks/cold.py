"""New items, day by day: `python -m benchmarks.cold --out JSON [--only deskdrop]`.

    history until midnight | the day's visits | ...
    -----------------------)[----- asked -----)

Each day is asked at its midnight: of who comes on it and had been there on two days before, the items of the day that
are new to the member. Known then are the events before midnight, the words of items that had an event before it, and
those of items whose `available_from` is not after it. Items of the day that nobody had heard of at midnight count as
missed. Networks learn once, before the first day; what sells and who did what is that of each midnight.

`cold`: the same, asked for the items with FEW buyers or fewer at midnight alone, of lists of such items alone.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import cold_data
from benchmarks.cold_data import Data
from membership.base import engine, files
from membership.base.errors import ProjectError
from membership.recommend import baskets, cold, metrics, policy, texts, train
from membership.recommend.attributes import unit
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.model import Settings
from membership.recommend.ranking import best
from membership.settings.recommend import Recommend
from membership.settings.train import Train
from membership.stats import resample

K = 10
DEEP = 200  # items of a network's list of which those that may not be on it are taken out
SEED = 20171201
TODAY = {"explore": 6.0, "min_baskets": 2}  # settings of recommend for content without cold items
FRESH_DAYS = 3  # since an item is known, up to which it is fresh
DECAY = 0.8  # a basket, of what the words of a member are
CONFIDENCE = 0.95
SIMPLE = ("popularity", "sells now", "newest")


@dataclass(frozen=True)
class Midnight:
    """One midnight: what is `known`, who is asked (`rows` of it), and what they take that is new to them."""

    day: date
    known: Baskets
    rows: np.ndarray
    targets: Targets

    @property
    def few(self) -> np.ndarray:
        """Say which items (I,) are cold."""
        return np.bincount(self.known.item, minlength=self.known.shape[1]) <= cold.FEW


Embed = Callable[[list[str]], np.ndarray]  # texts (n,) -> vectors (n, dimensions)
Method = Callable[[Midnight], np.ndarray]  # columns (n, many) for the members asked, best first, -1 for none


def main() -> int:
    """Ask every data set, write what was found, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--only", choices=cold_data.SOURCES, action="append", help="this data set; may be given again")
    parser.add_argument("--days", type=int, help="the first so many days of each data set; all without")
    given = parser.parse_args()
    folder, found = Path(os.environ.get("MEMBERSHIP_DATA", "../shared/data")), {}
    try:
        for name in given.only or cold_data.SOURCES:
            data = cold_data.SOURCES[name](folder)
            found[name] = asked(replace(data, days=data.days[: given.days]))
            files.write_json(given.out, found)
            sys.stdout.write(f"{name}: {in_words(found[name])}\n")
    except ProjectError as error:
        sys.exit(str(error))
    return 0


def asked(data: Data) -> dict:
    """Return what was asked, in counts, and of each exam the rows of `compared`, of plain values."""
    con = engine.connect()
    events = con.create_table("cold_events", ibis.memtable(data.events), temp=True)
    methods = _methods(events, data)
    first = data.events.groupby(["member_id", "item_id"])["local_at"].min().reset_index()
    counts, judged = [], []
    for day in data.days:
        now = midnight(events, first, data.items, day)
        counts.append(_counts(now))
        for name, method in methods.items():
            judged += _judged(name, now, method(now))
    outcomes = pd.concat(judged, ignore_index=True)
    exams = {exam: compared(rows).to_dict("records") for exam, rows in outcomes.groupby("exam")}
    return {"days": len(data.days), "asked": pd.DataFrame(counts).sum().to_dict(), "exams": exams}


def midnight(events: ibis.Table, first: pd.DataFrame, items: pd.DataFrame, day: date) -> Midnight:
    """Return what is known when `day` begins; `first` says when each member took each item first, which is asked."""
    known = baskets.history(events, day, Recommend(**TODAY, cold=True), items)
    wanted = first[(first["local_at"] == pd.Timestamp(day)) & first["member_id"].isin(known.members)]
    member, members = pd.factorize(wanted["member_id"], sort=True)
    members, column = members.to_numpy(dtype=str), known.columns(wanted["item_id"].to_numpy(dtype=str))
    there, shape = column >= 0, (len(members), len(known.items))
    matrix = sparse.coo_array((np.ones(there.sum()), (member[there], column[there])), shape).tocsr()
    unseen = np.bincount(member[~there], minlength=len(members))
    return Midnight(day, known, known.rows(members), Targets(members, matrix, unseen))


def _counts(now: Midnight) -> dict[str, int]:
    taken = now.targets.matrix.sum(axis=0)
    return {
        "members": len(now.rows),
        "items": int(taken.sum() + now.targets.unseen.sum()),
        "unheard of": int(now.targets.unseen.sum()),
        "cold": int(taken[now.few].sum()),
        "fresh": int(taken[now.known.since <= FRESH_DAYS].sum()),
        "cold in catalogue": int(now.few.sum()),
    }


def _judged(name: str, now: Midnight, columns: np.ndarray) -> list[pd.DataFrame]:
    """Return recall and NDCG of each member in both exams."""
    found, few = [], now.few
    for exam in ("all", "cold"):
        targets, may = now.targets, columns >= 0
        if exam == "cold":
            matrix = sparse.csr_array(targets.matrix @ sparse.diags_array(few * 1.0))
            targets, may = Targets(targets.members, matrix, np.zeros(len(matrix.indptr) - 1, int)), may & few[columns]
        order = np.argsort(~may, axis=1, kind="stable")[:, :K]
        listed = np.where(np.take_along_axis(may, order, axis=1), np.take_along_axis(columns, order, axis=1), -1)
        size = targets.sizes
        hits, some = metrics.held(targets.matrix, listed), size > 0
        values = {"recall": (hits.sum(axis=1)[some] / size[some]), "ndcg": metrics.ndcg(hits[some], size[some])}
        found.append(
            pd.DataFrame({"exam": exam, "method": name, "member": targets.members[some], "day": now.day} | values)
        )
    return found


def compared(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method: the mean over members of recall and NDCG, each member counting once by its mean over days.

    `over`, `low`, `high`: the difference in recall to the best of SIMPLE, with its paired interval over members.
    """
    means = outcomes.groupby(["method", "member"], sort=False)[["recall", "ndcg"]].mean()
    recall = means["recall"].reset_index().pivot_table("recall", "member", "method")
    simple = recall[[name for name in SIMPLE if name in recall]].mean().idxmax()
    rows = []
    for name in outcomes["method"].unique():
        low, high = resample.student((recall[name] - recall[simple]).to_numpy(), CONFIDENCE)[:2]
        own = means.loc[name].mean()
        difference = float((recall[name] - recall[simple]).mean())
        rows.append(
            {
                "method": name,
                "members": len(recall),
                **own,
                "against": simple,
                "over": difference,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _methods(events: ibis.Table, data: Data) -> dict[str, Method]:
    worded = texts.there(data.items)
    found = {
        "chance": lambda now: _by(now, _rng(now).random((len(now.rows), now.known.shape[1]))),
        "popularity": lambda now: _by(now, np.bincount(now.known.item, minlength=now.known.shape[1])),
        "sells now": lambda now: _by(now, cold.learn(now.known, None).now[0]),
        "newest": lambda now: _by(now, -now.known.since + cold.learn(now.known, None).now[0] / 2),
    }
    if worded:
        found["words"] = lambda now: _by(now, _likeness(now, texts.vectors(texts.texts(now.known.items, data.items))))
        if (embed := _embedding()) is not None:
            found["embedding"] = lambda now: _by(now, _likeness(now, _embedded(now, data.items, embed)))
    found["ours without cold items"] = _network(events, data, Recommend(**TODAY), Train())
    found["ours"] = _network(events, data, Recommend(**TODAY, cold=True), Train(origins=8, origin_step_days=1))
    if worded:
        wordless = replace(data, items=data.items.assign(name=""))
        found["ours without words"] = _network(
            events, wordless, Recommend(**TODAY, cold=True), Train(origins=8, origin_step_days=1)
        )
    return found


def _rng(now: Midnight) -> np.random.Generator:
    return np.random.default_rng([SEED, now.day.toordinal()])


def _by(now: Midnight, scores: np.ndarray) -> np.ndarray:
    """Return columns by `scores` (n, I), or (I,) for everybody, without what members have taken."""
    own = now.known.matrix()[now.rows].toarray() > 0
    scores = np.where(own, -np.inf, np.broadcast_to(scores, own.shape).astype(float))
    first, few = best(scores, K), best(np.where(now.few, scores, -np.inf), K)  # of all, and what the cold exam needs
    few = np.where((few[:, :, None] == first[:, None, :]).any(axis=2), -1, few)
    columns = np.concatenate([first, few], axis=1)
    return np.where((columns < 0) | np.take_along_axis(own, columns, axis=1), -1, columns)


def _likeness(now: Midnight, said) -> np.ndarray:
    """Return cosines (n, I) of items with the sum of what each member took."""
    history = now.known.matrix(DECAY**now.known.basket)[now.rows]
    found = unit(sparse.csr_array(history @ said)) @ said.T
    return found.toarray()


def _embedding() -> Embed | None:
    """Return WordLlama's embedding (256 dimensions, in its wheel), None where it is not installed."""
    try:
        import wordllama
    except ImportError:
        return None
    place = Path(os.environ.get("WORDLLAMA", Path(wordllama.__file__).parent))
    loaded = wordllama.WordLlama.load(cache_dir=place, disable_download=True)
    return lambda said: loaded.embed(said, norm=True)


def _embedded(now: Midnight, items: pd.DataFrame, embed: Embed) -> sparse.csr_array:
    said = texts.texts(now.known.items, items)
    found = embed([text or " " for text in said])
    return sparse.csr_array(np.where((said != "").to_numpy()[:, None], found - found.mean(axis=0), 0))


def _network(events: ibis.Table, data: Data, recommend: Recommend, knobs: Train) -> Method:
    """Return the lists of a network that learned from what was before the first day."""
    p = SimpleNamespace(recommend=recommend, train=knobs, seed=SEED, device="cpu")
    rows = train.samples(events, data.items, data.days[0], recommend, knobs, SEED)
    network = train.fit(rows, Settings(**knobs.settings.model_dump()), knobs, SEED, "cpu").model

    def lists(now: Midnight) -> np.ndarray:
        served = policy.serve(network, events, data.items, now.day, p)
        ids, _ = served.recommend(now.targets.members, DEEP)
        columns = now.known.columns(ids)
        own = now.known.bought(now.targets.members, np.where(columns < 0, "", ids))
        return np.where(own, -1, columns)

    return lists


def in_words(found: dict) -> str:
    """Return the counts and a table of each exam."""
    exams = [f"{exam}:\n{pd.DataFrame(rows).round(4).to_string(index=False)}" for exam, rows in found["exams"].items()]
    return "\n".join([str(found["asked"]), *exams])


if __name__ == "__main__":
    sys.exit(main())
