"""The classic RFM scores, 1 to 5, and the usual named segments."""

import numpy as np
import pandas as pd

from membership.base.errors import DataError

SCORES = 5
NEVER = "not bought yet"
MEASURES = {"recency": "days_since_last", "frequency": "purchase_days", "monetary": "spend"}
_NAMES = (  # rows: recency 1 to 5; columns: frequency 1 to 5
    ("hibernating", "hibernating", "slipping", "slipping", "can't lose"),
    ("hibernating", "hibernating", "slipping", "slipping", "can't lose"),
    ("about to sleep", "about to sleep", "need attention", "loyal", "loyal"),
    ("promising", "potential loyalist", "potential loyalist", "loyal", "loyal"),
    ("new", "potential loyalist", "potential loyalist", "champion", "champion"),
)


def segments(features: pd.DataFrame) -> pd.DataFrame:
    """Return `recency_score`, `frequency_score`, `monetary_score` (1 to 5, 5 is best) and `rfm_segment` of members.

    Quintiles among those who have bought, of days since the last purchase, purchase days and spend so far: scores are
    by rank, so that each holds a fifth of the buyers (one more or less). Ties are broken by the two other measures in
    that order, then by `member_id` (the index). Who never bought scores 1 and is `not bought yet`. Raises DataError
    where purchase days or spend are unknown.
    """
    _refuse_unknown(features)
    bought = features[features["days_since_last"].notna()].sort_index()
    measures = pd.DataFrame({part: bought[column] for part, column in MEASURES.items()})
    measures["recency"] *= -1  # recent is high
    scores = pd.DataFrame(1, index=features.index, columns=[f"{part}_score" for part in MEASURES])
    for part in MEASURES:
        order = measures.sort_values([part, *(other for other in MEASURES if other != part)], kind="stable").index
        scores.loc[order, f"{part}_score"] = 1 + SCORES * np.arange(len(order)) // max(len(order), 1)
    names = np.array(_NAMES, dtype=object)[scores["recency_score"] - 1, scores["frequency_score"] - 1]
    return scores.assign(rfm_segment=np.where(features["days_since_last"].notna(), names, NEVER))


def _refuse_unknown(features: pd.DataFrame) -> None:
    for column in ("purchase_days", "spend"):
        unknown = features.index[features[column].isna()]
        if len(unknown):
            raise DataError(
                f"RFM segments: {column} is unknown for {len(unknown)} of {len(features)} members, e.g. "
                f"{unknown[0]}; allowed: a number, 0 for who bought nothing. Run `dvc repro features` again."
            )
