"""Data of `benchmarks.cold`: events and items of which many are new every day, and the days that are asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import online_retail
from benchmarks.complete_journey import BOUGHT
from membership.base import seeds
from membership.recommend.arrivals import FROM

TOPICS, TERMS = 30, 60  # of the simulated market, and words of a topic
START = date(2024, 1, 1)  # of the simulated market


@dataclass(frozen=True)
class Data:
    """Events (a line an item, member and day), items (the canonical table), and the `days` that are asked, sorted.

    Models learn from what was before the first of them. Of an item without a date in `items` nothing is known before
    its first event.
    """

    events: pd.DataFrame
    items: pd.DataFrame
    days: Sequence[date]


def deskdrop(folder: Path) -> Data:
    """Articles of a company's platform that were read: no words, dates or categories; 25 weekdays from 5 December."""
    read = pd.read_csv(folder / "fields" / "deskdrop" / "users_interactions.csv.gz", dtype=str)
    read = read[read["eventType"] == "VIEW"]
    day = pd.to_datetime(read["timestamp"].astype("int64"), unit="s").dt.normalize()
    events = _events(read["personId"], read["contentId"], day)
    return Data(events, _named(events, None), _weekdays(date(2016, 12, 5), 25))


def retail(folder: Path) -> Data:
    """Online Retail, an item's words being those of its first line; 20 weekdays from 1 November 2011."""
    path = folder / "online_retail" / "online_retail_2010_2011_raw.csv.gz"
    lines = online_retail.sales(path)
    raw = pd.read_csv(path, usecols=["StockCode", "Description", "InvoiceDate"], dtype=str).dropna()
    raw = raw[raw["Description"].str.isupper()]  # others are remarks of the staff
    raw = raw.assign(at=pd.to_datetime(raw["InvoiceDate"])).sort_values("at", kind="stable")
    words = raw.drop_duplicates("StockCode").set_index("StockCode")["Description"].str.strip()
    events = _events(lines["member"], lines["item"], lines["day"])
    return Data(events, _named(events, words), _weekdays(date(2011, 11, 1), 20))


def market(_: Path, members: int = 400, days: int = 120, fresh: int = 8, seed: int = 1) -> Data:
    """A simulated magazine: `fresh` pieces appear a day, in words of one of TOPICS; a member reads three topics.

    A piece is announced (`available_from`) on its day and read by its age, half as often after two days, by who likes
    its topic: a day's visitors (one in three) read two pieces, nine in ten of them of a topic they like. Of those of
    the same day nobody knows more than their words when the day begins. The last 15 days are asked.
    """
    rng = seeds.rng(seed, "cold-market")
    topic = rng.integers(TOPICS, size=days * fresh)
    born = np.repeat(np.arange(days), fresh)
    likes = np.stack([rng.choice(TOPICS, 3, replace=False) for _ in range(members)])
    who, what, when = [], [], []
    for day in range(7, days):
        there = np.flatnonzero((born <= day) & (born > day - 7))
        appeal = 0.5 ** ((day - born[there]) / 2)
        for member in np.flatnonzero(rng.random(members) < 1 / 3):
            weight = appeal * np.where(np.isin(topic[there], likes[member]), 9 * TOPICS / 3, 1)
            what.append(rng.choice(there, 2, replace=False, p=weight / weight.sum()))
            who += [member, member]
            when += [day, day]
    ids = np.char.add("piece", np.char.zfill(np.arange(len(topic)).astype(str), 4))
    at = pd.Timestamp(START) + pd.to_timedelta(when, unit="D")
    events = _events(pd.Series([f"m{n:03d}" for n in who]), pd.Series(ids[np.concatenate(what)]), pd.Series(at))
    titles = [" ".join(f"t{kind}w{word}" for word in rng.integers(TERMS, size=8)) for kind in topic]
    items = pd.DataFrame({"item_id": ids, "name": titles, FROM: pd.Timestamp(START) + pd.to_timedelta(born, unit="D")})
    return Data(events, _whole(items), [START + timedelta(days=day) for day in range(days - 15, days)])


def _events(member: pd.Series, item: pd.Series, day: pd.Series) -> pd.DataFrame:
    named = {"member_id": member.to_numpy(), "item_id": item.to_numpy(), "local_at": day.to_numpy("datetime64[us]")}
    return pd.DataFrame(named).drop_duplicates().assign(**BOUGHT, quantity=1)


def _named(events: pd.DataFrame, words: pd.Series | None) -> pd.DataFrame:
    ids = np.sort(events["item_id"].unique())
    return _whole(pd.DataFrame({"item_id": ids, "name": ids if words is None else words.reindex(ids).fillna("")}))


def _whole(items: pd.DataFrame) -> pd.DataFrame:
    return items.assign(category=None, subcategory=None, brand=None, is_product=True)


def _weekdays(first: date, many: int) -> list[date]:
    return [day.date() for day in pd.bdate_range(first, periods=many)]


SOURCES: dict[str, Callable[[Path], Data]] = {"deskdrop": deskdrop, "retail": retail, "market": market}
