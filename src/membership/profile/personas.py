"""Kinds of members: groups with similar preferences, named by what distinguishes each from the population."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from membership.base import seeds
from membership.base.ties import rounded
from membership.profile import clusters, needs
from membership.profile.survey import NO_ANSWER
from membership.settings.needs import Needs
from membership.stats import credibility

NEWCOMER = "Newcomer"
EVERYBODY = "Everybody"
CLEAR = 0.25  # silhouette from which groups count as clearly separated (Kaufman and Rousseeuw 1990)
_FAR = 3.0  # scores are cut here, so that a few extreme members do not form personas of their own
_TRACE = 1e-4  # the smallest share, since the logarithm of 0 is infinite


class Meaning(StrEnum):
    """What the personas of a membership are."""

    KINDS = "kinds"  # clearly separated, and better than chance would produce
    TENDENCIES = "tendencies"  # stable, but parts of one cloud
    NONE = "none"  # no grouping is stable


@dataclass(frozen=True)
class Personas:
    """The personas of one membership."""

    labels: pd.Series  # name of each member's persona, by member_id; 'Newcomer' where too little is known
    typicality: pd.Series  # probability of that persona rather than another, by member_id; NaN for newcomers
    centres: pd.DataFrame  # mean scores: one row a persona, largest first, one column a need
    examples: pd.Series  # the member nearest to the centre, by persona
    choice: pd.DataFrame  # how the number was chosen: `clusters.choose`
    silhouette: float  # -1 to 1, how well separated the personas are; NaN where there is one or none

    @property
    def stability(self) -> float:
        """Adjusted Rand index of the chosen number; NaN where none was chosen."""
        return float(self._chosen["stability"].max())

    @property
    def apart(self) -> bool:
        """Whether the chosen personas are better separated than chance would produce."""
        return bool(self._chosen["apart"].any())

    @property
    def meaning(self) -> Meaning:
        """What the personas are."""
        if len(self.centres) < 2:
            return Meaning.NONE
        clear = self.apart and rounded(self.silhouette) >= CLEAR
        return Meaning.KINDS if clear else Meaning.TENDENCIES

    @property
    def _chosen(self) -> pd.DataFrame:
        return self.choice[self.choice["chosen"].astype(bool)]


def fit(scores: pd.DataFrame, levels: pd.DataFrame, settings: Needs, seed: int) -> Personas:
    """Group members by `points(scores, levels, settings)`; rows of `scores` that are all NaN are newcomers.

    `scores` are those of `needs.preferences`, `levels` those of `data.habits`. `clusters.choose` chooses the number of
    personas; if it accepts none, all known members are one persona, 'Everybody'. The groups are found among at most
    `settings.personas.sample` members, and the others are assigned to them.
    """
    where = points(scores, levels, settings)
    if where.empty:
        return _nobody(scores, settings)
    cloud, seed = where.to_numpy(), seeds.child(seed, "personas")
    with threadpool_limits(1):  # sums in one order, so that every run gives the same digits
        choice = clusters.choose(cloud, settings.personas, seed)
        count = int(choice.index[choice["chosen"]].max()) if choice["chosen"].any() else 1
        groups = clusters.fit(clusters.sampled(cloud, settings.personas.sample, seed), count, seed)
        probability, distance = groups.membership(cloud), groups.distances(cloud)
    facts = pd.DataFrame({"group": rounded(probability).argmax(axis=1)}, index=where.index)
    facts["typicality"] = probability.max(axis=1)
    facts["distance"] = np.take_along_axis(distance, facts[["group"]].to_numpy(), axis=1)[:, 0]
    sizes = facts["group"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    centres = scores.loc[where.index].groupby(facts["group"]).mean().loc[sizes.index]
    words = names(centres) if count > 1 else [EVERYBODY] * len(centres)
    persona = facts["group"].map(dict(zip(centres.index, words, strict=True))).astype("str")
    nearest = facts.assign(persona=persona, distance=rounded(facts["distance"])).sort_index()
    nearest = nearest.sort_values("distance", kind="stable").drop_duplicates("persona")
    return Personas(
        labels=persona.reindex(scores.index, fill_value=NEWCOMER).rename("persona"),
        typicality=facts["typicality"].reindex(scores.index),
        centres=centres.set_axis(pd.Index(words, name="persona", dtype="str")),
        examples=pd.Series(nearest.index, index=nearest["persona"], name="example").reindex(words),
        choice=choice,
        silhouette=float(choice["silhouette"].get(count, np.nan)),
    )


def _nobody(scores: pd.DataFrame, settings: Needs) -> Personas:
    """Return the personas of a membership of newcomers."""
    empty = pd.Index([], name="persona", dtype="str")
    return Personas(
        labels=pd.Series(NEWCOMER, index=scores.index, name="persona", dtype="str"),
        typicality=pd.Series(np.nan, index=scores.index, name="typicality"),
        centres=scores.iloc[:0].set_axis(empty),
        examples=pd.Series([], index=empty, name="example", dtype="str"),
        choice=clusters.choose(np.empty((0, 1)), settings.personas, 0),
        silhouette=float("nan"),
    )


def points(scores: pd.DataFrame, levels: pd.DataFrame, settings: Needs) -> pd.DataFrame:
    """Return the coordinates of each known member: the scores, but those of categories by items instead of money.

    A few expensive lines dominate the spend in a category; the number of different items bought there says more about
    taste. Its share, shrunk according to its noise (`credibility`), is a centred log-ratio (Aitchison 1986) in standard
    deviations. All columns are cut at +-3; what is unknown of a member is set to the mean.
    """
    known = scores.dropna(how="all")
    rows = levels[levels["habit"] == "category"]
    table = rows.pivot_table(index="member_id", columns="level", values="amount", aggfunc="sum", fill_value=0)
    table = table.reindex(known.index, fill_value=0).rename(columns=str.lower)
    trials = table.sum(axis=1).to_numpy(float)
    taste = {}
    for category in table.columns[table.sum() >= settings.min_category_share * max(trials.sum(), 1)]:
        share = np.divide(table[category], trials, out=np.full(len(trials), np.nan), where=trials > 0)
        found = credibility.shrink(share, trials, credibility.share_variance(share, trials))
        if rounded(found.reliability) >= settings.min_reliability:
            taste[category] = np.log(np.maximum(found.figures, _TRACE))
    ratios = pd.DataFrame(taste, index=known.index)
    ratios = ratios.sub(ratios.mean(axis=1), axis=0)
    ratios = (ratios - ratios.mean()) / ratios.std(ddof=0).replace(0.0, 1.0)
    other = known.drop(columns=table.columns, errors="ignore")
    return other.join(ratios).clip(-_FAR, _FAR).fillna(0.0)


def names(centres: pd.DataFrame) -> list[str]:
    """Name each row of scores by the two needs furthest from the population mean, or more where needed to be unique.

    Columns must differ in name; of equally distant ones the first column wins.
    """
    chosen: list[str] = []
    for row in rounded(centres.to_numpy()):
        order = np.argsort(-np.abs(row), kind="stable")
        told = [f"{'more' if row[i] >= 0 else 'less'} {centres.columns[i]}" for i in order]
        candidates = [", ".join(told[:count]).capitalize() for count in range(min(2, len(told)), len(told) + 1)]
        candidates += [f"{candidates[0]} ({number})" for number in range(2, len(centres) + 2)]
        chosen.append(next(name for name in candidates if name not in chosen))
    return chosen


def table(
    scores: pd.DataFrame, stated: pd.DataFrame, personas: Personas, shares: pd.DataFrame, answers: pd.DataFrame
) -> pd.DataFrame:
    """Return table `personas`: one row a member of `scores`.

    `stated`: `stated.needs`; `shares`: table `category_shares` at one cut-off; `answers`: `Survey.wide`. need_score is
    the score of the main need; stated_need is the need that the member states furthest above the others who answered,
    null where there is none.
    """
    told = stated.pivot_table(index="member_id", columns="need", values="score").reindex(scores.index)
    stated_need = needs.main_need(told)
    made = pd.DataFrame(
        {
            "persona": personas.labels,
            "typicality": personas.typicality,
            "main_need": needs.main_need(scores),
            "need_score": scores.max(axis=1),
            "stated_need": stated_need.where(stated_need != needs.UNKNOWN),
            "top_category": needs.top_category(shares).reindex(scores.index),
            "answered_survey": (answers != NO_ANSWER).any(axis=1).reindex(scores.index, fill_value=False),
        }
    )
    return made.reset_index()


def cards(personas: Personas, value: pd.DataFrame, answers: pd.DataFrame, recent: pd.Series) -> pd.DataFrame:
    """Return one row a persona, largest first; ties in the order of their names.

    `value`: table `value`; `answers`: `Survey.wide`; `recent`: by member_id, whether the member ordered in the last
    `repurchase_days`. Columns: members, share; mean_value (cents of margin over the horizon), value_share (of all
    value), p_repurchase (mean), repurchased (mean of `recent`), answered (members who answered the survey),
    answered_share.
    """
    facts = value.set_index("member_id")[["value", "p_repurchase"]].reindex(personas.labels.index)
    facts["recent"] = recent.reindex(facts.index).astype(float)
    facts["answered"] = (answers != NO_ANSWER).any(axis=1).reindex(facts.index, fill_value=False)
    groups = facts.groupby(personas.labels)
    total = facts["value"].sum()
    found = pd.DataFrame(
        {
            "members": groups.size(),
            "share": groups.size() / max(len(facts), 1),
            "mean_value": groups["value"].mean(),
            "value_share": groups["value"].sum() / (total if total else np.nan),
            "p_repurchase": groups["p_repurchase"].mean(),
            "repurchased": groups["recent"].mean(),
            "answered": groups["answered"].sum(),
            "answered_share": groups["answered"].mean(),
        }
    ).rename_axis("persona")
    return found.sort_values("members", ascending=False, kind="stable")


def most_valuable(cards: pd.DataFrame) -> str | None:
    """Return the persona with the highest mean value in `cards`, newcomers apart; None where nobody has a value."""
    worth = rounded(cards["mean_value"].drop(NEWCOMER, errors="ignore").dropna())
    return str(worth.idxmax()) if len(worth) else None


def bought(labels: pd.Series, shares: pd.DataFrame, count: int = 3) -> pd.DataFrame:
    """Return what each persona buys more of than everybody: persona, category, lift, highest first, at most `count`.

    Only categories with a lift above 1 and at least 2 % of the persona's spend; ties in the order of their names.
    """
    rows = []
    for persona, members in labels.groupby(labels).groups.items():
        theirs = shares[shares["member_id"].isin(members)].groupby("category")["spend"].sum()
        lift = needs.lift(shares, members)[theirs.index[theirs >= 0.02 * theirs.sum()]]
        best = rounded(lift)[rounded(lift) > 1].sort_values(ascending=False, kind="stable").head(count)
        rows += [(persona, category, lift[category]) for category in best.index]
    return pd.DataFrame(rows, columns=["persona", "category", "lift"])


def answered(labels: pd.Series, answers: pd.DataFrame, count: int = 2) -> pd.DataFrame:
    """Return what each persona answers more often than all who answered the question, at most `count` answers each.

    `answers`: `Survey.wide`. Columns: persona, question, answer, more (difference of the shares), asked (members of the
    persona who answered the question); largest difference first, ties in the order of question and answer.
    """
    told = answers[(answers != NO_ANSWER).any(axis=1)]
    groups = labels[labels.index.intersection(told.index)]
    everybody, rows = _frequencies(told) if len(told) else None, []
    for persona, members in groups.groupby(groups).groups.items():
        theirs = _frequencies(told.loc[members])
        gap = rounded(theirs["share"].sub(everybody["share"], fill_value=0.0).sort_index())
        best = gap[gap > 0].sort_values(ascending=False, kind="stable").head(count)
        asked = theirs.groupby("question")["asked"].first()
        rows += [(persona, question, answer, more, asked[question]) for (question, answer), more in best.items()]
    return pd.DataFrame(rows, columns=["persona", "question", "answer", "more", "asked"])


def _frequencies(told: pd.DataFrame) -> pd.DataFrame:
    """Return asked (members who answered the question) and share (of them), by question and answer."""
    rows = told.rename_axis("member_id").reset_index().melt("member_id", var_name="question", value_name="answer")
    rows = rows[rows["answer"] != NO_ANSWER]
    asked = rows["question"].value_counts()
    each = rows.assign(answer=rows["answer"].str.split(" + ", regex=False)).explode("answer")
    table = each.value_counts(["question", "answer"]).rename("members").reset_index()
    table["asked"] = table["question"].map(asked).astype("int64")
    return table.assign(share=table["members"] / table["asked"]).set_index(["question", "answer"])
