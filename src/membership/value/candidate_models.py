"""The candidates for a member's value: each predicts purchase days and spend for any number of days ahead.

All are fitted on a panel that ends at the origin, and so on nothing that happened after it. Naive rules always exist.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.renewals import Renewals
from membership.lifetimes.search import Doubt, Estimate, Problem
from membership.lifetimes.spend import GammaGamma
from membership.settings.value import Value
from membership.value import rfm
from membership.value.opportunities import Opportunities
from membership.value.panel import Panel
from membership.value.rules import Constant, Lifetime, Linear, Paying, RecentRate, Rule, SameRate

SAY_NOTHING = ("zero", "mean")  # the same for everybody: never chosen
NAIVE = (*SAY_NOTHING, "same_rate", "recent_rate")  # rules without a fit
LIFETIME = {
    "bgnbd": BgNbd,
    "mbgnbd": MbgNbd,
    "pareto_nbd": ParetoNbd,
    "bgnbd_covariates": BgNbd,
    "pareto_nbd_covariates": ParetoNbd,
}
_OWN_RATES = {"same_rate": SameRate, "recent_rate": RecentRate}

Predictor = Callable[[pd.DataFrame, float], np.ndarray]  # features at a cut-off, days after it -> (members,)


@dataclass(frozen=True)
class Candidate:
    """A fitted candidate. Both predictors take `features` at a cut-off and days; they return (members,), 0 or more."""

    orders: Predictor  # purchase days
    spend: Predictor  # as in `features`: cents, net of returns
    parameters: pd.DataFrame = field(default_factory=lambda: values({}))  # what was fitted; see `values`
    buying: BgNbd | MbgNbd | ParetoNbd | None = None  # the parts of a lifetime model
    spending: "GammaGamma | EveryPurchase | None" = None
    doubts: tuple[Doubt, ...] = ()  # reasons to doubt the parameters
    rule: Rule | None = None  # what predicts, where it can be stored

    @classmethod
    def of(cls, rule: Rule, parameters: pd.DataFrame | None = None, **rest) -> "Candidate":
        """Return the candidate that predicts by `rule`; `rest`: the parts of a lifetime model, and doubts."""
        return cls(rule.orders, rule.spend, values({}) if parameters is None else parameters, **rest, rule=rule)


@dataclass(frozen=True)
class EveryPurchase:
    """Gamma-Gamma that also learns from the first purchase day, and so separates members without a repeat.

    The published model leaves the first purchase out; it stays in the candidates without covariates. On CDNOW, at
    origins within calibration, the Gini of spend rises from .61-.64 to .66-.67 and the RMSE stays as it is.
    """

    model: GammaGamma

    @classmethod
    def fit(cls, features: pd.DataFrame, penalizer: float) -> "EveryPurchase":
        """Fit to the mean of all purchase days. Raises DataError as Gamma-Gamma does."""
        return cls(GammaGamma.fit(_every_purchase(features), penalizer))

    def problem(self, features: pd.DataFrame) -> Problem:
        """Return the likelihood that `fit` maximises, for `search`."""
        return self.model.problem(_every_purchase(features))

    @property
    def p(self) -> float:
        """Shape of the spend of one purchase day."""
        return self.model.p

    @property
    def estimate(self) -> Estimate:
        """What was fitted."""
        return self.model.estimate

    def expected_spend(self, features: pd.DataFrame) -> np.ndarray:
        """Return expected spend on a purchase day, shape (members,)."""
        return self.model.expected_spend(_every_purchase(features))

    def draw_mean(self, features: pd.DataFrame, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of members' mean spend, (members, draws), given what they spent."""
        return self.model.draw_mean(_every_purchase(features), draws, rng)


def values(numbers: dict[str, float]) -> pd.DataFrame:
    """Return `value`, `low`, `high` (rows: the names of `numbers`) of parameters that have no interval."""
    return pd.DataFrame({"value": numbers, "low": np.nan, "high": np.nan}, dtype=float).rename_axis("parameter")


def naive(name: str, known: Panel) -> Candidate:
    """Return a rule of thumb at the panel's last cut-off; `mean` repeats the window before it."""
    if name in _OWN_RATES:
        return Candidate.of(_OWN_RATES[name]())
    last = known.did(known.previous).mean().clip(lower=0) / known.days * (name == "mean")
    rates = {f"{what}_a_day": float(rate) for what, rate in last.items()}
    return Candidate.of(Constant(**rates), values(rates))


def linear(known: Panel, settings: Value) -> Candidate:
    """Return the weighted RFM model, learned from the window before the panel's last cut-off; two fits, one form.

    Raises DataError where the data do not determine the weights.
    """
    cutoff = known.previous
    before, did = known.snapshots[cutoff], known.did(cutoff)
    fitted = {what: rfm.fit(before, did[what], known.days, settings.clip_share) for what in ("orders", "spend")}
    weights = {
        f"{what}:{part}": float(weight)
        for what, model in fitted.items()
        for part, weight in zip(rfm.PARTS, model.weights, strict=True)
    }
    return Candidate.of(Linear(fitted["orders"], fitted["spend"]), values(weights))


def renewals(known: Panel) -> Candidate:
    """Return what contracts that run at the panel's last cut-off will bring; who has none is expected to pay nothing.

    Raises DataError where nobody has a contract, or none has come up for renewal.
    """
    if known.contracts is None:
        raise DataError(
            "renewals: nobody has a contract, so none can be renewed; map contracts, or name other candidates."
        )
    cutoff = known.cutoffs[-1]
    fitted = known.once("renewals", lambda now: Renewals.fit(known.contracts.lives(cutoff)))
    first = {f"{plan}:first renewal": float(one.model.survival(1)) for plan, one in fitted.plans.items()}
    return Candidate.of(Paying(fitted), values(first))


def seldom(known: Panel, settings: Value) -> Candidate:
    """Return BG/BB over rounds of `value.opportunity`, times Gamma-Gamma spend, fitted at the panel's last cut-off.

    Raises DataError where one of them cannot be fitted.
    """
    buying = Opportunities.fit(known.now, settings)
    spending = known.once(("GammaGamma", settings.penalizer), lambda now: GammaGamma.fit(now, settings.penalizer))
    fits = {"rounds:": buying.model.estimate, "": spending.estimate}  # both have a gamma
    found = [one.table(settings.confidence)[["value", "low", "high"]].T.add_prefix(of).T for of, one in fits.items()]
    found.append(values({"rounds:purchase_days": buying.mean, "rounds:worth": buying.worth_rounds}))
    doubts = buying.model.estimate.doubts + spending.estimate.doubts
    return Candidate.of(Lifetime(buying, spending), pd.concat(found).rename_axis("parameter"), doubts=doubts)


def lifetime(name: str, known: Panel, settings: Value) -> Candidate:
    """Return a model of buying until a member stops, times Gamma-Gamma spend, fitted at the panel's last cut-off.

    Each is fitted once a panel and cut-off. Raises DataError where one of them cannot be fitted.
    """
    rich, strength = name.endswith("_covariates"), settings.penalizer
    covariates, amounts = (tuple(settings.covariates), EveryPurchase) if rich else ((), GammaGamma)
    buying = known.once((name, covariates, strength), lambda now: LIFETIME[name].fit(now, covariates, strength))
    spending = known.once((amounts.__name__, strength), lambda now: amounts.fit(now, strength))
    tables = [model.estimate.table(settings.confidence) for model in (buying, spending)]
    return Candidate.of(
        Lifetime(buying, spending),
        pd.concat(tables)[["value", "low", "high"]].rename_axis("parameter"),
        buying=buying,
        spending=spending,
        doubts=buying.estimate.doubts + spending.estimate.doubts,
    )


def _every_purchase(features: pd.DataFrame) -> pd.DataFrame:
    """Return `features` as if every purchase day were a repeat: their number, and their mean spend."""
    repeats, days = features["frequency"], features["purchase_days"]
    total = features["repeat_spend_mean"].fillna(0) * repeats + features["first_spend"]
    return features.assign(frequency=days, repeat_spend_mean=total / days.where(days > 0))
