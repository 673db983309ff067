"""A simulated market: members whose rates, churn, tastes, purchase cycles and responses are known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from membership.base import seeds
from membership.data import meaning
from membership.data.canonical import Canonical
from membership.data.sources import answers, behaviour, kinds
from membership.data.sources.kinds import Kinds
from membership.settings.dataset import Simulate
from membership.settings.economics import Economics

# category -> (median price in cents, subcategories)
CATALOGUE = {
    "Produce": (250, ("Apples", "Salad", "Tomatoes")),
    "Dairy": (320, ("Milk", "Yoghurt", "Cheese")),
    "Bakery": (280, ("Bread", "Rolls", "Cake")),
    "Drinks": (450, ("Juice", "Water", "Cola")),
    "Coffee and tea": (700, ("Coffee beans", "Green tea", "Cocoa")),
    "Snacks": (300, ("Crisps", "Nuts", "Chocolate")),
    "Frozen": (550, ("Pizza", "Vegetables", "Ice cream")),
    "Household": (600, ("Detergent", "Paper towels", "Bin bags")),
    "Personal care": (800, ("Shampoo", "Toothpaste", "Soap")),
    "Baby": (1200, ("Nappies", "Wipes", "Baby food")),
    "Pet": (1000, ("Dog food", "Cat food", "Litter")),
    "Health": (1500, ("Vitamins", "Plasters", "Protein bars")),
}
BRANDS = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Maple", "Rowan")
OFFER_COST = 300  # cents


@dataclass(frozen=True)
class Market:
    """A simulated data set with its truth.

    `truth`, one row a member: `purchase_rate` (orders a day while active, offers apart), `churn_rate` (a day),
    `active_from` and `active_until` (local, half-open; NaT where active to the end), `novelty` (0 to 1, drives the
    finds), `online` (share of orders), `deal` (0 to 1, drives discounts and redemptions), `units` (mean units a
    line), `response` (probability that an offer brings one more order while active), `persona` (number of the member's
    kind, 0 and up; 0 for all where there are no kinds), `taste_<category>` (shares).
    `cycles`, one row a member and staple: `member_id`, `item_id`, `cycle_days`.
    `kinds`: how the traits of each persona are distributed; null where there are none.
    """

    canonical: Canonical
    truth: pd.DataFrame
    cycles: pd.DataFrame
    kinds: Kinds | None = None


def read(knobs: Simulate, seed: int, timezone: str, currency: str) -> Canonical:
    """Return the canonical tables of `market(...)`: the simulated source as the pipeline sees it."""
    return market(knobs, seed, timezone, currency).canonical


def market(knobs: Simulate, seed: int, timezone: str = "UTC", currency: str = "EUR") -> Market:
    """Simulate `knobs.days` local days from `knobs.start` on; the same arguments give the same tables.

    In `exposures`, `propensity` is that of the arm given and `redeemed_at` the first order in the offer's days, which
    may well be one that would have come anyway.
    """

    def draw(part: str) -> np.random.Generator:
        return seeds.rng(seed, f"simulate/{part}")

    clock = _Clock(pd.Timestamp(knobs.start), timezone)
    items = _items(knobs.items, draw("items"))
    people = behaviour.people(knobs, draw("people"))
    sorts = None
    if knobs.personas > 1:
        sorts = kinds.kinds(knobs, list(items["category"].unique()), draw("kinds"))
        people = kinds.members(sorts, people, knobs, draw("personas"))
        taste = kinds.tastes(sorts, people["kind"].to_numpy(), draw("tastes"))
    else:
        taste = behaviour.tastes(knobs.members, items["category"].nunique(), draw("tastes"))
    shop = behaviour.Shop(items, taste)
    exposures = behaviour.exposures(knobs, people, draw("offers"))
    orders = behaviour.orders(knobs, people, exposures, draw("orders"))
    staples = behaviour.staples(shop, knobs.members, draw("staples"))
    bought = behaviour.purchases(people, orders, staples, shop, draw("baskets"))
    seen = behaviour.browsing(knobs, people, orders, bought, shop, draw("views"))
    rows = pd.concat([bought, seen, behaviour.aftermath(knobs, bought, draw("aftermath"))], ignore_index=True)

    member_ids = _ids("M", len(people))
    truth = _truth(people, taste, items["category"].unique(), member_ids, clock, knobs.days)
    canonical = Canonical(
        members=pd.DataFrame(
            {"member_id": member_ids, "joined_at": clock.utc(people["start"]), "left_at": np.datetime64("NaT", "us")}
        ),
        items=items.drop(columns=["price", "popularity", "cycle"]),
        events=_events(rows, member_ids, items["item_id"], clock, currency),
        survey=_survey(knobs, people, truth, clock, draw),
        offers=_offers(knobs, clock),
        exposures=_exposures(exposures, orders, member_ids, _ids("F", knobs.offers), clock),
    )
    cycles = pd.DataFrame(
        {
            "member_id": _text(member_ids, staples["member"]),
            "item_id": _text(items["item_id"], staples["item"]),
            "cycle_days": staples["cycle_days"],
        }
    )
    return Market(canonical, truth, cycles, sorts)


class _Clock:
    """Turns days since the start, on the local wall clock, into times."""

    def __init__(self, start: pd.Timestamp, timezone: str):
        self.start, self.timezone = start, timezone

    def local(self, days) -> pd.Series:
        seconds = np.round(np.asarray(days, float) * 86400).astype("timedelta64[s]")
        return pd.Series(np.datetime64(self.start, "s") + seconds).astype("datetime64[us]")

    def utc(self, days) -> pd.Series:
        winter = np.zeros(len(days), bool)
        zoned = self.local(days).dt.tz_localize(self.timezone, nonexistent="shift_forward", ambiguous=winter)
        return zoned.dt.tz_convert("UTC").dt.tz_localize(None)


def _ids(prefix: str, size: int) -> pd.Series:
    """Return `prefix` and a number, in as many digits as sort them by number."""
    digits = pc.utf8_lpad(pc.cast(pa.array(np.arange(1, size + 1)), pa.string()), len(str(size)), "0")
    return pd.Series(pc.binary_join_element_wise(prefix, digits, ""), dtype="str")


def _text(values, rows) -> pd.Series:
    """Return the text at each of `rows`; null where the row is NONE."""
    return pd.Series(pd.array(values, dtype="str").take(np.asarray(rows, int), allow_fill=True))


def _items(size: int, rng: np.random.Generator) -> pd.DataFrame:
    category = np.sort(np.arange(size) % len(CATALOGUE))
    rank = np.arange(size) - np.searchsorted(category, category)  # in its category, by popularity
    names = list(CATALOGUE)
    medians, subcategories = zip(*(CATALOGUE[names[number]] for number in category), strict=True)
    items = pd.DataFrame(
        {
            "item_id": _ids("I", size),
            "category": [names[number] for number in category],
            "subcategory": [choice[r % len(choice)] for choice, r in zip(subcategories, rank, strict=True)],
            "brand": _text(BRANDS, rng.integers(len(BRANDS), size=size)),
            "price": np.round(medians * rng.lognormal(0, 0.4, size)).astype(int),
            "popularity": 1 / (rank + 1) ** 0.8,
            "cycle": 21 * rng.lognormal(0, 0.5, size),
        }
    )
    return items.assign(name=items["brand"] + " " + items["subcategory"] + " " + (rank + 1).astype(str))


def _truth(people, taste, categories, member_ids: pd.Series, clock: _Clock, days: int) -> pd.DataFrame:
    left = np.floor(people["end"]) + 1
    traits = ["purchase_rate", "churn_rate", "novelty", "online", "deal", "units", "response"]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "member_id": member_ids,
                    "active_from": clock.local(people["start"]),
                    "active_until": clock.local(np.minimum(left, days)).where(left < days),
                }
            ),
            people[traits],
            pd.DataFrame({"persona": people["kind"] if "kind" in people else np.zeros(len(people), int)}),
            pd.DataFrame(taste, columns=[f"taste_{category}" for category in categories]),
        ],
        axis=1,
    )


def _events(rows: pd.DataFrame, member_ids, item_ids, clock: _Clock, currency: str) -> pd.DataFrame:
    rows = rows.fillna({"item": behaviour.NONE, "order": behaviour.NONE, "quantity": 0, "amount": 0, "discount": 0})
    rows = rows.iloc[np.lexsort([rows["kind"], rows["item"], rows["member"], rows["t"]])]
    order_ids = _ids("O", int(rows["order"].max()) + 1 if len(rows) else 0)
    events = pd.DataFrame(
        {
            "event_id": _ids("E", len(rows)),
            "member_id": _text(member_ids, rows["member"]),
            "item_id": _text(item_ids, rows["item"]),
            "kind": _text(behaviour.KINDS, rows["kind"]),
            "at": clock.utc(rows["t"]),
            "local_at": clock.local(rows["t"]),
            "quantity": rows["quantity"].to_numpy("int64"),
            "amount": rows["amount"].to_numpy("int64"),
            "discount": rows["discount"].to_numpy("int64"),
            "currency": currency,
            "order_id": _text(order_ids, rows["order"]),
            "channel": _text(behaviour.CHANNELS, rows["channel"]),
        }
    )
    return meaning.meant(events, Economics())  # a shop's; ingest says it anew


def _survey(knobs: Simulate, people, truth: pd.DataFrame, clock: _Clock, draw) -> pd.DataFrame:
    """Ask each member after 30 days."""
    asked = people["start"] + 30
    taste = truth.filter(like="taste_").rename(columns=lambda column: column.removeprefix("taste_"))
    said = answers.survey(people, taste, knobs.survey_response, draw)
    said = said[(asked < knobs.days).to_numpy()[said["member"]]]
    return pd.DataFrame(
        {
            "member_id": _text(truth["member_id"], said["member"]),
            "question": said["question"].to_numpy(),
            "answer": said["answer"].to_numpy(),
            "asked_at": clock.utc(asked.to_numpy()[said["member"]]),
        }
    )


def _offers(knobs: Simulate, clock: _Clock) -> pd.DataFrame:
    day = behaviour.offer_days(knobs)
    return pd.DataFrame(
        {
            "offer_id": _ids("F", knobs.offers),
            "kind": "discount",
            "cost": float(OFFER_COST),
            "starts_at": clock.utc(day),
            "ends_at": clock.utc(day + behaviour.OFFER_DAYS),
            "applies_to": "all",
        }
    )


def _exposures(exposures, orders: pd.DataFrame, member_ids, offer_ids, clock: _Clock) -> pd.DataFrame:
    member, day = exposures["member"].to_numpy(), exposures["day"].to_numpy()
    order = behaviour.first_order_after(orders, member, day)
    ordered_on = np.append(orders["t"], np.inf)[order]  # NONE is the last
    redeemed = exposures["redeems"] & (ordered_on < day + behaviour.OFFER_DAYS)
    return pd.DataFrame(
        {
            "exposure_id": _ids("X", len(exposures)),
            "member_id": _text(member_ids, member),
            "offer_id": _text(offer_ids, exposures["offer"]),
            "policy_id": "random",
            "at": clock.utc(day + 7 * behaviour.HOUR),  # before the shops open
            "arm": np.where(exposures["treated"], "treated", "control"),
            "propensity": exposures["propensity"],
            "redeemed_at": clock.utc(np.where(redeemed, ordered_on, day)).where(redeemed),
        }
    )
