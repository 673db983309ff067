"""Pareto/NBD: members buy at their own steady rate and stop for good at a moment of their own, unseen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import special

from membership.lifetimes.histories import Histories, Scale, read, short_window
from membership.lifetimes.pareto_integrals import count_chances, discounted, tail
from membership.lifetimes.search import Estimate, Problem, maximise

_MODEL = "Pareto/NBD"
_BLOCK = 16_384  # rows worked on at a time: they stay in the processor's cache
_SAMPLE = 20_000  # rows on which the starts are tried
_STARTS = ((-0.5, -1.0, -0.5, -1.0), (0.5, 0.0, 0.5, 1.0), (-1.0, -1.5, -2.0, 0.0), (0.0, -1.0, 1.5, 2.0))


@dataclass(frozen=True)
class ParetoNbd:
    """Pareto/NBD: rates of buying are Gamma(`r`, `alpha_days`) a day, those of stopping Gamma(`s`, `beta_days`) a day.

    Of a member with x repeat purchases, the last of them t after the first purchase, which was T before the cut-off:

        likelihood = G(r + x) / G(r) alpha^r beta^s [ (alpha + T)^-(r + x) (beta + T)^-s
                     + s * integral over y from t to T of (alpha + y)^-(r + x) (beta + y)^-(s + 1) ]

    with G the gamma function; P(alive) is the share of the first term. With the parameters published for CDNOW:

    >>> model = ParetoNbd(r=0.553, alpha_days=10.578 * 7, s=0.606, beta_days=11.669 * 7)
    >>> one = pd.DataFrame({"frequency": [2], "recency_days": [30.43 * 7], "age_days": [38.86 * 7]})
    >>> model.expected_purchases(one, days=39 * 7).round(3).item(), model.p_alive(one).round(3).item()
    (1.455, 0.869)

    A covariate's standardised logarithm z makes them alpha exp(-g z), the coefficient g named `rate:column`, and
    beta exp(-g z), `stop:column`. Members whose age is 0 have never bought; all their predictions are 0. Methods
    raise DataError for impossible rows of `features` (see `histories.read`).

    Source: Schmittlein, Morrison & Colombo (1987), Counting Your Customers, Management Science 33(1), as derived by
    Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model; covariates: Fader & Hardie (2007), Incorporating
    Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models.
    """

    r: float
    alpha_days: float
    s: float
    beta_days: float
    effects: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))  # (2, k) on buying and on stopping
    scale: Scale = field(default_factory=Scale)  # of the k covariates
    estimate: Estimate | None = None  # None where the parameters were given, not fitted

    @classmethod
    def problem(cls, features: pd.DataFrame, covariates: Sequence[str] = ()) -> Problem:
        """Return the likelihood of `frequency`, `recency_days`, `age_days` and `covariates` of who has bought."""
        return _problem(Histories.of(features, _MODEL, covariates))

    @classmethod
    def fit(cls, features: pd.DataFrame, covariates: Sequence[str] = (), penalizer: float = 0.0) -> "ParetoNbd":
        """Fit by maximum likelihood; `penalizer` weighs the sum of squared thetas against the mean log-likelihood.

        Raises DataError where a history is impossible, nobody has bought twice, or no start ends on a summit.
        """
        histories = Histories.of(features, _MODEL, covariates)
        estimate = maximise(_problem(histories), penalizer)
        r, alpha_days, s, beta_days, *effects = (estimate[name] for name in estimate.names)
        doubts = estimate.doubts + short_window(_MODEL, histories, alpha_days / r)
        effects = np.reshape(effects, (2, -1))
        return cls(r, alpha_days, s, beta_days, effects, histories.scale, replace(estimate, doubts=doubts))

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still a customer at the cut-off), (members,)."""
        return self._times_alive(features, lambda x, a, b: 1.0)

    def expected_purchases(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days in the `days` after the cut-off, (members,)."""
        return self._times_alive(features, lambda x, a, b: (self.r + x) / a * _expected_life(self.s, b, days))

    def p_purchase(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return P(at least one purchase within `days` after the cut-off), (members,).

        The density of the first purchase, (r + x) / a (1 + u/a)^-(r + x + 1) (1 + u/b)^-s, is integrated over u.
        """

        def given_alive(x, a, b):
            log_integral, _ = tail(self.r + x + 1, self.s, a, b, days)
            return np.exp(np.log((self.r + x) / a) + log_integral)

        return self._times_alive(features, given_alive)

    def discounted_purchases(self, features: pd.DataFrame, yearly_rate: float, days: float) -> np.ndarray:
        """Return expected purchases within `days`, each discounted continuously at log1p(`yearly_rate`) a year.

        For endless days it is the discounted expected residual transactions of Fader, Hardie & Lee (2005), RFM and CLV,
        Journal of Marketing Research 42(4).
        """
        daily = np.log1p(yearly_rate) / 365
        return self._times_alive(features, lambda x, a, b: (self.r + x) / a * discounted(self.s, b, daily, days))

    def expected_repeats(self, features: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return expected repeat purchases within each of `days`, (m,), of the first purchase, (members, m).

        What a member did does not enter; the rows of who never bought are 0.
        """
        _, _, age = read(features, _MODEL)
        alpha, beta = (scale[:, None] for scale in self._scales(features))
        return (age > 0)[:, None] * self.r / alpha * _expected_life(self.s, beta, np.asarray(days, float))

    def frequencies(self, features: pd.DataFrame, most: int) -> np.ndarray:
        """Return the expected number of members with 0, 1, ... `most`, and with more, repeat purchases, (most + 2,).

        Members who never bought are left out.
        """
        _, _, age = read(features, _MODEL)
        alpha, beta = self._scales(features)
        columns = pd.DataFrame({"age": age, "alpha": alpha, "beta": beta})[age > 0]
        rows = columns.groupby(["age", "alpha", "beta"], sort=True).size().reset_index().to_numpy(float).T
        known = np.zeros(most + 1)
        for block in _blocks(rows.shape[1], _BLOCK // 4):
            age, alpha, beta, members = rows[:, block]
            known += members @ count_chances(age, self.r, alpha, self.s, beta, most)
        return np.append(known, max(rows[3].sum() - known.sum(), 0.0))

    def draw(
        self,
        features: pd.DataFrame,
        days: float,
        draws: int,
        rng: np.random.Generator,
        yearly_rate: float = 0.0,
        alive: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return purchases in the `days` after the cut-off drawn from each member's posterior, (members, draws).

        Each counts at its worth, discounted as in `discounted_purchases`; at a `yearly_rate` of 0 these are whole
        numbers. The purchases of one draw lie uniformly on its active days and share their mean worth. `alive`:
        P(alive), (members,), where it is known better than by `p_alive`.
        """
        x, _, age = read(features, _MODEL)
        alpha, beta = self._scales(features)
        shape = (len(x), draws)
        with np.errstate(over="ignore"):
            life = (beta + age)[:, None] * np.expm1(rng.standard_exponential(shape) / self.s)
        here = rng.random(shape) < (self.p_alive(features) if alive is None else alive)[:, None]
        active = np.minimum(life, days) * here
        rate = rng.standard_gamma((self.r + x)[:, None], shape) / (alpha + age)[:, None]
        return rng.poisson(rate * active) * special.exprel(-np.log1p(yearly_rate) / 365 * active)

    def _scales(self, features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return each member's alpha and beta in days."""
        z = self.scale.standardised(features, _MODEL)
        of_rate, of_stopping = self.effects
        return self.alpha_days * np.exp(-z @ of_rate), self.beta_days * np.exp(-z @ of_stopping)

    def _times_alive(self, features: pd.DataFrame, given_alive: Callable) -> np.ndarray:
        """Return P(alive) times what `given_alive` makes of x, alpha + T and beta + T; 0 for who has never bought."""
        x, recency, age = read(features, _MODEL)
        alpha, beta = self._scales(features)
        found = np.zeros(len(x))
        for rows in _blocks(len(x)):
            a, b = alpha[rows] + age[rows], beta[rows] + age[rows]
            odds, _ = _odds_of_stopping(x[rows], recency[rows], age[rows], self.r, alpha[rows], self.s, beta[rows])
            found[rows] = np.where(age[rows] > 0, special.expit(-odds) * given_alive(x[rows], a, b), 0.0)
        return found


def _blocks(rows: int, size: int = _BLOCK) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, rows, size))


def _expected_life(s: float, b, days) -> np.ndarray:
    """Return the expected days as a customer within `days`: the integral of (1 + u/b)^-s; s = 1 is no exception."""
    log = np.log1p(days / b)
    return b * log * special.exprel((1 - s) * log)


def _odds_of_stopping(x, recency, age, r, alpha, s, beta, moments: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the odds of having stopped, (n,), and the `moments` of `tail` from the last purchase."""
    a, b = alpha + recency, beta + recency
    stopping, means = tail(r + x, s + 1, a, b, age - recency, moments)
    stayed = -(r + x) * np.log((alpha + age) / a) - s * np.log((beta + age) / b)
    return np.log(s / b) + stopping - stayed, means


def _problem(histories: Histories, scale_days: float | None = None) -> Problem:
    scale = scale_days or histories.mean_age_days
    large = len(histories.weight) > 2 * _SAMPLE
    x, weight, names = histories.frequency, histories.weight, histories.scale.names
    counts, which = np.unique(x, return_inverse=True)
    of_counts = np.bincount(which, weight)
    columns = (x, histories.recency_days / scale, histories.age_days / scale, weight, histories.covariates)
    free = 2 * len(names)
    return Problem(
        _MODEL,
        ("r", "alpha_days", "s", "beta_days", *(f"{of}:{name}" for of in ("rate", "stop") for name in names)),
        np.arange(4 + free) < 4,
        lambda theta: _likelihood(theta, counts, of_counts, *columns),
        histories.members,
        np.pad(_STARTS, ((0, 0), (0, free))),
        np.log(scale) * np.isin(np.arange(4 + free), (1, 3)),
        float(-(x @ weight) * np.log(scale)),
        _problem(histories.sample(_SAMPLE), scale) if large else None,
    )


def _likelihood(theta, counts, of_counts, *columns) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood and its gradient; `of_counts` members share each of `counts` of purchases."""
    r = np.exp(theta[0])
    value = of_counts @ (special.gammaln(r + counts) - special.gammaln(r))
    gradient = np.zeros(len(theta))
    gradient[0] = r * (of_counts @ (special.digamma(r + counts) - special.digamma(r)))
    for rows in _blocks(len(columns[0])):
        block_value, block_gradient = _block_likelihood(theta, *(column[rows] for column in columns))
        value, gradient = value + block_value, gradient + block_gradient
    return value / of_counts.sum(), gradient / of_counts.sum()


def _block_likelihood(theta, x, recency, age, weight, covariates) -> tuple[float, np.ndarray]:
    """Return the summed log-likelihood and its gradient, without the terms that only x enters.

    The logarithm of alpha + t, and of beta + t, enters at t = age for who is a customer still and at the moment of
    stopping for who is not; the derivatives are means over both.
    """
    r, s = np.exp(theta[0]), np.exp(theta[2])
    of_rate, of_stopping = np.split(theta[4:], 2)
    alpha, beta = np.exp(theta[1] - covariates @ of_rate), np.exp(theta[3] - covariates @ of_stopping)
    odds, (log_a, log_b, over_a, over_b) = _odds_of_stopping(x, recency, age, r, alpha, s, beta, moments=True)
    dead = special.expit(odds)
    a, b, end_a, end_b = alpha + recency, beta + recency, alpha + age, beta + age
    value = r * np.log(alpha / end_a) - x * np.log(end_a) + s * np.log(beta / end_b) + np.logaddexp(0, odds)
    mean_a = (1 - dead) * np.log(end_a) + dead * (np.log(a) + log_a)
    mean_b = (1 - dead) * np.log(end_b) + dead * (np.log(b) + log_b)
    by_alpha = weight * (r - (r + x) * alpha * ((1 - dead) / end_a + dead * over_a / a))
    by_beta = weight * (s - beta * ((1 - dead) * s / end_b + dead * (s + 1) * over_b / b))
    by_r = r * (weight @ (np.log(alpha) - mean_a))
    by_s = weight @ (s * (np.log(beta) - mean_b) + dead)
    covaried = np.concatenate([-by_alpha @ covariates, -by_beta @ covariates])
    return weight @ value, np.array([by_r, by_alpha.sum(), by_s, by_beta.sum(), *covaried])
