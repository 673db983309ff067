"""What periods to come are worth now, where members leave for good after one of them (BG/BB, sBG)."""

import numpy as np

from membership.base.errors import DataError

_DIGITS = 20.0  # steps of the continued fraction times the square root of the discount: an error below 1e-16


def factor(yearly_rate: float, period_days: float) -> float:
    """Return what money one period of `period_days` later is worth now, at `yearly_rate` (0.1 is 10 % a year).

    Raises DataError where one of them is not positive.
    """
    if not (yearly_rate > 0 and period_days > 0):
        raise DataError(
            f"a discount of {yearly_rate:g} a year over periods of {period_days:g} days: both must be above 0, or "
            "what is expected without end has no finite sum."
        )
    return float(np.exp(-np.log1p(yearly_rate) * period_days / 365))


def stay(alpha: float, beta: np.ndarray, worth: float) -> np.ndarray:
    """Return the expected number of periods that members stay for, each worth `worth` (below 1) of the one before it.

    The chance of leaving before a period is Beta(`alpha`, `beta`) over members, steady for each; shape of `beta`. This
    is b / (a + b) 2F1(1, b + 1; a + b + 1; d) of Fader & Hardie (2010), Marketing Science 29(1), by Gauss's continued
    fraction: 2F1 of scipy overflows where beta is large or the discount small.
    """
    both = alpha + beta
    tail = np.ones_like(both, dtype=float)
    for step in range(int(_DIGITS / np.sqrt(1 - worth)) + 1, 0, -1):
        base = both + 2 * step
        tail = 1 - worth * (beta + 1 + step) * (both + step) / (base * (base + 1)) / tail
        tail = 1 - worth * step * (alpha + step - 1) / ((base - 1) * base) / tail
    return beta / both / (1 - worth * (beta + 1) / (both + 1) / tail)
