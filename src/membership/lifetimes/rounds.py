"""BG/BB: members who get a chance to buy in every round (a year, a season, a mailing) and may stop for good between.

Time is counted in rounds throughout; `in_rounds` makes rounds of dated purchases.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, gammaln

from membership.base.errors import DataError
from membership.lifetimes import discounting
from membership.lifetimes.search import Estimate, Problem, maximise

_COLUMNS = ["rounds_bought", "last_round", "rounds"]
_MOST = 500  # rounds: the tables of the likelihood grow with their square
_STARTS = np.array([[0, 0, 0, 0], [0, 0, -1, 1], [1, 1, -1, 2], [-1, -1, 0, 2], [0, 1, -2, 0]], float)


@dataclass(frozen=True)
class BgBb:
    """BG/BB: a member buys in a round with its own steady chance, and before each round may stop for good.

    Chances of buying are Beta(`alpha`, `beta`) over members, chances of stopping Beta(`gamma`, `delta`). Methods take
    a frame with `rounds_bought` (x), `last_round` (t_x; 0 without a purchase) and `rounds` (n), whole numbers, counted
    after the round in which a member came; who came only now has 0 rounds.

    Source: Fader, Hardie & Shang (2010), Customer-Base Analysis in a Discrete-Time Noncontractual Setting, Marketing
    Science 29(6).
    """

    alpha: float
    beta: float
    gamma: float
    delta: float
    estimate: Estimate | None = field(default=None, repr=False, compare=False)  # None where the parameters were given

    @classmethod
    def problem(cls, features: pd.DataFrame) -> Problem:
        """Return the likelihood of the members who have had a round. Raises DataError on bad rows."""
        seen = _checked(features)
        seen = seen[seen["rounds"] > 0]
        if not (seen["rounds_bought"] > 0).any():
            raise DataError(
                f"BG/BB: none of {len(seen)} members has bought in a round after the one it came in, so the data "
                "do not show how often they buy. A longer history, or longer rounds, are needed."
            )
        rows = seen.groupby(_COLUMNS, sort=True).size().reset_index(name="members").to_numpy().T
        members = len(seen)

        def likelihood(theta):
            return _likelihood(theta, *rows[:3], rows[3] / members)

        names = ("alpha", "beta", "gamma", "delta")
        return Problem("BG/BB", names, np.full(4, True), likelihood, members, _STARTS, np.zeros(4), 0.0)

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0) -> "BgBb":
        """Fit by maximum likelihood. Raises DataError on impossible rows and where nothing converges."""
        estimate = maximise(cls.problem(features), penalizer)
        return cls(*map(float, estimate.values), estimate)

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still there in the next round), shape (members,): equation (A10)."""
        rows = _checked(features)
        return self._stayed(rows) * np.exp(self._staying(rows["rounds"].to_numpy(), 1))

    def expected_purchases(self, features: pd.DataFrame, rounds: int) -> np.ndarray:
        """Return the expected number of the next `rounds` in which a member buys, shape (members,): equation (13)."""
        ahead = np.arange(1, rounds + 1)
        return self._buying(features, lambda seen: np.exp(self._staying(seen[:, None], ahead)).sum(axis=1))

    def discounted_purchases(self, features: pd.DataFrame, yearly_rate: float, round_days: float) -> np.ndarray:
        """Return expected purchases in all rounds to come, discounted (DERT), shape (members,): equation (14).

        The next round lies one whole round of `round_days` ahead. Raises DataError where `yearly_rate` is not positive.
        """
        worth = discounting.factor(yearly_rate, round_days)
        return self._buying(features, lambda seen: worth * discounting.stay(self.gamma, self.delta + seen, worth))

    def expected_repeats(self, rounds: int) -> np.ndarray:
        """Return expected purchases of a new member in its first 1, 2, ... `rounds`, shape (rounds,)."""
        staying = np.exp(self._staying(np.zeros(1), np.arange(1, rounds + 1)))
        return self.alpha / (self.alpha + self.beta) * np.cumsum(staying)

    def frequencies(self, features: pd.DataFrame, most: int) -> np.ndarray:
        """Return the expected number of members with 0 to `most`, and with more, purchases: shape (most + 2,)."""
        seen, members = np.unique(_checked(features)["rounds"], return_counts=True)
        bought, after = np.arange(most + 1)[:, None], np.arange(seen.max(initial=0) + 1)
        parameters, held = self._parameters, np.maximum(after, bought)
        ways = np.where(after >= bought, _log_ways(held, bought), -np.inf)
        stopped = np.cumsum(np.exp(ways + _terms(parameters, bought, held, 1)), axis=1)
        stopped = np.concatenate([np.zeros((most + 1, 1)), stopped], axis=1)
        shares = np.exp(ways + _terms(parameters, bought, held, 0)) + stopped[:, :-1]
        expected = shares[:, seen] @ members
        return np.append(expected, max(members.sum() - expected.sum(), 0.0))

    @property
    def _parameters(self) -> tuple[float, ...]:
        return self.alpha, self.beta, self.gamma, self.delta

    def _stayed(self, rows: pd.DataFrame) -> np.ndarray:
        """Return P(still there in the last round seen), shape (members,), of checked rows."""
        bought, last, seen = rows.to_numpy().T
        stayed = _terms(self._parameters, bought, seen, 0)
        stopped = _Stops(self._parameters, bought, seen).between(bought, last, seen)
        return np.exp(stayed - np.logaddexp(stayed, stopped))

    def _buying(self, features: pd.DataFrame, worth: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return what members will buy who, if still there, stay for the `worth` (in rounds) of the rounds seen."""
        rows = _checked(features)
        seen, which = np.unique(rows["rounds"].to_numpy(), return_inverse=True)
        chance = (self.alpha + rows["rounds_bought"]) / (self.alpha + self.beta + rows["rounds"])
        return self._stayed(rows) * chance.to_numpy() * worth(seen)[which]

    def _staying(self, seen: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Return log P(there `ahead` rounds on) of who is there after `seen` rounds."""
        return betaln(self.gamma, self.delta + seen + ahead) - betaln(self.gamma, self.delta + seen)


def in_rounds(purchases: pd.DataFrame, cutoff: date, round_days: int) -> pd.DataFrame:
    """Return `rounds_bought`, `last_round`, `rounds` by `member_id`, from dated purchases before `cutoff`.

    `purchases` has `member_id` and `day`, any number of rows a day. A member's rounds begin on the day after its first
    purchase, every one `round_days` long; a round in which it bought counts once, and one that `cutoff` breaks off is
    left out. Raises DataError where days are missing or none is before `cutoff`.
    """
    day = pd.to_datetime(purchases["day"])
    if day.isna().any() or round_days < 1:
        raise DataError(
            f"rounds: {int(day.isna().sum())} of {len(day)} purchases have no day, and round_days is {round_days}; "
            "allowed: every purchase dated, rounds of 1 day or more."
        )
    known = purchases.assign(day=day)[(day < pd.Timestamp(cutoff)).to_numpy()]
    if known.empty:
        raise DataError(f"rounds: none of {len(day)} purchases lies before {cutoff}; move the cut-off.")
    first = known.groupby("member_id")["day"].min()
    rounds = ((pd.Timestamp(cutoff) - first).dt.days - 1) // round_days
    since = (known["day"] - known["member_id"].map(first)).dt.days
    bought = known.assign(round=-(-since // round_days))[["member_id", "round"]].drop_duplicates()
    bought = bought[bought["round"].between(1, bought["member_id"].map(rounds))]
    counted = bought.groupby("member_id")["round"].agg(rounds_bought="size", last_round="max")
    return counted.reindex(rounds.index, fill_value=0).assign(rounds=rounds)


class _Stops:
    """How likely each number of purchases, bought by a member who stops after each round, is; as running sums.

    Chances fall with the round, so that a difference of two sums loses no digits.
    """

    def __init__(self, parameters: tuple[float, ...], bought: np.ndarray, seen: np.ndarray):
        self.parameters = parameters
        rounds = seen.max(initial=1)
        self.bought, after = np.arange(min(bought.max(initial=0) + 1, rounds))[:, None], np.arange(rounds)
        self.after = np.maximum(after, self.bought)
        self.log = np.where(after >= self.bought, _terms(parameters, self.bought, self.after, 1), -np.inf)
        later = np.logaddexp.accumulate(self.log[:, ::-1], axis=1)[:, ::-1]
        self.later = np.pad(later, ((0, 0), (0, 1)), constant_values=-np.inf)  # (bought, after this round or later)

    def between(self, bought: np.ndarray, last: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return log P(bought, and stopped after one of the rounds `last` to `seen` - 1); minus infinity for none."""
        chance = np.full(len(bought), -np.inf)
        may = last < seen
        whole, rest = self.later[bought[may], last[may]], self.later[bought[may], seen[may]]
        chance[may] = whole + np.log1p(-np.exp(rest - whole))
        return chance

    def slopes(self, bought: np.ndarray, last: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return the gradient, (4, rows), of `between` in the parameters; 0 where that is minus infinity."""
        own = _slopes(self.parameters, self.bought, self.after, 1)
        means = np.zeros((4, *self.later.shape))  # of `own`, over this round and later ones
        for at in reversed(range(self.log.shape[1])):
            share = np.exp(self.log[:, at] - self.later[:, at])
            means[:, :, at] = share * own[:, :, at] + (1 - share) * means[:, :, at + 1]
        slopes = np.zeros((4, len(bought)))
        may = last < seen
        bought, last, seen = bought[may], last[may], seen[may]
        rest = np.exp(self.later[bought, seen] - self.later[bought, last])
        slopes[:, may] = (means[:, bought, last] - rest * means[:, bought, seen]) / (1 - rest)
        return slopes


def _likelihood(theta: np.ndarray, bought, last, seen, share) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood of BG/BB and its gradient in the log parameters."""
    parameters = np.exp(theta)
    stops = _Stops(parameters, bought, seen)
    stayed, stopped = _terms(parameters, bought, seen, 0), stops.between(bought, last, seen)
    total = np.logaddexp(stayed, stopped)
    gradient = _slopes(parameters, bought, seen, 0) @ (share * np.exp(stayed - total))
    gradient += stops.slopes(bought, last, seen) @ (share * np.exp(stopped - total))
    return total @ share, parameters * gradient


def _terms(parameters, bought, seen, stopped) -> np.ndarray:
    """Return log P(one order of `bought` in `seen` rounds of staying, then stopping: 1, or who knows: 0)."""
    alpha, beta, gamma, delta = parameters
    return (
        betaln(alpha + bought, beta + seen - bought)
        - betaln(alpha, beta)
        + betaln(gamma + stopped, delta + seen)
        - betaln(gamma, delta)
    )


def _slopes(parameters, bought, seen, stopped) -> np.ndarray:
    """Return the gradient of `_terms` in the parameters, shape (4, ...)."""
    alpha, beta, gamma, delta = parameters
    buying = digamma(alpha + beta) - digamma(alpha + beta + seen)
    stopping = digamma(gamma + delta) - digamma(gamma + delta + seen + stopped)
    return np.stack(
        np.broadcast_arrays(
            digamma(alpha + bought) - digamma(alpha) + buying,
            digamma(beta + seen - bought) - digamma(beta) + buying,
            digamma(gamma + stopped) - digamma(gamma) + stopping,
            digamma(delta + seen) - digamma(delta) + stopping,
        )
    )


def _log_ways(seen: np.ndarray, bought: np.ndarray) -> np.ndarray:
    return gammaln(seen + 1) - gammaln(bought + 1) - gammaln(seen - bought + 1)


def _checked(features: pd.DataFrame) -> pd.DataFrame:
    """Return the three columns as whole numbers. Raises DataError on impossible rows."""
    given = features.reindex(columns=_COLUMNS)  # a column that is missing is NaN, and named
    numbers = given.apply(pd.to_numeric, errors="coerce").astype(float)
    bought, last, seen = numbers.to_numpy().T
    whole = (numbers % 1 == 0).all(axis=1)  # and neither missing nor infinite
    ordered = (bought >= 0) & (bought <= last) & (last <= seen) & (seen <= _MOST) & ((bought > 0) == (last > 0))
    wrong = given[~(whole & ordered)]
    if len(wrong):
        raise DataError(
            f"BG/BB: {len(wrong)} of {len(numbers)} members have an impossible history: "
            f"{wrong.head(3).to_dict('index')}; allowed: whole numbers with 0 <= rounds_bought <= last_round <= rounds "
            f"<= {_MOST}, and last_round 0 only without a purchase. `rounds.in_rounds` makes such rows from dated "
            "purchases; where rounds are that short, use a model of buying at any time."
        )
    return numbers.astype(int)
