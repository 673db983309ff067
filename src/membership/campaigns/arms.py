"""The arms of campaigns: who was held out, which campaigns were randomised, and one campaign for each treated arm."""

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.settings.campaigns import CONTROL

REACHED = "treated"  # the arm of those of whom it is only known that a campaign reached them


def checked(listed: pd.DataFrame) -> pd.DataFrame:
    """Return `listed` (offer_id, member_id, arm, propensity, complete) with `randomised` instead of `complete`.

    Randomised is a campaign whose every exposure has an arm and the propensity of that arm. Raises DataError for
    several arms of which none is the control, for propensities of 0, and for those of several treated arms that differ
    between members, since what a member's other arms had is not told.
    """
    _held_out(listed)
    known = listed[listed.groupby("offer_id")["complete"].transform("all")]
    zero = known[~(known["propensity"] > 0)]
    if len(zero):
        raise DataError(
            f"exposures: {len(zero)} have propensity 0 of the arm that was given, e.g. member "
            f"{zero['member_id'].iloc[0]} in campaign {zero['offer_id'].iloc[0]}; allowed: above 0, up to 1. Correct "
            "them in the source data, or leave them empty where they are unknown."
        )
    chances = known[known["offer_id"].isin(several(known))].groupby(["offer_id", "arm"])["propensity"]
    varying = (chances.max() - chances.min()).loc[lambda gap: gap > 1e-9].index
    if len(varying):
        offer, arm = varying[0]
        raise DataError(
            f"exposures: campaign {offer} has several treated arms, and the propensity of {arm} differs between "
            "members; allowed: one propensity an arm. Give each arm an offer of its own, with the propensity of that "
            "arm rather than the control."
        )
    return listed.assign(randomised=listed["offer_id"].isin(known["offer_id"])).drop(columns="complete")


def several(listed: pd.DataFrame) -> pd.Index:
    """Return the campaigns of `listed` that have more than one treated arm."""
    return listed[listed["arm"] != CONTROL].groupby("offer_id")["arm"].nunique().loc[lambda count: count > 1].index


def split(rows: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Return the rows (campaign x member, joined with `listed`: `checked`) of each campaign and treated arm.

    Members who are not listed have no arm: they are untreated, and in no randomised campaign. Adds campaign, treated,
    given (propensity of the arm got) and propensity (of being treated rather than control; NaN where unknown). A
    campaign of several treated arms comes once for each, with its control, as kind and offer_id "<its own> / <arm>".
    """
    drawn = listed.loc[listed["randomised"], "offer_id"]
    rows = rows.assign(campaign=rows["offer_id"], treated=rows["arm"].notna() & rows["arm"].ne(CONTROL))
    rows["randomised"] = rows["offer_id"].isin(drawn)
    rows = rows[~rows["randomised"] | rows["arm"].notna()]
    rows["given"] = rows["propensity"].where(rows["randomised"])
    rows["propensity"] = rows["given"].where(rows["treated"], 1 - rows["given"])
    many = several(listed)
    parts = [rows[~rows["offer_id"].isin(many)]]
    for offer in many:
        whole = rows[rows["offer_id"] == offer]
        given = whole.groupby("arm")["given"].first()
        for arm in sorted(set(whole["arm"].dropna()) - {CONTROL}):
            names = {name: whole[name] + f" / {arm}" for name in ("offer_id", "kind")}
            chance = given[arm] / (given[arm] + given.get(CONTROL, np.nan))
            parts.append(whole.assign(**names, propensity=chance)[~whole["treated"] | whole["arm"].eq(arm)])
    return pd.concat(parts)


def _held_out(listed: pd.DataFrame) -> None:
    """Raise DataError for a campaign that has several arms, none of them the control."""
    named = listed.groupby("offer_id")["arm"].agg(["nunique", lambda arms: arms.eq(CONTROL).any()])
    unclear = named.index[(named["nunique"] > 1) & ~named.iloc[:, 1].astype(bool)]
    if len(unclear):
        names = sorted(listed.loc[listed["offer_id"] == unclear[0], "arm"].unique())
        raise DataError(
            f"exposures: campaign {unclear[0]} has the arms {', '.join(names)}, and none is called '{CONTROL}', so it "
            f"is not known who was held out. Say it under dataset.files.exposures, e.g. arms: {{{names[0]}: {CONTROL}}}"
            ", or in the source data. Where nobody was held out, leave arm empty, or give each arm an offer of its own."
        )
