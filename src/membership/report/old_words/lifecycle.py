"""What the lifecycle part reports: which rule decides, who comes back, in numbers and in words made from them."""

import pandas as pd

from membership.base.member_schemas import STAGES
from membership.profile.repurchase import FEWEST


def metrics(
    agreement: pd.DataFrame, steps: pd.DataFrame, rates: pd.DataFrame, pooled: pd.DataFrame
) -> dict[str, float]:
    """Return the metrics of the lifecycle.

    `agreement`: `lifecycle.agreement`; `steps`: `moves.intervals` of stages; `rates`: `repurchase.rates` by stage at
    the origin; `pooled`: `repurchase.pooled`.
    """
    last, settled = agreement.iloc[-1], agreement[~agreement["startup"]]
    members = rates["members"].sum()
    share = steps.set_index(["from", "to"])
    found = {
        "p_alive_believed_months": int(settled["believed"].sum()),
        "p_alive_doubted_back": last["back"],
        "p_alive_doubted_expected": last["expected"],
        "rules_disagree": last["disagree"],
        "repurchase_at_origin": (rates["rate"] * rates["members"]).sum() / members if members else float("nan"),
        **{f"repurchase_{stage}": rates["rate"].get(stage, float("nan")) for stage in STAGES if stage != "prospect"},
        "loyal_stay_low": share["low"].get(("loyal", "loyal"), float("nan")),
        "loyal_stay_high": share["high"].get(("loyal", "loyal"), float("nan")),
        "retention_month_1": pooled["share"].iloc[0] if len(pooled) else float("nan"),
    }
    return {name: float(number) for name, number in found.items() if pd.notna(number)}


def belief(agreement: pd.DataFrame, confidence: float) -> str:
    """Say in words whether P(alive) is to be believed, how often the two rules disagree, and which one decides.

    `confidence` is that of the test whether anybody stops.
    """
    settled = agreement[~agreement["startup"]]
    if settled.empty:
        return "History is shorter than the longest time that a rule looks back: every month is a start-up."
    believed, last = int(settled["believed"].sum()), settled.iloc[-1]
    words = [f"P(alive) is believed in **{believed} of {len(settled)} months** after the start-up."]
    if last["p_value"] >= 1 - confidence:
        words.append(
            "As of the last one the data do not tell that anybody stops: P(alive) lies on a flat ridge and says little."
        )
    elif pd.notna(last["back"]):
        words.append(
            f"Of {last['doubted']:,.0f} members whom it doubted one start-up before the last month, "
            f"**{last['back']:.0%} have bought since**; by their mean P(alive), {last['expected']:.0%} of "
            "them were alive at all."
        )
    else:
        words.append(f"It doubted {last['doubted']:,.0f} members before: too few to test it.")
    if pd.notna(last["disagree"]):
        words.append(
            f"In the last month the two rules disagree over **{last['disagree']:.1%}** of the buyers: the rhythm calls "
            f"{last['rhythm_silent']:.1%} at risk or lapsed, P(alive) {last['p_alive_silent']:.1%}."
        )
    words.append(
        "There the two decide together." if last["believed"] else "There the member's own rhythm decides alone."
    )
    return " ".join(words)


def conclusion(strategy: pd.DataFrame, rates: pd.DataFrame, p_stage: float, days: int, confidence: float) -> str:
    """Say in words who comes back within `days` and how much is at stake.

    `strategy`: `strategy.table`; `rates`: `repurchase.rates` by stage at the origin, of which small ones are left out;
    `p_stage`: `repurchase.difference` of the stages, called a difference below 1 - `confidence`.
    """
    known = rates[rates["members"] >= FEWEST].sort_values("rate")
    words = []
    if len(known) > 1:
        low, high = known.iloc[0], known.iloc[-1]
        differ = "differ" if p_stage < 1 - confidence else "are not shown to differ"
        words.append(
            f"Stages as of the origin {differ} in how soon members came back: within {days} days "
            f"**{high['rate']:.0%}** of the {_words(known.index[-1])}, **{low['rate']:.0%}** of the "
            f"{_words(known.index[0])}."
        )
    slipping = strategy.loc[["at_risk", "lapsed"], "value"].sum()
    total = strategy["value"].sum()
    if total > 0:
        words.append(f"**{slipping / total:.0%}** of the value over the horizon is at risk or lapsed.")
    return " ".join(words)


def _words(stage: str) -> str:
    return stage.replace("_", " ")
