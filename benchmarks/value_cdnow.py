"""CDNOW: the one model that the rule chose before October 1997, beside reference models, over the 39 weeks after it.

      customers join   |-- learn --|-- learn --|-- judge --)|----------- holdout: 273 days -----------)
    1 January    26 March      28 May     30 July      1 October                            1 July 1998

Rule and settings are those of `params.yaml`; the windows are here. The last customer joins on 25 March, so that each of
three equal windows up to October sees all customers: fewer would leave learned models nothing to learn from before they
are judged, more would judge them over a horizon still shorter than 63 days, when the holdout has 273. That, and `run`
with earlier dates, was settled before October. What is chosen is fitted anew on all of the past. `choice` sees nothing
from October on; `run` opens the holdout after it, once. Two references are fitted to the holdout itself, five folds
over customers, which no model in use can be: they are optimistic.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict

from benchmarks import cdnow
from benchmarks.value_published import as_published
from membership.base import seeds
from membership.data import features
from membership.lifetimes.bgnbd import BgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.spend import GammaGamma
from membership.settings import params
from membership.settings.params import Stage
from membership.value import choose, origins, panel, validate
from membership.value.accuracy import LOWER_IS_BETTER
from membership.value.origins import Fitted
from membership.value.panel import Panel

JOINED = date(1997, 3, 26)  # the first day on which no customer is new
SETTINGS = {"value.origins": 2, "value.learning_origins": 3}  # the oldest window only teaches; all of the past teaches
WINDOWS = 3
COMPARED = {"orders": ("rmse", "mae", "gini", "decile_error"), "spend": ("rmse", "mae", "gini", "decile_error")}
DRAWS = 1000
CHOSEN = "chosen"
LINEAR, BOOSTED = "linear RFM, fitted to the holdout", "gradient boosting, fitted to the holdout"
_CENTS = 100.0  # a dollar


@dataclass(frozen=True)
class Chosen:
    """What the rule chose before a cut-off, all candidates refitted there, and what they know of the customers."""

    choice: choose.Choice
    fitted: Fitted
    known: Panel

    def predict(self, what: str, days: float) -> np.ndarray:
        """Return `what` (orders, or spend in cents) of every customer over `days`, (members,)."""
        return self.fitted.predict(what, self.known.now, days)[self.choice.name].to_numpy()


def run(calibrated: date = cdnow.CALIBRATED, end: date = cdnow.END) -> dict:
    """Return `chosen`, `rivals`, `judged` (how candidates did before), `rows` and `differences` on the holdout.

    `rivals`: how the spend RMSE compares before. `rows` has the metrics of each model, spend in dollars; `differences`
    the chosen one less each reference. Earlier dates rehearse it on what is known before October. Raises DataError
    where the data are missing.
    """
    p = params.parse(params.read(), SETTINGS)
    data = cdnow.read()
    found = choice(data, calibrated, p)
    days = (end - calibrated).days
    known = found.known.now
    later = features.table(data.events, data.members, [end]).set_index("member_id").reindex(known.index)
    actual = {
        "orders": later["purchase_days"] - known["purchase_days"],
        "spend": (later["spend"] - known["spend"]) / _CENTS,
    }
    scale = {"orders": 1.0, "spend": _CENTS}
    predicted = {
        what: pd.DataFrame({CHOSEN: found.predict(what, days) / scale[what]} | others, index=known.index)
        for what, others in references(known, actual, days, p.seed).items()
    }
    rows = [validate.compare(actual[what].rename(what), predicted[what]).add_prefix(f"{what}_") for what in actual]
    return {
        "chosen": found.choice.name,
        "rivals": _records(found.choice.rivals, "candidate"),
        "judged": _records(found.choice.table, "candidate"),
        "rows": _records(pd.concat(rows, axis=1), "model"),
        "differences": [row for what in actual for row in differences(what, actual[what], predicted[what], p)],
    }


def choice(data: cdnow.Cdnow, calibrated: date, p: Stage) -> Chosen:
    """Return what the rule chose, from purchases before `calibrated` alone."""
    step = (calibrated - JOINED).days // WINDOWS
    cutoffs = [calibrated - timedelta(days=number * step) for number in range(WINDOWS, -1, -1)]
    known = panel.build(data.events, data.members, cutoffs)
    rolled = origins.roll(known, p.value, p.seed)
    chosen = choose.choose(rolled, p.value, seeds.rng(p.seed, "benchmark.cdnow.choose"))
    return Chosen(chosen, origins.fit(known, rolled.predictions, p.value, p.seed), known)


def references(known: pd.DataFrame, actual: dict, days: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Return what each reference model predicts of `orders` and of `spend` (dollars), fitted as published."""
    seen = as_published(known)
    count, mean = seen["frequency"].to_numpy(float), seen["repeat_spend_mean"].fillna(0).to_numpy()
    rate = count / seen["age_days"].to_numpy() * days
    spend = GammaGamma.fit(seen).expected_spend(seen)
    found = {"orders": {"zero": np.zeros(len(seen)), "same rate": rate}, "spend": {"zero": 0.0 * rate}}
    found["spend"]["same rate"] = rate * mean
    for name, model in {"BG/NBD": BgNbd, "Pareto/NBD": ParetoNbd}.items():
        orders = model.fit(seen).expected_purchases(seen, days)
        found["orders"][f"{name} + Gamma-Gamma"] = orders
        found["spend"][f"{name} + Gamma-Gamma"] = orders * spend
    rfm = pd.DataFrame(
        {
            "recency": seen["days_since_last"],
            "frequency": count,
            "spend": seen["spend"] / seen["purchase_days"] / _CENTS,
        }
    )
    more = rfm.assign(recency_days=seen["recency_days"], age_days=seen["age_days"], total=seen["spend"] / _CENTS)
    trees = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=seed,
    )
    folds = KFold(5, shuffle=True, random_state=seed)
    for what, target in actual.items():
        linear = cross_val_predict(LinearRegression(), rfm, target, cv=folds)
        found[what][LINEAR] = np.maximum(linear, 0)
        found[what][BOOSTED] = cross_val_predict(trees, more, target, cv=folds)
    return found


def differences(what: str, actual: pd.Series, predicted: pd.DataFrame, p: Stage, draws: int = DRAWS) -> list[dict]:
    """Return `metric`, `reference`, `difference` (the chosen one less the reference), `low`, `high` and `verdict`.

    95 % paired bootstrap over customers; `better` and `worse` are intervals beyond 0, the rest is `equal`.
    """
    rng = seeds.rng(p.seed, f"benchmark.cdnow.{what}")
    table = validate.differences(actual.rename(what), predicted, CHOSEN, COMPARED[what], draws, 0.95, rng)
    rows = []
    for (metric, reference), row in table.iterrows():
        low, high = -row["high"], -row["low"]
        lower, higher = high < 0, low > 0
        better, worse = (lower, higher) if metric in LOWER_IS_BETTER else (higher, lower)
        verdict = "better" if better else "worse" if worse else "equal"
        names = {"metric": f"{what}_{metric}", "reference": reference}
        rows.append(names | {"difference": -row["difference"], "low": low, "high": high, "verdict": verdict})
    return rows


def in_words(found: dict) -> str:
    """Return the choice, the metrics, and the differences from each reference."""
    rows = pd.DataFrame(found["rows"]).set_index("model")
    shown = [f"{what}_{metric}" for what, metrics in COMPARED.items() for metric in (*metrics, "bias")]
    differences = pd.DataFrame(found["differences"])
    differences["text"] = [
        f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f}) {row.verdict}" for row in differences.itertuples()
    ]
    rivals = pd.DataFrame(found["rivals"]).to_string(index=False)
    parts = [f"chosen: {found['chosen']}; its spend RMSE against rivals", rivals, rows[shown].round(3).T.to_string()]
    parts.append("The chosen model less each reference:")
    for reference, lines in differences.groupby("reference", sort=False):
        parts.append(f"{reference}\n{lines.set_index('metric')['text'].to_string()}")
    return "\n\n".join(parts)


def _records(table: pd.DataFrame, name: str) -> list[dict]:
    return table.rename_axis(name).reset_index().to_dict("records")
