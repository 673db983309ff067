"""What the pipeline said of each member on the day of scoring, against the simplest thing that could be said instead.

All is counted anew from the stored tables, so that a fault of the pipeline's own evaluation would show.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from membership.stats import calibration

_TINY = 1e-6  # chances are kept that far from 0 and 1
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Paired:
    """Two ways to say the same of the same members; below 0 a difference of loss, above 0 one of recall is better.

    `low` to `high`: the difference's interval at CONFIDENCE, with members as the units.
    """

    metric: str
    baseline: str
    members: int
    ours: float
    theirs: float
    difference: float
    low: float
    high: float
    lower_is_better: bool

    @property
    def reading(self) -> str:
        """better, worse, or equal where the interval holds 0."""
        gain_low, gain_high = (-self.high, -self.low) if self.lower_is_better else (self.low, self.high)
        return "better" if gain_low > 0 else "worse" if gain_high < 0 else "equal"


@dataclass(frozen=True)
class Returns:
    """Of members (index): whether they came back in the window, and how likely that was held to be, by whom."""

    happened: pd.Series
    chances: pd.DataFrame  # columns ours, base_rate, last_time

    def paired(self, baseline: str) -> Paired:
        """Return the log loss of ours against that of `baseline`."""
        return paired_loss("log loss of coming back", baseline, self.happened, self.chances)

    def calibration(self) -> calibration.Calibration:
        """Return the calibration of ours."""
        return calibration.of_chance(self.happened.to_numpy(), self.chances["ours"].to_numpy(), CONFIDENCE)


def returns(chance: pd.Series, members: pd.DataFrame, events: pd.DataFrame, as_of: pd.Timestamp, days: int) -> Returns:
    """Judge `chance` (by member_id) of coming back within `days` of `as_of`.

    base_rate: the share of members who came back in the `days` before `as_of`. last_time: the share who came back in
    those days, of the members who had, or had not, in the `days` before them. Both are known on `as_of`.
    """
    back = events.loc[events["comes_back"], ["member_id", "local_at"]]
    span = pd.Timedelta(days=days)

    def came(start: pd.Timestamp) -> pd.Index:
        inside = back["local_at"].between(start, start + span, inclusive="left")
        return pd.Index(back.loc[inside, "member_id"].unique())

    before, last, now = came(as_of - 2 * span), came(as_of - span), came(as_of)
    then = known(members, events, as_of - span)
    had, did = then.isin(before), then.isin(last)
    again, anew = ((did[which].sum() + 0.5) / (which.sum() + 1) for which in (had, ~had))
    ids = chance.index
    found = pd.DataFrame(
        {
            "ours": chance,
            "base_rate": (did.sum() + 0.5) / (len(then) + 1),
            "last_time": np.where(ids.isin(last), again, anew),
        },
        index=ids,
    )
    return Returns(pd.Series(ids.isin(now), index=ids), found)


def known(members: pd.DataFrame, events: pd.DataFrame, day: pd.Timestamp) -> pd.Index:
    """Return the members who had joined, or done something, before `day` and had not left."""
    first = events.groupby("member_id")["local_at"].min()
    joined = members.set_index("member_id")["joined_at"]
    since = pd.concat([first, joined], axis=1).min(axis=1)
    left = members.set_index("member_id")["left_at"].reindex(since.index) if "left_at" in members else None
    there = since < day
    return since.index[there if left is None else there & ~(left < day)]


def recall(lists: pd.DataFrame, events: pd.DataFrame, window: tuple, k: int, *, new_only: bool) -> Paired | None:
    """Return the recall of `lists` (member_id, rank, item_id) in each member's next order, against popularity.

    The popular items are those that most members had before the window; with `new_only` items that a member had before
    count neither in the next order nor in the popular list. None where nobody has a next order to judge.
    """
    start, end = window
    had = events[events["comes_back"] & events["item_id"].notna()].sort_values(["local_at", "event_id"])
    before, after = had[had["local_at"] < start], had[had["local_at"].between(start, end, inclusive="left")]
    day = after["local_at"].dt.normalize()
    after = after[day == day.groupby(after["member_id"]).transform("min")]
    reach = before.groupby("item_id")["member_id"].nunique().reset_index()
    popular = reach.sort_values(["member_id", "item_id"], ascending=[False, True])["item_id"].tolist()
    own = before.groupby("member_id")["item_id"].agg(set)
    top = lists[lists["rank"] <= k].groupby("member_id")["item_id"].agg(list)
    rows = []
    for member, items in after.groupby("member_id")["item_id"].agg(set).items():
        seen = own.get(member, set()) if new_only else set()
        truth = items - seen
        if member in top.index and truth:
            simple = [item for item in popular[: k + len(seen)] if item not in seen][:k]
            rows.append((len(truth & set(top[member])) / len(truth), len(truth & set(simple)) / len(truth)))
    if not rows:
        return None
    ours, theirs = (pd.Series(column, dtype=float) for column in zip(*rows, strict=True))
    name = f"{'explore ' if new_only else ''}recall at {k}"
    return _paired(name, "popularity", ours, theirs, lower_is_better=False)


def paired_loss(metric: str, baseline: str, happened: pd.Series, chances: pd.DataFrame) -> Paired:
    """Return the log loss of column `ours` of `chances` against that of column `baseline`."""
    loss = chances.apply(lambda chance: _log_loss(happened, chance))
    return _paired(metric, baseline, loss["ours"], loss[baseline], lower_is_better=True)


def _log_loss(happened: pd.Series, chance: pd.Series) -> pd.Series:
    sure = chance.clip(_TINY, 1 - _TINY)
    return -np.log(sure.where(happened, 1 - sure))


def _paired(metric: str, baseline: str, ours: pd.Series, theirs: pd.Series, *, lower_is_better: bool) -> Paired:
    change = (ours - theirs).to_numpy(float)
    error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.inf
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) * error
    mean = float(change.mean())
    return Paired(
        metric, baseline, len(change), float(ours.mean()), float(theirs.mean()), mean, mean - half, mean + half,
        lower_is_better,
    )  # fmt: skip
