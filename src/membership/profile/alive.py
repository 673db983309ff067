"""P(alive) month by month: a lifetime model refitted on what was known then, and whether it is to be believed."""

from datetime import date

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from membership.base.errors import DataError
from membership.value.bgnbd import MbgNbd
from membership.value.histories import Histories


def by_month(rhythm: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return `believable(...)` of each month of `lifecycle.rhythm`, refitted to what was known at that month alone.

    Columns, indexed like `rhythm`: p_alive; p_value, the same for all rows of a month. Months are fitted on their own,
    so nothing of a later month is seen; members with equal histories are one row, so a month takes a tenth of a second.
    """
    parts = [_month(known, confidence) for _, known in rhythm.groupby("as_of", sort=True)]
    empty = pd.DataFrame({"p_alive": [], "p_value": []}, index=rhythm.index[:0], dtype=float)
    return pd.concat([empty, *parts]).reindex(rhythm.index) if parts else empty


def stopping(features: pd.DataFrame, model: MbgNbd) -> float:
    """Return the p-value of "nobody ever stops": what the likelihood gains when members may stop, in `features`.

    Likelihood ratio of MBG/NBD to the same gamma-Poisson purchases without an end. Two more parameters, at the edge of
    their range: chi-squared with two degrees of freedom errs towards a large p-value (Self & Liang 1987).
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


def believable(features: pd.DataFrame, confidence: float) -> tuple[np.ndarray, float]:
    """Return P(alive) of MBG/NBD, (members,), and the p-value of `stopping`; NaN where it is not to be believed.

    `features` has frequency, recency_days, age_days, all of buyers. Where the data do not tell that anybody stops
    (p-value above 1 - `confidence`), or no model can be fitted, the parameters lie on a flat ridge and P(alive) is a
    number near 1 for everybody that means nothing.
    """
    try:
        model = MbgNbd.fit(features)
    except DataError:
        return np.full(len(features), np.nan), np.nan
    p_value = stopping(features, model)
    told = p_value < 1 - confidence
    return (model.p_alive(features) if told else np.full(len(features), np.nan)), p_value


def first_known(rhythm: pd.DataFrame, joined_at: pd.Series, start: date, startup_days: int) -> np.ndarray:
    """Return for each row of `rhythm` whether the first purchase seen is a member's first, (rows,).

    History starts on `start` for everybody (left truncation). A member who joined after that day, by `joined_at`
    (member_id -> time, null where unknown), began within it; of others only a first purchase after `startup_days`
    without any is taken for the first.
    """
    start = pd.Timestamp(start)
    unseen = (pd.DatetimeIndex(rhythm["as_of"]) - start).days.to_numpy() - rhythm["age"].to_numpy()
    joined = rhythm["member_id"].map(joined_at.dt.normalize() > start).to_numpy(bool)
    return joined | (unseen >= startup_days)


def _month(known: pd.DataFrame, confidence: float) -> pd.DataFrame:
    histories = pd.DataFrame(
        {
            "frequency": known["purchase_days"] - 1,
            "recency_days": (known["age"] - known["since"]).astype(float),
            "age_days": known["age"].astype(float),
        }
    )
    p_alive, p_value = believable(histories, confidence)
    return pd.DataFrame({"p_alive": p_alive, "p_value": p_value}, index=known.index)
