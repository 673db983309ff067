"""What tiers are believed to change: the assumption, and what designs have told, weighed by precision.

The uplifts of the tiers over the entry tier, and the pull of a threshold, are jointly normal. Assumed, they are
independent, with the standard deviations of `tiers.levels` and `tiers.pull`. A design measures a step, what a tier
changes over the tier below: a share e of that tier's spend, so

    u_l - u_(l-1) = e (1 + u_(l-1)) + error,

taken at the assumed u_(l-1) on the right. Steps that are measured make the uplifts depend on each other.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.settings.tiers import Tiers


@dataclass(frozen=True)
class Beliefs:
    """Normal beliefs: `names` of the tiers from the entry tier up, then of the pull; `mean` and `cov` in that order."""

    names: tuple[str, ...]
    mean: np.ndarray  # (tiers + 1,)
    cov: np.ndarray  # (tiers + 1, tiers + 1)

    @property
    def sd(self) -> np.ndarray:
        """The standard deviation of each, (tiers + 1,)."""
        return np.sqrt(self.cov.diagonal())

    @property
    def correlation(self) -> np.ndarray:
        """The correlations, (tiers + 1, tiers + 1): 0 with what is certain, 1 with itself."""
        scale = np.where(self.sd > 0, self.sd, 1.0)
        found = self.cov / np.outer(scale, scale)
        np.fill_diagonal(found, 1.0)
        return found

    def used(self, settings: Tiers) -> Tiers:
        """Return `settings` with these uplifts, each with its own standard deviation, for what was assumed."""
        moved = [{"uplift": float(mean), "uplift_sd": float(sd)} for mean, sd in zip(self.mean, self.sd, strict=True)]
        levels = [level.model_copy(update=update) for level, update in zip(settings.levels, moved[:-1], strict=True)]
        return settings.model_copy(update={"levels": levels, "pull": settings.pull.model_copy(update=moved[-1])})

    def to_json(self) -> dict:
        """Return the fields as JSON knows them."""
        return {"names": list(self.names), "mean": self.mean.tolist(), "cov": self.cov.tolist()}


def from_json(stored: dict) -> Beliefs:
    """Return what `Beliefs.to_json` has stored."""
    return Beliefs(tuple(stored["names"]), np.array(stored["mean"]), np.array(stored["cov"]))


def assumed(settings: Tiers) -> Beliefs:
    """Return the beliefs of `settings`: each uplift and the pull independent."""
    knobs = [*settings.levels, settings.pull]
    sds = np.array([knob.uplift_sd for knob in knobs], dtype=float)
    return Beliefs((*settings.names, "pull"), np.array([knob.uplift for knob in knobs], dtype=float), np.diag(sds**2))


def learned(prior: Beliefs, steps: pd.DataFrame) -> Beliefs:
    """Return `prior` after the `steps` measured: tier, effect (of the step, relative) and sd, see `effects.steps`.

    Steps without an effect, with an sd of 0 or without bounds tell nothing, and what is certain stays as it is.
    """
    mean, cov = prior.mean.copy(), prior.cov.copy()
    told = steps[["effect", "sd", "low", "high"]].astype(float)
    usable = np.isfinite(told).all(axis=1) & (told["sd"] > 0)
    for step in steps[usable].itertuples():
        level = prior.names.index(step.tier)
        below = 1 + prior.mean[level - 1]
        row = np.zeros(len(mean))
        row[level], row[level - 1] = 1, -1
        gain = cov @ row / (row @ cov @ row + (below * step.sd) ** 2)
        mean = mean + gain * (below * step.effect - row @ mean)
        cov = cov - np.outer(gain, row @ cov)
    return Beliefs(prior.names, mean, (cov + cov.T) / 2)


def beside(prior: Beliefs, steps: pd.DataFrame, after: Beliefs) -> pd.DataFrame:
    """Return what was assumed, learned and is used, one row a tier above the entry tier.

    Columns assumed and assumed_sd (uplift over the entry tier), learned, learned_low, learned_high (the step from the
    tier below), design, used and used_sd; learned is NaN where nothing was.
    """
    found = steps.set_index("tier").reindex(prior.names[1:-1])
    return pd.DataFrame(
        {
            "assumed": prior.mean[1:-1],
            "assumed_sd": prior.sd[1:-1],
            "learned": found["effect"].to_numpy(),
            "learned_low": found["low"].to_numpy(),
            "learned_high": found["high"].to_numpy(),
            "design": found["design"].to_numpy(),
            "used": after.mean[1:-1],
            "used_sd": after.sd[1:-1],
        },
        index=pd.Index(prior.names[1:-1], name="tier"),
    )
