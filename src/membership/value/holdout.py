"""What the holdout shows of the candidates, and the metrics of the stage. It is opened here, once, only to judge."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.base.member_schemas import GROUPS
from membership.settings.value import Value
from membership.value import validate
from membership.value.choose import Choice
from membership.value.origins import Fitted
from membership.value.panel import OUTCOMES
from membership.value.rfm_segments import NEVER

_SHOWN = ("rmse", "gini")  # metrics that the best naive rule is shown by beside the chosen candidate


@dataclass(frozen=True)
class Holdout:
    """What members did in the holdout, and what every candidate, fitted before it, predicted."""

    days: int
    actual: pd.DataFrame  # members; columns `OUTCOMES`
    orders: pd.DataFrame  # predicted purchase days; members, candidates
    spend: pd.DataFrame  # predicted cents

    @classmethod
    def of(cls, fitted: Fitted, known: pd.DataFrame, features: pd.DataFrame, end: date) -> "Holdout":
        """Predict from the features `known` to `end`; `features` is the table of that name, with rows as of `end`."""
        days = (end - fitted.origin).days
        did = validate.between(known, validate.at(features, end)).rename(columns={"purchase_days": "orders"})
        return cls(days, did, *(fitted.predict(what, known, days) for what in ("orders", "spend")))

    @property
    def compared(self) -> pd.DataFrame:
        """Every metric of `validate.compare`, `orders_` or `spend_` before it (columns), of every candidate."""
        tables = [validate.compare(self.actual[what], getattr(self, what)).add_prefix(f"{what}_") for what in OUTCOMES]
        return pd.concat(tables, axis=1)

    def gain(self, what: str, choice: Choice, settings: Value, rng: np.random.Generator) -> dict[str, float]:
        """Return `gain`, `gain_low`, `gain_high`: the RMSE of the chosen one over that of the best naive rule, less 1.

        Below 0 the chosen one is better; 0 where it is that rule. The interval is a paired bootstrap over members.
        """
        naive, ends = choice.naive, ("gain", "gain_low", "gain_high")
        if naive in (None, choice.name):
            return dict.fromkeys(ends, 0.0)
        both = getattr(self, what)[[choice.name, naive]]
        drawn = (settings.bootstrap, settings.confidence, rng)
        row = validate.differences(self.actual[what], both, naive, ["rmse"], *drawn).loc[("rmse", choice.name)]
        return dict(zip(ends, (row[["difference", "low", "high"]] / row["reference"]).astype(float), strict=True))


def metrics(
    value: pd.DataFrame,
    choice: Choice,
    held: Holdout,
    covered: pd.DataFrame,
    covered_ahead: float | None,
    settings: Value,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the metrics of the stage: those of the chosen candidate; `_naive`: of the best naive rule.

    `covered` is the result of `diagnostics.coverage` in the holdout; `covered_ahead` is `horizon.Interval.share`.
    """
    compared, naive = held.compared, choice.naive or choice.name
    found = totals(value)
    for what in ("spend", "orders"):
        found |= {f"holdout_{what}_{name}": number for name, number in held.gain(what, choice, settings, rng).items()}
        found |= {f"holdout_{what}_{name}_naive": float(compared.loc[naive, f"{what}_{name}"]) for name in _SHOWN}
    found |= {f"holdout_{name}": float(number) for name, number in compared.loc[choice.name].items()}
    found |= {f"validation_{name}": float(number) for name, number in choice.table.loc[choice.name].items()}
    found["interval_coverage_horizon"] = covered_ahead
    found["interval_coverage_holdout"] = float(np.average(covered["within"], weights=covered["members"]))
    return found | came_back(value, held.actual["orders"] > 0)


def runs(choice: Choice, held: Holdout) -> pd.DataFrame:
    """Return the metrics of every candidate (rows), named like those of the stage, for MLflow to compare."""
    return pd.concat([choice.table.add_prefix("validation_"), held.compared.add_prefix("holdout_")], axis=1)


def totals(value: pd.DataFrame) -> dict[str, float]:
    """Return the members, their total value, the share of the high-value ones, how many of these may be gone."""
    total, high = float(value["value"].sum()), value["value_group"].isin(GROUPS[:2])
    return {
        "members": len(value),
        "total_value": total,
        "high_value_share_of_value": float(value.loc[high, "value"].sum()) / total if total else 0.0,
        "high_value_may_be_gone": int((value["value_group"] == GROUPS[1]).sum()),
        "total_residual_value": float(value["residual_value"].sum()),
    }


def sizes(value: pd.DataFrame, judged: pd.Index) -> list[dict[str, int]]:
    """Return how many members the `metrics` of those who may be gone tell of: metric -> members; `judged` are ids."""
    may, judged = value["value_group"].str.endswith("may be gone"), value["member_id"].isin(judged)
    gone = int((may & judged & (value["rfm_segment"] != NEVER)).sum())
    high = int((value["value_group"] == GROUPS[1]).sum())
    told = ("may_be_gone_came_back", "may_be_gone_p_horizon")
    return [{"high_value_may_be_gone": high}, *({name: gone} for name in told)]


def came_back(value: pd.DataFrame, again: pd.Series) -> dict[str, float]:
    """Return `may_be_gone_came_back` and `others_came_back`, the shares of buyers who bought `again` (by member).

    And `may_be_gone_p_horizon`, their mean chance of an order within the horizon, which is longer than the holdout. 0
    where there are none.
    """
    by_member = value.set_index("member_id").reindex(again.index)  # of all, those who are judged on
    bought = by_member["rfm_segment"] != NEVER
    risk = by_member["value_group"].str.endswith("may be gone")
    parts = {
        "may_be_gone_came_back": again[risk & bought],
        "may_be_gone_p_horizon": by_member.loc[risk & bought, "p_horizon"],
        "others_came_back": again[~risk & bought],
    }
    return {name: float(part.mean()) if len(part) else 0.0 for name, part in parts.items()}
