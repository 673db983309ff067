"""P(alive) month by month: a lifetime model refitted on what was known then, and whether it is to be believed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import MbgNbd
from membership.lifetimes.histories import Histories
from membership.settings.lifecycle import Lifecycle

_TOLERATED = 0.1  # share by which more of the doubted may come back than P(alive) allows: no model is exact
_FEWEST = 20  # doubted members without whom nothing is said to have been tested


@dataclass(frozen=True)
class Alive:
    """What the model says of each member and month, and of each month whether to believe it.

    `evidence`, index as_of: p_value of "nobody ever stops"; doubted (members whose P(alive) was below
    `at_risk_p_alive` `startup_days` before), expected (their mean P(alive) then) and back (share who bought since, and
    so were alive); null where that is not known yet; believed.
    """

    p_alive: pd.Series  # indexed like the rhythm; null where no model could be fitted
    evidence: pd.DataFrame
    model: MbgNbd | None  # of the last month


def by_month(rhythm: pd.DataFrame, settings: Lifecycle) -> Alive:
    """Fit MBG/NBD at each month of `lifecycle.rhythm` to what was known then, and nothing of a later month.

    A month is believed where the data tell that members stop (`stopping`) and where P(alive) of `startup_days` before
    was not refuted since: of members whom it doubted, so many have bought again that they were alive far more often
    than it said (by a tenth, and by more than chance); without 20 such members it is untested, and not believed.
    Elsewhere it lies on a flat ridge, about 1 for everybody, or takes an uneven rhythm for the end; the member's own
    rhythm decides then. Members with equal histories are one row, so a month takes a tenth of a second.
    """
    p_alive, rows, said, model = pd.Series(np.nan, rhythm.index), {}, {}, None
    for month, known in rhythm.groupby("as_of", sort=True):
        model, p_value = _fit(known)
        p_alive[known.index] = now(model, known)
        said[month] = pd.Series(p_alive[known.index].to_numpy(), known["member_id"])
        before = month - pd.Timedelta(days=settings.startup_days)
        earlier = max((past for past in said if past <= before), default=None)
        told = p_value < 1 - settings.confidence
        row = {"p_value": p_value, "doubted": 0, "expected": np.nan, "back": np.nan, "believed": False}
        if earlier is not None:
            row |= _since(known, said[earlier], (month - earlier).days, settings)
            row["believed"] = bool(told and not row.pop("refuted"))
        rows[month] = row
    columns = ["p_value", "doubted", "expected", "back", "believed"]
    return Alive(p_alive, pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("as_of"), model)


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


def now(model: MbgNbd | None, rhythm: pd.DataFrame) -> np.ndarray | float:
    """Return P(alive), (rows,), of `rhythm` by the `model` of its month; NaN where there is none."""
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
    """Return what became of members whose P(alive) was low `days` ago (who has bought since was alive), and refuted."""
    p = known["member_id"].map(then)
    doubted = p < settings.at_risk_p_alive
    p, back = p[doubted], known["since"][doubted] <= days
    if len(p) < _FEWEST:
        return {"doubted": len(p), "refuted": True}
    chance = stats.norm.ppf(settings.confidence) * np.sqrt((p * (1 - p)).sum()) / len(p)
    refuted = back.mean() - p.mean() > max(chance, _TOLERATED)
    return {"doubted": len(p), "expected": p.mean(), "back": back.mean(), "refuted": refuted}
