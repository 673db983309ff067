"""What simulated people do, in row numbers and days since the start: `simulate` turns it into canonical tables.

Orders follow a gamma-Poisson process until an exponential lifetime with gamma-distributed rates ends (the Pareto/NBD
assumptions: Schmittlein, Morrison & Colombo 1987). A basket holds the member's staples that have fallen due, each on
its own cycle, and finds drawn by the member's taste over categories and the items' popularity. Offers are randomised:
a treated active member places one more order within `OFFER_DAYS` with probability `response`.
"""

import numpy as np
import pandas as pd

from membership.settings.dataset import Simulate

KINDS = ("view", "cart", "purchase", "return", "contact")
VIEW, CART, PURCHASE, RETURN, CONTACT = range(len(KINDS))
CHANNELS = ("store", "web", "phone")
STORE, WEB, PHONE = range(len(CHANNELS))
NONE = -1  # among row numbers: no item, no order
STAPLES = 8  # drawn for each member; an item drawn twice is one staple
FINDS = 4.0  # mean finds in an order of a member with novelty 1
OFFER_DAYS = 14
OFFER_SHARES = (0.5, 0.3, 0.7)  # treated, campaign after campaign
HOUR = 1 / 24


class Lottery:
    """Draws one outcome of a row by weight; `rows` (sorted, without gaps) says whose each outcome is."""

    def __init__(self, rows: np.ndarray, weights: np.ndarray):
        self.edges = np.cumsum(weights / np.bincount(rows, weights)[rows])  # row r fills (r, r + 1]
        self.first = np.searchsorted(rows, np.arange(rows[-1] + 2))

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the number of one outcome for each of `rows`."""
        found = np.searchsorted(self.edges, rows + rng.random(len(rows)))
        return np.clip(found, self.first[rows], self.first[rows + 1] - 1)


class Shop:
    """Draws items for members: a category by the member's taste, then an item by popularity."""

    def __init__(self, items: pd.DataFrame, taste: np.ndarray):
        self.size, self.categories = len(items), taste.shape[1]
        self.price, self.cycle = items["price"].to_numpy(), items["cycle"].to_numpy()
        self.by_taste = Lottery(np.repeat(np.arange(len(taste)), self.categories), taste.ravel())
        self.by_popularity = Lottery(pd.factorize(items["category"])[0], items["popularity"].to_numpy())

    def draw(self, members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the row number of one item for each of `members`."""
        return self.by_popularity.draw(self.by_taste.draw(members, rng) % self.categories, rng)


def people(knobs: Simulate, rng: np.random.Generator) -> pd.DataFrame:
    """Return each member's traits; `start` and `end` in days. Half were members before the data begin."""
    n = knobs.members
    # gamma churn rates whose mean survival of a year, (1 + 365 scale) ** -shape, is 1 - churn_per_year
    scale = ((1 - knobs.churn_per_year) ** (-1 / knobs.churn_shape) - 1) / 365
    daily = knobs.orders_per_month * 12 / 365.25
    traits = pd.DataFrame(
        {
            "start": np.where(rng.random(n) < 0.5, 0, rng.integers(knobs.days // 2, size=n)),
            "purchase_rate": rng.gamma(knobs.rate_shape, daily / knobs.rate_shape, n),
            "churn_rate": rng.gamma(knobs.churn_shape, scale, n),
            "novelty": rng.beta(2, 3, n),
            "online": rng.beta(0.8, 1.2, n),
            "deal": rng.random(n),
            "units": 1 + rng.gamma(1, 0.5, n),
        }
    )
    lifetime = rng.exponential(size=n) / np.maximum(traits["churn_rate"], 1e-9)
    return traits.assign(end=traits["start"] + lifetime, response=2 * knobs.offer_response * traits["deal"])


def tastes(members: int, categories: int, rng: np.random.Generator) -> np.ndarray:
    """Return shares of wants, (members, categories); earlier categories are wanted more on average."""
    base = 1 / np.sqrt(np.arange(1, categories + 1))
    return rng.dirichlet(6 * base / base.sum(), members)


def offer_days(knobs: Simulate) -> np.ndarray:
    """Return the first day of each campaign, evenly spread."""
    return np.linspace(0.1 * knobs.days, knobs.days - OFFER_DAYS, knobs.offers).astype(int)


def exposures(knobs: Simulate, people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Randomise each campaign over who has joined by its day; `propensity` is that of the arm given."""
    day, share = offer_days(knobs), np.resize(OFFER_SHARES, knobs.offers)
    offer, member = np.nonzero(people["start"].to_numpy() <= day[:, None])
    arm, response, redeem = rng.random((3, len(offer)))
    treated = arm < share[offer]
    who = people.iloc[member].reset_index(drop=True)
    return pd.DataFrame(
        {
            "offer": offer,
            "member": member,
            "day": day[offer],
            "treated": treated,
            "propensity": np.where(treated, share[offer], 1 - share[offer]),
            "responds": treated & (day[offer] < who["end"]) & (response < who["response"]),
            "redeems": treated & (redeem < who["deal"]),
        }
    )


def orders(knobs: Simulate, people: pd.DataFrame, exposures: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return orders (member, t, channel), sorted by member and time: the members' own and those offers caused."""
    start, until = people["start"].to_numpy(), np.minimum(people["end"], knobs.days).to_numpy()
    own = np.repeat(np.arange(len(people)), rng.poisson(people["purchase_rate"] * (until - start)))
    caused = exposures[exposures["responds"]]
    member = np.concatenate([own, caused["member"]])
    t = np.concatenate([rng.uniform(start[own], until[own]), caused["day"] + rng.uniform(0, OFFER_DAYS, len(caused))])
    opening = rng.triangular(8, 17.5, 22, len(t)) * HOUR  # nobody shops while clocks change
    web = rng.random(len(t)) < people["online"].to_numpy()[member]
    found = pd.DataFrame({"member": member, "t": np.floor(t) + opening, "channel": np.where(web, WEB, STORE)})
    return found[t < until[member]].sort_values(["member", "t"], ignore_index=True)


def first_order_after(orders: pd.DataFrame, member: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the row of each `member`'s first order at or after `t`, or NONE."""
    span = 2.0 * max(orders["t"].max(), np.max(t, initial=0)) + 1 if len(orders) else 1.0
    row = np.searchsorted(orders["member"] * span + orders["t"], member * span + t)
    owner = np.append(orders["member"], NONE)
    return np.where(owner[row] == member, row, NONE)


def staples(shop: Shop, members: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return what each member buys again and again: member, item, cycle_days."""
    member = np.repeat(np.arange(members), STAPLES)
    found = pd.DataFrame({"member": member, "item": shop.draw(member, rng)}).drop_duplicates()
    found = found.sort_values(["member", "item"], ignore_index=True)
    return found.assign(cycle_days=shop.cycle[found["item"]] * rng.lognormal(0, 0.3, len(found)))


def purchases(
    people: pd.DataFrame, orders: pd.DataFrame, staples: pd.DataFrame, shop: Shop, rng: np.random.Generator
) -> pd.DataFrame:
    """Fill the orders: due staples, and finds by taste; an order that would be empty gets one find."""
    due_order, due_item = _due(people, orders, staples, rng)
    finds = rng.poisson(FINDS * people["novelty"].to_numpy()[orders["member"]])
    finds[(finds == 0) & (np.bincount(due_order, minlength=len(orders)) == 0)] = 1
    find_order = np.repeat(np.arange(len(orders)), finds)
    find_item = shop.draw(orders["member"].to_numpy()[find_order], rng)
    both = np.concatenate([due_order, find_order]) * shop.size + np.concatenate([due_item, find_item])
    order, item = np.divmod(np.unique(both), shop.size)

    lines = orders.iloc[order].reset_index(drop=True)
    units, deal = people["units"].to_numpy()[lines["member"]], people["deal"].to_numpy()[lines["member"]]
    quantity = 1 + rng.poisson(units - 1)
    full = quantity * shop.price[item]
    reduction = rng.choice([0.1, 0.2, 0.3], len(lines)) * (rng.random(len(lines)) < 0.05 + 0.5 * deal)
    discount = np.round(full * reduction).astype(int)
    return lines.assign(
        kind=PURCHASE, order=order, item=item, quantity=quantity, amount=full - discount, discount=discount
    )


def _due(
    people: pd.DataFrame, orders: pd.DataFrame, staples: pd.DataFrame, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return (order, item) of staples, each in the first order after it fell due on its own cycle."""
    days = orders["t"].max() if len(orders) else 0
    times = np.ceil(days / staples["cycle_days"]).astype(int).to_numpy()
    row = np.repeat(np.arange(len(staples)), times)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    phase = rng.random(len(staples))[row] + rng.normal(0, 0.1, len(row))
    member = staples["member"].to_numpy()[row]
    due = people["start"].to_numpy()[member] + (turn + phase) * staples["cycle_days"].to_numpy()[row]
    order = first_order_after(orders, member, np.maximum(due, 0))
    return order[order != NONE], staples["item"].to_numpy()[row[order != NONE]]


def browsing(
    knobs: Simulate,
    people: pd.DataFrame,
    orders: pd.DataFrame,
    purchases: pd.DataFrame,
    shop: Shop,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return views before orders, half of them of what is then bought, and carts that follow some of them."""
    order = np.repeat(np.arange(len(orders)), rng.poisson(knobs.views_per_order, len(orders)))
    member, t = orders["member"].to_numpy()[order], orders["t"].to_numpy()[order]
    lines = np.bincount(purchases["order"], minlength=len(orders))
    some_line = (np.cumsum(lines) - lines)[order] + (rng.random(len(order)) * lines[order]).astype(int)
    bought = purchases["item"].to_numpy()[some_line]
    item = np.where(rng.random(len(order)) < 0.5, bought, shop.draw(member, rng))
    days_before = rng.geometric(0.6, len(order)) - 1
    days_before = np.where(t - days_before < people["start"].to_numpy()[member] + 0.5, 0, days_before)
    t = t - days_before - rng.uniform(5, 60, len(order)) / 60 * HOUR
    views = pd.DataFrame({"kind": VIEW, "member": member, "item": item, "t": t, "channel": WEB})
    carts = views[rng.random(len(views)) < 0.3]
    return pd.concat([views, carts.assign(kind=CART, t=carts["t"] + HOUR / 30)])


def aftermath(knobs: Simulate, purchases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the returns of some lines, at the price paid, and contacts about some orders."""
    sent_back = purchases[rng.random(len(purchases)) < 0.02]
    sent_back = sent_back.assign(
        kind=RETURN,
        t=sent_back["t"] + rng.integers(1, 21, len(sent_back)),
        quantity=-sent_back["quantity"],
        amount=-sent_back["amount"],
        discount=0,
    )
    about = purchases[rng.random(len(purchases)) < 0.01]
    about = about[["member", "order", "t"]].assign(
        kind=CONTACT, channel=PHONE, t=about["t"] + rng.integers(1, 8, len(about))
    )
    rows = pd.concat([sent_back, about])
    return rows[rows["t"] < knobs.days]
