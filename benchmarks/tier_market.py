"""A market whose tier changes the rate of orders by a known share, with or without members who push for the tier.

Members order at their own rate (gamma) with their own order value; months have a season. A month has 20 days and then
10 days of pressure before the review at its end. Whoever is in the tier from a review on orders `effect` more often.
With pressure, who is outside but near the threshold orders more in the last 10 days, and some buy just what is missing:
the more they order anyway, the more likely, so that whoever is just above the threshold is not like whoever is below.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.tiers.rules import Rule

WINDOW, BURN_IN, REVIEWS = 6, 6, 12  # months: that qualify, before there is a tier, and of reviews that are read
GRACE_SHARE, GRACE_MONTHS = 0.2, 1
EARLY = 20 / 30  # of a month, before the pressure
REACH, PULL, PUSH = 0.25, 0.2, 0.7  # share below the threshold; more orders there; chance at most to buy the rest
_CENTS = 4_000.0  # median order
_RATE, _SHAPE, _LINES = 2.0, 1.5, 3.0  # orders a month; of the gamma of rates; of the gamma of an order's value


@dataclass(frozen=True)
class Seen:
    """What the programme sees: the rule, what `tiers.effects` reads, and what qualified before there was a tier."""

    rule: Rule
    reviews: dict[str, pd.DataFrame]  # counted, kept, orders, spend: (members, reviews)
    amounts: pd.DataFrame  # what qualifies at each review
    ranks: pd.DataFrame  # with the month before the first review
    start: pd.Series  # what qualified then


def simulate(
    rng: np.random.Generator, members: int, effect: float, pressure: bool, shifts: np.ndarray | float = 0.0
) -> Seen:
    """Return a market of `members`; `shifts` (members, REVIEWS) or one number: by which share thresholds are off."""
    rate = rng.gamma(_SHAPE, _RATE / _SHAPE, members)
    value = _CENTS * rng.lognormal(0, 0.5, members)
    threshold = int(np.quantile(WINDOW * rate * value, 0.65))
    own = threshold * (1 + np.broadcast_to(shifts, (members, REVIEWS)))
    season = 1 + 0.15 * np.sin(2 * np.pi * np.arange(BURN_IN + REVIEWS + 1) / 12)
    eager = PUSH * rate.argsort().argsort() / members

    spent = np.zeros((members, BURN_IN + REVIEWS + 1))
    seen = {name: np.zeros((members, REVIEWS)) for name in ("counted", "kept", "orders", "spend", "amount")}
    inside, short = np.zeros(members, bool), np.zeros(members, int)
    ranks = np.zeros((members, REVIEWS + 1), dtype="int8")
    for month in range(BURN_IN + REVIEWS + 1):
        pace, review = rate * season[month] * (1 + effect * inside), month - BURN_IN
        orders, spend = _bought(rng, pace * EARLY, value)
        if review > 0:
            seen["orders"][:, review - 1], seen["spend"][:, review - 1] = orders, spend
        kept = spent[:, max(month - WINDOW + 1, 0) : month].sum(axis=1)
        counted = kept + spend
        goal = own[:, np.clip(review, 0, REVIEWS - 1)]
        near = pressure & (review >= 0) & ~inside & (counted >= (1 - REACH) * goal) & (counted < goal)
        _, late = _bought(rng, pace * (1 + PULL * near) * (1 - EARLY), value)
        missing = goal - counted - late
        late += np.where(near & (missing > 0) & (rng.uniform(size=members) < eager), np.ceil(missing), 0)
        spent[:, month] = spend + late
        if not 0 <= review < REVIEWS:
            continue
        amount = counted + late
        short = np.where(amount < (1 - GRACE_SHARE) * goal, short + 1, 0)
        inside = (inside & (short <= GRACE_MONTHS)) | (amount >= goal)
        ranks[:, review + 1] = inside
        seen["counted"][:, review], seen["kept"][:, review], seen["amount"][:, review] = counted, kept, amount
    return _frames(seen, ranks, spent[:, :BURN_IN].sum(axis=1), threshold)


def _bought(rng: np.random.Generator, rate: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return orders and cents of each member."""
    orders = rng.poisson(rate)
    spend = np.zeros(len(rate))
    some = orders > 0
    spend[some] = np.ceil(rng.gamma(_LINES * orders[some], value[some] / _LINES))
    return orders, spend


def _frames(seen: dict[str, np.ndarray], ranks: np.ndarray, start: np.ndarray, threshold: int) -> Seen:
    index = pd.Index([f"m{member}" for member in range(len(start))], name="member_id")
    months = pd.date_range("2020-01-01", periods=REVIEWS + 1, freq="MS")
    frames = {name: pd.DataFrame(values, index=index, columns=months[1:]) for name, values in seen.items()}
    rule = Rule(("Base", "Top"), (0, threshold), GRACE_SHARE, GRACE_MONTHS)
    amounts = frames.pop("amount")
    return Seen(rule, frames, amounts, pd.DataFrame(ranks, index=index, columns=months), pd.Series(start, index))
