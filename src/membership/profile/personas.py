"""Kinds of members: groups with similar preferences, named by what sets each apart from everybody."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from membership.base import seeds
from membership.base.profile_knobs import Profile
from membership.profile import needs

NEWCOMER = "Newcomer"
EVERYBODY = "Everybody"
_FAR = 3.0  # z-scores are cut here, so that a few extreme members do not make personas of their own


@dataclass(frozen=True)
class Personas:
    """The personas of one membership."""

    labels: pd.Series  # name of each member's persona, by member_id; 'Newcomer' where too little is known
    centres: pd.DataFrame  # z-scores of the mean member: one row a persona, one column a need
    silhouette: float  # -1 to 1, how far apart the personas are; NaN where there is one or none


def fit(scores: pd.DataFrame, settings: Profile, seed: int) -> Personas:
    """Group members by `scores`, the z-scores of their preferences (rows that are all NaN are newcomers).

    k-means on scores cut at +-3, missing ones at the population's mean; `settings.personas` groups. Where fewer
    different members are known than that, there is one persona, 'Everybody'.
    """
    known = scores.dropna(how="all").clip(-_FAR, _FAR).fillna(0.0)
    labels = pd.Series(NEWCOMER, index=scores.index, name="persona", dtype="str")
    if len(known.drop_duplicates()) < settings.personas:
        labels.loc[known.index] = EVERYBODY
        centres = known.mean().to_frame(EVERYBODY).T if len(known) else known.iloc[:0]
        return Personas(labels, centres, float("nan"))
    model = KMeans(settings.personas, n_init=10, random_state=seeds.child(seed, "personas"))
    with threadpool_limits(1):  # sums in one order: the same bits at every run
        groups = pd.Series(model.fit_predict(known.to_numpy()), index=known.index)
        told_apart = settings.personas < len(known)
        silhouette = float(silhouette_score(known, groups)) if told_apart else float("nan")
    sizes = groups.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    centres = known.groupby(groups).mean().loc[sizes.index]
    words = names(centres)
    labels.loc[known.index] = groups.map(dict(zip(centres.index, words, strict=True)))
    return Personas(labels, centres.set_axis(pd.Index(words, name="persona")), silhouette)


def names(centres: pd.DataFrame) -> list[str]:
    """Name each row of z-scores by the two needs furthest from the population's, or as many as make the name unique.

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


def cards(labels: pd.Series, value: pd.DataFrame, shares: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return one row a persona, largest first.

    Columns: members, share; mean_value (cents of margin over the horizon), p_repurchase (mean), both from table
    `value`; buys (the categories of highest lift among those of lift above 1 and
    at least 2 % of the persona's spend);
    answered (share that answered the survey), answers (what is more often answered than by all who answered).
    """
    told = answers[(answers != needs.NO_ANSWER).any(axis=1)]
    facts = value.set_index("member_id")[["value", "p_repurchase"]]
    rows = {}
    for persona, members in labels.groupby(labels).groups.items():
        theirs = facts.reindex(members)
        rows[persona] = {
            "members": len(members),
            "share": len(members) / len(labels),
            "mean_value": theirs["value"].mean(),
            "p_repurchase": theirs["p_repurchase"].mean(),
            "buys": _bought(shares, members),
            "answered": len(told.index.intersection(members)) / len(members),
            "answers": _answered(told, members),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("persona")
    return table.sort_values("members", ascending=False, kind="stable")


def _bought(shares: pd.DataFrame, members: pd.Index, count: int = 3) -> str:
    theirs = shares[shares["member_id"].isin(members)].groupby("category")["spend"].sum()
    common = theirs.index[theirs >= 0.02 * theirs.sum()]
    best = needs.lift(shares, members).loc[common].sort_values(ascending=False, kind="stable").head(count)
    return ", ".join(f"{category.lower()} x{times:.1f}" for category, times in best.items() if times > 1)


def _answered(told: pd.DataFrame, members: pd.Index, count: int = 2) -> str:
    """Return the answers whose share among `members` is furthest above that among all who answered."""
    theirs = told.loc[told.index.intersection(members)]
    if theirs.empty:
        return needs.NO_ANSWER
    everybody, own = told.melt(), theirs.melt()
    gap = (own.value_counts() / len(theirs)).sub(everybody.value_counts() / len(told), fill_value=0.0)
    gap = gap[gap.index.get_level_values("value") != needs.NO_ANSWER].sort_index()
    best = gap.sort_values(ascending=False, kind="stable").head(count)
    return ", ".join(f"{question}: {answer} (+{share:.0%})" for (question, answer), share in best.items() if share > 0)
