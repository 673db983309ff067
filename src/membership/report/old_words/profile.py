"""The profile of every member in one table, and what the stage reports of it."""

from math import isfinite

import numpy as np
import pandas as pd

from membership.base.member_schemas import STAGES
from membership.profile import lifecycle, needs
from membership.profile.personas import NEWCOMER, Personas
from membership.profile.survey import NO_ANSWER, PROBLEMS, Survey

APART = 0.25  # silhouette from which groups are called separate (Kaufman and Rousseeuw 1990)
UNBALANCED = 0.1  # standardised difference above which two groups are not alike (Austin 2009)


def profile(
    scores: pd.DataFrame,
    stated: pd.DataFrame,
    personas: Personas,
    stage: pd.Series,
    shares: pd.DataFrame,
    answers: pd.DataFrame,
) -> pd.DataFrame:
    """Return table `profile`: one row a member of `scores`.

    need_score is the main need's; stated_need the need that the member states furthest above the others who answered,
    null where none is; answers is `Survey.wide`.
    """
    told = stated.pivot_table(index="member_id", columns="need", values="score").reindex(scores.index)
    stated_need = needs.main_need(told)
    table = pd.DataFrame(
        {
            "stage": stage.reindex(scores.index),
            "persona": personas.labels,
            "typicality": personas.typicality,
            "main_need": needs.main_need(scores),
            "need_score": scores.max(axis=1),
            "stated_need": stated_need.where(stated_need != needs.UNKNOWN),
            "top_category": needs.top_category(shares).reindex(scores.index),
            "answered_survey": (answers != NO_ANSWER).any(axis=1).reindex(scores.index, fill_value=False),
        }
    )
    return table.reset_index()


def example(profile: pd.DataFrame, personas: Personas) -> str:
    """Return the member_id that stands for the largest persona; where there is none, the first member's."""
    return str(personas.examples.iloc[0] if len(personas.examples) else profile["member_id"].min())


def evidence(preferences: needs.Preferences) -> pd.DataFrame:
    """Return each preference for people: mean and spread in natural units, reliability, and whether it is a need."""
    table = preferences.evidence.sort_values("reliability", ascending=False, kind="stable")
    return table.assign(kept=table["kept"].map({True: "yes", False: "no: mostly chance"}))


def price_groups(preferences: needs.Preferences, value: pd.DataFrame) -> pd.DataFrame:
    """Return members by the price of what they choose: members, share, price, discount (means), value (cents).

    Dearer and cheaper are more than half a standard deviation from the mean member; price is the list price against
    the usual one of the subcategory (0 is usual). Empty where the data do not tell members apart.
    """
    columns = ["members", "share", "price", "discount", "value"]
    if needs.LOW_PRICES not in preferences.scores:
        return pd.DataFrame(columns=columns)
    score = preferences.scores[needs.LOW_PRICES].dropna()
    group = pd.cut(score, [-np.inf, -0.5, 0.5, np.inf], labels=["trades up", "as usual", "buys cheaper"])
    natural = preferences.natural.reindex(columns=[needs.LOW_PRICES, "bargains"]).loc[score.index]
    facts = pd.DataFrame({"price": -natural[needs.LOW_PRICES], "discount": natural["bargains"]})
    facts["value"] = value.set_index("member_id")["value"].reindex(score.index)
    table = facts.groupby(group, observed=False).mean()
    table.insert(0, "members", group.value_counts().reindex(table.index))
    table.insert(1, "share", table["members"] / max(len(score), 1))
    return table.rename_axis("chooses").set_axis(columns, axis=1)


def by_stage(stage: pd.Series, value: pd.DataFrame) -> pd.DataFrame:
    """Return for each stage: members, share, and the means of p_alive, p_repurchase and value (cents)."""
    facts = value.set_index("member_id")[["p_alive", "p_repurchase", "value"]].reindex(stage.index)
    table = facts.groupby(stage).mean().reindex(list(STAGES))
    counts = stage.value_counts().reindex(list(STAGES), fill_value=0)
    table.insert(0, "members", counts)
    table.insert(1, "share", counts / len(stage))
    return table.rename_axis("stage")


def metrics(
    profile: pd.DataFrame,
    personas: Personas,
    moves: pd.DataFrame,
    preferences: needs.Preferences,
    told: Survey,
    agreed: pd.DataFrame,
    foretold: pd.DataFrame,
) -> dict[str, float]:
    """Return the stage's metrics: `moves` are lifecycle's transitions, `agreed` stated's, `foretold` that of needs."""
    stage = profile["stage"].value_counts(normalize=True)
    stay = lifecycle.rates(moves)
    kept = preferences.evidence.query("kept")
    chosen = personas.choice[personas.choice["chosen"].astype(bool)]
    return {
        "members": len(profile),
        "survey_answered_share": float(profile["answered_survey"].mean()),
        "survey_stated_need_share": float(profile["stated_need"].notna().mean()),
        "survey_left_out": int(told.quality[list(PROBLEMS)].to_numpy().sum()),
        "need_agreement": float(agreed["correlation"].median()),
        "needs": len(kept),
        "need_reliability": float(kept["reliability"].mean()),
        "need_error_own": float(foretold["own"].mean()),
        "need_error_drawn": float(foretold["drawn"].mean()),
        "newcomer_share": float((profile["persona"] == NEWCOMER).mean()),
        "personas": len(personas.centres),
        "persona_silhouette": personas.silhouette,
        "persona_stability": float(chosen["stability"].max()),
        "persona_apart": int(chosen["apart"].any()),
        "persona_typicality": float(personas.typicality.mean()),
        "persona_largest_share": float(profile["persona"].value_counts(normalize=True).max()),
        "main_need_largest_share": float(profile["main_need"].value_counts(normalize=True).max()),
        **{f"stage_share_{name}": float(stage.get(name, 0.0)) for name in STAGES},
        "loyal_stay_rate": float(stay.loc["loyal", "loyal"]),
        "lapsed_return_rate": float(1 - stay.loc["lapsed", "lapsed"]),
    }


def conclusion(
    profile: pd.DataFrame, cards: pd.DataFrame, metrics: dict[str, float], selection: pd.DataFrame, said: str
) -> str:
    """Say in words, as Markdown, what the stage found; `said` is `stated.verdict`, `selection` that of the survey."""
    worth = cards["mean_value"].drop(NEWCOMER, errors="ignore").dropna()
    risk = metrics["stage_share_at_risk"] + metrics["stage_share_lapsed"]
    stay = metrics["loyal_stay_rate"]
    words = [
        f"Of {len(profile):,} members **{metrics['stage_share_loyal']:.0%} are loyal**, {risk:.0%} at risk or lapsed.",
        f"{stay:.0%} of the loyal are still loyal a month later." if isfinite(stay) else "",
        f"The largest persona is *{cards.index[0]}* ({cards['share'].iloc[0]:.0%}).",
        f"The most valuable one is *{worth.idxmax()}*." if len(worth) else "",
        _how_personas_lie(metrics),
        f"{metrics['needs']} preferences tell members apart: on average {metrics['need_reliability']:.0%} of a "
        "member's figure is the member's own, the rest is taken from the population."
        if metrics["needs"]
        else "No preference tells members apart: what differs is chance.",
        _how_well_foretold(metrics),
        _how_many_answered(metrics),
        _who_answered(selection),
        said,
    ]
    return " ".join(filter(None, words))


def _how_personas_lie(metrics: dict[str, float]) -> str:
    """Say whether another sample of members would show the personas again, and whether they lie apart."""
    if metrics["personas"] < 2:
        return "Members fall into no personas that another sample of them would show again."
    silhouette = metrics["persona_silhouette"]
    again = f"found again in resamples with an adjusted Rand index of {metrics['persona_stability']:.2f}"
    strength = "clearly" if silhouette >= APART else "weakly"
    chance = "further apart" if metrics["persona_apart"] else "no further apart"
    meaning = "kinds of members" if strength == "clearly" and metrics["persona_apart"] else "tendencies, not as kinds"
    return (
        f"Personas are {again}; they are {strength} separated (silhouette {silhouette:.2f}), {chance} than groups that "
        f"are found in a cloud without any: read them as {meaning}."
    )


def _how_well_foretold(metrics: dict[str, float]) -> str:
    """Say what drawing figures to the population is worth on what the same members did next."""
    own, drawn = (1 - metrics[f"need_error_{guess}"] for guess in ("own", "drawn"))
    if not isfinite(own + drawn):
        return ""
    of_drawn, of_own = (f"{abs(gain):.0%} {'less' if gain >= 0 else 'more'}" for gain in (drawn, own))
    return (
        f"On what members did next, figures drawn to the population erred {of_drawn} than taking all for the mean "
        f"member, members' own figures {of_own}."
    )


def _how_many_answered(metrics: dict[str, float]) -> str:
    if not metrics["survey_answered_share"]:
        return "Nobody answered a survey, and nothing is assumed of anybody."
    left_out = metrics["survey_left_out"]
    rest = f"; {left_out:,} answers were left out, for reasons that are counted above" if left_out else ""
    return f"{metrics['survey_answered_share']:.0%} answered the survey{rest}; nothing is assumed of the others."


def _who_answered(selection: pd.DataFrame) -> str:
    """Say whether the members who answered are like those who did not."""
    gap = selection["difference"].dropna()
    if gap.empty:
        return ""
    largest = gap.abs().idxmax()
    if abs(gap[largest]) <= UNBALANCED:
        return "Those who answered differ little from those who did not in what is known of both."
    direction, fact = "higher" if gap[largest] > 0 else "lower", largest.replace("_", " ")
    return (
        f"Those who answered are not like the others (*{fact}* is {abs(gap[largest]):.1f} standard deviations "
        f"{direction}), so answers speak for them alone."
    )
