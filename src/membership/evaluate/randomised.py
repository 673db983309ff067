"""Champion against challenger, A/B-style and randomised: members in arms, each seen under its own arm alone.

This is how a live test would be read, on held-out baskets instead of new ones: the interval is what a test of this
size gives, and it is much wider than the paired one. Nobody was shown these lists, so nothing here is caused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import tea_tasting as tt
from tea_tasting.aggr import Aggregates

from membership.evaluate import experiment, metrics
from membership.evaluate.arms import BEFORE, CONTROL, TREATMENT
from membership.evaluate.experiment import Comparison
from membership.evaluate.metrics import Unit
from membership.settings.evaluate import Evaluate
from membership.trials import gates

PLAIN, ADJUSTED = "Welch", "CUPED"
PAIRED, RANDOMISED = "paired", "randomised"
ALL_KNOWN = 1 - 1e-6  # correlation with the covariate above which what is left of the outcome is rounding


@dataclass(frozen=True)
class Measure:
    """A metric of a randomised test: the mean of `numer`, or the mean of `numer` over the mean of `denom`."""

    name: str
    numer: str
    denom: str | None = None
    unit: Unit = Unit.SHARE

    def columns(self, adjusted: bool) -> list[str]:
        """Return the columns it needs, with those of its covariate where `adjusted`."""
        own = [column for column in (self.numer, self.denom) if column]
        return own + [column + BEFORE for column in own] * adjusted

    def there(self, rows: pd.DataFrame, adjusted: bool) -> bool:
        """Say whether `rows` have its columns, and something to divide by: without amounts nothing was spent."""
        columns = self.columns(adjusted)
        return set(columns) <= set(rows.columns) and (self.denom is None or bool(rows[self.denom].any()))

    def test(self, adjusted: bool, **knobs) -> tt.RatioOfMeans:
        """Return the metric of tea-tasting: Welch's t by the delta method, with CUPED where `adjusted`."""
        covariates = [column and column + BEFORE for column in (self.numer, self.denom)] if adjusted else []
        return tt.RatioOfMeans(self.numer, self.denom, *covariates, **knobs)


RATIOS = (
    Measure("hits_per_listed", "hits", "listed"),  # of the items on a list, the share that was bought
    Measure("spend_hit_share", "spend_hit", "spend"),  # of what the next basket cost, the share that was on the list
)


@dataclass(frozen=True)
class Contrast:
    """Treatment against control on other members; `difference` is treatment minus control, in the measure's unit."""

    members: int
    control: float
    treatment: float
    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Trial:
    """What the randomised reading found.

    `members`: what `arms.observe` returned. `sizes`: members assigned to each arm. `effects`: one row a measure and
    method (Welch, CUPED): unit, the fields of Contrast, correlation (of outcome and covariate), detectable (smallest
    true difference found with the asked power). Where the sample-ratio gate is shut (`sample_ratio_p` below `gate`),
    effects are NaN: a broken split is not read.
    """

    confidence: float
    members: pd.DataFrame
    effects: pd.DataFrame
    sizes: dict[str, int]
    sample_ratio_p: float
    gate: float

    @property
    def arms(self) -> dict[str, Any]:
        """The members of each arm, whether they are as many as was planned, and how many of all came back."""
        return self.sizes | {
            "came": len(self.members),
            "p_value": self.sample_ratio_p,
            "gate": self.gate,
            "readable": self.readable,
        }

    @property
    def readable(self) -> bool:
        """Whether the numbers of members in the arms are what was planned."""
        return self.sample_ratio_p >= self.gate

    def known(self, measure: str, method: str) -> bool:
        """Say whether there is a row of `effects` of a measure by this method."""
        return bool(((self.effects["measure"] == measure) & (self.effects["method"] == method)).any())

    def of(self, measure: str, method: str = PLAIN) -> pd.Series:
        """Return the row of `effects` of a measure."""
        rows = self.effects[(self.effects["measure"] == measure) & (self.effects["method"] == method)]
        return rows.iloc[0]


def measures(names: list[str]) -> list[Measure]:
    """Return the means of the metrics called `names` as measures. Raises ParamError where one is unknown."""
    return [Measure(name, name, unit=metrics.of(name).unit) for name in names]


def analyse(
    observed: pd.DataFrame, measures: Iterable[Measure], knobs: Evaluate, assigned: pd.DataFrame | None = None
) -> Trial:
    """Compare the arms of `observed` (as of `arms.observe`) on `measures` and on RATIOS.

    The sample ratio is that of all who were `assigned` an arm (as of `arms.assign`; without them, of those observed):
    who of them came back may be an effect. Each measure by Welch's t and, where the window before knows something of
    the metric, by CUPED as well.

    Source: Deng, Xu, Kohavi and Walker (2013), CUPED; Deng, Knoblich and Lu (2018), delta method; tea-tasting 1.14.
    """
    everybody = observed if assigned is None else assigned
    sizes = everybody["arm"].value_counts().reindex([CONTROL, TREATMENT], fill_value=0).to_dict()
    ratio_p = gates.sample_ratio(sizes, dict.fromkeys(sizes, 0.5), knobs.sample_ratio_p).p_value
    ratios = [ratio for ratio in RATIOS if ratio.there(observed, False)]
    rows = []
    for measure in (*measures, *ratios):
        rows.append(_row(observed, measure, False, knobs))
        covariates = measure.columns(True)
        if set(covariates) <= set(observed.columns) and observed[measure.numer + BEFORE].std() > 0:
            rows.append(_row(observed, measure, True, knobs))
    effects = pd.DataFrame(rows)
    if ratio_p < knobs.sample_ratio_p:
        effects[["control", "treatment", "difference", "low", "high", "p_value"]] = np.nan
    return Trial(knobs.confidence, observed, effects, sizes, ratio_p, knobs.sample_ratio_p)


def contrast(
    control: pd.DataFrame, treatment: pd.DataFrame, measure: Measure, adjusted: bool, confidence: float
) -> Contrast:
    """Compare two frames, one row a member, on `measure`; members without it are left out.

    Below two members in an arm, or nothing to divide by: the interval is everything, p is 1. No variance in either arm:
    the interval is the difference itself, p is 0, or 1 where the difference is 0. Where what was known before leaves
    next to no variance (ALL_KNOWN), nothing is adjusted.
    """
    columns = measure.columns(adjusted)
    arms = [_known(frame, columns) for frame in (control, treatment)]
    n = sum(len(arm) for arm in arms)
    if min(len(arm) for arm in arms) < 2 or (measure.denom and not all(arm[:, 1].any() for arm in arms)):
        return Contrast(n, np.nan, np.nan, np.nan, -np.inf, np.inf, 1.0)
    if adjusted and abs(_correlation(np.concatenate(arms), measure)) > ALL_KNOWN:
        return contrast(control, treatment, measure, False, confidence)
    below, above = (_ratio(arm, measure) for arm in arms)
    spread = [_linear(arm[:, : 1 + bool(measure.denom)]) for arm in arms]
    if all(np.ptp(each) == 0 for each in spread):
        return Contrast(n, below, above, above - below, above - below, above - below, float(above == below))
    # tea-tasting gives relative effects as well, which overflow near 0: a shift of mean or ratio changes no difference
    shift = 10 * max(each.std() for each in spread) - min(below, above)
    totals = [
        _aggregates(_raised(arm, shift), columns) if measure.denom else _aggregates(arm, columns, shift) for arm in arms
    ]
    found = measure.test(adjusted, confidence_level=confidence).analyze_aggregates(*totals)
    return Contrast(
        members=n,
        control=float(found.control - shift),
        treatment=float(found.treatment - shift),
        difference=float(found.effect_size),
        low=float(found.effect_size_ci_lower),
        high=float(found.effect_size_ci_upper),
        p_value=float(found.pvalue),
    )


@dataclass(frozen=True)
class Wider:
    """How many times wider than the paired interval the randomised one is, and how many times the correlation predicts.

    `together`: the correlation of what the two lists of a member find.
    """

    times: float
    expected: float
    together: float


@dataclass(frozen=True)
class Cut:
    """The share of the variance that CUPED takes off (below 0: it adds), and the correlation with the covariate."""

    share: float
    correlation: float


def readings(paired: Comparison, trial: Trial) -> pd.DataFrame:
    """Return the primary metric as each reading has it.

    Columns: reading (paired | randomised), method, members, difference, low, high, width, detectable, times (the width
    over that of the paired one; NaN where that has none).
    """
    row = paired.overall(paired.primary)
    kept = ["members", "difference", "low", "high", "detectable"]
    rows = [{"reading": PAIRED, "method": "t", **row[kept]}]
    effects = trial.effects[trial.effects["measure"] == paired.primary]
    rows += [{"reading": RANDOMISED, **each} for each in effects[["method", *kept]].to_dict("records")]
    table = pd.DataFrame(rows)
    width = table["high"] - table["low"]
    return table.assign(width=width, times=width / (width.iloc[0] or np.nan))


def wider(outcomes: pd.DataFrame, readings: pd.DataFrame, metric: str) -> Wider | None:
    """Return how much wider the randomised interval is than the paired one, and why, from both lists of each member.

    None where they cannot be compared: the metric does not vary, an arm has too few members, or the gate is shut.
    """
    champion, challenger = (arm[metric] for arm in experiment.arms(outcomes))
    together = champion.corr(challenger)
    times = readings.loc[readings["method"] == PLAIN, "times"].min()
    if not np.isfinite(together) or not np.isfinite(times):
        return None
    own, both = champion.var() + challenger.var(), (challenger - champion).var()
    return Wider(float(times), float(np.sqrt(2 * own / both)), float(together))


def cut(trial: Trial, metric: str) -> Cut | None:
    """Return how far CUPED cut the variance of `metric`; None where it was not used, or the gate is shut."""
    if not trial.readable or not trial.known(metric, ADJUSTED):
        return None
    plain, adjusted = trial.of(metric), trial.of(metric, ADJUSTED)
    left = ((adjusted["high"] - adjusted["low"]) / (plain["high"] - plain["low"])) ** 2
    return Cut(1 - left, adjusted["correlation"])


def flat(trial: Trial, metric: str) -> dict[str, float]:
    """Return the randomised reading of `metric` as flat metrics."""
    found = {"randomised_sample_ratio_p_value": trial.sample_ratio_p}
    for row in trial.effects[trial.effects["measure"] == metric].to_dict("records"):
        name = f"randomised_{row['method'].lower()}_{metric}"
        found |= {name: row["difference"], f"{name}_low": row["low"], f"{name}_high": row["high"]}
    return found


def _row(observed: pd.DataFrame, measure: Measure, adjusted: bool, knobs: Evaluate) -> dict:
    arms = [observed[observed["arm"] == arm] for arm in (CONTROL, TREATMENT)]
    found = contrast(*arms, measure, adjusted, knobs.confidence)
    columns = measure.columns(adjusted)
    values = _known(observed, columns)
    return {
        "measure": measure.name,
        "unit": str(measure.unit),
        "method": ADJUSTED if adjusted else PLAIN,
        **vars(found),
        "correlation": correlation(observed, measure) if adjusted else np.nan,
        "detectable": _detectable(values, measure, adjusted, knobs),
    }


def correlation(observed: pd.DataFrame, measure: Measure) -> float:
    """Return the correlation of the outcome with its covariate (of a ratio: of its linear parts), 0 without variance.

    CUPED cuts the variance by its square.
    """
    return _correlation(_known(observed, measure.columns(True)), measure)


def _correlation(values: np.ndarray, measure: Measure) -> float:
    parts = len(measure.columns(False))
    own, before = (_linear(values[:, columns]) for columns in (slice(0, parts), slice(parts, None)))
    return float(np.corrcoef(own, before)[0, 1]) if min(own.std(), before.std()) > 0 else 0.0


def _linear(values: np.ndarray) -> np.ndarray:
    """Return the deviations of a mean or, by the delta method, of a ratio of means."""
    if values.shape[1] == 1:
        return values[:, 0]
    numer, denom = values.T
    return (numer - numer.mean() / denom.mean() * denom) / denom.mean()


def _detectable(values: np.ndarray, measure: Measure, adjusted: bool, knobs: Evaluate) -> float:
    if len(values) < 4:
        return np.inf
    totals = _aggregates(values, measure.columns(adjusted))
    if not np.std(_linear(values[:, : 1 + bool(measure.denom)])) > 0:
        return 0.0
    test = measure.test(adjusted, alpha=1 - knobs.confidence, power=knobs.power)
    return float(test.solve_power_from_aggregates(totals, "effect_size")[0].effect_size)


def _known(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    values = np.column_stack([frame[column].to_numpy(dtype=float) for column in columns])
    return values[~np.isnan(values).any(axis=1)]


def _ratio(values: np.ndarray, measure: Measure) -> float:
    return float(values[:, 0].mean() / (values[:, 1].mean() if measure.denom else 1.0))


def _raised(values: np.ndarray, shift: float) -> np.ndarray:
    """Return `values` with the ratio of the first two columns higher by `shift`."""
    return np.column_stack([values[:, 0] + shift * values[:, 1], values[:, 1:]])


def _aggregates(values: np.ndarray, columns: list[str], shift: float = 0.0) -> Aggregates:
    mean, spread = values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))
    mean[0] += shift
    pairs = {(a, b): float(spread[i, j]) for i, a in enumerate(columns) for j, b in enumerate(columns) if i < j}
    variances = dict(zip(columns, spread.diagonal().tolist(), strict=True))
    return Aggregates(len(values), dict(zip(columns, mean.tolist(), strict=True)), variances, pairs)
