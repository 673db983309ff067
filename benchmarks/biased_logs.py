"""Logs that favour the wrong members on purpose: what each off-policy interval is worth where the truth is known.

Members differ by traits that are known and by a leaning that is not; both move whether they buy. The logging policy
gives the best benefit to those who would have bought anyway; the evaluated policy rather to those whom it moves. A
member has several rows.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression

from benchmarks import rewards
from membership.base import seeds
from membership.stats import bandit_log, causal, offpolicy
from membership.stats.bandit_log import BanditLog

MEMBERS, ROWS_EACH = 4600, 5  # 23,000 rows
_ARMS = np.array([0.0, 0.2, 0.4, 0.6])  # what each arm adds to the log odds of buying, if liked
_TRUTH_MEMBERS = 2_000_000


@dataclass(frozen=True)
class Drawn:
    """One log and the traits (rows, 2) that a model of rewards may see."""

    log: BanditLog
    traits: np.ndarray


def truth(seed: int) -> float:
    """Return the evaluated policy's probability that a row is a purchase: over two million members, to about 1e-4."""
    traits, leaning = _members(_TRUTH_MEMBERS, seeds.rng(seed, "truth"))
    return float((_evaluated(traits) * _buying(traits, leaning)).sum(axis=1).mean())


def draw(rng: np.random.Generator) -> Drawn:
    """Draw members, arms by the logging policy, and purchases."""
    member = np.repeat(np.arange(MEMBERS), ROWS_EACH)
    traits, leaning = (part[member] for part in _members(MEMBERS, rng))
    behaviour = _logging(traits)
    arm = (behaviour.cumsum(axis=1) > rng.random((len(member), 1))).argmax(axis=1)
    rows = np.arange(len(member))
    bought = rng.random(len(member)) < _buying(traits, leaning)[rows, arm]
    return Drawn(bandit_log.read(arm, bought, behaviour[rows, arm], _evaluated(traits), unit=member), traits)


def terms(drawn: Drawn, rng: np.random.Generator) -> dict[str, offpolicy.Terms]:
    """Return the estimators to compare; the model of rewards is linear without interactions, so it is wrong."""
    log = drawn.log
    expected = rewards.cross_fit(log, drawn.traits, causal.folds(log.unit, 3, rng), LinearRegression())
    chosen = log.evaluated[np.arange(log.rows), log.arm]
    return {
        "IPS": offpolicy.ips(log),
        "SNIPS": offpolicy.snips(log),
        "DR": offpolicy.doubly_robust(log, expected),
        "DM, wrong model": offpolicy.direct(log, expected),
        "naive: without propensities": offpolicy.Terms("naive", chosen * log.reward, chosen, log.unit),
        "logged mean": offpolicy.naive(log),
        "SNIPS, rows taken as independent": offpolicy.snips(
            bandit_log.BanditLog(**(vars(log) | {"unit": np.arange(log.rows)}))
        ),
    }


def _members(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(count, 2)), rng.normal(size=count)


def _buying(traits: np.ndarray, leaning: np.ndarray) -> np.ndarray:
    odds = -1 + 0.8 * leaning + 0.8 * traits[:, 0]
    return 1 / (1 + np.exp(-(odds[:, None] + _ARMS * (1 + traits[:, [1]]))))


def _logging(traits: np.ndarray) -> np.ndarray:
    return _softmax(0.5 * _rank() * traits[:, [0]])


def _evaluated(traits: np.ndarray) -> np.ndarray:
    return _softmax(0.5 * _rank() * (traits[:, [1]] - 0.3 * traits[:, [0]]))


def _rank() -> np.ndarray:
    return np.arange(len(_ARMS)) - (len(_ARMS) - 1) / 2


def _softmax(values: np.ndarray) -> np.ndarray:
    odds = np.exp(values - values.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
