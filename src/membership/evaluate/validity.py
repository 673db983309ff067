"""Can these tests be trusted on these members: A/A and coverage checks of every interval that the evaluation shows.

A/A: a coin flip decides for each member which of the two lists counts as the challenger's, so that there is nothing to
find. Coverage: members are resampled from those there are, so that the difference among all of them is the truth. Both
take members for independent, which `dependence` checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.evaluate import dependence, randomised, verdicts
from membership.evaluate.arms import BEFORE, CONTROL, TREATMENT
from membership.evaluate.dependence import Dependence
from membership.evaluate.randomised import Measure
from membership.evaluate.verdicts import Check, Kind
from membership.settings.evaluate import Evaluate
from membership.stats import resample, trust
from membership.trials import gates

_DRAWS = 500  # of a bootstrap interval whose coverage is checked: there are many of them
_RATIO = randomised.RATIOS[1]  # the one that varies most: what holds of it holds of the other

PAIRED, BOOTSTRAP = "paired t", "paired bootstrap"
_NAMED = {"wrong": "passed", "idle": "could_fail"}  # what a check calls the tests of which that is not so


@dataclass(frozen=True)
class Validity:
    """`aa` and `coverage`, as `trust.aa_check` and `trust.coverage` return them, and what `dependence.look` found."""

    aa: pd.DataFrame
    coverage: pd.DataFrame
    dependence: Dependence

    @property
    def passed(self) -> bool:
        """Whether every test rejects, and every interval covers, as often as chance allows, of independent members."""
        return bool(self.aa["passed"].all() and self.coverage["passed"].all() and self.dependence.passed)


def run(
    outcomes: pd.DataFrame, before: pd.DataFrame, knobs: Evaluate, seed: int, labels: pd.Series | None = None
) -> Validity:
    """Check the tests of the primary metric, and of a ratio, on the members of `outcomes` (both policies of each).

    `before` is that of `before.outcomes`; without it there is no CUPED to check. `labels` is that of
    `dependence.labels`.
    """
    both = potential(outcomes, before, knobs.primary_metric)
    tests = contrasts(both[CONTROL], knobs.primary_metric, knobs.confidence)
    rng = seeds.rng(seed, "checks/bootstrap")
    bootstrap = {BOOTSTRAP: partial(_bootstrap, metric=knobs.primary_metric, confidence=knobs.confidence, rng=rng)}
    shared = knobs.confidence, knobs.aa_band
    aa = trust.aa_check(swapped(both), tests, knobs.aa_repeats, *shared, seeds.rng(seed, "checks/aa"))
    truth = _truth(both, knobs.primary_metric, tests | bootstrap)
    draws, many = seeds.rng(seed, "checks/coverage"), knobs.coverage_repeats
    covered = trust.coverage(resampled(both), tests | bootstrap, truth, many, *shared, draws)
    shuffles = seeds.rng(seed, "checks/dependence")
    return Validity(aa, covered, dependence.look(both, knobs.primary_metric, labels, knobs, shuffles))


def potential(outcomes: pd.DataFrame, before: pd.DataFrame, metric: str) -> dict[str, pd.DataFrame]:
    """Return each arm's frame of the same members in the same order, with covariates, of those who have `metric`."""
    known = before.set_index("member_id").select_dtypes("number")
    frames = {}
    for arm in (CONTROL, TREATMENT):
        own = outcomes[outcomes["policy"] == arm].dropna(subset=[metric]).set_index("member_id").sort_index()
        shared = known.columns.intersection(own.columns)
        covariates = known[shared].reindex(own.index)
        frames[arm] = own.select_dtypes("number").join(covariates.fillna(covariates.mean()).add_suffix(BEFORE))
    shared = frames[CONTROL].index.intersection(frames[TREATMENT].index)
    return {arm: frame.loc[shared] for arm, frame in frames.items()}


def contrasts(members: pd.DataFrame, metric: str, confidence: float) -> dict[str, partial]:
    """Return the tests by name, for two frames of the same members in random order.

    The paired one takes all of both; a randomised one takes the first half of the control and the others of the
    treatment.
    """
    tests = {PAIRED: partial(_student, metric=metric, confidence=confidence)}
    for measure in (Measure(metric, metric), _RATIO):
        for method, adjusted in ((randomised.PLAIN, False), (randomised.ADJUSTED, True)):
            columns = measure.columns(adjusted)
            if measure.there(members, adjusted) and (members[columns[-1]].std() > 0 or measure.denom):
                name = f"{measure.name}, {method}"
                tests[name] = partial(_randomised, measure=measure, adjusted=adjusted, confidence=confidence)
    return tests


def swapped(both: Mapping[str, pd.DataFrame]) -> trust.Draw:
    """Return a draw in which a coin says for each member which policy counts as which, in random order."""
    values, columns = _stacked(both)

    def draw(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        order, coin = rng.permutation(values.shape[1]), rng.integers(2, size=values.shape[1])
        return tuple(pd.DataFrame(values[side, order], columns=columns) for side in (coin, 1 - coin))

    return draw


def resampled(both: Mapping[str, pd.DataFrame]) -> trust.Draw:
    """Return a draw of as many members with replacement, each under both policies."""
    values, columns = _stacked(both)

    def draw(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        chosen = rng.integers(values.shape[1], size=values.shape[1])
        return tuple(pd.DataFrame(arm[chosen], columns=columns) for arm in values)

    return draw


def checks(found: Validity, trial: randomised.Trial) -> list[Check]:
    """Return what stage decide looks at: independence, the A/A and the coverage check, the sample ratio of the arms."""
    rows = []
    for name, kind, table in (("A/A check", Kind.AA, found.aa), ("coverage check", Kind.COVERAGE, found.coverage)):
        named = {what: table.loc[~table[column], "contrast"].tolist() for what, column in _NAMED.items()}
        result = {"passed": not named["wrong"], "could_fail": table["could_fail"].any()}
        numbers = {"tests": len(table), "repeats": int(table["repeats"].iloc[0])}
        rows.append(verdicts.check(name, kind, **result, **numbers, **named))
    return [dependence.check(found.dependence), *rows, _sample_ratio(trial)]


def _sample_ratio(trial: randomised.Trial) -> Check:
    """Return the check of the arms' sizes; where even one arm of everybody may be chance, it could not fail."""
    everybody = {"control": sum(trial.sizes.values()), "treatment": 0}
    could_fail = not gates.sample_ratio(everybody, dict.fromkeys(everybody, 0.5), trial.gate).open
    numbers = {"p_value": trial.sample_ratio_p, "gate": trial.gate}
    return verdicts.check("sample ratio", Kind.SAMPLE_RATIO, trial.readable, could_fail=could_fail, **numbers)


@dataclass(frozen=True)
class _Ends:
    low: float
    high: float
    p_value: float


def _student(control: pd.DataFrame, treatment: pd.DataFrame, metric: str, confidence: float) -> _Ends:
    return _Ends(*resample.student(treatment[metric].to_numpy() - control[metric].to_numpy(), confidence))


def _bootstrap(control: pd.DataFrame, treatment: pd.DataFrame, metric: str, confidence: float, rng) -> _Ends:
    means = resample.bootstrap_means(treatment[metric].to_numpy() - control[metric].to_numpy(), _DRAWS, rng)
    return _Ends(*np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]), np.nan)


def _randomised(control: pd.DataFrame, treatment: pd.DataFrame, measure: Measure, adjusted: bool, confidence: float):
    half = len(control) // 2
    return randomised.contrast(control.iloc[:half], treatment.iloc[half:], measure, adjusted, confidence)


def _truth(both: Mapping[str, pd.DataFrame], metric: str, tests: Mapping[str, partial]) -> dict[str, float]:
    """Return the difference among all members that each of `tests` is to find."""
    means, truth = [both[arm].mean() for arm in (TREATMENT, CONTROL)], {}
    for name, test in tests.items():
        measure = test.keywords.get("measure") or Measure(metric, metric)
        above, below = (mean[measure.numer] / (mean[measure.denom] if measure.denom else 1.0) for mean in means)
        truth[name] = float(above - below)
    return truth


def _stacked(both: Mapping[str, pd.DataFrame]) -> tuple[np.ndarray, list[str]]:
    """Return (2, members, columns): control and treatment, and the names of the columns."""
    columns = both[CONTROL].columns.tolist()
    return np.stack([both[arm][columns].to_numpy(dtype=float) for arm in (CONTROL, TREATMENT)]), columns
