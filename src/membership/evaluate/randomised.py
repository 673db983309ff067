"""Champion against challenger, A/B-style and randomised: members in arms, each seen under its own arm alone.

This is how a live test would be read, on held-out baskets instead of new ones: the interval is what a test of this
size gives, and it is much wider than the paired one. Nobody was shown these lists, so nothing here is caused.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import tea_tasting as tt
from tea_tasting.aggr import Aggregates

from membership.evaluate.arms import BEFORE, CONTROL, TREATMENT
from membership.evaluate.experiment import Experiment
from membership.settings.evaluate import Evaluate

PLAIN, ADJUSTED = "Welch", "CUPED"


@dataclass(frozen=True)
class Measure:
    """A metric of a randomised test: the mean of `numer`, or the mean of `numer` over the mean of `denom`."""

    name: str
    numer: str
    denom: str | None = None

    def columns(self, adjusted: bool) -> list[str]:
        """Return the columns it needs, with those of its covariate where `adjusted`."""
        own = [column for column in (self.numer, self.denom) if column]
        return own + [column + BEFORE for column in own] * adjusted

    def test(self, adjusted: bool, **knobs) -> tt.RatioOfMeans:
        """Return the metric of tea-tasting: Welch's t by the delta method, with CUPED where `adjusted`."""
        covariates = [column and column + BEFORE for column in (self.numer, self.denom)] if adjusted else []
        return tt.RatioOfMeans(self.numer, self.denom, *covariates, **knobs)


RATIOS = (
    Measure("hits_per_listed", "hits", "listed"),  # of the items on a list, the share that was bought
    Measure("spend_reached", "spend_hit", "spend"),  # of what the next basket cost, the share that was on the list
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

    `members`: what `arms.observe` returned. `effects`: one row a measure and method (Welch, CUPED): the fields of
    Contrast, correlation (of outcome and covariate), detectable (smallest true difference found with the asked power).
    Where the sample-ratio gate is shut (`sample_ratio_p` below `gate`), effects are NaN: a broken split is not read.
    """

    confidence: float
    members: pd.DataFrame
    effects: pd.DataFrame
    sample_ratio_p: float
    gate: float

    @property
    def readable(self) -> bool:
        """Whether the numbers of members in the arms are what was planned."""
        return self.sample_ratio_p >= self.gate

    def of(self, measure: str, method: str = PLAIN) -> pd.Series:
        """Return the row of `effects` of a measure."""
        rows = self.effects[(self.effects["measure"] == measure) & (self.effects["method"] == method)]
        return rows.iloc[0]


def analyse(observed: pd.DataFrame, metrics: list[str], knobs: Evaluate) -> Trial:
    """Compare the arms of `observed` (as of `arms.observe`) on the means of `metrics` and on RATIOS.

    Each by Welch's t and, where the window before knows something of the metric, by CUPED as well.

    Source: Deng, Xu, Kohavi and Walker (2013), CUPED; Deng, Knoblich and Lu (2018), delta method; tea-tasting 1.14.
    """
    counts = [int((observed["arm"] == arm).sum()) for arm in (CONTROL, TREATMENT)]
    ratio_p = sample_ratio(*counts)
    measures = [Measure(metric, metric) for metric in metrics]
    measures += [ratio for ratio in RATIOS if {ratio.numer, ratio.denom} <= set(observed.columns)]
    rows = []
    for measure in measures:
        rows.append(_row(observed, measure, False, knobs))
        covariates = measure.columns(True)
        if set(covariates) <= set(observed.columns) and observed[measure.numer + BEFORE].std() > 0:
            rows.append(_row(observed, measure, True, knobs))
    effects = pd.DataFrame(rows)
    if ratio_p < knobs.sample_ratio_p:
        effects[["control", "treatment", "difference", "low", "high", "p_value"]] = np.nan
    return Trial(knobs.confidence, observed, effects, ratio_p, knobs.sample_ratio_p)


def sample_ratio(control: int, treatment: int) -> float:
    """Return the p value of arms of these sizes if members were split evenly: chi-square, exact below 1,000 members."""
    sizes = {CONTROL: Aggregates(control), TREATMENT: Aggregates(treatment)}
    if not control + treatment:
        return 1.0
    return tt.SampleRatio(correction=False).analyze(sizes, control=CONTROL, treatment=TREATMENT).pvalue


def contrast(
    control: pd.DataFrame, treatment: pd.DataFrame, measure: Measure, adjusted: bool, confidence: float
) -> Contrast:
    """Compare two frames, one row a member, on `measure`; members without it are left out.

    Below two members in an arm, or nothing to divide by: the interval is everything, p is 1. No variance in either arm:
    the interval is the difference itself, p is 0, or 1 where the difference is 0.
    """
    columns = measure.columns(adjusted)
    arms = [_known(frame, columns) for frame in (control, treatment)]
    n = sum(len(arm) for arm in arms)
    if min(len(arm) for arm in arms) < 2 or (measure.denom and not all(arm[:, 1].any() for arm in arms)):
        return Contrast(n, np.nan, np.nan, np.nan, -np.inf, np.inf, 1.0)
    below, above = (_ratio(arm, measure) for arm in arms)
    if all(np.ptp(_linear(arm[:, : 1 + bool(measure.denom)])) == 0 for arm in arms):
        return Contrast(n, below, above, above - below, above - below, above - below, float(above == below))
    # tea-tasting gives relative effects as well, which overflow near 0: a shift of a mean changes no difference
    shift = 0.0 if measure.denom else 10 * max(arm[:, 0].std() for arm in arms) - min(below, above)
    totals = [_aggregates(arm, columns, shift) for arm in arms]
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


def readings(paired: Experiment, trial: Trial) -> pd.DataFrame:
    """Return the primary metric as each reading has it: reading, members, difference, low, high, width, detectable."""
    row = paired.overall(paired.primary)
    rows = [{"reading": "paired", **row[["members", "difference", "low", "high", "detectable"]]}]
    for effect in trial.effects[trial.effects["measure"] == paired.primary].to_dict("records"):
        kept = {name: effect[name] for name in ("members", "difference", "low", "high", "detectable")}
        rows.append({"reading": f"randomised, {effect['method']}", **kept})
    table = pd.DataFrame(rows)
    return table.assign(width=table["high"] - table["low"])


def _row(observed: pd.DataFrame, measure: Measure, adjusted: bool, knobs: Evaluate) -> dict:
    arms = [observed[observed["arm"] == arm] for arm in (CONTROL, TREATMENT)]
    found = contrast(*arms, measure, adjusted, knobs.confidence)
    columns = measure.columns(adjusted)
    values = _known(observed, columns)
    return {
        "measure": measure.name,
        "method": ADJUSTED if adjusted else PLAIN,
        **vars(found),
        "correlation": correlation(observed, measure) if adjusted else np.nan,
        "detectable": _detectable(values, measure, adjusted, knobs),
    }


def correlation(observed: pd.DataFrame, measure: Measure) -> float:
    """Return the correlation of the outcome with its covariate (of a ratio: of its linear parts), 0 without variance.

    CUPED cuts the variance by its square.
    """
    values = _known(observed, measure.columns(True))
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
    totals = _aggregates(values, measure.columns(adjusted), 0.0)
    if not np.std(_linear(values[:, : 1 + bool(measure.denom)])) > 0:
        return 0.0
    test = measure.test(adjusted, alpha=1 - knobs.confidence, power=knobs.power)
    return float(test.solve_power_from_aggregates(totals, "effect_size")[0].effect_size)


def _known(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    values = np.column_stack([frame[column].to_numpy(dtype=float) for column in columns])
    return values[~np.isnan(values).any(axis=1)]


def _ratio(values: np.ndarray, measure: Measure) -> float:
    return float(values[:, 0].mean() / (values[:, 1].mean() if measure.denom else 1.0))


def _aggregates(values: np.ndarray, columns: list[str], shift: float) -> Aggregates:
    mean, spread = values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))
    mean[0] += shift
    pairs = {(a, b): float(spread[i, j]) for i, a in enumerate(columns) for j, b in enumerate(columns) if i < j}
    variances = dict(zip(columns, spread.diagonal().tolist(), strict=True))
    return Aggregates(len(values), dict(zip(columns, mean.tolist(), strict=True)), variances, pairs)
