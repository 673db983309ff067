"""Customer lifetime value without a contract: BG/NBD for how often members buy, Gamma-Gamma for how much.

Both are fitted by maximum likelihood with exact gradients. Time is in days at every door; the time scale and the
money scale are divided out before the search, so that weeks or dollars give the same model and the same penalty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special

from membership.base.errors import DataError

_BOUND = 10.0  # |log parameter| in scaled units; beyond it nothing that is predicted changes
_STARTS = (0.0, -1.5, 1.5, 3.0)  # logarithm of a (BG/NBD) and of p (Gamma-Gamma) where the search starts
_FLAT = 1e-3  # slope of the mean log-likelihood in a log parameter that counts as a summit
_NODES = 40  # of the Gauss-Jacobi rule: relative error below 1e-8 up to ten times the observed history


@dataclass(frozen=True)
class BgNbd:
    """BG/NBD: members buy at their own steady rate and may stop for good after any purchase.

    Rates are Gamma(`r`, `alpha_days`) a day, the chance of stopping after a repeat purchase is Beta(`a`, `b`). A member
    who has bought once counts as alive: the model lets members stop only after a repeat purchase.

    Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
    """

    r: float
    alpha_days: float
    a: float
    b: float
    log_likelihood: float  # with time in days
    members: int
    note: str  # what to know before believing the parameters; empty where there is nothing

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0) -> "BgNbd":
        """Fit to `frequency`, `recency_days`, `age_days` of the members who have bought (age above 0).

        `penalizer` is the weight of the mean squared log parameter against the mean log-likelihood. Raises DataError
        where nobody has bought twice, recency and age contradict each other, or the search does not converge.
        """
        x, recency, age, weight = _histories(features)
        scale = age @ weight / weight.sum()
        columns = (x, recency / scale, age / scale, weight)
        starts = [np.array([0.0, 0.0, second, abs(second)]) for second in _STARTS]
        theta, value, note = _maximise(
            "BG/NBD", lambda log: _bgnbd(log, *columns), starts, penalizer, ("r", "alpha_days", "a", "b")
        )
        r, alpha, a, b = np.exp(theta).tolist()
        likelihood = value * weight.sum() - x @ weight * np.log(scale)
        return cls(r, float(alpha * scale), a, b, float(likelihood), int(weight.sum()), note)

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still a customer at the cut-off), shape (members,); 0 for members who have never bought."""
        x, recency, age = _columns(features)
        return np.where(
            age > 0, special.expit(-_dead_odds(x, recency, age, self.r, self.alpha_days, self.a, self.b)), 0.0
        )

    def expected_purchases(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days in the `days` after the cut-off, shape (members,); 0 for who never bought.

        E[Y | alive] = E_p[(1 - (1 + p t / (alpha + T))^-(r + x)) / p] with p ~ Beta(a, b + x): equation (10) of the
        source before its integral over p is written as a 2F1, which overflows for frequent buyers.
        """
        x, _, age = _columns(features)
        alive = np.zeros(len(x))
        for count in np.unique(x):
            chance, weight = _beta_rule(self.a, self.b + count)
            same = x == count
            ages, which = np.unique(age[same], return_inverse=True)
            reach = days / (self.alpha_days + ages)[:, None]
            spread = -np.expm1(-(self.r + count) * np.log1p(chance * reach)) / chance
            alive[same] = (spread * weight).sum(axis=1)[which]
        return alive * self.p_alive(features)

    def p_purchase(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return P(at least one purchase within `days` after the cut-off), shape (members,); 0 for who never bought."""
        x, _, age = _columns(features)
        wait = (self.r + x) * (np.log(self.alpha_days + age) - np.log(self.alpha_days + age + days))
        return self.p_alive(features) * -np.expm1(wait)


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-Gamma: what a member spends on a purchase day varies around the member's own mean.

    Spend is Gamma(`p`, nu), nu is Gamma(`q`, `gamma`) over members; the population's mean is p gamma / (q - 1), so q
    is kept above 1. Money is in the unit of `repeat_spend_mean` (cents). The model assumes that how much does not
    depend on how often: look at `correlation`.

    Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, equations (1a), (3) and (5).
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float
    members: int
    correlation: float  # between frequency and mean spend of those who bought again
    note: str

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float = 0.0) -> "GammaGamma":
        """Fit to `frequency` and `repeat_spend_mean` of members with a repeat purchase and a positive mean.

        Raises DataError where there is none, or where the search does not converge.
        """
        again = features[(features["frequency"] > 0) & (features["repeat_spend_mean"] > 0)]
        if again.empty:
            raise DataError(
                "Gamma-Gamma: no member has spent anything on a second purchase day; a longer history is needed."
            )
        x, mean = again["frequency"].to_numpy(float), again["repeat_spend_mean"].to_numpy(float)
        scale = mean.mean()
        starts = [np.array([second, np.log(2.0 + abs(second)), 0.0]) for second in _STARTS]
        theta, value, note = _maximise(
            "Gamma-Gamma",
            lambda log: _gamma_gamma(log, x, mean / scale),
            starts,
            penalizer,
            ("p", "q", "gamma"),
            lower=(-_BOUND, np.log(1.01), -_BOUND),
        )
        p, q, gamma = np.exp(theta).tolist()
        varied = x.std() > 0 and mean.std() > 0
        correlation = float(np.corrcoef(x, mean)[0, 1]) if varied else 0.0
        return cls(p, q, float(gamma * scale), float(len(x) * (value - np.log(scale))), len(x), correlation, note)

    def expected_spend(self, features: pd.DataFrame) -> np.ndarray:
        """Return expected spend on a purchase day, shape (members,); the population's mean where none was repeated."""
        x = features["frequency"].to_numpy(float)
        mean = np.where(x > 0, features["repeat_spend_mean"].fillna(0).clip(lower=0).to_numpy(float), 0.0)
        return (self.gamma + x * mean) * self.p / (self.p * x + self.q - 1)


def _columns(features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(features[name].to_numpy(float) for name in ("frequency", "recency_days", "age_days"))


def _histories(features: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """Return x, t_x, T of the members who have bought and how many share each: equal histories count once."""
    bought = features[features["age_days"] > 0]
    wrong = bought[~bought["recency_days"].between(0, bought["age_days"]) | (bought["frequency"] < 0)]
    if len(wrong):
        first = wrong.iloc[0]
        raise DataError(
            f"BG/NBD: {len(wrong)} members have an impossible history, e.g. {wrong.index[0]}: frequency "
            f"{first['frequency']:g}, recency_days {first['recency_days']:g}, age_days {first['age_days']:g}; "
            "allowed: frequency of 0 or more, 0 <= recency_days <= age_days. Run `dvc repro features` again."
        )
    if not (bought["frequency"] > 0).any():
        raise DataError(
            f"BG/NBD: none of {len(bought)} members has bought on a second day, so nothing says how soon they come "
            "back. A longer calibration window (windows.start, windows.calibration_end) is needed."
        )
    rows = bought.groupby(["frequency", "recency_days", "age_days"], sort=True).size().reset_index(name="members")
    return tuple(rows.to_numpy(float).T)


def _dead_odds(x, recency, age, r, alpha, a, b) -> np.ndarray:
    """Return the logarithm of the odds that a member has stopped; minus infinity without a repeat purchase."""
    odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * (np.log(alpha + age) - np.log(alpha + recency))
    return np.where(x > 0, odds, -np.inf)


def _bgnbd(log: np.ndarray, x, recency, age, weight) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood of BG/NBD and its gradient in the log parameters."""
    r, alpha, a, b = np.exp(log)
    digamma, gammaln = special.digamma, special.gammaln
    odds = _dead_odds(x, recency, age, r, alpha, a, b)
    dead = special.expit(odds)
    wait, stay = np.log(alpha + age), np.log(alpha + recency)
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * wait
    value += gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b) + np.logaddexp(0, odds)
    both = digamma(a + b) - digamma(a + b + x)
    gradient = np.stack(
        [
            r * (digamma(r + x) - digamma(r) + np.log(alpha) - wait + dead * (wait - stay)),
            r - (r + x) * alpha * ((1 - dead) / (alpha + age) + dead / (alpha + recency)),
            a * both + dead,
            b * (both + digamma(b + x) - digamma(b) - dead / (b + np.maximum(x, 1) - 1)),
        ]
    )
    return value @ weight / weight.sum(), gradient @ weight / weight.sum()


def _gamma_gamma(log: np.ndarray, x, mean) -> tuple[float, np.ndarray]:
    """Return the mean log-likelihood of Gamma-Gamma, equation (1a), and its gradient in the log parameters."""
    p, q, gamma = np.exp(log)
    total, shape = np.log(gamma + x * mean), p * x + q
    value = special.gammaln(shape) - special.gammaln(p * x) - special.gammaln(q) + q * log[2] - shape * total
    value += p * x * np.log(x * mean) - np.log(mean)
    gradient = np.stack(
        [
            p * x * (special.digamma(shape) - special.digamma(p * x) + np.log(x * mean) - total),
            q * (special.digamma(shape) - special.digamma(q) + log[2] - total),
            q - shape * gamma / (gamma + x * mean),
        ]
    )
    return value.mean(), gradient.mean(axis=1)


def _maximise(
    model: str, likelihood: Callable, starts: list, penalizer: float, names: tuple[str, ...], lower: tuple | None = None
) -> tuple[np.ndarray, float, str]:
    """Return log parameters, mean log-likelihood and a note on them: the best of L-BFGS-B from all `starts`."""
    bounds = [(low, _BOUND) for low in lower or (-_BOUND,) * len(names)]

    def objective(log):
        value, gradient = likelihood(log)
        return penalizer * (log @ log) - value, 2 * penalizer * log - gradient

    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000, "maxfun": 5000}
    found = [
        optimize.minimize(objective, s, jac=True, method="L-BFGS-B", bounds=bounds, options=options) for s in starts
    ]
    best = min(found, key=lambda result: result.fun)
    low, high = np.array(bounds).T
    slope = np.abs(best.x - np.clip(best.x - best.jac, low, high)).max()
    if not slope < _FLAT:
        raise DataError(
            f"{model} did not converge from any of {len(starts)} starts (steepest slope left {slope:.2g}; "
            f"{best.message}): the data say too little of it. Raise value.penalizer, e.g. to 0.001, "
            "or give a longer history."
        )
    stuck = ", ".join(np.array(names)[np.minimum(best.x - low, high - best.x) < 1e-6])
    note = f"{model}: {stuck} ran to the edge of the search; it predicts, but these mean nothing" if stuck else ""
    return best.x, likelihood(best.x)[0], note


def _beta_rule(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the Gauss rule for the Beta(a, b) density on (0, 1) (Golub & Welsch 1969)."""
    n, total = np.arange(1, _NODES), a + b
    even, later = 2 * n + total, n[1:]
    diagonal = np.append(a / total, (1 + (a - b) * (total - 2) / (even * (even - 2))) / 2)
    first = a * b / (total**2 * (total + 1))  # the general term is 0/0 here where a + b = 1
    side = later * (later + b - 1) * (later + a - 1) * (later + total - 2)
    side = np.append(first, side / ((even[1:] - 2) ** 2 * (even[1:] - 1) * (even[1:] - 3)))
    nodes, vectors = linalg.eigh_tridiagonal(diagonal, np.sqrt(side))
    return np.clip(nodes, 1e-300, 1), vectors[0] ** 2
