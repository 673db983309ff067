"""P(alive) month by month: a lifetime model refitted on what was known then, and whether later purchases confirm it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import MbgNbd
from membership.lifetimes.histories import Histories
from membership.settings.lifecycle import Lifecycle

_TOLERATED = 0.1  # the share of doubted members who come back may exceed P(alive) by this: no model is exact
_FEWEST = 20  # with fewer doubted members than this, P(alive) counts as untested


@dataclass(frozen=True)
class Alive:
    """P(alive) of each member and month, and for each month whether to believe it.

    `evidence`, index as_of: p_value of "nobody ever stops"; doubted (members whose P(alive) was below
    `at_risk_p_alive` `startup_days` before), expected (their mean P(alive) then) and back (the share of them who have
    bought since, and so were alive), null where not yet known; believed.
    """

    p_alive: pd.Series  # indexed like the rhythm; null where no model could be fitted
    evidence: pd.DataFrame
    model: MbgNbd | None  # of the last month


class Reason(StrEnum):
    """Why P(alive) is believed in the last month, or not."""

    STARTUP = "startup"  # history is too short
    NOBODY_STOPS = "nobody stops"  # the data do not show that members stop
    UNTESTED = "untested"  # too few members were doubted before
    TESTED = "tested"  # those who came back confirm or refute it


@dataclass(frozen=True)
class Verdict:
    """Whether P(alive) is believed."""

    months: int  # after the start-up
    believed: int  # months of these
    reason: Reason
    last: dict[str, float]  # the columns of `lifecycle.compare_rules` in the last month; empty in the start-up


def verdict(rules: pd.DataFrame, confidence: float) -> Verdict:
    """Return the verdict on `rules`, that is `lifecycle.compare_rules`; `confidence` is that of `by_month`."""
    settled = rules[~rules["startup"]]
    if settled.empty:
        return Verdict(0, 0, Reason.STARTUP, {})
    last = settled.iloc[-1].to_dict()
    tested = Reason.TESTED if pd.notna(last["back"]) else Reason.UNTESTED
    reason = Reason.NOBODY_STOPS if last["p_value"] >= 1 - confidence else tested
    return Verdict(len(settled), int(settled["believed"].sum()), reason, last)


def by_month(rhythm: pd.DataFrame, settings: Lifecycle) -> Alive:
    """Fit MBG/NBD at each month of `lifecycle.rhythm` to what was known then; nothing of a later month is used.

    A month is believed if the data show that members stop (`stopping`), and if purchases since have not refuted the
    P(alive) of `startup_days` before. It is refuted if more of the members whom it doubted have bought again than it
    predicted, by over a tenth and by more than chance. With fewer than 20 such members it is untested and not believed.
    Where it is not believed the likelihood is flat (P(alive) is about 1 for everybody), or the model mistakes an
    irregular rhythm for an end; then the member's own rhythm decides alone. Members with equal histories share one row,
    so a month takes a tenth of a second.
    """
    p_alive, rows, said, model = pd.Series(np.nan, rhythm.index), {}, {}, None
    for month, known in rhythm.groupby("as_of", sort=True):
        model, p_value = _fit(known)
        p_alive[known.index] = now(model, known)
        said[month] = pd.Series(p_alive[known.index].to_numpy(), known["member_id"])
        before = month - pd.Timedelta(days=settings.startup_days)
        earlier = max((past for past in said if past <= before), default=None)
        stops = p_value < 1 - settings.confidence
        row = {"p_value": p_value, "doubted": 0, "expected": np.nan, "back": np.nan, "believed": False}
        if earlier is not None:
            row |= _since(known, said[earlier], (month - earlier).days, settings)
            row["believed"] = bool(stops and not row.pop("refuted"))
        rows[month] = row
    columns = ["p_value", "doubted", "expected", "back", "believed"]
    return Alive(p_alive, pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("as_of"), model)


def stopping(features: pd.DataFrame, model: MbgNbd) -> float:
    """Return the p-value of "nobody ever stops" in `features`.

    A likelihood ratio test of MBG/NBD against the same gamma-Poisson purchases without an end. The two additional
    parameters are at the edge of their range, so chi-squared with two degrees of freedom is conservative (Self & Liang
    1987).
    """
    histories = Histories.of(features, model.name)
    x, age, weight = histories.frequency, histories.age_days, histories.weight

    def loss(theta):
        r, alpha = np.exp(theta)
        each = special.gammaln(r + x) - special.gammaln(r) + r * theta[1] - (r + x) * np.log(alpha + age)
        return -float(each @ weight) / histories.members

    start = [0.0, np.log(histories.mean_age_days)]
    without = optimize.minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12})
    gain = model.estimate.log_likelihood + without.fun * histories.members
    return float(stats.chi2.sf(2 * max(gain, 0.0), 2))


def first_known(rhythm: pd.DataFrame, joined_at: pd.Series, start: date, startup_days: int) -> np.ndarray:
    """Return for each row of `rhythm` whether the first purchase in the data is the member's first, (rows,).

    The data start on `start` for everybody (left truncation). If a member joined after that day by `joined_at`
    (member_id -> time, null where unknown), the first purchase in the data is the first; for others only if it comes
    after `startup_days` without any.
    """
    start = pd.Timestamp(start)
    unseen = (pd.DatetimeIndex(rhythm["as_of"]) - start).days.to_numpy() - rhythm["age"].to_numpy()
    joined = rhythm["member_id"].map(joined_at.dt.normalize() > start).to_numpy(bool)
    return joined | (unseen >= startup_days)


def now(model: MbgNbd | None, rhythm: pd.DataFrame) -> np.ndarray | float:
    """Return P(alive) of each row of `rhythm`, (rows,), by the `model` of its month; NaN where there is none."""
    return np.nan if model is None else model.p_alive(_features(rhythm))


def _features(rhythm: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "frequency": rhythm["purchase_days"] - 1,
            "recency_days": (rhythm["age"] - rhythm["since"]).astype(float),
            "age_days": rhythm["age"].astype(float),
        }
    )


def _fit(known: pd.DataFrame) -> tuple[MbgNbd | None, float]:
    """Return the model and the p-value of `stopping`; None and NaN where no model can be fitted."""
    features = _features(known)
    try:
        model = MbgNbd.fit(features)
    except DataError:
        return None, np.nan
    return model, stopping(features, model)


def _since(known: pd.DataFrame, then: pd.Series, days: int, settings: Lifecycle) -> dict[str, float | bool]:
    """Return how many members whose P(alive) was low `days` ago have bought since, and whether that refutes it."""
    p = known["member_id"].map(then)
    doubted = p < settings.at_risk_p_alive
    p, back = p[doubted], known["since"][doubted] <= days
    if len(p) < _FEWEST:
        return {"doubted": len(p), "refuted": True}
    chance = stats.norm.ppf(settings.confidence) * np.sqrt((p * (1 - p)).sum()) / len(p)
    refuted = back.mean() - p.mean() > max(chance, _TOLERATED)
    return {"doubted": len(p), "expected": p.mean(), "back": back.mean(), "refuted": refuted}
