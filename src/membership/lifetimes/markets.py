"""Markets with known truth: members drawn from each model of value, as rows of the table `features`.

Every draw is exact and without a loop: between its first purchase and the cut-off a steady buyer's purchases are a
Poisson number of uniform days, so that the day of the last one is the age times a Beta variable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

_NEVER = 1e-300  # a chance of stopping that underflowed to 0 would have no geometric variable
_COVARIATE = (8.0, 0.8)  # mean and standard deviation of a covariate's logarithm: some 30.00 in cents


@dataclass(frozen=True)
class Market:
    """Members as seen at the cut-off, and what they do after it; both frames are indexed by `member_id` 0, 1, ..."""

    features: pd.DataFrame  # what a model is fitted to
    after: pd.DataFrame  # purchases (repeat purchases after the cut-off), alive (at the cut-off; hidden), spend
    ahead: float  # how far `after` reaches: days, or rounds of `bgbb`


def bgnbd(
    members: int,
    r: float,
    alpha_days: float,
    a: float,
    b: float,
    *,
    age_days: tuple[float, float],
    future_days: float,
    rng: np.random.Generator,
    effects: Mapping[str, float] | None = None,
    whole_days: bool = False,
    may_stop_at_once: bool = False,
) -> Market:
    """Draw `members` of a BG/NBD market, ages uniform on `age_days`, followed for `future_days`.

    Rates are Gamma(`r`, `alpha_days`) a day, the chance of stopping after a repeat purchase is Beta(`a`, `b`); with
    `may_stop_at_once` after the first purchase too. `effects` names coefficients as the fitted model does,
    `rate:income`, `stop:income`, `stay:income`: for each covariate named a column is drawn (lognormal), and its
    standardised log1p z makes alpha exp(-g z), a exp(g z), b exp(g z). With `whole_days` ages are whole and the last
    purchase counts to the end of its day; purchases of one day stay apart.

    Source: Fader, Hardie & Lee (2005), Marketing Science 24(2); covariates: Fader & Hardie (2007).
    """
    columns, logs = _covariates(members, effects or {}, ("rate", "stop", "stay"), rng)
    rate = rng.gamma(r, 1 / alpha_days, members) * np.exp(logs["rate"])
    stop = rng.beta(a * np.exp(logs["stop"]), b * np.exp(logs["stay"]), members)
    leaves = (
        rng.geometric(np.maximum(stop, _NEVER)) - may_stop_at_once
    )  # the repeat purchase after which a member stops
    age = _ages(members, age_days, whole_days, rng)
    wanted = rng.poisson(rate * age)  # purchases before the cut-off, had nobody stopped
    frequency = np.minimum(wanted, leaves)
    recency = np.where(frequency > 0, age * rng.beta(np.maximum(frequency, 1), wanted - frequency + 1), 0.0)
    alive = leaves > wanted
    purchases = np.where(alive, np.minimum(rng.poisson(rate * future_days), leaves - wanted), 0)
    return _market(frequency, recency, age, purchases, alive, columns, future_days, whole_days)


def mbgnbd(members: int, r: float, alpha_days: float, a: float, b: float, **options) -> Market:
    """Draw an MBG/NBD market: `bgnbd`, and its options, where members may also stop after the first purchase.

    Source: Batislam, Denizel & Filiztekin (2007), International Journal of Research in Marketing 24(3).
    """
    return bgnbd(members, r, alpha_days, a, b, may_stop_at_once=True, **options)


def pareto_nbd(
    members: int,
    r: float,
    alpha_days: float,
    s: float,
    beta_days: float,
    *,
    age_days: tuple[float, float],
    future_days: float,
    rng: np.random.Generator,
    effects: Mapping[str, float] | None = None,
    whole_days: bool = False,
) -> Market:
    """Draw `members` of a Pareto/NBD market: as `bgnbd`, but members may stop on any day.

    Rates of stopping are Gamma(`s`, `beta_days`) a day; `effects` are `rate:...` and `stop:...`, which make
    alpha exp(-g z) and beta exp(-g z).

    Source: Schmittlein, Morrison & Colombo (1987), Management Science 33(1); covariates: Fader & Hardie (2007).
    """
    columns, logs = _covariates(members, effects or {}, ("rate", "stop"), rng)
    rate = rng.gamma(r, 1 / alpha_days, members) * np.exp(logs["rate"])
    stopping = rng.gamma(s, 1 / beta_days, members) * np.exp(logs["stop"])
    lifetime = rng.exponential(1, members) / np.maximum(stopping, _NEVER)
    age = _ages(members, age_days, whole_days, rng)
    active = np.minimum(lifetime, age)
    frequency = rng.poisson(rate * active)
    recency = np.where(frequency > 0, active * rng.beta(np.maximum(frequency, 1), 1), 0.0)
    purchases = rng.poisson(rate * np.clip(lifetime - age, 0, future_days))
    return _market(frequency, recency, age, purchases, lifetime > age, columns, future_days, whole_days)


def gamma_gamma(market: Market, p: float, q: float, gamma: float, rng: np.random.Generator) -> Market:
    """Return `market` with spend drawn from Gamma-Gamma, in the unit of `gamma`, independent of how often.

    Adds `first_spend`, `repeat_spend_mean` (NaN without a repeat purchase) and their total `spend` to `features`, and
    `spend` to `after`.

    Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value.
    """
    frequency, purchases = market.features["frequency"].to_numpy(), market.after["purchases"].to_numpy()
    scale = 1 / rng.gamma(q, 1 / gamma, len(frequency))
    first, repeat = rng.gamma(p, scale), rng.gamma(p * frequency, scale)
    mean = np.divide(repeat, frequency, out=np.full(len(frequency), np.nan), where=frequency > 0)
    features = market.features.assign(first_spend=first, repeat_spend_mean=mean, spend=first + repeat)
    return replace(market, features=features, after=market.after.assign(spend=rng.gamma(p * purchases, scale)))


def bgbb(
    members: int,
    alpha: float,
    beta: float,
    gamma: float,
    delta: float,
    *,
    rounds: tuple[int, int],
    future_rounds: int,
    rng: np.random.Generator,
) -> Market:
    """Draw `members` of a BG/BB market who have had `rounds` (both ends in) chances to buy, and get `future_rounds`.

    The chance of buying in a round is Beta(`alpha`, `beta`), that of stopping before it Beta(`gamma`, `delta`).
    `features` has `rounds_bought`, `last_round` (0: none) and `rounds`; `alive` means alive in the next round.

    Source: Fader, Hardie & Shang (2010), Marketing Science 29(6).
    """
    buying, stop = rng.beta(alpha, beta, members), rng.beta(gamma, delta, members)
    lifetime = rng.geometric(np.maximum(stop, _NEVER)) - 1  # rounds that a member stays
    seen = rng.integers(rounds[0], rounds[1], members, endpoint=True)
    # Counted from the last active round backwards, the first purchase is geometric and those before it binomial.
    last = np.maximum(np.minimum(lifetime, seen) + 1 - rng.geometric(np.maximum(buying, _NEVER)), 0)
    bought = (last > 0) + rng.binomial(np.maximum(last - 1, 0), buying)
    purchases = rng.binomial(np.clip(lifetime - seen, 0, future_rounds), buying)
    features = _frame(rounds_bought=bought, last_round=last, rounds=seen)
    return Market(features, _frame(purchases=purchases, alive=lifetime > seen), future_rounds)


def sbg(
    members: int, alpha: float, beta: float, *, renewals: tuple[int, int], rng: np.random.Generator
) -> pd.DataFrame:
    """Draw `tenure` (periods paid for) and `churned` of members who have come up for `renewals` (both ends in).

    The chance of leaving at a renewal is Beta(`alpha`, `beta`). Who is still there has a tenure of all its renewals.

    Source: Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21(1).
    """
    leaves = rng.geometric(np.maximum(rng.beta(alpha, beta, members), _NEVER))
    asked = rng.integers(renewals[0], renewals[1], members, endpoint=True)
    return _frame(tenure=np.minimum(leaves, asked), churned=leaves <= asked)


def _covariates(members: int, effects: Mapping[str, float], roles: tuple[str, ...], rng: np.random.Generator):
    """Return the covariates that `effects` name, as columns, and for each role the sum of its effects (members,)."""
    columns, scores, logs = {}, {}, dict.fromkeys(roles, 0.0)
    for effect, coefficient in effects.items():
        role, name = effect.split(":")
        if name not in columns:
            columns[name] = rng.lognormal(*_COVARIATE, members)
            logarithm = np.log1p(columns[name])
            scores[name] = (logarithm - logarithm.mean()) / logarithm.std()
        logs[role] = logs[role] + coefficient * scores[name]
    return columns, logs


def _ages(members: int, age_days: tuple[float, float], whole_days: bool, rng: np.random.Generator) -> np.ndarray:
    ages = rng.uniform(*age_days, members)
    return np.ceil(ages) if whole_days else ages


def _market(frequency, recency, age, purchases, alive, columns, future_days, whole_days) -> Market:
    recency = np.ceil(recency) if whole_days else recency
    features = _frame(frequency=frequency, recency_days=recency, age_days=age, **columns)
    return Market(features, _frame(purchases=purchases, alive=alive), future_days)


def _frame(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(columns).rename_axis(index="member_id")
