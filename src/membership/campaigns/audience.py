"""The audience of each campaign: who could have been reached, who was, what was known of them, and what they spent.

    |--- history_days ---|--- placebo window ---|--- campaign ---|
                         placebo_start          start            end (at most as_of)

One row for each campaign and member who had bought before the placebo window. The outcome is net spend a day in the
campaign's days; the placebo outcome is the same in the window just before, which the campaign cannot have changed.
Covariates of the outcome are known before the campaign's start, those of the placebo outcome before that window's.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.data import purchases
from membership.settings.campaigns import Campaigns
from membership.settings.windows import Windows

CONTROL = "control"  # the arm of those a randomised campaign left out
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Audience:
    """Campaigns and members, sorted by both; `x` and `x_placebo` have a row for each of `rows`.

    `rows`: offer_id, kind, member_id, treated, propensity (of being treated; NaN where unknown), randomised, outcome
    and placebo (cents a day), redeemed, tier and tier_before (at the start of the campaign and of the placebo window),
    start, end. `left_out`: what could not be used, and how often.
    """

    rows: pd.DataFrame
    x: pd.DataFrame
    x_placebo: pd.DataFrame
    left_out: pd.Series

    @property
    def counts(self) -> pd.Series:
        """Number of campaigns, randomised ones, members reached, times reached; overlapping: `overlapping`."""
        rows = self.rows
        reached = rows[rows["treated"]]
        return pd.Series(
            {
                "campaigns": rows["offer_id"].nunique(),
                "randomised": rows.loc[rows["randomised"].astype(bool), "offer_id"].nunique(),
                "members": reached["member_id"].nunique(),
                "reached": len(reached),
                "overlapping": overlapping(rows),
            },
            dtype=object,
        )


def schedule(
    offers: pd.DataFrame, timezone: str, windows: Windows, settings: Campaigns
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the campaigns that can be judged as of `windows.as_of`, and how many others cannot, by reason.

    Columns offer_id, kind, start, end (local days, end out), days, placebo_start. A campaign must
    have both ends, be over by that day, and leave room before it for the placebo window and its history.
    """
    local = {name: _local_day(offers[name], timezone, up) for name, up in (("starts_at", False), ("ends_at", True))}
    table = offers[["offer_id", "kind"]].assign(start=local["starts_at"], end=local["ends_at"])
    table["days"] = (table["end"] - table["start"]).dt.days
    table["placebo_start"] = table["start"] - pd.to_timedelta(table["days"], unit="D")
    earliest = pd.Timestamp(windows.start) + settings.history_days * _DAY
    reasons = {
        "campaigns without a start or an end": ~(table["days"] > 0),
        "campaigns not over yet": table["end"] > pd.Timestamp(windows.as_of),
        "campaigns with too little history before them": table["placebo_start"] < earliest,
    }
    usable, counts = pd.Series(True, index=table.index), {}
    for reason, those in reasons.items():
        counts[reason] = int((usable & those).sum())
        usable &= ~those
    table = table[usable].astype({"days": "int64"}).sort_values("offer_id", ignore_index=True)
    return table, pd.Series(counts, dtype="int64")


def build(
    events: ir.Table,
    offers: pd.DataFrame,
    exposures: pd.DataFrame,
    tier_history: pd.DataFrame,
    windows: Windows,
    timezone: str,
    settings: Campaigns,
) -> Audience:
    """Return the audiences of the campaigns over by `windows.as_of`; nothing on or after that day is read.

    Randomised is a campaign whose every exposure has an arm and its propensity: its rows are the members listed.
    Otherwise those listed were treated, and all others who had bought were not. Campaigns that reached everybody or
    nobody are left out. Raises DataError where a stated propensity is 0, or for several treated arms.
    """
    campaigns, left_out = schedule(offers, timezone, windows, settings)
    listed, unused = _listed(exposures, offers, timezone)
    asked = listed[listed["offer_id"].isin(campaigns["offer_id"])]
    activity = _activity(events, campaigns, windows.as_of)
    base = activity[activity["placebo"] & (activity["orders_before"] > 0)][["offer_id", "member_id"]]
    rows = base.merge(campaigns, on="offer_id").merge(asked, on=["offer_id", "member_id"], how="left")
    treated = rows["arm"].notna() & (rows["arm"] != CONTROL)
    rows = rows.assign(treated=treated, redeemed=rows["redeemed_at"] < pd.Timestamp(windows.as_of))
    rows["randomised"] = rows["offer_id"].isin(_randomised(asked))
    rows = rows[~rows["randomised"] | rows["arm"].notna()]
    share = rows.groupby("offer_id")["treated"].transform("mean")
    alone = (share == 0) | (share == 1)
    left_out["campaigns that reached everybody or nobody"] = rows.loc[alone, "offer_id"].nunique() + len(
        set(campaigns["offer_id"]) - set(rows["offer_id"])
    )
    left_out["exposures of members without a purchase before"] = len(asked) - int(rows["arm"].notna().sum())
    rows = rows[~alone].sort_values(["offer_id", "member_id"], ignore_index=True)
    rows["propensity"] = rows["propensity"].where(rows["treated"], 1 - rows["propensity"]).where(rows["randomised"])
    for name, at in (("tier", "start"), ("tier_before", "placebo_start")):
        rows[name] = _tier_at(rows["member_id"], rows[at], tier_history)
    found = {at: _known_at(rows, activity[activity["placebo"] == at], listed, at) for at in (False, True)}
    for name, at in (("outcome", False), ("placebo", True)):
        rows[name] = found[at].pop("spend_in").to_numpy() / rows["days"]
    unseen = ["days", "placebo_start", "active", "until", "arm", "complete", "redeemed_at"]
    return Audience(rows.drop(columns=unseen), found[False], found[True], pd.concat([left_out, unused]))


def overlapping(rows: pd.DataFrame) -> float:
    """Return the share of treated rows of `Audience.rows` whose member got another campaign at the same time."""
    got = rows.loc[rows["treated"], ["member_id", "offer_id", "start", "end"]]
    pairs = got.merge(got, on="member_id", suffixes=("", "_other"))
    both = pairs[(pairs["offer_id"] != pairs["offer_id_other"]) & (pairs["start"] < pairs["end_other"])]
    both = both[both["start_other"] < both["end"]]
    return len(both[["member_id", "offer_id"]].drop_duplicates()) / max(len(got), 1)


def _local_day(at: pd.Series, timezone: str, up: bool) -> pd.Series:
    """Return the local day of UTC times; of an end within a day (`up`), the day after, since that day counts."""
    local = pd.to_datetime(at).dt.tz_localize("UTC").dt.tz_convert(timezone).dt.tz_localize(None)
    day = local.dt.normalize()
    return day.where(~(up & (local > day)), day + _DAY).astype("datetime64[us]")


def _listed(exposures: pd.DataFrame, offers: pd.DataFrame, timezone: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return one exposure for each campaign and member, its first, with local days; and what was left out or corrected.

    A redemption before the exposure does not count. An exposure without a time counts from the campaign's start. One
    without an arm, in a campaign that is not randomised, counts as having reached its member.
    """
    known = exposures["offer_id"].isin(offers["offer_id"])
    table = exposures[known].merge(offers[["offer_id", "starts_at", "ends_at"]], on="offer_id")
    table["at"] = table["at"].fillna(table["starts_at"])
    table["active"] = _local_day(table["at"], timezone, up=False)
    table["until"] = _local_day(table["ends_at"], timezone, up=True)
    early = table["redeemed_at"] < table["at"]
    table["redeemed_at"] = _local_day(table["redeemed_at"].mask(early), timezone, up=False)
    first = table.sort_values(["offer_id", "member_id", "at", "exposure_id"]).drop_duplicates(["offer_id", "member_id"])
    first = first.assign(
        complete=first["arm"].notna() & first["propensity"].notna(), arm=first["arm"].fillna("treated")
    )
    counts = {
        "exposures to unknown campaigns": int((~known).sum()),
        "exposures repeated": len(table) - len(first),
        "redemptions before their exposure": int(early.sum()),
    }
    columns = ["offer_id", "member_id", "active", "until", "arm", "propensity", "complete", "redeemed_at"]
    return first[columns].reset_index(drop=True), pd.Series(counts, dtype="int64")


def _randomised(listed: pd.DataFrame) -> pd.Index:
    """Return the campaigns whose arms and propensities are all known."""
    complete = listed.groupby("offer_id")["complete"].all()
    known = listed[listed["offer_id"].isin(complete.index[complete])]
    arms = known[known["arm"] != CONTROL].groupby("offer_id")["arm"].unique()
    several = arms[arms.map(len) > 1]
    if len(several):
        raise DataError(
            f"exposures: campaign {several.index[0]} has the arms {', '.join(several.iloc[0])} beside '{CONTROL}'; "
            "allowed: one. Give each arm an offer of its own."
        )
    zero = known[~(known["propensity"] > 0)]
    if len(zero):
        raise DataError(
            f"exposures: {len(zero)} have propensity 0 of the arm that was given, e.g. member "
            f"{zero['member_id'].iloc[0]} in campaign {zero['offer_id'].iloc[0]}; allowed: above 0, up to 1. Correct "
            "them in the source data, or leave them empty where they are unknown."
        )
    return complete.index[complete]


def _tier_at(members: pd.Series, day: pd.Series, history: pd.DataFrame) -> pd.Series:
    """Return each member's tier on the last day of `history` up to `day`; unknown where there is none."""
    known = history.sort_values(["as_of", "member_id"]).astype({"as_of": day.dtype})
    asked = pd.DataFrame({"member_id": members, "as_of": day, "row": members.index}).sort_values("as_of", kind="stable")
    found = pd.merge_asof(asked, known, on="as_of", by="member_id").set_index("row")["tier"]
    return found.reindex(members.index).fillna("unknown")


def _activity(events: ir.Table, campaigns: pd.DataFrame, end: date) -> pd.DataFrame:
    """Return sums of each member's purchases before and in both windows of each campaign; `placebo` says of which."""
    columns = ["offer_id", "start", "days", "placebo_start"]
    windows = pd.concat(
        [
            campaigns[columns].assign(placebo=at, day0=campaigns[name])
            for at, name in ((False, "start"), (True, "placebo_start"))
        ]
    )
    windows["day0"] = (windows["day0"] - pd.Timestamp(0)).dt.days
    grid = ibis.memtable(windows[["offer_id", "placebo", "day0", "days"]].astype({"day0": "int64", "days": "int64"}))
    seen = engine.before(events, end)
    seen = seen.filter(purchases.is_paid).mutate(day=seen.local_at.date().epoch_days())
    bought = purchases.is_purchase(seen)
    daily = seen.group_by("member_id", "day").agg(
        amount=seen.amount.sum(),
        bought=bought.any().cast("int64"),
        discount=seen.discount.sum(where=bought).fill_null(0),
    )
    at = daily.join(grid, daily.day < grid.day0 + grid.days)
    ago = at.day0 - at.day  # 1 is the day before
    sums = at.group_by("offer_id", "placebo", "member_id").agg(
        spend_in=at.amount.sum(where=ago <= 0).fill_null(0),
        spend_28=at.amount.sum(where=(ago > 0) & (ago <= 28)).fill_null(0),
        spend_before=at.amount.sum(where=ago > 0).fill_null(0),
        discount_before=at.discount.sum(where=ago > 0).fill_null(0),
        orders_28=at.bought.sum(where=(ago > 0) & (ago <= 28)).fill_null(0),
        orders_before=at.bought.sum(where=ago > 0).fill_null(0),
        age=ago.max(where=at.bought == 1),
        since=ago.min(where=(at.bought == 1) & (ago > 0)),
    )
    return sums.order_by("offer_id", "placebo", "member_id").execute()


def _known_at(rows: pd.DataFrame, activity: pd.DataFrame, listed: pd.DataFrame, placebo: bool) -> pd.DataFrame:
    """Return the covariates of `rows` on the first day of the campaign, or of the placebo window, and `spend_in`."""
    keys = ["offer_id", "member_id"]
    sums = rows[keys].merge(activity, on=keys, how="left")
    age = sums["age"].clip(lower=1)
    day = rows["placebo_start"] if placebo else rows["start"]
    other = _others(rows, day, listed)
    return pd.DataFrame(
        {
            "spend_in": sums["spend_in"],
            "log spend a day": np.log1p(sums["spend_before"].clip(lower=0) / age),
            "log spend, 28 days": np.log1p(sums["spend_28"].clip(lower=0)),
            "log orders": np.log1p(sums["orders_before"]),
            "orders, 28 days": np.sqrt(sums["orders_28"]),
            "log orders a day": np.log(sums["orders_before"] / age),
            "log days since order": np.log(sums["since"]),
            "log days since first": np.log(age),
            "discount share": (
                sums["discount_before"] / (sums["discount_before"] + sums["spend_before"].clip(lower=0)).clip(lower=1)
            ),
            **other,
        }
    ).set_axis(rows.index)


def _others(rows: pd.DataFrame, day: pd.Series, listed: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return for each row how many other campaigns had reached its member by `day`, still ran, and were redeemed."""
    asked = pd.DataFrame(
        {"member_id": rows["member_id"], "own": rows["offer_id"], "day": day, "row": np.arange(len(rows))}
    )
    got = listed[listed["arm"] != CONTROL]
    pairs = asked.merge(got, on="member_id")
    pairs = pairs[(pairs["active"] <= pairs["day"]) & (pairs["own"] != pairs["offer_id"])]
    counts = {
        "campaigns before": pairs["active"] < pairs["day"],
        "campaigns at the time": pairs["until"] > pairs["day"],
        "redeemed before": pairs["redeemed_at"] < pairs["day"],
    }
    return {name: np.bincount(pairs["row"], those, minlength=len(rows)) for name, those in counts.items()}
