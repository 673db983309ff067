"""What members answered: one clean long table, what was wrong with the rest, and who did not answer.

Nothing is imputed: a member who did not answer a question has no row for it. Answers are left out, and counted by
question, if they are blank, come from unknown members, were given after the cut-off, or are not a number in the range
of a scale. Of two different answers to a question that allows one, the latest by `asked_at` counts; if times are equal
or missing, neither does.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.ties import rounded
from membership.settings.needs import Needs, Question

NO_ANSWER = "no answer"
PROBLEMS = ("blank", "unknown_member", "later", "invalid", "superseded", "contradictory")
_MANY, _WORDS = 20, 0.5  # free text: more different answers than that, most of them given by a single member
_OFTEN = 0.05  # if this share of the answering members gave several answers, the question allows several
UNBALANCED = 0.1  # standardised difference above which two groups are not alike (Austin 2009)


@dataclass(frozen=True)
class Survey:
    """A survey that was read; `answers` and `text` have one row a member, question and answer."""

    answers: pd.DataFrame  # member_id, question, kind, answer, number (of a scale; else NaN)
    text: pd.DataFrame  # member_id, question, answer: free text, kept apart and never scored
    wide: pd.DataFrame  # index: all members; a column a question (but free text), NO_ANSWER where none counts
    quality: pd.DataFrame  # index question: kind, declared, given (rows), one column for each of PROBLEMS, kept
    response: pd.DataFrame  # index question: kind, answered (members), share, no_answer


def read(survey: pd.DataFrame, members: pd.Series, settings: Needs, as_of: date) -> Survey:
    """Return `survey` (table `survey`) as answered by `members` (ids) before `as_of`, by the rules above.

    The kind of a question is that of `settings.survey`, or else inferred: free text, several choices, a scale (numbers
    only), a single choice. Without a survey everything is empty. Raises DataError where no answer to a declared scale
    is a number in its range: then the declaration is wrong, not the members.
    """
    rows = survey[["member_id", "question", "answer", "asked_at"]].copy()
    rows["answer"] = rows["answer"].str.strip()
    rows["problem"] = pd.Series(pd.NA, index=rows.index, dtype="str")
    _mark(rows, "blank", rows["answer"].eq(""))
    _mark(rows, "unknown_member", ~rows["member_id"].isin(members))
    _mark(rows, "later", rows["asked_at"] >= pd.Timestamp(as_of))
    questions = _questions(rows[rows["problem"].isna()], rows["question"], settings.survey)
    rows["kind"] = rows["question"].map({name: asked.kind for name, asked in questions.items()}).astype("str")
    rows["number"] = pd.to_numeric(rows["answer"], errors="coerce").where(rows["kind"] == "scale")
    _mark(rows, "invalid", _out_of_scale(rows, questions, settings.survey))
    for problem, wrong in _doubles(rows[rows["problem"].isna() & rows["kind"].isin(["single", "scale"])]).items():
        _mark(rows, problem, rows.index.isin(wrong))
    good = rows[rows["problem"].isna()].drop_duplicates(["member_id", "question", "answer"])
    good = good.sort_values(["question", "member_id", "answer"], kind="stable")
    told = good[good["kind"] != "text"]
    wide = _wide(told, members)
    return Survey(
        answers=told[["member_id", "question", "kind", "answer", "number"]].reset_index(drop=True),
        text=good.loc[good["kind"] == "text", ["member_id", "question", "answer"]].reset_index(drop=True),
        wide=wide,
        quality=_quality(rows, questions, settings.survey),
        response=_response(good, questions, len(members)),
    )


def selection(wide: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Return how members who answered any question differ from the others, one row a column of `facts`.

    `facts`: numbers, index member_id. Columns: answered and silent (means), difference in standard deviations (the
    root of the mean of both variances; Austin 2009 calls more than 0.1 unbalanced). NaN where a group is empty.
    """
    answered = (wide != NO_ANSWER).any(axis=1).reindex(facts.index, fill_value=False)
    groups = facts[answered], facts[~answered]
    (one, other), (spread, spread_other) = ([part.mean() for part in groups], [part.var() for part in groups])
    pooled = np.sqrt((spread + spread_other) / 2)
    difference = (one - other) / pooled.where(pooled > 0)
    return pd.DataFrame({"answered": one, "silent": other, "difference": difference}).rename_axis("fact")


def largest_difference(selection: pd.DataFrame) -> pd.Series | None:
    """Return the row of `selection` with the largest absolute difference, if that is above 0.1; else None."""
    size = rounded(selection["difference"].abs()).dropna()
    return selection.loc[size.idxmax()] if len(size) and size.max() > UNBALANCED else None


def _mark(rows: pd.DataFrame, problem: str, wrong) -> None:
    rows.loc[rows["problem"].isna() & wrong, "problem"] = problem


def _questions(good: pd.DataFrame, asked: pd.Series, declared: dict[str, Question]) -> dict[str, Question]:
    """Return every question that was asked, by name, with its declared or inferred kind."""
    given = dict(list(good.groupby("question")))
    names = sorted(asked.unique())
    return {name: declared[name] if name in declared else _inferred(given.get(name, good.iloc[:0])) for name in names}


def _inferred(given: pd.DataFrame) -> Question:
    """Return the kind of question that the answers `given` suggest."""
    counts = given["answer"].value_counts()
    if len(counts) > _MANY and (counts == 1).mean() > _WORDS and pd.to_numeric(counts.index, errors="coerce").hasnans:
        return Question(kind="text")
    told = given.groupby(["member_id", "asked_at"], dropna=False)["answer"]
    several = told.min() != told.max()
    if len(several) and several.groupby("member_id").any().mean() >= _OFTEN:
        return Question(kind="multiple")
    numbers = pd.to_numeric(pd.Series(counts.index), errors="coerce")
    if len(numbers) > 2 and numbers.notna().all():
        return Question(kind="scale", low=float(numbers.min()), high=float(numbers.max()))
    return Question(kind="single")


def _out_of_scale(rows: pd.DataFrame, questions: dict[str, Question], declared: dict[str, Question]) -> pd.Series:
    wrong = pd.Series(False, index=rows.index)
    for name, question in questions.items():
        here = (rows["question"] == name) & rows["problem"].isna()
        if question.kind != "scale" or not here.any():
            continue
        wrong |= here & ~rows["number"].between(question.low, question.high)
        if name in declared and wrong[here].all():
            values = ", ".join(map(repr, rows.loc[here, "answer"].unique()[:5]))
            raise DataError(
                f"table 'survey': question '{name}': none of {here.sum()} answers ({values}) is a number between "
                f"{question.low:g} and {question.high:g}; correct needs.survey.{name} in params.yaml, or the answers."
            )
    return wrong


def _doubles(rows: pd.DataFrame) -> dict[str, pd.Index]:
    """Return the rows that do not count where a question allows one answer: superseded, or contradictory."""
    key = ["member_id", "question"]
    doubled = rows[rows.groupby(key)["answer"].transform("nunique") > 1]
    latest = doubled["asked_at"] == doubled.groupby(key)["asked_at"].transform("max")
    known = ~doubled["asked_at"].isna().groupby([doubled[name] for name in key]).transform("any")
    said = doubled["answer"].where(latest).groupby([doubled[name] for name in key]).transform("nunique")
    clear = known & (said == 1)
    return {"superseded": doubled.index[clear & ~latest], "contradictory": doubled.index[~clear]}


def _wide(told: pd.DataFrame, members: pd.Series) -> pd.DataFrame:
    index = pd.Index(members, name="member_id")
    table = told.pivot_table(index="member_id", columns="question", values="answer", aggfunc=" + ".join)
    return table.reindex(index).rename_axis(columns=None).fillna(NO_ANSWER)


def _quality(rows: pd.DataFrame, questions: dict[str, Question], declared: dict[str, Question]) -> pd.DataFrame:
    index = pd.Index(list(questions), name="question", dtype="str")
    found = pd.crosstab(rows["question"], rows["problem"].fillna("kept"))
    found = found.reindex(index=index, columns=[*PROBLEMS, "kept"], fill_value=0).rename_axis(columns=None)
    found.insert(0, "kind", [question.kind for question in questions.values()])
    found.insert(1, "declared", [name in declared for name in questions])
    found.insert(2, "given", rows["question"].value_counts().reindex(index, fill_value=0))
    return found


def _response(good: pd.DataFrame, questions: dict[str, Question], members: int) -> pd.DataFrame:
    index = pd.Index(list(questions), name="question", dtype="str")
    answered = good.groupby("question")["member_id"].nunique().reindex(index, fill_value=0)
    kinds = [question.kind for question in questions.values()]
    table = pd.DataFrame({"kind": kinds, "answered": answered, "share": answered / max(members, 1)}, index=index)
    return table.assign(no_answer=members - answered)
