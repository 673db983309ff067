"""What another policy would have brought, from the arms that a trial logged with their chances."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.settings.trials import OUTSIDE
from membership.stats import bandit_log, offpolicy
from membership.stats.offpolicy import Estimate


def value(
    observed: pd.DataFrame, arms: Sequence[str], policy: Mapping[str, float] | np.ndarray, outcome: str,
    confidence: float, draws: int, rng: np.random.Generator,
) -> list[Estimate]:  # fmt: skip
    """Return the mean `outcome` a member under `policy`: self-normalised, and doubly robust.

    `observed` as of `outcomes.observe`; `policy`: arm -> probability, the same for all, or (members, arms) in the order
    of `arms`. The model of the doubly robust one is the forecast, scaled in each arm by what members of the other half
    did (two halves by turns of the rows). Errors as of `bandit_log.read`.
    """
    part = observed[observed["arm"] != OUTSIDE]
    evaluated = np.array([policy.get(arm, 0.0) for arm in arms]) if isinstance(policy, Mapping) else np.asarray(policy)
    if isinstance(policy, Mapping) and (unknown := set(policy) - set(arms)):
        raise ParamError(f"policy: {', '.join(sorted(unknown))}: no arm of the trial; allowed: {', '.join(arms)}.")
    number = pd.Index(arms).get_indexer(part["arm"])
    reward, chance = part[outcome].to_numpy(dtype=float), part["propensity"].to_numpy(dtype=float)
    taking = chance / (1 - _outside(observed))  # given that a member took part
    log = bandit_log.read(number, reward, taking, evaluated, part["unit"].to_numpy())
    expected = _expected(number, reward, part["forecast"].to_numpy(dtype=float), len(arms))
    terms = (offpolicy.snips(log), offpolicy.doubly_robust(log, expected))
    return [offpolicy.estimate(one, confidence, draws, rng) for one in terms]


def _outside(observed: pd.DataFrame) -> float:
    out = observed[observed["arm"] == OUTSIDE]
    return float(out["propensity"].iloc[0]) if len(out) else 0.0


def _expected(number: np.ndarray, reward: np.ndarray, forecast: np.ndarray, arms: int) -> np.ndarray:
    """Return the expected reward (members, arms): the forecast times a factor learned from the other half."""
    half, found = np.arange(len(reward)) % 2, np.zeros((len(reward), arms))
    for side in (0, 1):
        for arm in range(arms):
            other = (half != side) & (number == arm)
            base = forecast[other].sum()
            found[half == side, arm] = forecast[half == side] * (reward[other].sum() / base if base > 0 else 0.0)
    return found


def of_each_arm(
    observed: pd.DataFrame, arms: Sequence[str], outcome: str, confidence: float, draws: int, rng: np.random.Generator
) -> dict[str, list[Estimate]]:
    """Return the value of giving everybody each of `arms`, and of giving each member one at random."""
    policies = {f"everybody {arm}": {arm: 1.0} for arm in arms} | {"at random": dict.fromkeys(arms, 1 / len(arms))}
    return {name: value(observed, arms, policy, outcome, confidence, draws, rng) for name, policy in policies.items()}
