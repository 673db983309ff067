"""Who renews a contract, and what renewals bring: one model of staying for each plan, and what is known of the rest.

Members and days are described as in `data.standing`. Of three models of staying the simplest is taken that the others
do not clearly beat: a steady chance of leaving, sBG, beta-discrete-Weibull.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.lifetimes.discrete_weibull import Bdw
from membership.lifetimes.subscription import Sbg

FEWEST = 30  # renewals that a plan must have come up for to be learned by itself
_CLEAR = 1.92  # log-likelihood that a further parameter must gain: half the 95 % quantile of chi-squared
_WEIGHT = 10  # renewals that the chance of members who are alike counts as, where a plan has few of its own
_STEPS = 10  # of the share of a period after which members leave


@dataclass(frozen=True)
class Steady:
    """Every member leaves at each renewal with the same `chance`."""

    chance: float

    @classmethod
    def fit(cls, lives: pd.DataFrame) -> "Steady":
        """Fit to `tenure` and `churned`; half a member is added to both sides, so that nothing is certain."""
        left = lives["churned"].sum()
        return cls(float((left + 0.5) / (lives["tenure"].sum() + 1)))

    @staticmethod
    def a_day(lives: pd.DataFrame) -> float:
        """Return the rate a day at which contracts are left, whatever their periods: for plans without a past."""
        return float((lives["churned"].sum() + 0.5) / (lives["tenure"] * lives["period_days"]).sum().clip(1))

    def survival(self, periods, tenure=0) -> np.ndarray:
        """Return P(a member of `tenure` renews the next `periods` times), in the shape of both."""
        return (1 - self.chance) ** (np.asarray(periods, float) + np.zeros_like(tenure, float))

    def retention(self, periods) -> np.ndarray:
        """Return which share of those who come up for renewal number `periods` (1 and up) renew."""
        return self.survival(1, np.asarray(periods))


Staying = Steady | Sbg | Bdw


def candidates(lives: pd.DataFrame) -> dict[str, Staying]:
    """Return the models that can be fitted to `lives` (tenure, churned), from simple to rich: steady, sbg, bdw."""
    found: dict[str, Staying] = {"steady": Steady.fit(lives)}
    for name, model in (("sbg", Sbg), ("bdw", Bdw)):
        try:
            found[name] = model.fit(lives[["tenure", "churned"]])
        except DataError:  # nobody has left, or tenures are too short to tell
            break
    return found


def log_likelihood(model: Staying, lives: pd.DataFrame) -> float:
    """Return the log-likelihood of `lives` (tenure, churned), summed."""
    tenure, churned = lives["tenure"].to_numpy(float), lives["churned"].to_numpy(bool)
    stayed = model.survival(np.where(churned, tenure - 1, tenure))
    here = np.where(churned, stayed - model.survival(tenure), stayed)
    return float(np.log(np.maximum(here, 1e-300)).sum())


def best(lives: pd.DataFrame) -> Staying:
    """Return the simplest model of staying that no richer one clearly beats."""
    chosen, reached, size = None, -np.inf, 0
    for number, model in enumerate(candidates(lives).values()):
        found = log_likelihood(model, lives)
        if chosen is None or found > reached + _CLEAR * (number - size):
            chosen, reached, size = model, found, number
    return chosen


@dataclass(frozen=True)
class Plan:
    """What contracts of one plan have taught.

    `gone`: of those who leave at the end of a paid period, the share who have said so by 0, 1/10, ... of it, (11,); the
    last is just before its end.
    `switch`: chance a day of a change of plan within a period; `moves`: share of renewals that are a change of plan.
    `after`: share of these changes that lead into which other plan.
    """

    model: Staying
    price: float  # cents a period, of the latest contract
    days: float  # of a period
    gone: np.ndarray
    switch: float
    moves: float
    after: Mapping[str, float]

    @classmethod
    def of(cls, lives: pd.DataFrame, model: Staying) -> "Plan":
        """Return what `lives` of one plan or more teach, besides the `model` of who stays."""
        notice, steps = np.sort(lives["notice"].dropna().to_numpy()), np.linspace(0, 1, _STEPS + 1)
        gone = np.append(np.searchsorted(notice, steps[:-1], side="right"), np.searchsorted(notice, 1.0))
        return cls(
            model,
            float(lives["price"].iloc[-1]),
            float(lives["period_days"].iloc[-1]),
            gone / (len(notice) + 1),  # one more who leaves on the due date itself, so that nobody is certain to renew
            float((lives["changed"].sum() + 0.5) / (lives["days"].sum() + 1)),
            float(lives["moved"].sum() / max((lives["tenure"] - lives["churned"]).sum(), 1)),
            lives["next"].dropna().value_counts(normalize=True).sort_index().to_dict(),
        )

    def renews(self, rows: pd.DataFrame) -> np.ndarray:
        """Return P(the next payment is made), (rows,), of members whose contract of this plan runs.

        Who has not left although a part of the period has passed is likelier to renew, by the share of leavers who
        would have said so by then (Bayes' rule).
        """
        stays = self.model.survival(1, rows["paid"].to_numpy(float) - 1)
        said = np.interp(rows["elapsed"], np.linspace(0, 1, _STEPS + 1), self.gone)
        return stays / np.maximum(stays + (1 - stays) * (1 - said), 1e-12)


@dataclass(frozen=True)
class Renewals:
    """What contracts have taught of each of `plans`, and of all together, for plans that are new."""

    plans: Mapping[str, Plan]
    pooled: Plan
    returns: float  # chance a day of coming back after leaving

    @classmethod
    def fit(cls, lives: pd.DataFrame) -> "Renewals":
        """Fit to `standing.Book.lives`. Raises DataError where nobody has come up for a renewal yet."""
        if not lives["tenure"].sum():
            raise DataError(
                f"renewals: none of {len(lives)} contracts has come up for a renewal, so nothing says who renews; "
                "a longer history is needed."
            )
        pooled = Plan.of(lives, best(lives))
        leaving = Steady.a_day(lives[lives["price"] > 0] if (lives["price"] > 0).any() else lives)
        of_length = {days: best(rows) for days, rows in lives.groupby("period_days") if _enough(rows)}
        plans = {}
        for plan, rows in lives.groupby("plan"):
            days = rows["period_days"].iloc[-1]
            alike = of_length.get(days) or Steady(-float(np.expm1(-leaving * days)))
            plans[plan] = Plan.of(rows, best(rows) if _enough(rows) else _shrunk(rows, alike))
        back, away = lives["back_days"].notna().sum(), lives["away_days"].sum()
        return cls(plans, pooled, float((back + 0.5) / (away + 1)))

    def chance(self, standing: pd.DataFrame) -> np.ndarray:
        """Return P(the next payment is made), (members,), of `Book.standing`; 0 where no contract runs."""
        return self._each(standing, lambda plan, rows: plan.renews(rows))

    def pays(self, standing: pd.DataFrame) -> np.ndarray:
        """Return P(something is paid on the next due date), (members,); a free plan has to go over into another."""
        return self._each(standing, lambda plan, rows: plan.renews(rows) * (plan.moves if plan.price == 0 else 1.0))

    def switch(self, standing: pd.DataFrame) -> np.ndarray:
        """Return the chance a day of a change of plan before the next due date, (members,)."""
        return self._each(standing, lambda plan, rows: np.full(len(rows), plan.switch))

    def payments(self, standing: pd.DataFrame, days: float) -> np.ndarray:
        """Return the payments to be expected within `days`, and what they bring in cents, (members, 2).

        A contract goes on at its price until its member leaves or goes over into another plan, within a period or
        when a payment is due, as others did from this one. That other plan then goes on.
        """
        return self._each(standing, lambda plan, rows: self._ahead(plan, rows, days), 2)

    def _ahead(self, plan: Plan, rows: pd.DataFrame, days: float) -> np.ndarray:
        due, paid = rows["due_in"].to_numpy(float), rows["paid"].to_numpy(float)
        length, price = rows["period_days"].to_numpy(float), rows["price"].to_numpy(float)
        here, start, total = np.ones(len(rows)), np.zeros(len(rows)), np.zeros((len(rows), 2))
        chance = plan.renews(rows)
        while (start < days).any():
            end = np.minimum(due, days)
            changes = here * -np.expm1(-plan.switch * (end - start).clip(min=0))
            total += changes[:, None] * self._other(plan, days - (start + end) / 2)
            renewed = np.where(due < days, (here - changes) * chance, 0.0)
            total += (renewed * plan.moves)[:, None] * self._other(plan, days - due)
            here = renewed * (1 - plan.moves)
            total += here[:, None] * np.column_stack([price > 0, price])
            chance = plan.model.survival(1, paid)
            start, due, paid = due, due + length, paid + 1
        return total

    def _other(self, plan: Plan, left: np.ndarray) -> np.ndarray:
        """Return payments and cents of who goes over into another plan with `left` days to go, (members, 2)."""
        found = np.zeros((len(left), 2))
        for name, share in plan.after.items():
            other = self.plans[name]
            if other.price > 0:
                found += share * (left > 0)[:, None] * (1 + _further(other, left))[:, None] * [1.0, other.price]
        return found

    def _each(self, standing: pd.DataFrame, said, width: int = 0) -> np.ndarray:
        """Return `said(plan, rows)` of the rows of each plan, (members,) or (members, width); 0 without a plan."""
        found = np.zeros((len(standing), width) if width else len(standing))
        rows = standing.reset_index(drop=True)
        for name, part in rows.groupby("plan"):
            found[part.index] = said(self.plans.get(name, self.pooled), part)
        return found


def _further(plan: Plan, left: np.ndarray) -> np.ndarray:
    """Return the payments expected after a first one with `left` days to go, (members,)."""
    most = (np.ceil(left / plan.days) - 1).clip(min=0)  # due dates that come before the end
    numbers = np.arange(1, int(most.max(initial=0)) + 1)
    to_come = np.concatenate([[0.0], np.cumsum(plan.model.survival(numbers))])
    return to_come[most.astype(int)]


def _shrunk(lives: pd.DataFrame, alike: Staying) -> Steady:
    """Return a steady chance of leaving from few renewals, shrunk to that of members who are alike."""
    left, asked = lives["churned"].sum(), lives["tenure"].sum()
    return Steady(float((left + _WEIGHT * (1 - alike.survival(1))) / (asked + _WEIGHT)))


def _enough(lives: pd.DataFrame) -> bool:
    return lives["tenure"].sum() >= FEWEST


STORED = (Renewals, Plan, Steady, Sbg, Bdw)  # all that a fitted `Renewals` is made of
