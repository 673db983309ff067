"""The metrics of stage `needs`."""

import pandas as pd

from membership.profile.needs import Preferences
from membership.profile.personas import NEWCOMER, Personas
from membership.profile.survey import PROBLEMS, Survey


def metrics(
    table: pd.DataFrame,
    personas: Personas,
    preferences: Preferences,
    told: Survey,
    agreed: pd.DataFrame,
    error: pd.DataFrame,
) -> dict[str, float]:
    """Return the metrics of table `personas`, and of what it was made from.

    `agreed`: `stated.agreement`; `error`: `needs.judged`; the `slope` of a need is 1 where
    members later differ as much as was expected of them. Shares are shares of the members.
    """
    kept, judged = preferences.evidence.query("kept"), error.dropna(subset=["slope"])
    off = (judged["low"] > 1) | (judged["high"] < 1)
    slopes = {
        f"slope_{_named(need)}{end}": float(row[column])
        for need, row in judged.iterrows()
        for column, end in (("slope", ""), ("low", "_low"), ("high", "_high"))
    }
    return {
        "members": len(table),
        "survey_answered_share": float(table["answered_survey"].mean()),
        "survey_stated_need_share": float(table["stated_need"].notna().mean()),
        "survey_left_out": int(told.quality[list(PROBLEMS)].to_numpy().sum()),
        "need_agreement": float(agreed["correlation"].median()),
        "needs": len(kept),
        "need_reliability": float(kept["reliability"].mean()),
        "need_error_own": float(error["own"].mean()),
        "need_error_drawn": float(error["shrunk"].mean()),
        "need_slope": float(judged["slope"].median()),
        "need_slopes": len(judged),
        "need_slopes_off": int(off.sum()),
        "newcomer_share": float((table["persona"] == NEWCOMER).mean()),
        "personas": len(personas.centres),
        "persona_silhouette": personas.silhouette,
        "persona_stability": personas.stability,
        "persona_apart": int(personas.apart),
        "persona_typicality": float(personas.typicality.mean()),
        "persona_largest_share": float(table["persona"].value_counts(normalize=True).max()),
        "main_need_largest_share": float(table["main_need"].value_counts(normalize=True).max()),
    } | slopes


def _named(need: str) -> str:
    """Return the name of a need, which may be any category, in letters and digits."""
    return "".join(letter if letter.isalnum() else "_" for letter in need)
