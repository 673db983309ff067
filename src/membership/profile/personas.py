"""Kinds of members: groups with similar preferences, named by what sets each apart from everybody."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from membership.base import seeds
from membership.profile import clusters, needs
from membership.profile.survey import NO_ANSWER
from membership.settings.needs import Needs
from membership.stats import credibility

NEWCOMER = "Newcomer"
EVERYBODY = "Everybody"
_FAR = 3.0  # scores are cut here, so that a few extreme members do not make personas of their own
_TRACE = 1e-4  # the smallest share: the logarithm of none is without end


@dataclass(frozen=True)
class Personas:
    """The personas of one membership."""

    labels: pd.Series  # name of each member's persona, by member_id; 'Newcomer' where too little is known
    typicality: pd.Series  # probability of that persona rather than another, by member_id; NaN for newcomers
    centres: pd.DataFrame  # mean scores: one row a persona, largest first, one column a need
    examples: pd.Series  # the member nearest to the centre, by persona
    choice: pd.DataFrame  # how the number was chosen: `clusters.choose`
    silhouette: float  # -1 to 1, how far apart the personas are; NaN where there is one or none


def fit(scores: pd.DataFrame, levels: pd.DataFrame, settings: Needs, seed: int) -> Personas:
    """Group members by `points(scores, levels, settings)`; rows of `scores` that are all NaN are newcomers.

    `scores` are those of `needs.preferences`, `levels` those of `data.habits`. There are as many personas as
    `clusters.choose` says; where it accepts no number, everybody known is one persona, 'Everybody'. The groups are
    found among at most `settings.personas.sample` members.
    """
    where = points(scores, levels, settings)
    if where.empty:
        return _nobody(scores, settings)
    cloud, seed = where.to_numpy(), seeds.child(seed, "personas")
    with threadpool_limits(1):  # sums in one order: the same bits at every run
        choice = clusters.choose(cloud, settings.personas, seed)
        count = int(choice.index[choice["chosen"]].max()) if choice["chosen"].any() else 1
        groups = clusters.fit(clusters.sampled(cloud, settings.personas.sample, seed), count, seed)
        probability, distance = groups.membership(cloud), groups.distances(cloud)
    facts = pd.DataFrame({"group": probability.argmax(axis=1)}, index=where.index)
    facts["typicality"] = probability.max(axis=1)
    facts["distance"] = np.take_along_axis(distance, facts[["group"]].to_numpy(), axis=1)[:, 0]
    sizes = facts["group"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    centres = scores.loc[where.index].groupby(facts["group"]).mean().loc[sizes.index]
    words = names(centres) if count > 1 else [EVERYBODY] * len(centres)
    persona = facts["group"].map(dict(zip(centres.index, words, strict=True))).astype("str")
    nearest = facts.assign(persona=persona).sort_values("distance", kind="stable").drop_duplicates("persona")
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
    """Return where each known member lies: the scores, those of categories by what was bought and not by what it cost.

    Money on a category hangs on few dear lines; the number of different items bought there says more of a taste. Its
    share, chance taken out (`credibility`), is a centred log-ratio (Aitchison 1986) in standard deviations. All
    columns are cut at +-3; what is unknown of a member lies at the mean.
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
        if found.reliability >= settings.min_reliability:
            taste[category] = np.log(np.maximum(found.figures, _TRACE))
    ratios = pd.DataFrame(taste, index=known.index)
    ratios = ratios.sub(ratios.mean(axis=1), axis=0)
    ratios = (ratios - ratios.mean()) / ratios.std(ddof=0).replace(0.0, 1.0)
    other = known.drop(columns=table.columns, errors="ignore")
    return other.join(ratios).clip(-_FAR, _FAR).fillna(0.0)


def names(centres: pd.DataFrame) -> list[str]:
    """Name each row of scores by the two needs furthest from the population's, or as many as make the name unique.

    Columns must differ in name; of equally far ones the first comes first.
    """
    chosen: list[str] = []
    for row in centres.to_numpy():
        order = np.argsort(-np.abs(row), kind="stable")
        told = [f"{'more' if row[i] >= 0 else 'less'} {centres.columns[i]}" for i in order]
        candidates = [", ".join(told[:count]).capitalize() for count in range(min(2, len(told)), len(told) + 1)]
        candidates += [f"{candidates[0]} ({number})" for number in range(2, len(centres) + 2)]
        chosen.append(next(name for name in candidates if name not in chosen))
    return chosen


def cards(
    labels: pd.Series,
    value: pd.DataFrame,
    shares: pd.DataFrame,
    answers: pd.DataFrame,
    recent: pd.Series | None = None,
    examples: pd.Series | None = None,
) -> pd.DataFrame:
    """Return one row a persona, largest first.

    Columns: members, share; mean_value (cents of margin over the horizon), value_share (of all value), p_repurchase
    (mean), from table `value`; repurchased (mean of `recent`, by member_id: who ordered in as many days before; NaN
    where it is not given); buys (the categories of highest lift among those of lift above 1 and at least 2 % of the
    persona's spend); answered (members who answered the survey), answered_share, answers (what is more often answered
    than by all who answered the question, with the number of the persona who did); example (of `examples`).
    """
    told = answers[(answers != NO_ANSWER).any(axis=1)]
    facts = value.set_index("member_id")[["value", "p_repurchase"]].reindex(labels.index)
    facts["recent"] = np.nan if recent is None else recent.reindex(labels.index).astype(float)
    rows = {}
    for persona, members in labels.groupby(labels).groups.items():
        theirs, said = facts.loc[members], told.loc[told.index.intersection(members)]
        rows[persona] = {
            "members": len(members),
            "share": len(members) / len(labels),
            "mean_value": theirs["value"].mean(),
            "value_share": theirs["value"].sum() / facts["value"].sum() if facts["value"].sum() else np.nan,
            "p_repurchase": theirs["p_repurchase"].mean(),
            "repurchased": theirs["recent"].mean(),
            "buys": _bought(shares, members),
            "answered": len(said),
            "answered_share": len(said) / len(members),
            "answers": _answered(told, said),
            "example": "" if examples is None else examples.get(persona, ""),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("persona")
    return table.sort_values("members", ascending=False, kind="stable")


def _bought(shares: pd.DataFrame, members: pd.Index, count: int = 3) -> str:
    theirs = shares[shares["member_id"].isin(members)].groupby("category")["spend"].sum()
    common = theirs.index[theirs >= 0.02 * theirs.sum()]
    best = needs.lift(shares, members).loc[common].sort_values(ascending=False, kind="stable").head(count)
    return ", ".join(f"{category.lower()} x{times:.1f}" for category, times in best.items() if times > 1)


def _answered(told: pd.DataFrame, said: pd.DataFrame, count: int = 2) -> str:
    """Return the answers given more often in `said` than in `told`, as shares of those who answered the question."""
    if said.empty:
        return NO_ANSWER
    theirs, everybody = _frequencies(said), _frequencies(told)
    gap = theirs["share"].sub(everybody["share"], fill_value=0.0).sort_index()
    best = gap[gap > 0].sort_values(ascending=False, kind="stable").head(count)
    asked = theirs.groupby("question")["asked"].first()
    words = (f"{name}: {answer} (+{more:.0%}, n {asked[name]})" for (name, answer), more in best.items())
    return ", ".join(words)


def _frequencies(told: pd.DataFrame) -> pd.DataFrame:
    """Return asked (members who answered the question) and share (of them) by question and answer, one by one."""
    rows = told.rename_axis("member_id").reset_index().melt("member_id", var_name="question", value_name="answer")
    rows = rows[rows["answer"] != NO_ANSWER]
    asked = rows["question"].value_counts()
    each = rows.assign(answer=rows["answer"].str.split(" + ", regex=False)).explode("answer")
    table = each.value_counts(["question", "answer"]).rename("members").reset_index()
    table["asked"] = table["question"].map(asked)
    return table.assign(share=table["members"] / table["asked"]).set_index(["question", "answer"])
