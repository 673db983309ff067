"""What to do in each lifecycle stage, and what is known of its members."""

import pandas as pd

from membership.base.member_schemas import STAGES
from membership.settings.lifecycle import Strategy


def table(
    stage: pd.Series, value: pd.DataFrame, moves: pd.DataFrame, rates: pd.DataFrame, settings: Strategy
) -> pd.DataFrame:
    """Return one row for each stage, in the order of a membership, with its numbers and what to do.

    `stage`: member_id -> stage; `value`: table value; `moves`: `moves.intervals` of stages; `rates`:
    `repurchase.rates` by stage at the start of follow-up. Columns, index stage: members; share; value (cents of margin
    over the horizon: what is at stake); mean_value (cents); repurchase_rate, low, high (of the members in the stage at
    the start of follow-up); stays (share in the same stage a month later); next (the most likely other stage, a tie
    goes to the earlier one; "" where nobody moves) and next_share; goal, action, watch. Null where nobody is, or was,
    in the stage.
    """
    worth = value.set_index("member_id")["value"].reindex(stage.index).groupby(stage)
    share = moves.set_index(["from", "to"])["share"].unstack().reindex(index=list(STAGES), columns=list(STAGES))  # noqa: PD010
    stays = pd.Series({name: share.loc[name, name] for name in STAGES})
    others = share.where(share.index.to_numpy()[:, None] != share.columns.to_numpy()[None, :])
    moving = others.max(axis=1) > 0
    back = rates.reindex(list(STAGES))
    counts = stage.value_counts().reindex(list(STAGES), fill_value=0)
    found = pd.DataFrame(
        {
            "members": counts,
            "share": counts / max(len(stage), 1),
            "value": worth.sum(),
            "mean_value": worth.mean(),
            "repurchase_rate": back["rate"],
            "low": back["low"],
            "high": back["high"],
            "stays": stays,
            "next": others[moving].idxmax(axis=1),
            "next_share": others.max(axis=1),
            **{name: pd.Series(settings.column(name)) for name in ("goal", "action", "watch")},
        },
        index=pd.Index(STAGES, name="stage"),
    )
    return found.fillna({"value": 0.0, "next": ""})


def slipping(strategy: pd.DataFrame) -> float:
    """Return the share of all value that lies with members at risk or lapsed (`table`); NaN where there is none."""
    total = strategy["value"].sum()
    return strategy.loc[["at_risk", "lapsed"], "value"].sum() / total if total > 0 else float("nan")
