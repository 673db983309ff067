"""What each member is worth: every candidate's prediction, and the table `value` from the one that was chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from membership.base.knobs import Economics, Value
from membership.value import rfm
from membership.value.clv import BgNbd, GammaGamma
from membership.value.rfm import Rfm
from membership.value.validate import ErrorBand

NAMES = {
    "zero": "nothing",
    "mean": "the same for everybody",
    "same_rate": "the member's own rate so far",
    "recent_rate": "the member's own rate of the last 90 days",
    "rfm": "the weighted RFM model",
    "bgnbd": "BG/NBD with Gamma-Gamma",
}
NAIVE = ("same_rate", "recent_rate")  # rules without a fit that tell members apart
MODELS = ("rfm", "bgnbd")
_YEAR = 365.0  # days
_RARE = 0.01  # share stopping after a purchase below which churn is hardly seen in the data


@dataclass(frozen=True)
class Models:
    """All candidates, fitted on what was known at one cut-off."""

    rfm: Rfm
    orders: BgNbd
    spend: GammaGamma
    mean: float  # cents a member and day in the last window

    def predict_spend(self, features: pd.DataFrame, days: int) -> pd.DataFrame:
        """Return spend in cents over `days` after the cut-off of `features`: one row a member, one column a candidate.

        The naive ones are `zero`, `mean`, and each member's own rate: `same_rate` since the first purchase,
        `recent_rate` in the last 90 days.
        """
        orders = self.orders.expected_purchases(features, days)
        columns = {
            "zero": 0.0,
            "mean": self.mean * days,
            "same_rate": _rate(features["spend"], features["age_days"], days),
            "recent_rate": features["spend_90d"].clip(lower=0) / 90 * days,
            "rfm": self.rfm.predict(features, days),
            "bgnbd": orders * self.spend.expected_spend(features),
        }
        return pd.DataFrame(columns, index=features.index)

    def predict_orders(self, features: pd.DataFrame, days: int) -> pd.DataFrame:
        """Return purchase days within `days` after the cut-off, by BG/NBD and by the naive `zero` and `same_rate`."""
        columns = {
            "zero": 0.0,
            "same_rate": _rate(features["purchase_days"], features["age_days"], days),
            "bgnbd": self.orders.expected_purchases(features, days),
        }
        return pd.DataFrame(columns, index=features.index)

    def in_words(self) -> pd.DataFrame:
        """Return what BG/NBD and Gamma-Gamma say of the average member: `value`, one row a statement."""
        orders, spend = self.orders, self.spend
        said = {
            "days between purchase days, while a customer": orders.alpha_days / orders.r,
            "chance of stopping for good after a purchase": orders.a / (orders.a + orders.b),
            "spend on a purchase day, in cents": spend.p * spend.gamma / (spend.q - 1),
            "correlation of how often and how much": spend.correlation,
        }
        return pd.DataFrame({"value": said})

    def parameters(self) -> dict:
        """Return every fitted number, ready for JSON."""
        weights = {
            name: getattr(value, "tolist", lambda value=value: value)() for name, value in asdict(self.rfm).items()
        }
        return {"rfm": weights, "bgnbd": asdict(self.orders), "gamma_gamma": asdict(self.spend), "mean": self.mean}


def fit(before: pd.DataFrame, now: pd.DataFrame, days: int, settings: Value) -> Models:
    """Fit every candidate on what is known `now`; `before` are the features `days` earlier.

    The RFM weights are learned from `before` to the spend of the `days` up to now; BG/NBD and Gamma-Gamma from the
    histories up to now. Raises DataError where one cannot be fitted.
    """
    spend = now["spend"] - before["spend"].reindex(now.index)
    return Models(
        rfm.fit(before, spend, days, settings.clip_share),
        BgNbd.fit(now, settings.penalizer),
        GammaGamma.fit(now, settings.penalizer),
        float(max(spend.mean(), 0) / days),
    )


def table(
    models: Models, chosen: str, band: ErrorBand, features: pd.DataFrame, settings: Value, economics: Economics
) -> pd.DataFrame:
    """Return table `value` for every member of `features`.

    Value is the margin on the spend that `chosen` expects over the horizon, discounted as if spread evenly. Who has
    never bought is expected to buy nothing, and has 0 for all but the upper end of the interval.
    """
    days = settings.horizon_days
    spend = models.predict_spend(features, days)
    bounds = band.around(spend[chosen], days)
    worth = economics.margin_rate * discount_factor(days, economics.discount_rate)
    scored = rfm.segments(features).assign(
        rfm_value=spend["rfm"],
        p_alive=models.orders.p_alive(features),
        expected_orders=models.orders.expected_purchases(features, days),
        expected_spend=spend[chosen],
        value=worth * spend[chosen],
        value_low=worth * bounds["low"],
        value_high=worth * bounds["high"],
        p_repurchase=models.orders.p_purchase(features, economics.repurchase_days),
    )
    return scored.reset_index()


def discount_factor(days: int, yearly_rate: float) -> float:
    """Return what a cent is worth today, on average, if it comes evenly spread over the next `days`."""
    force = np.log1p(yearly_rate) * days / _YEAR
    return float(-np.expm1(-force) / force) if force > 0 else 1.0


def summary(value: pd.DataFrame, settings: Value) -> dict[str, float]:
    """Return `members`, `total_value`, `high_value_share_of_value` and `high_value_at_risk` (members), in cents.

    High value are the `high_value_share` of members who are worth most; at risk, those of them whose P(alive) is below
    `at_risk_p_alive`.
    """
    ordered = value.sort_values(["value", "member_id"], ascending=[False, True])
    high = ordered.head(round(settings.high_value_share * len(ordered)))
    total = float(value["value"].sum())
    return {
        "members": len(value),
        "total_value": total,
        "high_value_share_of_value": float(high["value"].sum()) / total if total else 0.0,
        "high_value_at_risk": int((high["p_alive"] < settings.at_risk_p_alive).sum()),
    }


def by_segment(value: pd.DataFrame) -> pd.DataFrame:
    """Return `members`, mean `value`, mean `p_alive` and `share_of_value` of each RFM segment, most valuable first."""
    grouped = value.groupby("rfm_segment")
    rows = grouped.agg(members=("value", "size"), value=("value", "mean"), p_alive=("p_alive", "mean"))
    total = value["value"].sum()
    rows["share_of_value"] = grouped["value"].sum() / total if total else 0.0
    return rows.sort_values(["value"], ascending=False, kind="stable")


def concentration(value: pd.DataFrame) -> pd.DataFrame:
    """Return `share_of_members` and `share_of_value`, cumulated from the member who is worth most; starts at (0, 0)."""
    ordered = np.sort(value["value"].to_numpy())[::-1]
    cumulated = np.concatenate([[0.0], np.cumsum(ordered)])
    total = cumulated[-1] if cumulated[-1] > 0 else 1.0
    return pd.DataFrame(
        {"share_of_members": np.arange(len(cumulated)) / len(ordered), "share_of_value": cumulated / total}
    )


def conclusion(metrics: Mapping[str, float], chosen: str, rivals: tuple, models: Models, settings: Value) -> str:
    """Return, as Markdown, what the numbers say of the members' worth and of how far to believe it.

    `rivals` are the best model and the best naive rule on the validation window, between which the gain was measured.
    """
    model, naive = (NAMES[name] for name in rivals)
    unsure = metrics["holdout_gain_low"] <= 0 <= metrics["holdout_gain_high"]
    weights = ", ".join(f"{part} {weight:.0%}" for part, weight in zip(rfm.PARTS, models.rfm.weights, strict=True))
    stop = models.orders.a / (models.orders.a + models.orders.b)
    lines = [
        f"**{metrics['members']:,.0f} members are worth {metrics['total_value'] / 100:,.0f} in margin over the next "
        f"{settings.horizon_days} days**; the best {settings.high_value_share:.0%} of them hold "
        f"{metrics['high_value_share_of_value']:.0%} of it, and {metrics['high_value_at_risk']:.0f} of the best have a "
        f"P(alive) below {settings.at_risk_p_alive:g}.",
        f"Spend is predicted by **{NAMES[chosen]}**, the best on the validation window by its {settings.choose_by}. "
        f"On the holdout its total is {metrics['holdout_spend_bias']:+.1%} off.",
        f"Is a model worth having? On the holdout the RMSE of {model} is {abs(metrics['holdout_gain']):.1%} "
        f"{'smaller' if metrics['holdout_gain'] > 0 else 'larger'} than that of {naive} (interval of the reduction "
        f"{metrics['holdout_gain_low']:.1%} to {metrics['holdout_gain_high']:.1%}"
        f"{'; they cannot be told apart' if unsure else ''}).",
        f"Weights of the RFM model: {weights}.",
        f"{metrics['interval_coverage']:.1%} of members spent within their interval, which promises "
        f"{settings.confidence:.0%}. It says how far one member may be off, not the sum of all.",
        f"P(repurchase) has a Brier score of {metrics['brier_repurchase']:.3f}; the same chance for everybody would "
        f"have {metrics['brier_repurchase_naive']:.3f}.",
        f"BG/NBD expects {stop:.2%} of members to stop for good after a purchase. "
        + ("That is next to nobody: P(alive) only flags who fell silent." if stop < _RARE else ""),
    ]
    notes = [note for note in (models.orders.note, models.spend.note) if note]
    return "\n".join(f"- {line}" for line in lines + notes)


def _rate(total: pd.Series, age: pd.Series, days: int) -> np.ndarray:
    """Return `total` a day since the first purchase, over `days`; what is younger counts as one horizon old."""
    return total.clip(lower=0).to_numpy(float) / np.maximum(age.to_numpy(float), days) * days
