"""The profile of every member in one table, and what the stage reports of it."""

import pandas as pd
from pandas.io.formats.style import Styler

from membership.base.tables import STAGES
from membership.profile import lifecycle, needs
from membership.profile.personas import NEWCOMER, Personas

MONEY = ("value", "mean_value", "reach", "keep", "cost", "gain")  # columns in cents


def profile(
    scores: pd.DataFrame, personas: Personas, stage: pd.Series, shares: pd.DataFrame, answers: pd.DataFrame
) -> pd.DataFrame:
    """Return table `profile`: one row a member of `scores`, with need_score, the main need's z-score, beside it."""
    main = needs.main_need(scores)
    table = pd.DataFrame(
        {
            "stage": stage.reindex(scores.index),
            "persona": personas.labels,
            "main_need": main,
            "need_score": scores.max(axis=1),
            "top_category": needs.top_category(shares).reindex(scores.index),
            "answered_survey": (answers != needs.NO_ANSWER).any(axis=1).reindex(scores.index, fill_value=False),
        }
    )
    return table.reset_index()


def by_stage(stage: pd.Series, value: pd.DataFrame) -> pd.DataFrame:
    """Return for each stage: members, share, and the means of p_alive, p_repurchase and value (cents)."""
    facts = value.set_index("member_id")[["p_alive", "p_repurchase", "value"]].reindex(stage.index)
    table = facts.groupby(stage).mean().reindex(list(STAGES))
    counts = stage.value_counts().reindex(list(STAGES), fill_value=0)
    table.insert(0, "members", counts)
    table.insert(1, "share", counts / len(stage))
    return table.rename_axis("stage")


def metrics(profile: pd.DataFrame, personas: Personas, moves: pd.DataFrame) -> dict[str, float]:
    """Return the stage's metrics; `moves` are the lifecycle's transitions."""
    stage = profile["stage"].value_counts(normalize=True)
    stay = lifecycle.rates(moves)
    return {
        "members": len(profile),
        "survey_answered_share": float(profile["answered_survey"].mean()),
        "newcomer_share": float((profile["persona"] == NEWCOMER).mean()),
        "personas": len(personas.centres),
        "persona_silhouette": personas.silhouette,
        "persona_largest_share": float(profile["persona"].value_counts(normalize=True).max()),
        "main_need_largest_share": float(profile["main_need"].value_counts(normalize=True).max()),
        **{f"stage_share_{name}": float(stage.get(name, 0.0)) for name in STAGES},
        "loyal_stay_rate": float(stay.loc["loyal", "loyal"]),
        "lapsed_return_rate": float(1 - stay.loc["lapsed", "lapsed"]),
    }


def conclusion(profile: pd.DataFrame, cards: pd.DataFrame, metrics: dict[str, float]) -> str:
    """Say in words, as Markdown, what the stage found."""
    largest = cards.index[0]
    worth = cards["mean_value"].drop(NEWCOMER, errors="ignore")
    risk = metrics["stage_share_at_risk"] + metrics["stage_share_lapsed"]
    separation = "weakly" if not metrics["persona_silhouette"] >= 0.25 else "clearly"
    dearest = f" The most valuable one is *{worth.idxmax()}*." if worth.notna().any() else ""
    return (
        f"Of {len(profile):,} members, **{metrics['stage_share_loyal']:.0%} are loyal** and {risk:.0%} are at risk or "
        f"lapsed; {metrics['loyal_stay_rate']:.0%} of the loyal are still loyal a month later. The largest persona is "
        f"*{largest}* ({cards['share'].iloc[0]:.0%}).{dearest} Personas are {separation} separated (silhouette "
        f"{metrics['persona_silhouette']:.2f}): read them as tendencies, not as kinds of people. "
        f"{metrics['survey_answered_share']:.0%} of members answered the survey; nothing is assumed of the others."
    )


def readable(table: pd.DataFrame) -> Styler:
    """Return `table` for people: cents as units of currency with two digits, shares and probabilities as per cent."""
    money = {column for column in table if column in MONEY}
    formats = {column: (lambda cents: f"{cents / 100:,.2f}") for column in money}
    numbers = table.select_dtypes("float").columns.difference(list(money))
    return table.style.format({**formats, **dict.fromkeys(numbers, "{:.1%}")}, na_rep="-")
