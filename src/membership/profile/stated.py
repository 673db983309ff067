"""Needs that members state in a survey, compared with those that their behaviour reveals.

Stated and revealed preferences differ for good reasons (Ben-Akiva et al. 1994), so they are never mixed: table `needs`
names the source of every score.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import ParamError
from membership.base.ties import rounded
from membership.profile.survey import Survey
from membership.settings.needs import Needs

BEHAVIOUR, SURVEY = "behaviour", "survey"


@dataclass(frozen=True)
class Verdict:
    """Whether members do what they say."""

    stated: int  # needs that are stated
    compared: int  # needs that both sources cover
    agree: list[str]  # whose correlation is above 0 beyond its interval
    contradict: list[str]  # the same, below 0
    correlation: float  # the median; NaN where none is known


def needs(survey: Survey, categories: list[str], settings: Needs) -> pd.DataFrame:
    """Return the needs that members state: member_id, need, score.

    `settings.needs_from_answers` says which answer states which need; in addition an answer that is one of `categories`
    (case ignored) states the need of that name. A score is in standard deviations above the mean of those who answered
    the question; it is 0 for all if all gave the same answer. Needs of several questions are averaged; members who did
    not answer have no row. Raises ParamError where a scale is mapped answer by answer, or another question as a whole.
    """
    parts = []
    for question, rows in survey.answers.groupby("question"):
        mapping = settings.needs_from_answers.get(question, {})
        if rows["kind"].iloc[0] == "scale":
            parts.append(_scale(rows, question, mapping))
        else:
            parts.append(_choice(rows, question, mapping, categories))
    told = pd.concat(parts) if parts else _rows(pd.DataFrame())
    return told.groupby(["member_id", "need"], as_index=False)["score"].mean()


def table(scores: pd.DataFrame, stated: pd.DataFrame) -> pd.DataFrame:
    """Return table `needs` of `scores` (index member_id, a column a need) and of `stated` needs; no NaN."""
    revealed = _rows(scores).dropna()
    return pd.concat([revealed.assign(source=BEHAVIOUR), stated.assign(source=SURVEY)], ignore_index=True)


def agreement(scores: pd.DataFrame, stated: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return, for each need that both sources cover, how far they agree on the same members.

    Columns: members (with both), stating (those who state it above the mean), correlation (Spearman) with its interval
    low to high (Bonett and Wright 2000; NaN below four members or where all are equal), and revealed, silent: the mean
    behaviour score of those who state the need and of the others.
    """
    wide = stated.pivot_table(index="member_id", columns="need", values="score")
    rows = {need: _agree(scores[need], wide[need], confidence) for need in scores.columns.intersection(wide.columns)}
    columns = ["members", "stating", "correlation", "low", "high", "revealed", "silent"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("need")


def verdict(agreed: pd.DataFrame, stated: pd.DataFrame) -> Verdict:
    """Return what `agreement` says of the `stated` needs."""
    return Verdict(
        stated=stated["need"].nunique(),
        compared=len(agreed),
        agree=agreed.index[agreed["low"] > 0].tolist(),
        contradict=agreed.index[agreed["high"] < 0].tolist(),
        correlation=float(agreed["correlation"].median()),
    )


def _agree(revealed: pd.Series, stated: pd.Series, confidence: float) -> list[float]:
    both = pd.DataFrame({"revealed": revealed, "stated": stated}).dropna()
    stating = rounded(both["stated"]) > 0
    means = [both.loc[stating, "revealed"].mean(), both.loc[~stating, "revealed"].mean()]
    if len(both) < 4 or both["revealed"].nunique() < 2 or both["stated"].nunique() < 2:
        return [len(both), stating.sum(), np.nan, np.nan, np.nan, *means]
    r = float(scipy.stats.spearmanr(both["revealed"], both["stated"]).statistic)
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 + r**2 / 2) / (len(both) - 3))
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return [len(both), stating.sum(), r, float(np.tanh(z - half)), float(np.tanh(z + half)), *means]


def _scale(rows: pd.DataFrame, question: str, mapping: str | dict[str, str]) -> pd.DataFrame:
    if not isinstance(mapping, str):
        if mapping:
            raise ParamError(
                f"params.yaml: needs.needs_from_answers.{question}: a scale states one need; give its "
                "name, not a mapping of answers."
            )
        return _rows(pd.DataFrame())
    return _rows(_standardised(rows.set_index("member_id")[["number"]].set_axis([mapping], axis=1)))


def _choice(rows: pd.DataFrame, question: str, mapping: str | dict[str, str], categories: list[str]) -> pd.DataFrame:
    if isinstance(mapping, str):
        raise ParamError(
            f"params.yaml: needs.needs_from_answers.{question} = {mapping!r}: only a scale states a need as a whole; "
            "map each answer, e.g. {answer: need}."
        )
    names = {category.casefold(): category.lower() for category in categories}
    names |= {answer.casefold(): need for answer, need in mapping.items()}
    meant = rows["answer"].str.casefold().map(names)
    if meant.isna().all():
        return _rows(pd.DataFrame())
    said = pd.crosstab(rows["member_id"], meant.fillna("")).clip(upper=1).drop(columns="", errors="ignore")
    return _rows(_standardised(said.astype(float)))


def _standardised(told: pd.DataFrame) -> pd.DataFrame:
    spread = told.std(ddof=0)
    return (told - told.mean()) / spread.where(spread > 0, np.inf)


def _rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Return `scores` (index member_id, a column a need) as rows: member_id, need, score."""
    if scores.empty:
        return pd.DataFrame({"member_id": [], "need": [], "score": []}).astype({"member_id": "str", "need": "str"})
    named = scores.rename_axis(index="member_id", columns=None).reset_index()
    return named.melt("member_id", var_name="need", value_name="score").astype({"need": "str"})
