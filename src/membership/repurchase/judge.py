"""Candidates on days they have not seen: fitted once, they forecast the windows that followed, one after the other.

    learn              first        origin       origin       as of
  |-------------------)|--- stack --)|-- judge --)|-- judge --)|
What was fitted on the first day is scored on each later one from what was known then, as the models that stand are
scored between two trainings. The first window only teaches the stack.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from membership.repurchase import candidates, rhythm
from membership.repurchase.candidates import Fitted, Past
from membership.repurchase.dated import Dated
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.repurchase import Repurchase
from membership.stats import calibration

SCORES = ["log_loss", "brier", "auc", "slope", "slope_low", "slope_high", "error"]  # see `scores`


@dataclass(frozen=True)
class Judged:
    """Chances of an order within `days` and what happened; rows are days and members.

    `chances`: index day, member_id; one column a candidate. `came`: bool, with the same index.
    """

    days: int
    chances: pd.DataFrame
    came: pd.Series

    @property
    def past(self) -> Past:
        """What a stack learns from."""
        return Past(self.chances, self.came.to_numpy(bool))


@dataclass(frozen=True)
class Rolled:
    """What was judged, and `every` row that a stack may learn from: the judged ones and those of the window before.

    Both are empty where history is too short; `refusals` say why candidates are not among the judged.
    """

    judged: Judged
    every: Judged
    refusals: dict[str, str]


def roll(
    history: PurchaseDays, as_of: int, days: int, settings: Repurchase, seed: int, dated: Dated | None = None
) -> Rolled:
    """Fit on a day before `as_of` and judge on up to `settings.origins` later ones, `days` apart.

    Nothing on or after `as_of` is used. Where history leaves no origin before which somebody bought, nothing is judged.
    """
    known = history.until(as_of)
    bought = int(known.days.min(initial=as_of))
    origins = min(settings.origins, (as_of - int(history.joined.min())) // days - 3, (as_of - bought - 1) // days - 1)
    if origins < 1:
        nobody = pd.MultiIndex.from_arrays([[], []], names=["day", "member_id"])
        nothing = Judged(days, pd.DataFrame(index=nobody), pd.Series(index=nobody, dtype=bool, name="came"))
        return Rolled(nothing, nothing, {})
    first = as_of - (origins + 1) * days
    fitted = candidates.fit(known, first, settings, seed, dated)
    taught = observe(fitted, known, [first], days)
    fitted = candidates.stacked(fitted, settings, taught.past)
    judged = observe(fitted, known, [first + step * days for step in range(1, origins + 1)], days)
    every = Judged(days, pd.concat([taught.chances, judged.chances]), pd.concat([taught.came, judged.came]))
    return Rolled(judged, every, fitted.refusals)


def observe(fitted: Fitted, history: PurchaseDays, cutoffs: list[int], days: int) -> Judged:
    """Return the chances that `fitted` gives on each of `cutoffs` from what was known then, and what happened."""
    chances, came = [], []
    for day in cutoffs:
        here, waited = history.present(day), history.since(day)
        known = rhythm.at(history, day)[here]
        chances.append(pd.concat({day: fitted.chances(known, day, days)}, names=["day"]))
        came.append((waited[here] >= 0) & (waited[here] < days))
    table = pd.concat(chances)
    return Judged(days, table, pd.Series(np.concatenate(came), table.index, name="came"))


def table(judged: Judged, confidence: float) -> pd.DataFrame:
    """Return log_loss, brier, auc, slope, slope_low, slope_high and error (of tenths) of each candidate (rows)."""
    rows = {name: scores(judged.came, chance, confidence) for name, chance in judged.chances.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=SCORES).rename_axis("candidate")


def scores(came: pd.Series, chance: pd.Series, confidence: float) -> dict[str, float]:
    """Return the scores of one column of chances; auc is NaN where all or none came."""
    from sklearn.metrics import roc_auc_score

    found = calibration.of_chance(came.to_numpy(), chance.to_numpy(), confidence)
    return {
        "log_loss": float(log_losses(came, chance).mean()),
        "brier": float(np.mean((chance.to_numpy() - came.to_numpy()) ** 2)),
        "auc": float(roc_auc_score(came, chance)) if came.nunique() == 2 else np.nan,
        "slope": found.slope,
        "slope_low": found.low,
        "slope_high": found.high,
        "error": found.error,
    }


def log_losses(came: pd.Series, chance: pd.Series) -> np.ndarray:
    """Return minus the logarithm of the chance of what happened, (rows,)."""
    return -np.log(np.where(came.to_numpy(bool), chance.to_numpy(), 1 - chance.to_numpy()))


def differences(judged: Judged, reference: str, confidence: float) -> pd.DataFrame:
    """Return how much the log loss of each candidate is above that of `reference`: difference, low, high.

    Rows of one member are not independent: the interval has members as clusters. Empty where `reference` is not judged.
    Source: Liang & Zeger (1986), Biometrika 73: 13-22.
    """
    columns = ["difference", "low", "high"]
    if reference not in judged.chances:
        return pd.DataFrame(columns=columns, dtype=float)
    base = log_losses(judged.came, judged.chances[reference])
    members = judged.chances.index.get_level_values("member_id")
    rows = {}
    for name in judged.chances.columns.drop(reference):
        rows[name] = _clustered(log_losses(judged.came, judged.chances[name]) - base, members, confidence)
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("candidate")


def _clustered(values: np.ndarray, members: pd.Index, confidence: float) -> tuple[float, float, float]:
    mean = float(values.mean())
    of_member = pd.Series(values - mean).groupby(np.asarray(members)).sum().to_numpy()
    clusters = len(of_member)
    spread = np.sqrt((of_member**2).sum() * clusters / max(clusters - 1, 1)) / len(values)
    half = float(stats.t.ppf((1 + confidence) / 2, max(clusters - 1, 1)) * spread)
    return mean, mean - half, mean + half
