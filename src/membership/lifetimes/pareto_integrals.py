"""Integrals over the moment at which a member stops: the numerical heart of Pareto/NBD."""

from functools import cache

import numpy as np

_NEGLIGIBLE = 30.0  # e-fold fall of an integrand behind which nothing is left to count
_RULES = ((8, 4.0, 1.0), (12, 16.0, 3.0), (16, np.inf, 3.0), (24, np.inf, np.inf))  # nodes; for what fall and span


def tail(power_a, power_b, a, b, days, moments: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the integral of (1 + u/a)^-power_a (1 + u/b)^-power_b over 0 < u < `days`, (n,).

    With `moments` also the means of log(1 + u/a), log(1 + u/b), 1/(1 + u/a), 1/(1 + u/b) under the integrand, (4, n).
    a and b are of shape (n,), the others may be single numbers; all are above 0, but `days` may be 0: -inf.

    The variable is y = log(1 + u / min(a, b)): in it the nearest singularity is pi away from the real line, however
    large the powers or the ratio of a to b, and the range ends where the integrand has fallen by e^-30. Relative error
    below 1e-9 from no purchase to thousands (tested).
    """
    swap = a > b
    first, second = np.where(swap, power_b, power_a), np.where(swap, power_a, power_b)
    small = np.minimum(a, b)
    apart = np.maximum(a, b) / small - 1
    span, fall = _range(first, second, apart, np.log1p(days / small))
    found = np.zeros((5 if moments else 1, len(span)))
    rest = np.ones(len(span), bool)
    for nodes, deepest, longest in _RULES:
        rows = np.flatnonzero(rest & (fall <= deepest) & (span <= longest))
        found[:, rows] = _integrals(first[rows], second[rows], apart[rows], span[rows], nodes, moments)
        rest[rows] = False
    with np.errstate(divide="ignore"):
        value = np.log(found[0] * small)
    means = found[1:] / np.maximum(found[0], 1e-300)
    if moments:
        means = np.where(swap, means[[1, 0, 3, 2]], means)
    return value, means


def discounted(power, b, daily_rate: float, days: float) -> np.ndarray:
    """Return the integral of exp(-daily_rate u) (1 + u/b)^-power over 0 < u < `days`, (n,), with `b` of shape (n,).

    In y = log(1 + u / b), up to where either factor has fallen by e^-30. `days` may be infinite at a rate above 0.
    """
    with np.errstate(divide="ignore"):
        span = np.minimum(np.log1p(days / b), np.log1p(_NEGLIGIBLE / (daily_rate * b)))
    span = np.minimum(span, _NEGLIGIBLE / max(power - 1, 1e-300))
    total = np.zeros(len(b))
    for node, weight in zip(*_rule(24), strict=True):
        total += weight * np.exp((1 - power) * span * node - daily_rate * b * np.expm1(span * node))
    return total * span * b


def count_chances(age, r, alpha, s, beta, most: int) -> np.ndarray:
    """Return P(0, 1, ... `most` repeat purchases by `age`), (n, most + 1), of members known by nothing else.

    Counts are negative binomial over the days as a customer: up to the moment of stopping, or up to `age`. `age`, alpha
    and beta are of shape (n,). Relative error below 1e-8 up to 100 purchases (tested).
    """
    small = np.minimum(alpha, beta)
    with np.errstate(over="ignore"):
        span = np.log1p(np.minimum(age, beta * np.expm1(_NEGLIGIBLE / s)) / small)
    node, weight = _rule(48)
    active = small[:, None] * np.expm1(span[:, None] * node)
    stopped = np.exp(-(s + 1) * np.log1p(active / beta[:, None])) * s / beta[:, None]
    chance = stopped * (small[:, None] + active) * span[:, None] * weight
    active = np.column_stack([active, age])
    chance = np.column_stack([chance, np.exp(-s * np.log1p(age / beta))])
    share = active / (alpha[:, None] + active)
    chance *= np.exp(r * np.log1p(-share))
    found = np.empty((len(age), most + 1))
    for count in range(most + 1):
        found[:, count] = chance.sum(axis=1)
        chance *= share * ((r + count) / (count + 1))
    return found


@cache
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the Gauss-Legendre rule on (0, 1), each of shape (nodes,)."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, weight / 2


def _range(first, second, apart, span) -> tuple[np.ndarray, np.ndarray]:
    """Return how far in y an integral must go, and the e-fold fall of its integrand there.

    The fall, (first - 1) y + second log((e^y + apart) / (1 + apart)), is convex: it stays above its tangent at 0, and
    above its second term less what the first can raise; each gives an end that leaves nothing out.
    """
    slope = first - 1 + second / (1 + apart)
    excess = (_NEGLIGIBLE + np.maximum(1 - first, 0) * span) / second
    with np.errstate(over="ignore"):
        span = np.minimum(span, np.log1p((1 + apart) * np.expm1(np.minimum(excess, 700.0))))
    span = np.minimum(span, _NEGLIGIBLE / np.maximum(slope, 1e-300))
    return span, np.abs((first - 1) * span + second * np.log((np.exp(span) + apart) / (1 + apart)))


def _integrals(first, second, apart, span, nodes: int, moments: bool) -> np.ndarray:
    """Return the integral over y and, with `moments`, the integrals of the four factors of `tail`, (1 or 5, n)."""
    found = np.zeros((5 if moments else 1, len(span)))
    whole = 1 / (1 + apart)
    for node, weight in zip(*_rule(nodes), strict=True):
        y = span * node
        grown = np.exp(y)
        ratio = (grown + apart) * whole
        log_ratio = np.log(ratio)
        height = np.exp((1 - first) * y - second * log_ratio) * weight
        found[0] += height
        if moments:
            found[1] += height * y
            found[2] += height * log_ratio
            found[3] += height / grown
            found[4] += height / ratio
    return found * span
