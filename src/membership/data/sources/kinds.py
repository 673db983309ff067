"""Kinds of simulated members: how each kind's tastes, habits and response are distributed. The truth about personas.

A member's taste is Dirichlet around its kind's, its shares of deals, of orders online and of novelty are beta, and
its purchase rate is gamma around its kind's mean (the mixture behind Bayes' rule for telling kinds apart).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from membership.settings.dataset import Simulate

TASTE = 2.5  # standard deviation of the logarithm of a kind's wants at full contrast
HABIT = 1.8  # of the log-odds of its mean habits, and
PACE = 0.6  # of the logarithm of its purchase rate
CONCENTRATION = 15.0  # of members' tastes around their kind's, in wants
ALIKE = 6.0  # of members' habits around their kind's: a + b of the beta distributions
HABITS = {"deal": 0.5, "online": 0.4, "novelty": 0.4}  # trait -> mean of all kinds at no contrast


@dataclass(frozen=True)
class Kinds:
    """What is true of each kind of member: `traits` has one row a kind, `wants` the Dirichlet parameters.

    Columns of `traits`: share (of members), <habit>_a and <habit>_b (beta) for each of HABITS, rate (mean orders a
    day while active; the gamma's shape is `rate_shape`), response (times that of a member with the same `deal`).
    """

    traits: pd.DataFrame
    wants: pd.DataFrame  # (kinds, categories), above 0

    def __len__(self) -> int:
        return len(self.traits)


def kinds(knobs: Simulate, categories: list[str], rng: np.random.Generator) -> Kinds:
    """Draw `knobs.personas` kinds; at `persona_contrast` 0 they do not differ, at 1 they have little in common."""
    count, contrast = knobs.personas, knobs.persona_contrast
    base = 1 / np.sqrt(np.arange(1, len(categories) + 1))
    wants = base * np.exp(contrast * TASTE * rng.normal(size=(count, len(categories))))
    wants = np.maximum(CONCENTRATION * wants / wants.sum(axis=1, keepdims=True), 0.02)
    share = rng.dirichlet(np.full(count, 12.0))
    traits = {"share": share}
    for habit, mean in HABITS.items():
        kind_mean = expit(logit(mean) + contrast * HABIT * _spread(count, rng))
        traits |= {f"{habit}_a": ALIKE * kind_mean, f"{habit}_b": ALIKE * (1 - kind_mean)}
    pace = np.exp(contrast * PACE * _spread(count, rng))
    traits["rate"] = knobs.orders_per_month * 12 / 365.25 * pace / (share @ pace)
    traits["response"] = np.exp(contrast * _spread(count, rng))
    return Kinds(pd.DataFrame(traits), pd.DataFrame(wants, columns=categories))


def _spread(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return evenly spread values, -1.3 to 1.3, in random order."""
    return rng.permutation(np.linspace(-1.3, 1.3, count)) if count > 1 else np.zeros(count)


def members(kinds: Kinds, people: pd.DataFrame, knobs: Simulate, rng: np.random.Generator) -> pd.DataFrame:
    """Return `people` with a `kind` and with habits, rate and response drawn from it; joining and leaving stay."""
    kind = rng.choice(len(kinds), len(people), p=kinds.traits["share"])
    own = kinds.traits.iloc[kind].reset_index(drop=True)
    habits = {habit: rng.beta(own[f"{habit}_a"], own[f"{habit}_b"]) for habit in HABITS}
    rate = own["rate"] * rng.gamma(knobs.rate_shape, 1 / knobs.rate_shape, len(people))
    response = np.minimum(2 * knobs.offer_response * habits["deal"] * own["response"], 1.0)
    return people.assign(**habits, purchase_rate=rate, response=response, kind=kind)


def tastes(kinds: Kinds, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return shares of wants, (members, categories), drawn around those of each member's kind."""
    wants = rng.standard_gamma(kinds.wants.to_numpy()[kind])
    return wants / wants.sum(axis=1, keepdims=True)
