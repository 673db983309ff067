"""What sets of benefits do to members' orders and spend, by the beliefs about each benefit (`campaigns.reaction`).

Of a set that is given at once, the shifts of log-odds add, less the overlap of all but the largest. With p the chance
of an order and p' that with the set, expected orders grow by u = p' / p - 1, and spend by (1 + u)(1 + kappa) - 1, kappa
being the change of spend per order. Beliefs are shared: an error in a coefficient is the same for every member.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.campaigns import ceiling, covariates
from membership.campaigns.reaction import Reaction

BLOCK = 1 << 14  # members at once, so that what is computed stays in the processor's cache


@dataclass(frozen=True)
class Lift:
    """Members as the beliefs see them."""

    reaction: Reaction
    chance: np.ndarray  # (members,) of an order without any benefit
    x: tuple[np.ndarray, ...]  # (members, covariates), one a benefit
    mean: np.ndarray  # (members, benefits) log-odds
    sd: np.ndarray
    errors: np.ndarray  # (benefits x covariates, errors): by how much one sd of each independent error moves each

    def of(self, among: Sequence[int], rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Return the expected growth of orders and of spend by the benefits `among` at once, for the members `rows`."""
        mean, sd = self.shift(among, rows)
        orders = ceiling.expected(self.chance[rows], mean, sd)[0]
        return orders, (1 + orders) * np.prod(1 + self.reaction.order_value[list(among)]) - 1

    def shift(self, among: Sequence[int], rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the joint shift of log-odds."""
        mean, sd = self.mean[rows], self.sd[rows]
        if len(among) == 1:
            return mean[:, among[0]], sd[:, among[0]]
        if len(among) == 2 and not self.errors.shape[1]:  # a draw: nothing of it is uncertain
            return ceiling.pair(*(mean[:, one] for one in among), self.reaction.overlap), sd[:, among[0]]
        joint, share = ceiling.combined(mean[:, list(among)], self.reaction.overlap)
        return joint, np.sqrt(((share * sd[:, list(among)]) ** 2).sum(axis=1))

    def drawn(self, reaction: Reaction, rows: np.ndarray) -> "Lift":
        """Return the members `rows` under one draw of the beliefs."""
        x = tuple(one[rows] for one in self.x)
        mean = np.column_stack([one @ theta for one, theta in zip(x, reaction.mean, strict=True)])
        return Lift(reaction, self.chance[rows], x, mean, np.zeros_like(mean), np.zeros((mean.shape[1], 0)))

    def moved(self, response: float, off: float) -> "Lift":
        """Return these with every response `response` times what is believed, and `off` standard deviations more."""
        told = self.reaction
        value = response * told.order_value + off * told.order_value_sd
        moved = replace(told, order_value=value, order_value_sd=abs(response) * told.order_value_sd)
        return replace(self, reaction=moved, mean=response * self.mean + off * self.sd, sd=abs(response) * self.sd)

    def doubts(self, among: Sequence[int], rows: np.ndarray, by_orders: np.ndarray, by_spend: np.ndarray) -> np.ndarray:
        """Return what one standard deviation more of each independent error would add, for each member, in cents.

        For the members `rows`, who get the set `among`: `by_orders` and `by_spend` are cents for each whole growth of
        orders and of spend. Shape (len(among) + 1, rows, errors): by each benefit, then by the overlap. Errors: those
        behind all coefficients together, then spend per order of each benefit, then the overlap. They add up, over
        benefits too; the root of the sum of squares of a sum is its standard deviation.
        """
        among, told = list(among), self.reaction
        count, width = told.mean.shape
        found = np.zeros((len(among) + 1, len(rows), self.errors.shape[1] + count + 1))
        mean = self.mean[rows][:, among]
        joint, share = ceiling.combined(mean, told.overlap)
        value = 1 + told.order_value[among]
        grown = 1 + ceiling.uplift(self.chance[rows], joint)
        each = (by_orders + by_spend * value.prod()) * ceiling.slope(self.chance[rows], joint)  # for one more log-odds
        for place, number in enumerate(among):
            own = self.x[number][rows] @ self.errors[number * width : (number + 1) * width]
            found[place, :, : own.shape[1]] = (each * share[:, place])[:, None] * own
            kept = by_spend * grown * np.delete(value, place).prod()
            found[place, :, self.errors.shape[1] + number] = kept * told.order_value_sd[number]
        found[-1, :, -1] = -each * np.where(share < 1, mean, 0.0).sum(axis=1) * told.overlap_sd
        return found


def lift(
    facts: pd.DataFrame, reaction: Reaction, names: Sequence[str], times: Mapping[str, float] | None = None
) -> Lift:
    """Return the members of `facts` (with `chance`, and what the covariates ask for) for the benefits `names`.

    Shifts are `times` (benefit -> factor, 1 without) what is believed. Raises DataError where `reaction` does not know
    one of the benefits.
    """
    unknown = sorted(set(names) - set(reaction.benefits))
    if unknown:
        raise DataError(
            f"reaction: nothing is known of {', '.join(unknown)}; known: {', '.join(reaction.benefits)}. "
            "Run `dvc repro campaigns`, which reads the catalogue."
        )
    factor = np.array([1.0 if times is None else times[name] for name in names])
    told = _chosen(reaction, names, factor)
    x = tuple(covariates.rows(facts, told.covariates, told.centre, told.scale, told.benefits))
    mean = np.column_stack([one @ theta for one, theta in zip(x, told.mean, strict=True)])
    width = len(told.covariates)
    errors = np.repeat(factor, width)[:, None] * _root(_chosen(reaction, names, np.ones(len(factor))).whole)
    own = [errors[at * width : (at + 1) * width] for at in range(len(names))]
    sd = np.column_stack([np.sqrt(((one @ part) ** 2).sum(axis=1)) for one, part in zip(x, own, strict=True)])
    return Lift(told, covariates.chances(facts), x, mean, sd, errors)


def _chosen(reaction: Reaction, names: Sequence[str], factor: np.ndarray) -> Reaction:
    """Return `reaction` for the benefits `names` alone, in this order, with shifts `factor` what is believed."""
    at, width = np.array([reaction.benefits.index(name) for name in names]), len(reaction.covariates)
    rows = (at[:, None] * width + np.arange(width)).ravel()
    scale = np.repeat(factor, width)
    return replace(
        reaction,
        benefits=tuple(names),
        mean=factor[:, None] * reaction.mean[at],
        cov=factor[:, None, None] ** 2 * reaction.cov[at],
        joint=scale[:, None] * reaction.whole[np.ix_(rows, rows)] * scale,
        order_value=factor * reaction.order_value[at],
        order_value_sd=factor * reaction.order_value_sd[at],
        source=tuple(reaction.source[one] for one in at),
    )


def sets(names: Sequence[str], most: int, exclusions: Sequence[Sequence[str]] = ()) -> np.ndarray:
    """Return what may be given at once, (sets, benefits) of bool: each benefit alone first, then two, up to `most`.

    >>> sets(["a", "b", "c"], 2, [["a", "c"]]).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]]
    """
    apart = [{names.index(one) for one in pair} for pair in exclusions if set(pair) <= set(names)]
    found = [
        combo
        for size in range(1, min(most, len(names)) + 1)
        for combo in combinations(range(len(names)), size)
        if not any(pair <= set(combo) for pair in apart)
    ]
    table = np.zeros((len(found), len(names)), dtype=bool)
    for row, combo in enumerate(found):
        table[row, list(combo)] = True
    return table


def _root(cov: np.ndarray) -> np.ndarray:
    """Return R with R R' = `cov`, of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(values, 0.0))
