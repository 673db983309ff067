"""BG/NBD and MBG/NBD: members buy at a steady rate of their own and may stop for good after any purchase."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy import special

from membership.lifetimes import bgnbd_integrals, search
from membership.lifetimes.bgnbd_likelihood import Likelihood
from membership.lifetimes.histories import Histories, Scale, read, short_window
from membership.lifetimes.search import Estimate, Problem

_STARTS = (0.0, -1.5, 1.5, 3.0)  # logarithm of a where the search starts
_SAMPLE = 20_000  # rows on which the starts are tried
_LEGENDRE = np.polynomial.legendre.leggauss(24)  # nodes and weights on (-1, 1)


@dataclass(frozen=True)
class BgNbd:
    """BG/NBD: rates are Gamma(`r`, `alpha_days`) a day, the chance of stopping after a repeat purchase Beta(`a`, `b`).

    Of a member with x repeat purchases, the last of them t after the first purchase, which was T before the cut-off:

        likelihood = G(r + x) alpha^r / G(r) [ B(a, b + x) / B(a, b) (alpha + T)^-(r + x)
                     + B(a + 1, b + x - 1) / B(a, b) (alpha + t)^-(r + x), if x > 0 ]                          (6)
        P(alive)   = 1 / (1 + a / (b + x - 1) ((alpha + T) / (alpha + t))^(r + x)), and 1 if x = 0

    with G the gamma and B the beta function. A member who has bought once counts as alive: the model lets members stop
    only after a repeat purchase. Members with an age of 0 have never bought, and have 0 everywhere.

    CDNOW as published: a customer who bought twice again in 38.86 weeks, last in week 30.43, over the next 39 weeks.

    >>> model = BgNbd(r=0.243, alpha_days=4.414 * 7, a=0.793, b=2.426)
    >>> one = pd.DataFrame({"frequency": [2], "recency_days": [30.43 * 7], "age_days": [38.86 * 7]})
    >>> model.expected_purchases(one, days=39 * 7).round(3).item(), model.p_alive(one).round(3).item()
    (1.226, 0.727)

    Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
    """

    r: float
    alpha_days: float
    a: float
    b: float
    effects: np.ndarray = field(default_factory=lambda: np.zeros((3, 0)))  # (3, k) on rate, on a and on b
    scale: Scale = field(default_factory=Scale)  # of the k covariates
    estimate: Estimate | None = None  # None where the parameters were given, not fitted

    name: ClassVar[str] = "BG/NBD"
    at_first: ClassVar[int] = 0  # chances to stop at the first purchase

    @classmethod
    def problem(cls, features: pd.DataFrame, covariates: Sequence[str] = ()) -> Problem:
        """Return the likelihood of `features`, for `search`. Raises DataError for a history that is impossible."""
        return cls._problem(Histories.of(features, cls.name, covariates))

    @classmethod
    def fit(cls, features: pd.DataFrame, covariates: Sequence[str] = (), penalizer: float = 0.0) -> Self:
        """Fit to `frequency`, `recency_days`, `age_days` of the members who have bought (age above 0).

        `penalizer` is the weight of the sum of squared log parameters (time scale divided out) and coefficients against
        the mean log-likelihood. Raises DataError where nobody has bought twice, a history is impossible, or the search
        does not converge.
        """
        histories = Histories.of(features, cls.name, covariates)
        estimate = search.maximise(cls._problem(histories), penalizer)
        r, alpha_days, a, b, *effects = map(float, estimate.values)
        doubts = estimate.doubts + short_window(cls.name, histories, alpha_days / r)
        effects = np.reshape(effects, (3, -1))
        return cls(r, alpha_days, a, b, effects, histories.scale, replace(estimate, doubts=doubts))

    @classmethod
    def _problem(cls, histories: Histories, scale_days: float | None = None) -> Problem:
        scale_days = scale_days or histories.mean_age_days
        columns = histories.scale.names
        names = [f"{effect}:{column}" for effect in ("rate", "stop", "stay") for column in columns]
        none = np.zeros(len(names))
        few = histories.sample(_SAMPLE)
        return Problem(
            cls.name,
            ("r", "alpha_days", "a", "b", *names),
            np.append(np.ones(4, bool), none > 0),
            Likelihood(histories, cls.at_first, scale_days),
            histories.members,
            np.array([[0.0, 0.0, second, abs(second), *none] for second in _STARTS]),
            np.array([0.0, np.log(scale_days), 0.0, 0.0, *none]),
            -float(histories.frequency @ histories.weight * np.log(scale_days)),
            cls._problem(few, scale_days) if len(few.weight) < len(histories.weight) else None,
        )

    def p_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return P(still a customer at the cut-off), shape (members,); 0 for members who have never bought."""
        x, recency, age = read(features, self.name)
        alpha, a, b = self._own(features)
        chances = x + self.at_first
        silence = (self.r + x) * np.log((alpha + age) / (alpha + recency))
        with np.errstate(over="ignore", divide="ignore"):  # b may be next to nothing: then who came back once is gone
            odds = a / (b + np.maximum(chances, 1) - 1) * np.exp(silence)
        return np.where(age > 0, 1 / (1 + np.where(chances > 0, odds, 0.0)), 0.0)

    def expected_purchases(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days in the `days` after the cut-off, shape (members,); 0 for who never bought.

        P(alive) times E_p[(1 - (1 + p days / (alpha + T))^-(r + x)) / p] with p ~ Beta(a, b + chances to stop so far):
        equation (10) of the source before its integral over p is written as a 2F1, which overflows for frequent buyers.
        """
        return self._purchases(features, days, 0.0)

    def discounted_purchases(self, features: pd.DataFrame, yearly_rate: float, days: float) -> np.ndarray:
        """Return expected purchase days in the `days` after the cut-off, each worth (1 + `yearly_rate`)^-years."""
        return self._purchases(features, days, float(np.log1p(yearly_rate)) / 365)

    def p_purchase(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return P(at least one purchase within `days` after the cut-off), shape (members,); 0 for who never bought."""
        x, _, age = read(features, self.name)
        alpha = self._own(features)[0]
        return self.p_alive(features) * -np.expm1(-(self.r + x) * np.log1p(days / (alpha + age)))

    def expected_repeats(self, features: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return the repeat purchases to be expected within `days`, (m,), of the first purchase: (members, m).

        Only the covariates matter, not what a member did: it is the expectation for any newcomer, equation (9).
        """
        bought, days = read(features, self.name)[2] > 0, np.asarray(days, float)
        kinds = zip(*np.broadcast_arrays(*np.atleast_1d(*self._own(features))), strict=True)
        curves = [self._newcomer(*kind, days) for kind in kinds]
        return bought[:, None] * np.stack(curves)

    def frequencies(self, features: pd.DataFrame, most: int) -> np.ndarray:
        """Return the expected number of members with 0, 1, ... `most`, and with more, repeat purchases: (most + 2,).

        Of the members who have bought, at their ages; equation (8) of the source.
        """
        age = read(features, self.name)[2]
        alpha, a, b = (np.broadcast_to(own, len(age))[age > 0] for own in self._own(features))
        share = age[age > 0] / (alpha + age[age > 0])
        active, fewer = (1 - share) ** self.r, np.zeros(len(share))  # P(x potential purchases), P(fewer than x)
        stayed, expected = np.ones(len(share)), np.zeros(most + 2)  # P(not stopped at the chances before the last)
        for x in range(most + 1):
            chances = x + self.at_first
            stop = a / (a + b + chances - 1) if chances else 0.0
            expected[x] = stayed @ ((1 - stop) * active + stop * (1 - fewer))
            stayed, fewer = stayed * (1 - stop), fewer + active
            active = active * share * (self.r + x) / (x + 1)
        expected[-1] = max(len(share) - expected.sum(), 0.0)
        return expected

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
        numbers. Purchases before the one after which a member stops lie uniformly and share their mean worth.
        `alive`: P(alive), (members,), where it is known better than by `p_alive`.
        """
        x, _, age = read(features, self.name)
        alpha, a, b = (np.broadcast_to(own, len(x))[:, None] for own in self._own(features))
        x, age, shape = x[:, None], age[:, None], (len(x), draws)
        here = rng.random(shape) < (self.p_alive(features) if alive is None else alive)[:, None]
        wanted = rng.poisson(days * rng.standard_gamma(self.r + x, shape) / (alpha + age))
        last = rng.geometric(np.maximum(rng.beta(a, b + x + self.at_first, shape), 1e-12))  # the member stops after it
        stops = last <= wanted
        ends = rng.beta(np.where(stops, last, 1), np.where(stops, wanted - last + 1, 1))
        discount = np.log1p(yearly_rate) / 365 * days * np.where(stops, ends, 1.0)
        before = np.where(stops, last - 1, wanted)
        return here * (before * special.exprel(-discount) + stops * np.exp(-discount))

    def _own(self, features: pd.DataFrame) -> tuple:
        """Return alpha (days), a and b of each member, (members,), or one of each where there are no covariates."""
        if not self.scale.names:
            return self.alpha_days, self.a, self.b
        on_alpha, on_a, on_b = (self.scale.standardised(features, self.name) @ self.effects.T).T
        return self.alpha_days * np.exp(-on_alpha), self.a * np.exp(on_a), self.b * np.exp(on_b)

    def _purchases(self, features: pd.DataFrame, days: float, force: float) -> np.ndarray:
        x, _, age = read(features, self.name)
        own, bought = self._own(features), age > 0

        def alive(x, age, alpha, a, b):
            columns = self.r + x, alpha + age, np.full(len(x), float(days))
            return _while_alive(np.broadcast_to(a, len(x)), b + x + self.at_first, *columns, force)

        found = np.zeros(len(x))
        if self.scale.names:
            found[bought] = alive(*(column[bought] for column in (x, age, *own)))
        else:
            found[bought] = bgnbd_integrals.by_count(lambda x, age: alive(x, age, *own), x[bought], age[bought], own[0])
        return found * self.p_alive(features)

    def _newcomer(self, alpha: float, a: float, b: float, days: np.ndarray) -> np.ndarray:
        """Return what is to be expected within `days`, (m,), of a first purchase, after which MBG/NBD may lose some."""
        a, b, shape, rate = (np.full(len(days), value) for value in (a, b, self.r, alpha))
        stays = (b / (a + b)) ** self.at_first
        return stays * _while_alive(a, b + self.at_first, shape, rate, days, 0.0)


class MbgNbd(BgNbd):
    """MBG/NBD: as BG/NBD, but members may stop after their first purchase too.

    Sources: Batislam, Denizel & Filiztekin (2007), Int. J. of Research in Marketing 24; Hoppe & Wagner (2007).
    """

    name = "MBG/NBD"
    at_first = 1


def _while_alive(a, b, shape, rate, days, force: float) -> np.ndarray:
    """Return expected purchases within `days` of members who are alive, discounted at `force` a day, (n,).

    Their rate is Gamma(`shape`, `rate`) a day, their chance p of stopping Beta(`a`, `b`); every column has shape (n,).
    In y = log(1 + p time / rate) purchases come with density shape / p e^(-shape y), each worth e^(-force time): all
    but e^-30 of it is integrated, by Gauss and Legendre; without interest it is (1 - e^(-shape y)) / p.
    """

    def of_chance(p, shape, rate, days):
        span = np.log1p(p * days / rate)
        if force == 0:
            return -np.expm1(-shape * span) / p
        span = np.minimum(span, 30.0 / shape)
        total = np.zeros_like(span)
        for node, weight in zip(*_LEGENDRE, strict=True):
            y = span * (node + 1) / 2
            total += weight / 2 * np.exp(-shape * y - force * rate * (np.expm1(y) / p))
        return total * span * shape / p

    return bgnbd_integrals.over_beta(of_chance, a, b, shape, rate, days)
