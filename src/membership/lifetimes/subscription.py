"""sBG: how long members stay who must renew a contract (a month, a year), and what the renewals are worth.

Time is counted in periods of the contract throughout; where money is discounted their length is `period_days`.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma

from membership.base.errors import DataError
from membership.lifetimes import discounting
from membership.lifetimes.search import Estimate, Problem, maximise

COLUMNS = ["tenure", "churned", "entered"]
_STARTS = np.array([[0, 0], [-1, 1], [1, 3], [2, 0]], float)  # logarithms of alpha and beta


@dataclass(frozen=True)
class Sbg:
    """Shifted beta-geometric: each member leaves at a renewal with its own steady chance, Beta(`alpha`, `beta`).

    Retention rises with tenure because those who leave easily have left:

        P(renews n times)        = B(alpha, beta + n) / B(alpha, beta)
        retention at renewal n   = (beta + n - 1) / (alpha + beta + n - 1)

    >>> high_end = Sbg(alpha=0.668, beta=3.806)
    >>> high_end.retention([1, 2, 3]).round(3).tolist(), high_end.survival(7).round(3).item()
    ([0.851, 0.878, 0.897], 0.489)

    Source: Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21(1).
    """

    alpha: float
    beta: float
    estimate: Estimate | None = field(default=None, repr=False, compare=False)  # None where the parameters were given

    @classmethod
    def problem(cls, contracts: pd.DataFrame) -> Problem:
        """Return the likelihood of `contracts`, a row a member: `tenure`, `churned` and, where known, `entered`.

        `tenure` is the number of periods paid for: a member who has `churned` left at the end of the last of them, one
        who has not renewed after it. `entered` is the tenure at which we began to watch a member (0 without the
        column): had it left before, we would not know it. Raises DataError on impossible rows and where nobody left.
        """
        known = checked(contracts)
        if not known["churned"].any():
            raise DataError(
                f"sBG: none of {len(known)} members has left, so the data do not show how soon they do; a longer "
                "history is needed."
            )
        rows = known.groupby(COLUMNS, sort=True).size().reset_index(name="members")
        tenure, churned, entered, members = rows.to_numpy(int).T

        def likelihood(theta):
            return _likelihood(theta, tenure, churned, entered, members / len(known))

        return Problem(
            "sBG", ("alpha", "beta"), np.full(2, True), likelihood, len(known), _STARTS, np.zeros(2), constant=0.0
        )

    @classmethod
    def fit(cls, contracts: pd.DataFrame, penalizer: float = 0.0) -> "Sbg":
        """Fit by maximum likelihood. Raises DataError on impossible rows and where nothing converges."""
        estimate = maximise(cls.problem(contracts), penalizer)
        return cls(*map(float, estimate.values), estimate)

    def survival(self, periods, tenure=0) -> np.ndarray:
        """Return P(a member of `tenure` renews the next `periods` times), in the shape of both."""
        tenure = np.asarray(tenure)
        return np.exp(betaln(self.alpha, self.beta + tenure + periods) - betaln(self.alpha, self.beta + tenure))

    def retention(self, periods) -> np.ndarray:
        """Return which share of those who come up for renewal number `periods` (1 and up) renew."""
        periods = np.asarray(periods)
        return (self.beta + periods - 1) / (self.alpha + self.beta + periods - 1)

    def discounted_lifetime(self, yearly_rate: float, period_days: float) -> float:
        """Return the expected number of periods that a new member pays for, discounted to the first payment (DEL).

        Times the margin of a period this is the value of a member not yet won. Source: Fader & Hardie (2010),
        Customer-Base Valuation in a Contractual Setting, Marketing Science 29(1).
        """
        ahead = self.discounted_residual(0, yearly_rate, period_days)
        return 1 + discounting.factor(yearly_rate, period_days) * float(ahead)

    def discounted_residual(self, tenure, yearly_rate: float, period_days: float) -> np.ndarray:
        """Return the expected number of periods that members of `tenure` will still pay for, discounted (DERL).

        Seen from just before the next renewal, so that its payment counts in full; in the shape of `tenure`: of
        contracts that are running. Source: as `discounted_lifetime`.
        """
        worth = discounting.factor(yearly_rate, period_days)
        return discounting.stay(self.alpha, self.beta + np.asarray(tenure), worth)


def as_of(contracts: pd.DataFrame, periods: int) -> pd.DataFrame:
    """Return `tenure`, `churned`, `entered` as they looked after `periods`: who left later was still there.

    Members whom we began to watch later are left out.
    """
    known = checked(contracts)
    known = known[known["entered"] <= periods]
    early = known["tenure"] <= periods
    return known.assign(tenure=known["tenure"].clip(upper=periods), churned=known["churned"] & early)


def kaplan_meier(contracts: pd.DataFrame) -> pd.DataFrame:
    """Return `at_risk` and `survival` by `period` from 0 on: what was observed, without a model.

    Takes `entered` into account as `Sbg.problem` does. Source: Kaplan & Meier (1958), JASA 53.
    """
    known = checked(contracts)
    size = int(known["tenure"].max()) + 1
    count = {name: np.bincount(known[name], minlength=size) for name in ("tenure", "entered")}
    left = np.bincount(known.loc[known["churned"], "tenure"], minlength=size)
    # At risk in period t are those who entered before t and whose tenure reaches t.
    at_risk = np.cumsum(count["entered"]) - count["entered"] - (np.cumsum(count["tenure"]) - count["tenure"])
    at_risk[0] = count["entered"][0]
    stayed = 1 - np.divide(left, at_risk, out=np.zeros(size), where=at_risk > 0)
    index = pd.RangeIndex(size, name="period")
    return pd.DataFrame({"at_risk": at_risk, "survival": np.cumprod(stayed)}, index=index)


def _likelihood(theta: np.ndarray, tenure, churned, entered, share) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood of sBG and its gradient in the log parameters; `churned` is 1 or 0."""
    alpha, beta = np.exp(theta)
    value = betaln(alpha + churned, beta + tenure - churned) - betaln(alpha, beta + entered)
    both = digamma(alpha + beta + entered) - digamma(alpha + beta + tenure)
    gradient = np.stack(
        [
            alpha * (digamma(alpha + churned) - digamma(alpha) + both),
            beta * (digamma(beta + tenure - churned) - digamma(beta + entered) + both),
        ]
    )
    return value @ share, gradient @ share


def checked(contracts: pd.DataFrame) -> pd.DataFrame:
    """Return `tenure`, `churned`, `entered` as whole numbers and booleans. Raises DataError on impossible rows."""
    given = contracts.assign(entered=contracts.get("entered", 0)).reindex(columns=COLUMNS)
    numbers = given.apply(pd.to_numeric, errors="coerce").astype(float)
    tenure, churned, entered = numbers.to_numpy().T
    whole = (numbers % 1 == 0).all(axis=1)  # and neither missing nor infinite
    wrong = given[~(whole & np.isin(churned, [0, 1]) & (entered >= 0) & (tenure >= entered + churned))]
    if len(wrong) or given.empty:
        raise DataError(
            f"sBG: {len(wrong)} of {len(given)} members have an impossible contract: "
            f"{wrong.head(3).to_dict('index')}; "
            "allowed: whole numbers with 0 <= entered <= tenure, churned true or false, and a tenure above entered "
            "where churned (who left at the end of the first period has a tenure of 1)."
        )
    return numbers.astype({"tenure": int, "churned": bool, "entered": int})
