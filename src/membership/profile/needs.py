"""What each member needs: preferences seen in behaviour, set against the population's, and answers to the survey."""

import numpy as np
import pandas as pd

from membership.base.profile_knobs import Profile

UNKNOWN = "unknown"
NO_ANSWER = "no answer"

WORDS = {
    "discount_share": "bargains",
    "basket_items": "big baskets",
    "weekend_share": "weekend shopping",
    "evening_share": "evening shopping",
    "main_channel_share": "shopping in one place",
    "browse_to_buy": "looking around first",
}


def preferences(features: pd.DataFrame, shares: pd.DataFrame, settings: Profile) -> pd.DataFrame:
    """Return what each member prefers, in natural units: index member_id, one column a need, named in words.

    `features` and `shares` are the rows of `features` and `category_shares` at one cut-off. Categories are shares of
    the member's spend; those below `settings.min_category_share` of all spend are left out. Members with fewer than
    `settings.min_purchase_days` purchase days are all NaN: too little is known of them. What is known of nobody
    (such as browsing, where the data have no views) is left out.
    """
    facts = features.set_index("member_id").sort_index()
    behaviour = facts[list(WORDS)].rename(columns=WORDS).astype(float)
    behaviour["frequent visits"] = facts["purchase_days"] / facts["age_days"].where(facts["age_days"] > 0)
    behaviour["variety"] = _variety(facts)
    spend = shares.groupby("category", sort=True)["spend"].sum()
    large = spend.index[spend >= settings.min_category_share * spend.sum()]
    bought = shares.pivot_table(index="member_id", columns="category", values="share", aggfunc="sum", fill_value=0.0)
    bought = bought.reindex(index=facts.index, columns=large, fill_value=0.0).rename(columns=str.lower)
    known = facts["purchase_days"] >= settings.min_purchase_days
    table = behaviour.join(bought).where(known).dropna(axis="columns", how="all")
    return table.rename_axis(index="member_id", columns=None)


def standardise(preferences: pd.DataFrame) -> pd.DataFrame:
    """Return `preferences` as z-scores: standard deviations above the mean of the members who are known.

    A need in which nobody differs from anybody scores 0.
    """
    differs = preferences.max() > preferences.min()
    above = (preferences - preferences.mean()).where(differs | preferences.isna(), 0.0)
    return above / preferences.std(ddof=0).where(differs, 1.0)


def main_need(scores: pd.DataFrame) -> pd.Series:
    """Return, for each row of z-scores, the need furthest above the population's; 'unknown' where none is above.

    Of equal scores the first column wins.
    """
    named = pd.Series(UNKNOWN, index=scores.index, name="main_need", dtype="str")
    known = scores[scores.max(axis=1) > 0]
    named.loc[known.index] = known.idxmax(axis=1) if len(known) else []
    return named


def lift(shares: pd.DataFrame, members: pd.Series | None = None) -> pd.Series:
    """Return each category's share of the spend of `members` (ids; None: of all) over its share of everybody's spend.

    1 is like everybody, 2 is twice as much.
    """
    total = shares.groupby("category", sort=True)["spend"].sum()
    theirs = total if members is None else _category_spend(shares, members).reindex(total.index, fill_value=0)
    return ((theirs / max(theirs.sum(), 1)) / (total / max(total.sum(), 1))).rename("lift")


def top_category(shares: pd.DataFrame) -> pd.Series:
    """Return the category on which each member spends most, by member_id; of equals, the first by name."""
    ordered = shares.sort_values(["member_id", "spend", "category"], ascending=[True, False, True])
    return ordered.drop_duplicates("member_id").set_index("member_id")["category"].rename("top_category")


def answers(survey: pd.DataFrame, members: pd.Series) -> pd.DataFrame:
    """Return one row a member of `members` and one column a question; 'no answer' is kept as such, never guessed.

    Several answers of one member to one question are joined by ' + '. Answers of people who are not members are left
    out. Without a survey the frame has no columns.
    """
    index = pd.Index(members, name="member_id")
    told = survey[survey["member_id"].isin(index)].sort_values(["member_id", "question", "answer"])
    table = told.pivot_table(index="member_id", columns="question", values="answer", aggfunc=" + ".join)
    return table.reindex(index).rename_axis(columns=None).fillna(NO_ANSWER)


def response(answers: pd.DataFrame) -> pd.DataFrame:
    """Return for each question how many members answered it, and their share: columns answered, share."""
    answered = (answers != NO_ANSWER).sum()
    return pd.DataFrame({"answered": answered, "share": answered / max(len(answers), 1)}).rename_axis("question")


def _category_spend(shares: pd.DataFrame, members: pd.Series) -> pd.Series:
    return shares[shares["member_id"].isin(members)].groupby("category", sort=True)["spend"].sum()


def _variety(facts: pd.DataFrame) -> pd.Series:
    """Log of distinct items above what is usual at that many purchases (Heaps' law, a line in logarithms)."""
    bought = facts["orders"] * facts["basket_items"]
    known = (bought > 0) & (facts["items_distinct"] > 0)
    x, y = np.log(bought[known].astype(float)), np.log(facts.loc[known, "items_distinct"].astype(float))
    if x.nunique() < 2:
        return pd.Series(np.nan, index=facts.index)
    slope, level = np.polyfit(x, y, 1)
    return (y - slope * x - level).reindex(facts.index)
