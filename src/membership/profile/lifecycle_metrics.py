"""The metrics of stage `lifecycle`."""

import pandas as pd

from membership.base.member_schemas import STAGES


def metrics(
    stage: pd.Series, rules: pd.DataFrame, steps: pd.DataFrame, rates: pd.DataFrame, pooled: pd.DataFrame
) -> dict[str, float]:
    """Return the metrics of the current `stage` (by member_id) and of how members move and come back.

    `rules`: `lifecycle.compare_rules`; `steps`: `moves.intervals` of stages; `rates`: `repurchase.rates` by stage at
    the start of follow-up; `pooled`: `repurchase.pooled`. What is not known is left out, except the rates of moves.
    """
    last, settled = rules.iloc[-1], rules[~rules["startup"]]
    members, share = rates["members"].sum(), stage.value_counts(normalize=True)
    moved = steps.set_index(["from", "to"])
    known = {
        "p_alive_believed_months": int(settled["believed"].sum()),
        "p_alive_doubted_back": last["back"],
        "p_alive_doubted_expected": last["expected"],
        "rules_disagree": last["disagree"],
        "repurchase_at_origin": (rates["rate"] * rates["members"]).sum() / members if members else float("nan"),
        **{f"repurchase_{name}": rates["rate"].get(name, float("nan")) for name in STAGES if name != "prospect"},
        "loyal_stay_low": moved.loc[("loyal", "loyal"), "low"],
        "loyal_stay_high": moved.loc[("loyal", "loyal"), "high"],
        "retention_month_1": pooled["share"].iloc[0] if len(pooled) else float("nan"),
    }
    return {
        **{f"stage_share_{name}": float(share.get(name, 0.0)) for name in STAGES},
        "loyal_stay_rate": float(moved.loc[("loyal", "loyal"), "share"]),
        "lapsed_return_rate": float(1 - moved.loc[("lapsed", "lapsed"), "share"]),
        **{name: float(number) for name, number in known.items() if pd.notna(number)},
    }
