"""What each member is worth: table `value`, from the chosen candidate and the best lifetime model."""

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from membership.base import batches, seeds
from membership.base.member_schemas import GROUPS
from membership.lifetimes import renewals
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.histories import Scale
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.rounds import BgBb
from membership.lifetimes.spend import GammaGamma
from membership.settings.economics import Economics
from membership.settings.value import Value
from membership.stats.forest import Forest
from membership.value import learned, lifetime, rules
from membership.value.candidate_models import EveryPurchase
from membership.value.choose import Choice
from membership.value.opportunities import Opportunities
from membership.value.origins import Fitted, Rolled
from membership.value.panel import outcome
from membership.value.rfm import Rfm
from membership.value.rfm_segments import NEVER, segments
from membership.value.rules import Lifetime, Rule
from membership.value.validate import ErrorBand
from membership.value.ziln import Ziln

_YEAR = 365.0  # days
_DIGITS = 6  # after the point, of cents
_TINY = 1e-12  # of a chance


def band(rolled: Rolled, choice: Choice, days: int, settings: Value) -> ErrorBand:
    """Return how far the chosen candidate was off at all judged origins, `days` ahead, without having seen them."""
    actual, predicted = outcome(rolled.judged, "spend")
    return ErrorBand.fit(actual, predicted[choice.name], days, settings.confidence)


@dataclass(frozen=True)
class Worth:
    """What is known of members in general that a forecast for one of them takes: the chosen rule and its errors."""

    chosen: Rule
    errors: ErrorBand
    buying_till_gone: Lifetime | None  # the best lifetime model; None where all of them refused the data

    @classmethod
    def of(cls, fitted: Fitted, choice: Choice, errors: ErrorBand) -> "Worth":
        """Return what was `fitted` and chosen at a cut-off."""
        model = fitted.candidates.get(choice.lifetime)
        return cls(fitted.candidates[choice.name].rule, errors, model.rule if model else None)

    def forecast(
        self, features: pd.DataFrame, chances: pd.DataFrame, settings: Value, economics: Economics
    ) -> pd.DataFrame:
        """Return expected_spend, value, value_low, value_high, p_alive, expected_orders, residual_value and `chances`.

        As in table `value`, indexed like `features`; each row is a function of that row alone. `chances`: p_repurchase
        and p_horizon of the same members. P(alive) is what p_horizon implies where who is alive buys as the lifetime
        model says, so that the residual value rests on a chance that can be observed, and has been.
        """
        days, bought = settings.horizon_days, _pays(features)
        spend = pd.Series(self.chosen.spend(features, days) * bought, features.index)
        worth = economics.margin_rate * discount_factor(days, economics.discount_rate)
        found = pd.DataFrame({"expected_spend": spend, "value": worth * spend})
        found[["value_low", "value_high"]] = worth * self.errors.around(spend, days)[["low", "high"]]
        found = found.join(chances[["p_repurchase", "p_horizon"]])
        if self.buying_till_gone is None:
            return found.join(self._going_on(features, settings, economics).mul(bought, axis=0))
        return found.join(self._buying_till_gone(features, found["p_horizon"], settings, economics).mul(bought, axis=0))

    def _buying_till_gone(
        self, features: pd.DataFrame, p_horizon: pd.Series, settings: Value, economics: Economics
    ) -> pd.DataFrame:
        """Return the columns that a lifetime model fills, its P(alive) corrected."""
        model, said = self.buying_till_gone, self.said_alive(features)
        parts = (model.buying, model.spending, features, economics.discount_rate, settings.lifetime_days)
        buys = np.maximum(model.buying.p_purchase(features, settings.horizon_days), _TINY) / np.maximum(said, _TINY)
        alive = np.minimum(p_horizon.to_numpy() / buys, 1.0)
        return pd.DataFrame(
            {
                "p_alive": alive,
                "expected_orders": model.orders(features, settings.horizon_days),
                "residual_value": economics.margin_rate * lifetime.residual(*parts) * alive / np.maximum(said, _TINY),
            },
            index=features.index,
        )

    def said_alive(self, features: pd.DataFrame) -> np.ndarray:
        """Return the lifetime model's own P(alive), (members,), which nothing rests on."""
        return self.buying_till_gone.buying.p_alive(features)

    def _going_on(self, features: pd.DataFrame, settings: Value, economics: Economics) -> pd.DataFrame:
        """Return the same columns where no lifetime model could be fitted: nobody is known to have stopped."""
        ahead = settings.lifetime_days
        worth = economics.margin_rate * discount_factor(ahead, economics.discount_rate)
        return pd.DataFrame(
            {
                "p_alive": 1.0,
                "expected_orders": self.chosen.orders(features, settings.horizon_days),
                "residual_value": worth * self.chosen.spend(features, ahead),
            },
            index=features.index,
        )


STORED = (  # all that a `Worth` may be made of
    Worth, ErrorBand, rules.SameRate, rules.RecentRate, rules.Constant, rules.Linear, rules.Lifetime, rules.Mixture,
    learned.Corrected, learned.Boosted, learned.Networked, Forest, Ziln, Rfm, BgNbd, MbgNbd, ParetoNbd, GammaGamma,
    EveryPurchase, Scale, rules.Paying, BgBb, Opportunities, *renewals.STORED,
)  # fmt: skip


def table(
    fitted: Fitted, choice: Choice, errors: ErrorBand, features: pd.DataFrame, chances: pd.DataFrame, settings: Value,
    economics: Economics, seed: int, con: ibis.BaseBackend | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return table `value` for every member of `features`, by what was `fitted` at their cut-off.

    Value is the margin on the spend that the chosen candidate expects over the horizon, discounted as if spread evenly;
    its interval is that of `errors`. `chances` (`repurchase.score.chances`) are those of an order. Expected orders and
    the residual lifetime value come from the best lifetime model; where all of them refused the data, every buyer
    counts as alive and goes on as the chosen candidate says. Who has never bought is expected to spend nothing: 0 for
    all but the chances and the upper end of `value`.
    """
    worth, days = Worth.of(fitted, choice, errors), settings.horizon_days
    found = forecasts(worth, features, chances, settings, economics, con)
    rfm = fitted.candidates.get("rfm")
    found.insert(0, "rfm_value", rfm.spend(features, days) if rfm else found["expected_spend"])
    bought = _pays(features)
    bounds = _residual_bounds(worth, found, features, settings, economics, seed)
    return grouped(found.join(bounds.mul(bought, axis=0)), features, settings).reset_index()


def forecasts(
    worth: Worth, features: pd.DataFrame, chances: pd.DataFrame, settings: Value, economics: Economics,
    con: ibis.BaseBackend | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return `Worth.forecast` of any number of members, made of some at a time (`batches.over`)."""
    parts = (features.iloc[block].join(chances) for block in batches.blocks(len(features)))
    return batches.over(parts, lambda block: worth.forecast(block, block, settings, economics), con)


def _pays(features: pd.DataFrame) -> np.ndarray:
    """Return who has bought, or has a contract, and so is expected to spend, (members,)."""
    return (features["age_days"] > 0).to_numpy() | _runs(features)


def _runs(features: pd.DataFrame) -> np.ndarray:
    """Return whether a contract of each member runs, (members,): who is paid up is not gone, however long it lasts."""
    return features["plan"].notna().to_numpy() if "plan" in features else np.zeros(len(features), bool)


def grouped(forecast: pd.DataFrame, features: pd.DataFrame, settings: Value) -> pd.DataFrame:
    """Return `forecast` of all members beside the RFM `segments` of `features`, with value_group as `groups` says."""
    scored = segments(features).join(forecast)
    return scored.assign(value_group=groups(scored, settings, _runs(features)))


def _residual_bounds(
    worth: Worth, found: pd.DataFrame, features: pd.DataFrame, settings: Value, economics: Economics, seed: int
) -> pd.DataFrame:
    """Return residual_low and residual_high of the residual_value and p_alive in `found`.

    They are drawn for all members together, where there is a lifetime model.
    """
    model, ahead = worth.buying_till_gone, settings.lifetime_days
    if model is None:
        spend = pd.Series(worth.chosen.spend(features, ahead), features.index)
        rate = economics.margin_rate * discount_factor(ahead, economics.discount_rate)
        return rate * worth.errors.around(spend, ahead).add_prefix("residual_")
    draw = seeds.rng(seed, "value.residual")
    parts = (model.buying, model.spending, features, economics.discount_rate, ahead)
    drawn = settings.bootstrap, settings.confidence, draw, found["p_alive"].to_numpy()
    bounds = economics.margin_rate * lifetime.interval(*parts, *drawn)
    # where hardly anybody is left a mean lies above nearly all draws: the interval holds it all the same
    residual = found["residual_value"]
    low, high = np.minimum(bounds["low"], residual), np.maximum(bounds["high"], residual)
    return pd.DataFrame({"residual_low": low, "residual_high": high}, index=features.index)


def discount_factor(days: int, yearly_rate: float) -> float:
    """Return what a cent is worth today, on average, if it comes evenly spread over the next `days`."""
    force = np.log1p(yearly_rate) * days / _YEAR
    return float(-np.expm1(-force) / force) if force > 0 else 1.0


def groups(value: pd.DataFrame, settings: Value, runs: np.ndarray | bool = False) -> np.ndarray:
    """Return which of `GROUPS` each member is in, (members,); `value` has value, p_horizon, rfm_segment by member_id.

    High value are the `high_value_share` of all members who are worth most, equals by member id, and more than 0; who
    has bought and has a chance of an order within the horizon below `may_be_gone_chance` may be gone, but not who has a
    contract that `runs`, (members,).
    """
    worth = value["value"].round(_DIGITS).sort_index()  # so that no border depends on last digits
    order = worth.sort_values(ascending=False, kind="stable").index
    best = order[: round(settings.high_value_share * len(order))]
    high = value.index.isin(best) & (value["value"] > 0)
    risk = (value["p_horizon"] < settings.may_be_gone_chance) & (value["rfm_segment"] != NEVER) & ~np.asarray(runs)
    return np.select([high & risk, high, risk], [GROUPS[1], GROUPS[0], GROUPS[2]], GROUPS[3])


def by(value: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return `members`, mean `value`, `p_horizon` and `residual_value`, and `share_of_value` by `column`, best first.

    `column` is rfm_segment or value_group.
    """
    grouped = value.groupby(column)
    rows = grouped[["value", "p_horizon", "residual_value"]].mean()
    rows.insert(0, "members", grouped.size())
    total = value["value"].sum()
    rows["share_of_value"] = grouped["value"].sum() / total if total else 0.0
    return rows.sort_values("value", ascending=False, kind="stable")


def concentration(value: pd.DataFrame) -> pd.DataFrame:
    """Return `share_of_members` and `share_of_value`, cumulated from the member who is worth most; starts at (0, 0)."""
    ordered = np.sort(value["value"].to_numpy())[::-1]
    cumulated = np.concatenate([[0.0], np.cumsum(ordered)])
    total = cumulated[-1] if cumulated[-1] > 0 else 1.0
    members = np.arange(len(cumulated)) / len(ordered)
    return pd.DataFrame({"share_of_members": members, "share_of_value": cumulated / total})


def parameters(fitted: Fitted, choice: Choice) -> dict:
    """Return the choice, mean ranks and every fitted number, ready for JSON; intervals where there are any."""
    numbers = {
        name: {parameter: row.dropna().to_dict() for parameter, row in one.parameters.iterrows()}
        for name, one in fitted.candidates.items()
    }
    named = {"chosen": choice.name, "best_ranked": choice.best_ranked, "lifetime": choice.lifetime}
    return named | {"mean_rank": choice.table["mean_rank"].dropna().to_dict(), "fitted": numbers}
