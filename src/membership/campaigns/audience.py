"""The audience of each campaign: who could have been reached, who was, what was known of them, and what they did.

    |--- history_days ---|--- placebo window ---|--- campaign ---|
                         placebo_start          start            end (at most as_of)

One row for each campaign and member who had bought before the placebo window. There are two outcomes: net spend a day
in the campaign's days, and whether the member ordered within `repurchase_days` of its start. The placebo outcomes are
the same from the start of the window before, which the campaign cannot have changed; it is as long as the campaign, and
at least `repurchase_days`. Covariates of the outcomes are known before the campaign's start, those of the placebos
before that window's.

A campaign of several treated arms counts as one campaign an arm, each against the control of them all.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.campaigns import arms, attributes
from membership.data import membership_span, purchases
from membership.settings.campaigns import Campaigns
from membership.settings.windows import Windows

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Audience:
    """Campaigns and members, sorted by both; `x` and `x_placebo` have a row for each of `rows`.

    `rows`: offer_id, kind (of several arms: "<kind> / <arm>", and offer_id likewise), campaign (the offer), arm,
    member_id, treated, propensity (of being treated rather than control; NaN where unknown), given (of the arm got,
    among all arms), randomised, outcome and placebo (cents a day); ordered (0 or 1) and near (cents spent) within
    repurchase_days; redeemed, tier, stage; ordered_before, near_before, tier_before, stage_before: the same of the
    placebo window; start, end. `left_out`: what could not be used, and how often.
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
                "campaigns": rows["campaign"].nunique(),
                "randomised": rows.loc[rows["randomised"].astype(bool), "campaign"].nunique(),
                "members": reached["member_id"].nunique(),
                "reached": len(reached),
                "overlapping": overlapping(rows),
            },
            dtype=object,
        )


def schedule(
    offers: pd.DataFrame, timezone: str, windows: Windows, settings: Campaigns, repurchase_days: int
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the campaigns that can be judged as of `windows.as_of`, and how many others cannot, by reason.

    Columns offer_id, kind, start, end (local days, end out), days, placebo_start. A campaign must have both ends, be
    over by that day, as must `repurchase_days` from its start, and leave room before it for the placebo window and its
    history.
    """
    local = {name: _local_day(offers[name], timezone, up) for name, up in (("starts_at", False), ("ends_at", True))}
    table = offers[["offer_id", "kind"]].assign(start=local["starts_at"], end=local["ends_at"])
    table["days"] = (table["end"] - table["start"]).dt.days
    table["placebo_start"] = table["start"] - pd.to_timedelta(table["days"].clip(lower=repurchase_days), unit="D")
    seen = np.maximum(table["end"], table["start"] + repurchase_days * _DAY)
    earliest = pd.Timestamp(windows.start) + settings.history_days * _DAY
    reasons = {
        "campaigns without a start or an end": ~(table["days"] > 0),
        "campaigns not over yet": seen > pd.Timestamp(windows.as_of),
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
    repurchase_days: int,
    stages: pd.DataFrame | None = None,
    members: pd.DataFrame | None = None,
) -> Audience:
    """Return the audiences of the campaigns over by `windows.as_of`; nothing on or after that day is read.

    Randomised is a campaign whose every exposure has an arm and its propensity: its rows are the members listed.
    Otherwise those listed were treated, unless their arm is `control`, and all others who had bought were not.
    Campaigns that reached everybody or nobody are left out. `stages`: lifecycle_history; `members`: for the covariates
    `settings.attributes`. Raises DataError where a stated propensity is 0, and where it is not known who was held out
    (`arms.checked`).
    """
    campaigns, left_out = schedule(offers, timezone, windows, settings, repurchase_days)
    listed, unused = _listed(exposures, offers, timezone)
    asked = arms.checked(listed[listed["offer_id"].isin(campaigns["offer_id"])])
    activity = _activity(events, campaigns, windows.as_of, repurchase_days)
    base = activity[activity["placebo"] & (activity["orders_before"] > 0)][["offer_id", "member_id"]]
    base = _still_there(base.merge(campaigns, on="offer_id"), members)
    rows = base.merge(asked, on=["offer_id", "member_id"], how="left")
    left_out["exposures of members without a purchase before"] = len(asked) - int(rows["arm"].notna().sum())
    rows = arms.split(rows.assign(redeemed=rows["redeemed_at"] < pd.Timestamp(windows.as_of)), asked)
    share = rows.groupby("offer_id")["treated"].transform("mean")
    alone = (share == 0) | (share == 1)
    left_out["campaigns that reached everybody or nobody"] = rows.loc[alone, "offer_id"].nunique() + len(
        set(campaigns["offer_id"]) - set(rows["campaign"])
    )
    rows = rows[~alone].sort_values(["offer_id", "member_id"], ignore_index=True)
    for after, at in (("", "start"), ("_before", "placebo_start")):
        rows[f"tier{after}"] = _standing_at("tier", rows["member_id"], rows[at], tier_history)
        rows[f"stage{after}"] = _standing_at("stage", rows["member_id"], rows[at], stages)
    found = {at: _known_at(rows, activity[activity["placebo"] == at], listed, at) for at in (False, True)}
    for after, outcome, at in (("", "outcome", False), ("_before", "placebo", True)):
        rows[outcome] = found[at].pop("spend_in").to_numpy() / rows["days"]
        rows[f"ordered{after}"] = found[at].pop("ordered_in").to_numpy(dtype=float)
        rows[f"near{after}"] = found[at].pop("spend_near").to_numpy(dtype=float)
    if members is not None and settings.attributes:
        own = attributes.columns(members, settings.attributes, rows["member_id"])
        found = {at: frame.join(own) for at, frame in found.items()}
    unseen = ["days", "placebo_start", "active", "until", "redeemed_at"]
    return Audience(rows.drop(columns=unseen), found[False], found[True], pd.concat([left_out, unused]))


def _still_there(rows: pd.DataFrame, members: pd.DataFrame | None) -> pd.DataFrame:
    """Return the `rows` whose member had not left before the campaign's start."""
    if members is None:
        return rows
    left = rows["member_id"].map(membership_span.left_days(members)).fillna(membership_span.FOREVER)
    return rows[left.to_numpy() >= (rows["start"] - pd.Timestamp(0)).dt.days.to_numpy()]


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
    table["arm"] = table["arm"].mask(table["arm"].str.lower() == arms.CONTROL, arms.CONTROL)
    first = table.sort_values(["offer_id", "member_id", "at", "exposure_id"]).drop_duplicates(["offer_id", "member_id"])
    first = first.assign(
        complete=first["arm"].notna() & first["propensity"].notna(), arm=first["arm"].fillna(arms.REACHED)
    )
    counts = {
        "exposures to unknown campaigns": int((~known).sum()),
        "exposures repeated": len(table) - len(first),
        "redemptions before their exposure": int(early.sum()),
    }
    columns = ["offer_id", "member_id", "active", "until", "arm", "propensity", "complete", "redeemed_at"]
    return first[columns].reset_index(drop=True), pd.Series(counts, dtype="int64")


def _standing_at(name: str, members: pd.Series, day: pd.Series, history: pd.DataFrame | None) -> pd.Series:
    """Return each member's tier or stage on the last day of `history` up to `day`; unknown where there is none."""
    if history is None:
        return pd.Series("unknown", index=members.index)
    known = history[["member_id", "as_of", name]].sort_values(["as_of", "member_id"]).astype({"as_of": day.dtype})
    asked = pd.DataFrame({"member_id": members, "as_of": day, "row": members.index}).sort_values("as_of", kind="stable")
    found = pd.merge_asof(asked, known, on="as_of", by="member_id").set_index("row")[name]
    return found.reindex(members.index).fillna("unknown")


def _activity(events: ir.Table, campaigns: pd.DataFrame, end: date, repurchase_days: int) -> pd.DataFrame:
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
    seen = seen.filter(purchases.is_counted).mutate(day=seen.local_at.date().epoch_days())
    bought = purchases.is_purchase(seen)
    daily = seen.group_by("member_id", "day").agg(
        amount=seen.amount.sum(),
        bought=bought.any().ifelse(1, 0).cast("int64"),
        discount=seen.discount.sum(where=bought).fill_null(0),
    )
    at = daily.join(grid, daily.day < grid.day0 + ibis.greatest(grid.days, repurchase_days))
    ago = at.day0 - at.day  # 1 is the day before
    sums = at.group_by("offer_id", "placebo", "member_id").agg(
        spend_in=at.amount.sum(where=(ago <= 0) & (ago > -at.days)).fill_null(0),
        spend_near=at.amount.sum(where=(ago <= 0) & (ago > -repurchase_days)).fill_null(0),
        ordered_in=at.bought.max(where=(ago <= 0) & (ago > -repurchase_days)).fill_null(0),
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
    """Return the covariates of `rows` on the first day of the campaign or placebo window, and what followed it."""
    keys = ["offer_id", "member_id"]
    sums = rows.assign(offer_id=rows["campaign"])[keys].merge(activity, on=keys, how="left")
    age = sums["age"].clip(lower=1)
    day = rows["placebo_start"] if placebo else rows["start"]
    other = _others(rows, day, listed)
    return pd.DataFrame(
        {
            "spend_in": sums["spend_in"],
            "spend_near": sums["spend_near"],
            "ordered_in": sums["ordered_in"],
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
        {"member_id": rows["member_id"], "own": rows["campaign"], "day": day, "row": np.arange(len(rows))}
    )
    got = listed[listed["arm"] != arms.CONTROL]
    pairs = asked.merge(got, on="member_id")
    pairs = pairs[(pairs["active"] <= pairs["day"]) & (pairs["own"] != pairs["offer_id"])]
    counts = {
        "campaigns before": pairs["active"] < pairs["day"],
        "campaigns at the time": pairs["until"] > pairs["day"],
        "redeemed before": pairs["redeemed_at"] < pairs["day"],
    }
    return {name: np.bincount(pairs["row"], those, minlength=len(rows)) for name, those in counts.items()}
