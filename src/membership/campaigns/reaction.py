"""What benefits change: a shift of each member's log-odds of an order, with a ceiling, assumed and then learned.

With p a member's chance of an order within `economics.repurchase_days` without benefits, benefit b changes it to

    p' = expit(logit p + x' theta_b),        relative uplift u = p' / p - 1,

x being an intercept and a few standardised covariates. Who is sure to come cannot come more: u is 0 at p = 1. Spend per
order changes by kappa_b: expected spend by (1 + u)(1 + kappa_b) - 1. Of two benefits at once, the shifts add, less the
share `overlap` of all positive ones but the largest. theta_b is normal: `prior` says what is assumed, `learn` what a
log of who was given what adds to it, `told` what an effect estimated elsewhere adds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from scipy import linalg

from membership.base.errors import DataError
from membership.campaigns import ceiling, covariates, learning
from membership.campaigns.covariates import COVARIATES
from membership.settings.benefits import Benefit
from membership.settings.campaigns import Reacting

_MOST = 5.0  # log-odds: no assumption is read as a larger shift
_WIDEST = 1.5  # log-odds: nor as a wider one


@dataclass(frozen=True)
class Reaction:
    """Beliefs about what each benefit does; see the module. `source`: assumed | observational | randomised."""

    benefits: tuple[str, ...]
    covariates: tuple[str, ...]  # the first is "intercept"; see `covariates.raw`
    centre: np.ndarray  # (covariates,)
    scale: np.ndarray  # (covariates,)
    mean: np.ndarray  # (benefits, covariates) log-odds
    cov: np.ndarray  # (benefits, covariates, covariates)
    order_value: np.ndarray  # (benefits,) relative change of spend per order
    order_value_sd: np.ndarray  # (benefits,)
    overlap: float
    overlap_sd: float
    source: tuple[str, ...]
    # (benefits x covariates,) twice: covariance of all coefficients together; None: benefits are independent. What a
    # log knows least, how all benefits compare with none, is an error that they share.
    joint: np.ndarray | None = None

    @property
    def whole(self) -> np.ndarray:
        """Return the covariance of all coefficients, benefit after benefit, (benefits x covariates,) twice."""
        return linalg.block_diag(*self.cov) if self.joint is None else self.joint

    def design(self, members: pd.DataFrame) -> list[np.ndarray]:
        """Return the standardised covariates for each benefit, (members, covariates) each."""
        return covariates.rows(members, self.covariates, self.centre, self.scale, self.benefits)

    def shifts(self, members: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each shift of log-odds, (members, benefits) each."""
        mean, variance = np.empty((2, len(members), len(self.benefits)))
        for number, x in enumerate(self.design(members)):
            mean[:, number] = x @ self.mean[number]
            variance[:, number] = ((x @ self.cov[number]) * x).sum(axis=1)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def uplifts(self, members: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return expected relative uplift of spend by each benefit alone, and its sd, (members, benefits) each."""
        found = ceiling.expected(covariates.chances(members)[:, None], *self.shifts(members))
        return _with_value(*found, self.order_value, self.order_value_sd)

    def chances(self, members: pd.DataFrame) -> np.ndarray:
        """Return the expected chance of an order with each benefit alone, (members, benefits)."""
        chance = covariates.chances(members)[:, None]
        return chance * (1 + ceiling.expected(chance, *self.shifts(members))[0])

    def together(self, members: pd.DataFrame, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return expected uplift of spend by all that is `given`, (members, benefits) of bool, and its sd, (members,).

        Benefits are uncertain independently of each other; `overlap` is taken as known.
        """
        mean, sd = self.shifts(members)
        joint, share = ceiling.combined(np.where(given, mean, 0.0), self.overlap)
        error = np.sqrt(((share * sd * given) ** 2).sum(axis=1))
        value = np.where(given, 1 + self.order_value, 1.0)
        off = np.sqrt((np.where(given, self.order_value_sd / value, 0.0) ** 2).sum(axis=1))
        whole = value.prod(axis=1)
        return _with_value(*ceiling.expected(covariates.chances(members), joint, error), whole - 1, off * whole)

    def pair(self, members: pd.DataFrame, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
        """Return expected uplift of spend by two benefits at once, and its sd, (members,) each."""
        given = np.isin(self.benefits, [first, second])
        return self.together(members, np.broadcast_to(given, (len(members), len(given))))

    def draw(self, rng: np.random.Generator) -> "Reaction":
        """Return one draw of all that is uncertain, itself certain: what Thompson sampling allocates by."""
        theta = rng.multivariate_normal(self.mean.ravel(), self.whole).reshape(self.mean.shape)
        value = np.maximum(rng.normal(self.order_value, self.order_value_sd), -1.0)
        overlap = float(np.clip(rng.normal(self.overlap, self.overlap_sd), 0, 1))
        certain = {"cov": np.zeros_like(self.cov), "order_value_sd": np.zeros_like(value), "overlap_sd": 0.0}
        return replace(self, mean=theta, order_value=value, overlap=overlap, joint=None, **certain)

    def to_json(self) -> dict:
        """Return the beliefs as plain values."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in found.items()}

    @classmethod
    def from_json(cls, plain: Mapping) -> "Reaction":
        """Return what `to_json` gave. Raises DataError where something is missing or has the wrong shape."""
        names = {one.name for one in fields(cls)}
        if set(plain) != names:
            raise DataError(
                f"reaction: has {sorted(plain)}; allowed: {sorted(names)}. Run `dvc repro` to make it anew."
            )
        arrays = {"centre", "scale", "mean", "cov", "order_value", "order_value_sd", "joint"}
        found = {
            name: np.asarray(value, dtype=float) if name in arrays and value is not None else value
            for name, value in plain.items()
        }
        found |= {name: tuple(plain[name]) for name in ("benefits", "covariates", "source")}
        made, benefits, size = cls(**found), len(plain["benefits"]), len(plain["covariates"])
        if made.mean.shape != (benefits, size) or made.cov.shape != (benefits, size, size):
            raise DataError(
                f"reaction: coefficients {made.mean.shape} and {made.cov.shape} of {benefits} benefits and "
                f"{size} covariates do not fit together. Run `dvc repro` to make it anew."
            )
        return made


def prior(
    catalogue: Sequence[Benefit], members: pd.DataFrame, settings: Reacting, names: Sequence[str] = COVARIATES
) -> Reaction:
    """Return what `catalogue` assumes, for `members` (`facts.facts` with chance and days_since_last).

    An assumed `uplift` is that of a member who may or may not come, with a chance of one half: the shift is
    log((1 + u) / (1 - u)), the same for everybody, so that who is surer gains less. Its sd is that at which the uplift
    there has the sd `uplift_sd`. Coefficients of covariates have mean 0 and, as sd, the share `settings.spread` of the
    shift's own size. `names`: of covariates, "intercept" first. Raises DataError without members.
    """
    if members.empty:
        raise DataError("reaction: no members to read the assumed uplifts for; give all who are scored.")
    centre, scale = covariates.standard(covariates.raw(members, names), names)
    level, sd = np.array([_assumed(benefit) for benefit in catalogue]).T
    others = settings.spread * np.minimum(np.hypot(level, sd), _WIDEST)
    variances = np.column_stack([sd**2, np.tile(others[:, None] ** 2, len(names) - 1)])
    return Reaction(
        benefits=tuple(benefit.name for benefit in catalogue),
        covariates=tuple(names),
        centre=centre,
        scale=scale,
        mean=np.column_stack([level, np.zeros((len(level), len(names) - 1))]),
        cov=variances[:, :, None] * np.eye(len(names)),
        order_value=np.zeros(len(level)),
        order_value_sd=np.full(len(level), settings.order_value_sd),
        overlap=settings.overlap,
        overlap_sd=settings.overlap_sd,
        source=("assumed",) * len(level),
    )


def learn(reaction: Reaction, log: pd.DataFrame) -> Reaction:
    """Return `reaction` updated with a randomised `log` of one period; logs in sequence add up.

    One row for each member and decision: the columns of `members` as they were then, for each benefit a column of
    bool (given), `ordered` (0 or 1, within repurchase_days) and, where known, `spend` (cents in these days) and
    `propensity_<benefit>` (the chance of being given it). How far the forecast was off in that period for those who
    got nothing is estimated beside (level, covariates, propensities): neither seasons nor the rule that gave are taken
    for effects. Benefits that nobody or everybody was given stay as they are. Raises DataError for a log without its
    columns, or with outcomes that are missing.
    """
    given = learning.given(log, reaction.benefits)
    some = given.any(axis=0) & ~given.all(axis=0)
    if not some.any():
        return reaction
    rows = reaction.design(log)
    terms = learning.terms(log, given, rows, reaction.benefits)
    found = learning.shifts(terms, reaction.mean, reaction.whole, reaction.overlap, reaction.overlap_sd)
    value, value_sd = reaction.order_value.copy(), reaction.order_value_sd.copy()
    if "spend" in log:
        own = value[some], value_sd[some]
        value[some], value_sd[some] = learning.order_values(log, given[:, some], terms.baseline, *own)
    source = tuple("randomised" if told else was for was, told in zip(reaction.source, some, strict=True))
    changed = {"mean": found.mean, "overlap": found.overlap, "overlap_sd": found.overlap_sd, "source": source}
    return replace(reaction, order_value=value, order_value_sd=value_sd, **changed, **_blocks(found.cov, len(some)))


def told(
    reaction: Reaction, benefit: str, members: pd.DataFrame, uplift: float, uplift_sd: float, source: str
) -> Reaction:
    """Return `reaction` after evidence that `benefit` changes the spend of `members` by `uplift`, with sd `uplift_sd`.

    The mean over members is weighted by expected spend; `uplift_sd` holds the systematic error too. For effects of
    campaigns on a cell of members, of which no log is at hand. Spend per order is taken as unchanged. Raises DataError
    for an uplift that is not finite, or without an error.
    """
    if not uplift_sd > 0 or not np.isfinite(uplift):
        raise DataError(f"reaction: uplift {uplift} with sd {uplift_sd} of {benefit}; allowed: finite, the sd above 0.")
    number = reaction.benefits.index(benefit)
    x, chance = reaction.design(members)[number], covariates.chances(members)
    weight = _share(members["expected_spend"].to_numpy(dtype=float))
    size = x.shape[1]
    own = slice(number * size, (number + 1) * size)
    start, cov = reaction.mean.ravel(), reaction.whole
    theta, slope = start, np.zeros(len(start))
    for _ in range(20):  # iterated Kalman update: the mean uplift is linear along its tangent at theta
        shift = x @ theta[own]
        slope[own] = (weight * ceiling.slope(chance, shift)) @ x
        error = uplift - weight @ ceiling.uplift(chance, shift) - slope @ (start - theta)
        gain = cov @ slope / (slope @ cov @ slope + uplift_sd**2)
        theta = start + gain * error
    sources = tuple(
        source if name == benefit else was for name, was in zip(reaction.benefits, reaction.source, strict=True)
    )
    after = _blocks(cov - np.outer(gain, slope @ cov), len(sources))
    return replace(reaction, mean=theta.reshape(reaction.mean.shape), source=sources, **after)


def _blocks(whole: np.ndarray, benefits: int) -> dict[str, np.ndarray]:
    """Return the fields of a Reaction that hold this covariance of all coefficients."""
    size = len(whole) // benefits
    own = [whole[at : at + size, at : at + size] for at in range(0, len(whole), size)]
    return {"cov": np.array(own), "joint": whole}


def _with_value(uplift, error, value, value_sd) -> tuple[np.ndarray, np.ndarray]:
    return (1 + uplift) * (1 + value) - 1, np.hypot((1 + value) * error, (1 + uplift) * value_sd)


def _share(weights: np.ndarray) -> np.ndarray:
    weights = np.maximum(weights, 0.0)
    return weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))


def _assumed(benefit: Benefit) -> tuple[float, float]:
    """Return mean and sd of the shift that the assumed uplift is read as."""
    uplift = min(benefit.uplift, math.tanh(_MOST / 2))
    return 2 * math.atanh(uplift), min(2 * benefit.uplift_sd / (1 - uplift**2), _WIDEST)
