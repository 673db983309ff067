"""A market whose members' rates, personas and responses are known: what the benchmark of the programme is judged on.

Members buy as in Pareto/NBD (a steady rate of their own, until they leave for good) and spend around a mean of their
own; persona moves rate, amount and the response to each benefit. The two years before the cut-off hold no programme,
but randomised campaigns: in a campaign's month a random half of the members has one benefit. What a rule may see is
`orders`, `traits` and `campaigns`; `truth` is for the oracle and for the judge alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from membership.base import seeds

DAYS_A_MONTH = 30.0
PERSONAS = {  # name -> share, orders a month, mean order (cents), leaving a year
    "stock-up": (0.15, 2.5, 9000.0, 0.10),
    "regular": (0.40, 5.0, 3500.0, 0.15),
    "bargain": (0.30, 3.0, 2500.0, 0.25),
    "occasional": (0.15, 1.0, 3000.0, 0.40),
}
TRAITS = 6
_RATE_SHAPE, _AMOUNT_SPREAD, _ORDER_SHAPE = 3.0, 0.4, 2.0  # within a persona: rates, mean orders; an order's amount
_APART = 2.5  # between the personas' means of a trait, in standard deviations within a persona


@dataclass(frozen=True)
class Market:
    """One drawn market; members are rows 0, 1, ... of all frames.

    `orders`: member, day (0 to the cut-off), amount (cents, with what campaigns added). `traits`: (members, TRAITS)
    z-scores of behaviour. `campaigns`: campaign, benefit, month, and `treated`, (members,) flags of each in `arms`.
    `truth`: member_id, persona, rate (a day), amount (cents an order), leaving (a day), active (at the cut-off).
    `response`: benefit x persona -> true uplift (share of spend while it has the benefit).
    """

    months: int
    orders: pd.DataFrame
    traits: pd.DataFrame
    campaigns: pd.DataFrame
    arms: np.ndarray  # (campaigns, members)
    truth: pd.DataFrame
    response: pd.DataFrame

    def lifted(self, uplifts: pd.Series | pd.DataFrame) -> np.ndarray:
        """Return by how much the campaigns multiplied each order, (orders,), with these uplifts of each benefit.

        `uplifts`: by benefit, or benefit x persona.
        """
        month, member = (self.orders["day"] // DAYS_A_MONTH).to_numpy(int), self.orders["member"].to_numpy()
        times = np.ones(len(member))
        for number, (benefit, at) in enumerate(zip(self.campaigns["benefit"], self.campaigns["month"], strict=True)):
            own = uplifts.loc[benefit]
            by_member = (
                self.truth["persona"].map(own).to_numpy()
                if isinstance(own, pd.Series)
                else np.full(len(self.truth), own)
            )
            here = np.flatnonzero((month == at) & self.arms[number, member])
            times[here] *= 1 + by_member[member[here]]
        return times

    @property
    def monthly(self) -> pd.DataFrame:
        """Return spend (cents, whole): a row a member, a column a month."""
        spend = np.zeros((len(self.truth), self.months))
        month = (self.orders["day"] // DAYS_A_MONTH).astype(int)
        np.add.at(spend, (self.orders["member"], month), self.orders["amount"])
        return pd.DataFrame(np.rint(spend).astype("int64"), index=pd.Index(self.truth["member_id"]))

    def expected_spend(self, days: float) -> np.ndarray:
        """Return each member's true expected spend (cents) over the `days` after the cut-off, without a programme."""
        return self.expected_orders(days) * self.truth["amount"].to_numpy()

    def expected_orders(self, days: float) -> np.ndarray:
        """Return each member's true expected orders in the `days` after the cut-off."""
        leaving = self.truth["leaving"].to_numpy()
        staying = -np.expm1(-leaving * days) / leaving
        return (self.truth["active"] * self.truth["rate"]).to_numpy() * staying


def draw(members: int, months: int, assumed: Mapping[str, tuple[float, float]], campaigns: int, seed: int) -> Market:
    """Draw `members` followed for `months`, with `campaigns` randomised months of each benefit.

    `assumed` is benefit -> mean and standard deviation of its uplift: each persona's true uplift is drawn from it (none
    is below 0), so that the assumption is right on average and wrong for everybody.
    """
    people = _people(members, months, seeds.rng(seed, "people"))
    response = _response(assumed, seeds.rng(seed, "response"))
    traits = _traits(people["persona"].to_numpy(), seeds.rng(seed, "traits"))
    held, arms = _campaigns(list(assumed), members, months, campaigns, seeds.rng(seed, "campaigns"))
    orders = _orders(people, months, seeds.rng(seed, "orders"))
    market = Market(months, orders, traits, held, arms, people, response)
    return replace(market, orders=orders.assign(amount=orders["amount"] * market.lifted(response)))


def _people(members: int, months: int, rng: np.random.Generator) -> pd.DataFrame:
    share, orders, amount, leaving = (np.array(column) for column in zip(*PERSONAS.values(), strict=True))
    persona = rng.choice(len(PERSONAS), members, p=share)
    rate = rng.gamma(_RATE_SHAPE, orders[persona] / _RATE_SHAPE) / DAYS_A_MONTH
    typical = amount[persona] * rng.lognormal(-(_AMOUNT_SPREAD**2) / 2, _AMOUNT_SPREAD, members)
    leaves = -np.log1p(-leaving[persona]) / 365
    joined = rng.uniform(0, 0.5, members) * months * DAYS_A_MONTH
    left = joined + rng.exponential(1 / leaves)
    return pd.DataFrame(
        {
            "member_id": [f"m{number:07d}" for number in range(members)],
            "persona": np.array(list(PERSONAS))[persona],
            "rate": rate,
            "amount": typical,
            "leaving": leaves,
            "joined": joined,
            "left": left,
            "active": left > months * DAYS_A_MONTH,
        }
    )


def _response(assumed: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> pd.DataFrame:
    mean, spread = (np.array(column)[:, None] for column in zip(*assumed.values(), strict=True))
    drawn = np.maximum(rng.normal(mean, spread, (len(assumed), len(PERSONAS))), 0.0)
    return pd.DataFrame(drawn, index=pd.Index(assumed, name="benefit"), columns=list(PERSONAS))


def _traits(persona: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    centres = _APART * rng.permutation(np.eye(len(PERSONAS), TRAITS).T).T
    which = pd.Categorical(persona, categories=list(PERSONAS)).codes
    drawn = centres[which] + rng.normal(size=(len(persona), TRAITS))
    scores = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    return pd.DataFrame(scores, columns=[f"trait {number + 1}" for number in range(TRAITS)])


def _campaigns(
    benefits: list[str], members: int, months: int, each: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the campaigns in the second half of history, benefits in turns, and who was treated in each."""
    number = np.arange(each * len(benefits))
    month = months // 2 + number % max(months - months // 2, 1)
    held = pd.DataFrame({"campaign": number, "benefit": [benefits[i % len(benefits)] for i in number], "month": month})
    return held, rng.random((len(held), members)) < 0.5


def _orders(people: pd.DataFrame, months: int, rng: np.random.Generator) -> pd.DataFrame:
    until = np.minimum(people["left"], months * DAYS_A_MONTH)
    days = (until - people["joined"]).to_numpy()
    member = np.repeat(np.arange(len(people)), 1 + rng.poisson(people["rate"] * days))
    later = np.r_[False, member[1:] == member[:-1]]  # the first order of each is on the day it joins
    day = people["joined"].to_numpy()[member] + later * rng.random(len(member)) * days[member]
    amount = rng.gamma(_ORDER_SHAPE, people["amount"].to_numpy()[member] / _ORDER_SHAPE)
    return pd.DataFrame({"member": member, "day": day, "amount": amount})
