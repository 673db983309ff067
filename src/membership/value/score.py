"""What each member is worth: the table `value`, from the candidate that was chosen and the best lifetime model."""

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.base.knobs import Economics
from membership.base.member_schemas import GROUPS
from membership.base.value_knobs import Value
from membership.value import lifetime
from membership.value.candidates import Candidate
from membership.value.choose import Choice
from membership.value.origins import Fitted, Rolled
from membership.value.panel import outcome
from membership.value.segments import NEVER, segments
from membership.value.validate import ErrorBand

_YEAR = 365.0  # days


def band(rolled: Rolled, choice: Choice, days: int, settings: Value) -> ErrorBand:
    """Return how far the chosen candidate was off at all judged origins, `days` ahead, without having seen them."""
    actual, predicted = outcome(rolled.judged, "spend")
    return ErrorBand.fit(actual, predicted[choice.name], days, settings.confidence)


def table(
    fitted: Fitted, choice: Choice, errors: ErrorBand, features: pd.DataFrame, settings: Value, economics: Economics,
    seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Return table `value` for every member of `features`, by what was `fitted` at their cut-off.

    Value is the margin on the spend that the chosen candidate expects over the horizon, discounted as if spread evenly;
    its interval is that of `errors`. P(alive), expected orders, P(repurchase) and the residual lifetime value come from
    the best lifetime model; where all of them refused the data, every buyer counts as alive and goes on as the chosen
    candidate says. Who has never bought is expected to buy nothing: 0 for all but the upper end of `value`.
    """
    chosen, days = fitted.candidates[choice.name], settings.horizon_days
    bought = (features["age_days"] > 0).to_numpy()
    spend = pd.Series(chosen.spend(features, days) * bought, features.index)
    worth = economics.margin_rate * discount_factor(days, economics.discount_rate)
    scored = segments(features).assign(
        rfm_value=fitted.candidates["rfm"].spend(features, days) if "rfm" in fitted.candidates else spend,
        expected_spend=spend,
        value=worth * spend,
    )
    scored[["value_low", "value_high"]] = worth * errors.around(spend, days)[["low", "high"]]
    buying = fitted.candidates.get(choice.lifetime)
    if buying is None:
        future = _going_on(chosen, errors, features, settings, economics)
    else:
        future = _buying_till_gone(buying, features, settings, economics, seed)
    scored = scored.join(future.mul(bought, axis=0))
    return scored.assign(value_group=groups(scored, settings)).reset_index()


def _buying_till_gone(
    model: Candidate, features: pd.DataFrame, settings: Value, economics: Economics, seed: int
) -> pd.DataFrame:
    """Return the columns that a lifetime model fills."""
    parts, rate = (model.buying, model.spending, features), economics.discount_rate
    ahead, draw = settings.lifetime_days, seeds.rng(seed, "value.residual")
    worth = lifetime.residual(*parts, rate, ahead)
    bounds = lifetime.interval(*parts, rate, ahead, settings.bootstrap, settings.confidence, draw)
    return pd.DataFrame(
        {
            "p_alive": model.buying.p_alive(features),
            "expected_orders": model.orders(features, settings.horizon_days),
            "p_repurchase": model.buying.p_purchase(features, economics.repurchase_days),
            "residual_value": economics.margin_rate * worth,
            # where hardly anybody is left a mean lies above nearly all draws: the interval holds it all the same
            "residual_low": economics.margin_rate * np.minimum(bounds["low"].to_numpy(), worth),
            "residual_high": economics.margin_rate * np.maximum(bounds["high"].to_numpy(), worth),
        },
        index=features.index,
    )


def _going_on(
    chosen: Candidate, errors: ErrorBand, features: pd.DataFrame, settings: Value, economics: Economics
) -> pd.DataFrame:
    """Return the same columns where no lifetime model could be fitted: nothing tells who has stopped."""
    ahead = settings.lifetime_days
    spend = pd.Series(chosen.spend(features, ahead), features.index)
    bounds = pd.DataFrame({"residual_value": spend}).join(errors.around(spend, ahead).add_prefix("residual_"))
    return (bounds * economics.margin_rate * discount_factor(ahead, economics.discount_rate)).assign(
        p_alive=1.0,
        expected_orders=chosen.orders(features, settings.horizon_days),
        p_repurchase=-np.expm1(-chosen.orders(features, economics.repurchase_days)),
    )


def discount_factor(days: int, yearly_rate: float) -> float:
    """Return what a cent is worth today, on average, if it comes evenly spread over the next `days`."""
    force = np.log1p(yearly_rate) * days / _YEAR
    return float(-np.expm1(-force) / force) if force > 0 else 1.0


def groups(value: pd.DataFrame, settings: Value) -> np.ndarray:
    """Return which of `GROUPS` each member is in, (members,); `value` has value, p_alive, rfm_segment by member_id.

    High value are the `high_value_share` of all members who are worth most, equals by member id, and more than 0; at
    risk is who has bought and has a P(alive) below `at_risk_p_alive`.
    """
    order = value.sort_index().sort_values("value", ascending=False, kind="stable").index
    best = order[: round(settings.high_value_share * len(order))]
    high = value.index.isin(best) & (value["value"] > 0)
    risk = (value["p_alive"] < settings.at_risk_p_alive) & (value["rfm_segment"] != NEVER)
    return np.select([high & risk, high, risk], [GROUPS[1], GROUPS[0], GROUPS[2]], GROUPS[3])


def by(value: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return `members`, mean `value`, `p_alive` and `residual_value`, and `share_of_value` by `column`, best first.

    `column` is rfm_segment or value_group.
    """
    grouped = value.groupby(column)
    rows = grouped[["value", "p_alive", "residual_value"]].mean()
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
    """Return the choice and every fitted number, ready for JSON; intervals where there are any."""
    numbers = {
        name: {parameter: row.dropna().to_dict() for parameter, row in one.parameters.iterrows()}
        for name, one in fitted.candidates.items()
    }
    return {"chosen": choice.name, "lifetime": choice.lifetime, "reasons": list(choice.reasons), "fitted": numbers}
