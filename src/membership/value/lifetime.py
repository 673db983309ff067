"""Residual lifetime value: what members will still spend, discounted to the cut-off, and how far that is sure."""

import numpy as np
import pandas as pd

_DRAWN = 2_000_000  # draws at a time: what bounds the memory


def residual(orders, spend, features: pd.DataFrame, yearly_rate: float, days: float) -> np.ndarray:
    """Return the expected discounted spend of each member in the `days` after the cut-off, (members,), in spend's unit.

    `orders` is a model of when members buy (`BgNbd`, `MbgNbd`, `ParetoNbd`), `spend` the `GammaGamma` of how much; both
    assume that the two have nothing to do with each other. Discounting is continuous, at log1p(`yearly_rate`) a year.
    """
    return orders.discounted_purchases(features, yearly_rate, days) * spend.expected_spend(features)


def interval(
    orders,
    spend,
    features: pd.DataFrame,
    yearly_rate: float,
    days: float,
    draws: int,
    confidence: float,
    rng: np.random.Generator,
    alive: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return `low` and `high` by member: an interval that holds the member's discounted spend with `confidence`.

    It is posterior-predictive: purchases, their worth and the member's mean spend are drawn `draws` times given the
    member's history, and the spend of n purchases given the mean; the models' parameters are taken as they are.
    `alive`: P(alive), (members,), where it is known better than by `orders`. The ends cut off equal shares of the
    draws; where nothing at all is that likely, the interval starts at 0 and all that it leaves out is above it. It is
    about what a member will spend: where most members spend nothing and a few much, `residual`, their mean, can lie
    above `high`.

    The purchases of a draw share their mean worth w: the mean is exact, and the variance of what n purchases cost, at
    most 1 / (1 + p) of all variance, is 1 / w of what it should be (w is about 0.8 for 10 % over five years).
    """
    found = np.empty((2, len(features)))
    size = max(_DRAWN // draws, 1)
    for start in range(0, len(features), size):
        rows = slice(start, start + size)
        chance = None if alive is None else alive[rows]
        drawn = drawn_spend(orders, spend, features.iloc[rows], yearly_rate, days, draws, rng, chance)
        found[:, rows] = _ends(drawn, confidence)
    return pd.DataFrame({"low": found[0], "high": found[1]}, index=features.index)


def drawn_spend(orders, spend, features, yearly_rate, days, draws, rng, alive=None) -> np.ndarray:
    """Return drawn discounted spend, (members, draws): n purchases of Gamma(p, nu) add up to Gamma(p n, nu)."""
    worth = orders.draw(features, days, draws, rng, yearly_rate, alive)
    mean = spend.draw_mean(features, draws, rng)
    return rng.standard_gamma(spend.p * worth) * mean / spend.p


def _ends(drawn: np.ndarray, confidence: float) -> np.ndarray:
    """Return the lower and upper ends, (2, members), of what was `drawn`, (members, draws)."""
    tail = (1 - confidence) / 2
    low, one_sided, high = np.quantile(drawn, [tail, confidence, 1 - tail], axis=1)
    return np.stack([low, np.where(low > 0, high, one_sided)])
