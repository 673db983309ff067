"""Diagnostics of a model of value, one call -> one frame: does it fit its own window, and does it hold afterwards?

`features` are known at a cut-off and indexed by member; a model is one of buying at any time, such as `bgnbd.BgNbd`, or
None where all of them refused the data: then what is expected is unknown, NaN, and what was is shown alone;
`predictions` have one column a candidate, and the same members as `features` and as what they did, `actual`.
"""

from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from membership.base import engine
from membership.data import purchases
from membership.lifetimes import search
from membership.value import validate
from membership.value.accuracy import ranked
from membership.value.candidate_models import Candidate

WEEK = 7  # days
PERFECT = "perfect ranking"


def repeats_by_week(events: ir.Table, cutoff: date, end: date) -> pd.Series:
    """Return repeat purchase days, before `end`, of members who had bought before `cutoff`, by week.

    Week 0 starts on `cutoff`, week -1 ends there. A member's first purchase day is no repeat. Weeks in which nobody
    came back are not listed.
    """
    bought = engine.before(events, end).filter(purchases.is_purchase)
    days = bought.select("member_id", day=purchases.day(bought)).distinct()
    firsts = days.group_by("member_id").agg(first=_.day.min()).filter(_.first < cutoff)
    repeats = days.join(firsts, "member_id").filter(_.day > _.first)
    counted = repeats.group_by("day").agg(repeats=_.count()).to_pandas()
    week = (pd.to_datetime(counted["day"]) - pd.Timestamp(cutoff)).dt.days // WEEK
    return counted["repeats"].groupby(week.rename("week")).sum()


def tracking(model, features: pd.DataFrame, repeats: pd.Series, cutoff: date, end: date) -> pd.DataFrame:
    """Return repeat purchase days week by week, as `model` expects them and as they were: `repeats_by_week`.

    Columns: `week` (its first day), `actual`, `expected`, both cumulated as `actual_total`, `expected_total`, and
    `held_out` (after the cut-off). What is expected depends on the day of a member's first purchase only, so nothing
    in the window after the cut-off was seen. Whole weeks up to `end`.

    Source: Fader, Hardie & Lee (2005), figures 3 and 4.
    """
    ages = features.loc[features["age_days"] > 0, "age_days"]
    weeks = np.arange(-int(np.ceil(ages.max() / WEEK)), (end - cutoff).days // WEEK)
    ends = np.append(weeks, weeks[-1] + 1) * float(WEEK)  # days from the cut-off to each week's first day
    total = np.zeros(len(ends)) if model else np.full(len(ends), np.nan)
    for age, rows in features.loc[ages.index].groupby("age_days") if model else ():
        since = np.maximum(ends + age, 0)  # days since the first purchase
        total += np.broadcast_to(model.expected_repeats(rows, since), (len(rows), len(since))).sum(axis=0)
    found = pd.DataFrame({"week": pd.Timestamp(cutoff) + pd.to_timedelta(weeks * WEEK, unit="D")})
    found["actual"] = repeats.reindex(weeks, fill_value=0).to_numpy(float)
    found["expected"] = np.diff(total)
    cumulated = found[["actual", "expected"]].cumsum().add_suffix("_total")
    return found.join(cumulated).assign(held_out=weeks >= 0)


def tracking_bias(tracked: pd.DataFrame) -> pd.DataFrame:
    """Return `actual`, `expected` and `bias` (expected over actual, less 1) of `tracking`, fitted and held out."""
    parts = tracked.groupby(np.where(tracked["held_out"], "held out", "fitted"))[["actual", "expected"]].sum(
        min_count=1
    )
    bias = (_ratio(parts["expected"], parts["actual"]) - 1).where(parts["expected"].notna())
    return parts.assign(bias=bias).rename_axis("window")


def by_frequency(features: pd.DataFrame, actual: pd.Series, predictions: pd.DataFrame, groups: int = 8) -> pd.DataFrame:
    """Return the means of `actual` and of each prediction by repeat purchase days before the cut-off.

    Columns: `group`, `members`, `actual`, and those of `predictions`. None is a group of its own; the rest are in at
    most `groups` groups of like size. Members who never bought are left out.
    """
    known = features[features["age_days"] > 0]
    edges = _edges(known.loc[known["frequency"] > 0, "frequency"], groups)
    return _by_group(known["frequency"], np.unique([0.0, *edges]), actual, predictions)


def by_recency(features: pd.DataFrame, actual: pd.Series, predictions: pd.DataFrame, groups: int = 8) -> pd.DataFrame:
    """Return the same as `by_frequency` by days since the last purchase, in at most `groups` groups of like size."""
    known = features[features["age_days"] > 0]
    since = known["age_days"] - known["recency_days"]
    return _by_group(since, _edges(since, groups), actual, predictions)


def frequencies(model, features: pd.DataFrame, bars: int = 15) -> pd.DataFrame:
    """Return members by number of repeat purchase days before the cut-off: `repeats` (a name), `actual`, `expected`.

    At most `bars` steps of equal width hold nineteen of twenty members, or all up to seven purchases; one more holds
    the rest. Members who never bought are left out.
    """
    bought = features[features["age_days"] > 0]
    most = max(float(bought["frequency"].quantile(0.95)), 7.0) + 1
    width = int(np.ceil(most / bars))
    rest = int(np.ceil(most / width)) * width
    counts = {
        "actual": np.bincount(np.minimum(bought["frequency"], rest).astype(int), minlength=rest + 1),
        "expected": model.frequencies(bought, rest - 1) if model else np.full(rest + 1, np.nan),
    }
    starts = np.arange(0, rest + 1, width)
    names = [*(_span(start, start + width - 1) for start in starts[:-1]), f"{rest}+"]
    return pd.DataFrame({"repeats": names} | {name: np.add.reduceat(part, starts) for name, part in counts.items()})


def gain(actual: pd.Series, predictions: pd.DataFrame, steps: int = 100) -> pd.DataFrame:
    """Return what share of `actual` the best members by each prediction hold: the gain curve, and its lift.

    Columns: `candidate`, `share_of_members`, `share`, `lift` (share over share of members); a candidate called
    `perfect ranking` puts members in the order of what they did.
    """
    members, once = np.arange(1, steps + 1) / steps, np.ones(len(actual))
    columns = ranked(actual, predictions)
    curves = {name: one.concentration(once, one.group) for name, one in columns.items()}
    some = next(iter(columns.values()))
    curves[PERFECT] = some.concentration(once, some.rank)
    parts = [
        pd.DataFrame({"candidate": name, "share_of_members": members, "share": np.interp(members, *curve)})
        for name, curve in curves.items()
    ]
    found = pd.concat(parts, ignore_index=True)
    return found.assign(lift=found["share"] / found["share_of_members"])


def apart(features: pd.DataFrame, actual: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `validate.compare`, with `members`, separately for members with and without a repeat purchase."""
    repeated = features["frequency"] > 0
    parts = {"bought again": repeated, "no repeat purchase": ~repeated & (features["age_days"] > 0)}
    tables = {
        name: validate.compare(actual[part], predictions[part]).assign(members=part.sum())
        for name, part in parts.items()
        if part.any()
    }
    return pd.concat(tables, names=["part", "candidate"])


def parameters(candidate: Candidate | None, features: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the parameters of a lifetime model and of its Gamma-Gamma, with profile-likelihood intervals.

    Columns: `value`, `standard_error`, `low`, `high`; rows: names with units. Without a lifetime model there are none.
    """
    if candidate is None:
        return pd.DataFrame(columns=["value", "standard_error", "low", "high"])
    buying, spending = candidate.buying, candidate.spending
    problems = (buying.problem(features, buying.scale.names), spending.problem(features))
    estimates = (buying.estimate, spending.estimate)
    return pd.concat([search.profile(*both, confidence) for both in zip(problems, estimates, strict=True)])


def drift(parameters: pd.DataFrame, candidate: str | None) -> pd.DataFrame:
    """Return how the parameters of one candidate, fitted at several origins, move away from the first origin's.

    `parameters`: `origin`, `candidate`, `parameter`, `value`, `low`, `high`, one row each, as in `origins.Rolled`. Adds
    `shift`, the distance from the value at the first origin in widths of its interval on that side: beyond -1 and 1 the
    value lies outside the interval of the first origin, and has `moved`. Parameters without an interval are left out.
    """
    rows = parameters[parameters["candidate"] == candidate].dropna(subset=["low", "high"])
    rows = rows.sort_values(["origin", "parameter"], kind="stable")
    first = rows.groupby("parameter")[["value", "low", "high"]].transform("first")
    distance = rows["value"] - first["value"]
    width = (first["high"] - first["value"]).where(distance > 0, first["value"] - first["low"])
    shift = (distance / width.where(width > 0)).fillna(0.0)
    return rows.assign(shift=shift, moved=shift.abs() > 1).reset_index(drop=True)


def independence(features: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the correlation of frequency and spend, which Gamma-Gamma assumes to be 0: `value`, `low`, `high`.

    Rows: `pearson`, `spearman`, of frequency and mean spend of those who bought again; Fisher's interval. Where fewer
    than four did, or all alike, nothing is known: 0, from -1 to 1.
    """
    again = features[(features["frequency"] > 0) & features["repeat_spend_mean"].notna()]
    columns = again[["frequency", "repeat_spend_mean"]].astype(float)
    known = len(again) > 3 and (columns.std() > 0).all()
    found = {name: columns.corr(name).iloc[0, 1] if known else 0.0 for name in ("pearson", "spearman")}
    table = pd.DataFrame({"value": found})
    half = stats.norm.ppf((1 + confidence) / 2) / np.sqrt(len(again) - 3) if known else np.inf
    middle = np.arctanh(table["value"].clip(-1 + 1e-12, 1 - 1e-12))
    return table.assign(low=np.tanh(middle - half), high=np.tanh(middle + half), members=len(again))


def coverage(actual: pd.Series, predicted: pd.Series, band: pd.DataFrame) -> pd.DataFrame:
    """Return, by tenth of the prediction, the shares of members `below`, `within` and `above` `low`, `high` of `band`.

    Columns: `decile` (1 has the highest predictions), `members`, the three shares, and the mean `width` of the band.
    """
    place = pd.Series(np.arange(len(actual)), predicted.sort_index().sort_values(ascending=False, kind="stable").index)
    marks = {"below": actual < band["low"], "above": actual > band["high"], "width": band["high"] - band["low"]}
    frame = pd.DataFrame(marks, index=actual.index).astype(float)
    frame["within"] = 1 - frame["below"] - frame["above"]
    grouped = frame.groupby((1 + 10 * place // len(place)).rename("decile"))
    table = grouped[["below", "within", "above", "width"]].mean()
    table.insert(0, "members", grouped.size())
    return table.reset_index()


def _edges(values: pd.Series, groups: int) -> np.ndarray:
    """Return the largest value of each of at most `groups` groups of like size, but the last."""
    return np.unique(np.quantile(values, np.arange(1, groups) / groups, method="lower")) if len(values) else np.empty(0)


def _by_group(by: pd.Series, edges: np.ndarray, actual: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return members and means of the groups of `by` that end at `edges`."""
    number = np.searchsorted(edges, by)
    grouped = predictions.loc[by.index].assign(actual=actual).groupby(number)
    means = grouped[["actual", *predictions.columns]].mean().reset_index(drop=True)
    ends = by.groupby(number).agg(["min", "max"])
    means.insert(0, "group", [_span(least, most) for least, most in ends.to_numpy()])
    means.insert(1, "members", grouped.size().to_numpy())
    return means


def _span(least: float, most: float) -> str:
    return f"{least:.0f}" if least == most else f"{least:.0f}-{most:.0f}"


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Return `part` over `whole`; 1 where the whole is nothing."""
    return (part / whole.where(whole != 0)).fillna(1.0)
