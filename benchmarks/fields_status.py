"""Who keeps a status: of members above the entry tier on the day of scoring, those who are no lower at the next review.

          last review             day of scoring          next review
  |----------|------ days -----------|------ days -----------|
Forecast: who keeps the tier without another purchase does so as often as at the last review; of the others, the chance
of coming back says who does, times how many of those who came back kept it last time. All of it is known on the day.
"""

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from benchmarks.fields_judged import Paired, paired_loss
from membership.settings.tiers import Tiers
from membership.tiers import qualifying, rules
from membership.tiers.rules import Rule


@dataclass(frozen=True)
class Status:
    """Of members with a status (index): `kept` it at the next review; `ours` and `last_time`, its chance.

    `last_time` is the share who kept theirs at the last review, for everybody.
    """

    kept: pd.Series
    chances: pd.DataFrame

    def paired(self) -> Paired:
        """Return the log loss of ours against that of `last_time`."""
        return paired_loss("log loss of keeping status", "last_time", self.kept, self.chances)


def judged(
    events: ir.Table, members: pd.Series, rule: Rule, settings: Tiers, chance: pd.Series, months: pd.DatetimeIndex,
    days: int,
) -> Status | None:  # fmt: skip
    """Judge who keeps a status from the last of `months`, the day of scoring, to the review `days` later.

    `chance`: of coming back within `days`, by member_id. None where fewer than two members have a status, or nobody had
    one that many days before.
    """
    day, span = months[-1], pd.Timedelta(days=days)
    before, now = (_review(events, members, rule, settings, months, start, start + span) for start in (day - span, day))
    if len(before) == 0 or len(now) < 2:
        return None
    back = _came(events, day - span, day)
    sure = before["sure"]
    kept_sure, kept_open = (_share(before.loc[which, "kept"]) for which in (sure, ~sure))
    came = _share(pd.Series(before.index[~sure].isin(back)))
    open_chance = (chance.reindex(now.index) * kept_open / came).clip(upper=kept_sure)
    ours = open_chance.mask(now["sure"], kept_sure)
    return Status(now["kept"], pd.DataFrame({"ours": ours, "last_time": _share(before["kept"])}))


def _review(events, members, rule: Rule, settings: Tiers, months, start, end) -> pd.DataFrame:
    """Return `kept` and `sure` (kept without another purchase from `start` on) of who has a status on `start`."""
    ahead = pd.date_range(start, end, freq="MS").union([start, end])
    all_months = months[months < start].union(ahead).as_unit("us")
    until = all_months.where(all_months < start, start)
    did = rules.replay(qualifying.amounts(events, members, all_months, settings), rule)
    still = rules.replay(qualifying.counted(events, members, all_months, settings, until), rule)
    held = did[start][did[start] > 0]
    return pd.DataFrame({"kept": did[end][held.index] >= held, "sure": still[end][held.index] >= held})


def _came(events: ir.Table, start: pd.Timestamp, end: pd.Timestamp) -> np.ndarray:
    back = events.filter(events.comes_back, events.local_at >= start, events.local_at < end)
    return back.select("member_id").distinct().to_pandas()["member_id"].to_numpy()


def _share(happened: pd.Series) -> float:
    """Return the share, with half a member more on either side, so that it is never 0 or 1."""
    return (happened.sum() + 0.5) / (len(happened) + 1)
