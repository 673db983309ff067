"""The metrics of stage `lifecycle`."""

import pandas as pd

from membership.base.member_schemas import STAGES


def metrics(
    stage: pd.Series, separated: pd.DataFrame, steps: pd.DataFrame, rates: pd.DataFrame, pooled: pd.DataFrame
) -> dict[str, float]:
    """Return the metrics of the current `stage` (by member_id) and of how members move and come back.

    `separated`: `lifecycle.separation`, of which the means over months are shown; `steps`: `moves.intervals` of stages;
    `rates`: `repurchase.rates` by stage at the start of follow-up; `pooled`: `repurchase.pooled`. What is not known is
    left out, except the rates of moves.
    """
    members, share = rates["members"].sum(), stage.value_counts(normalize=True)
    moved, mean = steps.set_index(["from", "to"]), separated.mean()
    known = {
        "stage_auc": mean["auc"],
        "chance_auc": mean["auc_chance"],
        **{f"ordered_{name}": mean[name] for name in STAGES},
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


def sizes(stage: pd.Series, steps: pd.DataFrame, rates: pd.DataFrame) -> list[dict[str, float | None]]:
    """Return how many members the `metrics` of single stages tell of: metric -> members, of the same arguments."""
    counts, moved = stage.value_counts(), steps.groupby("from")["members"].first()
    return [
        {f"stage_share_{name}": counts.get(name, 0) for name in STAGES},
        {f"repurchase_{name}": rates["members"].get(name, 0) for name in STAGES},
        dict.fromkeys(("loyal_stay_rate", "loyal_stay_low", "loyal_stay_high"), moved.get("loyal")),
        {"lapsed_return_rate": moved.get("lapsed")},
    ]
