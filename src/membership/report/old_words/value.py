"""What `30_value` says in the end: whom to compare, parameters and their drift, metrics, and a conclusion in words."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from membership.base.member_schemas import GROUPS
from membership.lifetimes import search
from membership.settings.value import Value
from membership.value import checks
from membership.value.candidates import NAIVE, NAMES, SAY_NOTHING
from membership.value.choose import Choice
from membership.value.origins import Fitted, Rolled
from membership.value.segments import NEVER
from membership.value.validate import differences


def listed(lines: Iterable[str]) -> str:
    """Return `lines` as a Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def contenders(choice: Choice, fitted: Fitted) -> list[str]:
    """Return the few candidates a figure can show: the chosen one, the best lifetime model, the best naive rule."""
    names = dict.fromkeys(name for name in (choice.name, choice.lifetime, best_naive(choice)) if name)
    return [name for name in names if name in fitted.candidates]


def best_naive(choice: Choice) -> str | None:
    """Return the naive rule with the best mean rank, of those that tell members apart."""
    return next((name for name in choice.table.index if name in NAIVE and name not in SAY_NOTHING), None)


def buying(fitted: Fitted, choice: Choice):
    """Return the best lifetime model as of the last cut-off; None where all of them refused the data."""
    return fitted.candidates[choice.lifetime].buying if choice.lifetime in fitted.candidates else None


def lifetime_parameters(fitted: Fitted, choice: Choice, features: pd.DataFrame, settings: Value) -> pd.DataFrame:
    """Return the parameters of the best lifetime model and of its Gamma-Gamma, with profile-likelihood intervals.

    Columns: `value`, `standard_error`, `low`, `high`; rows: names with units. Without a lifetime model there are none.
    """
    model = buying(fitted, choice)
    if model is None:
        return pd.DataFrame(columns=["value", "standard_error", "low", "high"])
    spending = fitted.candidates[choice.lifetime].spending
    problems = (model.problem(features, model.scale.names), spending.problem(features))
    estimates = (model.estimate, spending.estimate)
    tables = [search.profile(*both, settings.confidence) for both in zip(problems, estimates, strict=True)]
    return pd.concat(tables)


def drift(rolled: Rolled, choice: Choice) -> pd.DataFrame:
    """Return `checks.drift` of the best lifetime model; no rows without one."""
    return checks.drift(rolled.parameters[rolled.parameters["candidate"] == choice.lifetime])


def gains(
    actual: pd.Series, predictions: pd.DataFrame, choice: Choice, settings: Value, rng: np.random.Generator
) -> dict[str, float]:
    """Return `gain`, `gain_low`, `gain_high`: the RMSE of the chosen one over that of the best naive rule, less 1.

    Below 0 the chosen one is better; 0 where it is that rule. The interval is a paired bootstrap over members.
    """
    naive, ends = best_naive(choice), ("gain", "gain_low", "gain_high")
    if naive in (None, choice.name):
        return dict.fromkeys(ends, 0.0)
    both = predictions[[choice.name, naive]]
    found = differences(actual, both, naive, ["rmse"], settings.bootstrap, settings.confidence, rng)
    row = found.loc[("rmse", choice.name)]
    return dict(zip(ends, (row[["difference", "low", "high"]] / row["reference"]).astype(float), strict=True))


def came_back(value: pd.DataFrame, again: pd.Series) -> dict[str, float]:
    """Return `at_risk_came_back` and `others_came_back`, the shares of buyers who bought `again` (by member).

    And `at_risk_p_alive`, the mean chance of those at risk: who is gone does not buy, so that a share above it says
    that P(alive) is too low. 0 where there are none.
    """
    by_member = value.set_index("member_id")
    bought = by_member["rfm_segment"] != NEVER
    risk = by_member["value_group"].str.endswith("at risk")
    parts = {
        "at_risk_came_back": again[risk & bought],
        "at_risk_p_alive": by_member.loc[risk & bought, "p_alive"],
        "others_came_back": again[~risk & bought],
    }
    return {name: float(part.mean()) if len(part) else 0.0 for name, part in parts.items()}


def metrics(
    value: pd.DataFrame,
    choice: Choice,
    judged: Mapping[str, pd.DataFrame],
    gained: Mapping[str, Mapping[str, float]],
    brier: pd.DataFrame,
    covered: pd.DataFrame,
) -> dict[str, float]:
    """Return the metrics of the stage: flat names and numbers.

    `judged` and `gained`: `validate.compare` and `gains` on the holdout by outcome ("spend", "orders"); `brier` and
    `covered`: the results of `checks.brier` for p_repurchase and of `checks.coverage`.
    """
    found = totals(value)
    for what, table in judged.items():
        found |= {f"holdout_{what}_{name}": float(number) for name, number in table.loc[choice.name].items()}
        found |= {f"holdout_{what}_{name}": number for name, number in gained[what].items()}
        for metric, column in table[["rmse", "gini"]].items():
            found |= {f"holdout_{what}_{metric}_{name}": float(number) for name, number in column.items()}
    found |= {f"validation_{name}": float(number) for name, number in choice.table.loc[choice.name].items()}
    found["interval_coverage"] = float(np.average(covered["within"], weights=covered["members"]))
    found["brier_repurchase"] = float(brier.loc["p_repurchase", "brier"])
    found["brier_repurchase_naive"] = float(brier.loc["p_repurchase", "constant"])
    return found


def totals(value: pd.DataFrame) -> dict[str, float]:
    """Return `members`, `total_value`, `high_value_share_of_value`, `high_value_at_risk` (members) and the residual."""
    total, high = float(value["value"].sum()), value["value_group"].isin(GROUPS[:2])
    return {
        "members": len(value),
        "total_value": total,
        "high_value_share_of_value": float(value.loc[high, "value"].sum()) / total if total else 0.0,
        "high_value_at_risk": int((value["value_group"] == GROUPS[1]).sum()),
        "total_residual_value": float(value["residual_value"].sum()),
    }


def conclusion(found: Mapping[str, float], choice: Choice, fitted: Fitted, settings: Value, *remarks: str) -> str:
    """Return, as Markdown, what the numbers say of the members' worth and of how far to believe it.

    `found` are those of `metrics` and `came_back`; `remarks` what else is to be known, empty ones left out.
    """
    lines = [
        f"**{found['members']:,.0f} members are worth {found['total_value'] / 100:,.0f} in margin over the next "
        f"{settings.horizon_days} days**, and {found['total_residual_value'] / 100:,.0f} over "
        f"{settings.lifetime_days:,} days; the best {settings.high_value_share:.0%} of them hold "
        f"{found['high_value_share_of_value']:.0%} of it, and {found['high_value_at_risk']:.0f} of the best have a "
        f"P(alive) below {settings.at_risk_p_alive:g}.",
        *choice.reasons,
        f"On the holdout its total of spend is {found['holdout_spend_bias']:+.1%} off. Against the best naive rule, "
        f"its RMSE of spend is {_gained(found, 'spend')}, that of purchase days {_gained(found, 'orders')}.",
        f"{found['interval_coverage']:.1%} of members spent within their interval, which promises "
        f"{settings.confidence:.0%}. It says how far one member may be off, not the sum of all.",
        f"P(repurchase) has a Brier score of {found['brier_repurchase']:.3f}; the same chance for everybody would "
        f"have {found['brier_repurchase_naive']:.3f}.",
        *_alive(found, choice, fitted, settings),
    ]
    return listed(line for line in [*lines, *remarks] if line)


def _gained(found: Mapping[str, float], what: str) -> str:
    share, low, high = (found[f"holdout_{what}_{name}"] for name in ("gain", "gain_low", "gain_high"))
    unsure = "; they cannot be told apart" if low <= 0 <= high else ""
    return f"{abs(share):.1%} {'smaller' if share < 0 else 'larger'} (interval {low:+.1%} to {high:+.1%}{unsure})"


def _alive(found: Mapping[str, float], choice: Choice, fitted: Fitted, settings: Value) -> list[str]:
    """Return what there is to say of P(alive)."""
    if choice.lifetime not in fitted.candidates:
        return ["No lifetime model could be fitted: every member who has bought counts as alive."]
    back, chance, others = (found[name] for name in ("at_risk_came_back", "at_risk_p_alive", "others_came_back"))
    return [
        f"P(alive) and residual value are those of {NAMES[choice.lifetime]}. Buyers with a P(alive) below "
        f"{settings.at_risk_p_alive:g} have one of {chance:.0%} on average, and {back:.0%} of them bought again in the "
        f"holdout{', so that it is too low for them' if back > chance else ''}; of the others {others:.0%} did.",
        *fitted.candidates[choice.lifetime].notes,
    ]
