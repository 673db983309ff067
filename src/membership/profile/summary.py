"""The profile of every member in one table, and what the stage reports of it."""

from math import isfinite

import pandas as pd

from membership.base.member_schemas import STAGES
from membership.profile import lifecycle, needs
from membership.profile.personas import NEWCOMER, Personas


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
    worth = cards["mean_value"].drop(NEWCOMER, errors="ignore").dropna()
    risk = metrics["stage_share_at_risk"] + metrics["stage_share_lapsed"]
    silhouette, stay = metrics["persona_silhouette"], metrics["loyal_stay_rate"]
    words = [
        f"Of {len(profile):,} members **{metrics['stage_share_loyal']:.0%} are loyal**, {risk:.0%} at risk or lapsed.",
        f"{stay:.0%} of the loyal are still loyal a month later." if isfinite(stay) else "",
        f"The largest persona is *{cards.index[0]}* ({cards['share'].iloc[0]:.0%}).",
        f"The most valuable one is *{worth.idxmax()}*." if len(worth) else "",
        f"Personas are {'clearly' if silhouette >= 0.25 else 'weakly'} separated (silhouette {silhouette:.2f}): read "
        "them as tendencies, not as kinds of people."
        if isfinite(silhouette)
        else "",
        f"{metrics['survey_answered_share']:.0%} answered the survey; nothing is assumed of the others.",
    ]
    return " ".join(filter(None, words))
