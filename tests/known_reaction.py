"""Beliefs by hand: benefits that change spend, or orders, by the same share for everybody."""

from collections.abc import Iterable

import numpy as np

from membership.campaigns.reaction import Reaction
from membership.settings.benefits import Benefit


def on_spend(catalogue: Iterable[Benefit], scale: float = 1.0) -> Reaction:
    """Return beliefs that spend per order changes by `scale` x uplift, unsure by uplift_sd, and no chance changes."""
    uplift, sd = np.array([(one.uplift, one.uplift_sd) for one in catalogue]).T
    return _reaction(catalogue, np.zeros(len(uplift)), scale * uplift, sd)


def on_orders(catalogue: Iterable[Benefit]) -> Reaction:
    """Return beliefs, held for certain, that the odds of an order grow by uplift: so do orders at a chance of 0."""
    uplift = np.array([one.uplift for one in catalogue])
    return _reaction(catalogue, np.log1p(uplift), np.zeros(len(uplift)), np.zeros(len(uplift)))


def _reaction(catalogue, shift: np.ndarray, value: np.ndarray, value_sd: np.ndarray) -> Reaction:
    return Reaction(
        benefits=tuple(one.name for one in catalogue),
        covariates=("intercept",),
        centre=np.zeros(1),
        scale=np.ones(1),
        mean=shift[:, None],
        cov=np.zeros((len(shift), 1, 1)),
        order_value=value,
        order_value_sd=value_sd,
        overlap=0.5,
        overlap_sd=0.0,
        source=("assumed",) * len(shift),
    )
