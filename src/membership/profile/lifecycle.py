"""The lifecycle stage of each member, month by month, from the member's own rhythm and P(alive).

The data start on one day for everybody (left truncation): a purchase in the first months may not be a member's first,
and a silence cannot be long yet. The first `startup_days` are marked as start-up, and moves leave them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.base.member_schemas import STAGES
from membership.data import purchases
from membership.lifetimes.bgnbd import MbgNbd
from membership.profile import alive
from membership.settings.lifecycle import Lifecycle
from membership.settings.windows import Windows


@dataclass(frozen=True)
class Now:
    """What the stage of a single member at the last month depends on, besides the member."""

    usual_gap: float  # days, median over members with a rhythm; NaN where nobody has one
    believed: bool  # whether P(alive) decides together with the rhythm
    model: MbgNbd | None  # of P(alive); None where it could not be fitted

    def stage(self, rhythm: pd.DataFrame, settings: Lifecycle, min_purchase_days: int) -> pd.Series:
        """Return the stage of each row of `rhythm` at the last month, with its column `first_known`."""
        facts = rhythm.assign(p_alive=alive.now(self.model, rhythm), believed=self.believed)
        return stages(facts, settings, min_purchase_days, self.usual_gap)["stage"]


@dataclass(frozen=True)
class History:
    """The stage of every member at every month start.

    `table` is `lifecycle_history`: member_id, as_of, stage, by_rhythm (the stage without P(alive)), p_alive (null for
    prospects, and where no model could be fitted), believed (whether P(alive) decides together with the rhythm),
    startup (whether history is still shorter than the longest look-back of a rule). `evidence`, index as_of: startup
    and the columns of `alive.Alive.evidence`. `now` belongs to the last month.
    """

    table: pd.DataFrame
    evidence: pd.DataFrame
    now: Now


def month_starts(windows: Windows) -> pd.DatetimeIndex:
    """Return the first day of each month after `windows.start`, and `windows.as_of` as the last day."""
    first = pd.Timestamp(windows.start) + pd.Timedelta(days=1)
    months = pd.date_range(first.normalize(), windows.as_of, freq="MS")
    return months.union([pd.Timestamp(windows.as_of)]).as_unit("us").rename("as_of")


def rhythm(
    events: ir.Table, months: pd.DatetimeIndex, settings: Lifecycle, activity_kinds: Sequence[str]
) -> pd.DataFrame:
    """Return what is known of each member's rhythm at each month start, from earlier events only.

    Columns: member_id, as_of; purchase_days; recent_days (purchase days in the last `loyal_days`); age, since (days
    since the first and the last purchase day); silent (days since the last day with activity, of `activity_kinds`);
    usual_gap (days, the `rhythm_quantile` of the member's gaps between purchase days; null with fewer than two purchase
    days); broken_gap (days, the longest gap between days with activity that ended within the last `new_days`; 0 if
    none). Members without an earlier purchase have no row.
    """
    return rhythm_table(events, months, settings, activity_kinds).execute()


def rhythm_table(
    events: ir.Table, months: pd.DatetimeIndex, settings: Lifecycle, activity_kinds: Sequence[str]
) -> ir.Table:
    """Return the query of `rhythm`, not yet executed."""
    days = _active_days(engine.before(events, months[-1].date()), activity_kinds)
    grid = ibis.memtable(pd.DataFrame({"as_of": months, "now": (months - pd.Timestamp(0)).days}))
    seen = days.join(grid, days.day < grid.now)
    ago = seen.now - seen.day
    facts = seen.group_by("member_id", "as_of").agg(
        purchase_days=seen.bought.sum(),
        recent_days=(seen.bought & (ago <= settings.loyal_days)).sum(),
        age=ago.max(where=seen.bought),
        since=ago.min(where=seen.bought),
        silent=ago.min(),
        usual_gap=seen.purchase_gap.quantile(settings.rhythm_quantile),
        broken_gap=seen.gap.max(where=ago <= settings.new_days).fill_null(0),
    )
    return facts.filter(facts.purchase_days > 0).order_by("member_id", "as_of")


def stages(
    rhythm: pd.DataFrame, settings: Lifecycle, min_purchase_days: int, usual_gap: float | None = None
) -> pd.DataFrame:
    """Return `stage`, and `by_rhythm`, the stage without P(alive), of each row of `rhythm`; the first rule that fits.

    new: the first purchase was within `new_days` and is known to be the first (column first_known); lapsed: silent for
    more than `lapsed_gaps` usual gaps, or `lapsed_days`; at_risk: silent for more than `at_risk_gaps` usual gaps;
    won_back: bought again within `new_days` after a silence that counts as lapsed; loyal: at least `loyal_orders`
    purchase days in `loyal_days`; else active. Where P(alive) is believed (columns p_alive, believed), a lapsed member
    also needs one below `lapsed_p_alive` and is at_risk otherwise; everybody below `at_risk_p_alive` is at_risk.
    Members with fewer than `min_purchase_days` purchase days have no rhythm of their own yet and get the median
    member's: `usual_gap`, or that of the members in `rhythm`.
    """
    own = _own_gap(rhythm, min_purchase_days)
    median = own.groupby(rhythm["as_of"]).transform("median") if usual_gap is None else usual_gap
    usual = own.fillna(median).fillna(settings.lapsed_days)
    silence = np.minimum(settings.lapsed_gaps * usual, settings.lapsed_days)
    lapsed = rhythm["silent"] > silence
    at_risk = lapsed | (rhythm["silent"] > settings.at_risk_gaps * usual)
    going = rhythm["believed"] & (rhythm["p_alive"] < settings.at_risk_p_alive)
    staying = rhythm["believed"] & (rhythm["p_alive"] >= settings.lapsed_p_alive)

    def first(lapsed: pd.Series, at_risk: pd.Series) -> pd.Series:
        rules = {
            "new": rhythm["first_known"] & (rhythm["age"] <= settings.new_days),
            "lapsed": lapsed,
            "at_risk": at_risk,
            "won_back": rhythm["broken_gap"] > silence,
            "loyal": rhythm["recent_days"] >= settings.loyal_orders,
        }
        return pd.Series(np.select(list(rules.values()), list(rules), "active"), index=rhythm.index, dtype="str")

    return pd.DataFrame({"stage": first(lapsed & ~staying, at_risk | going), "by_rhythm": first(lapsed, at_risk)})


def history(
    events: ir.Table,
    members: pd.DataFrame,
    windows: Windows,
    settings: Lifecycle,
    min_purchase_days: int,
    activity_kinds: Sequence[str],
) -> History:
    """Return the stage of every member at every month start, from earlier events only; prospect without purchases.

    `members`: member_id, joined_at (null where unknown). Events of anybody else are left out.
    """
    months = month_starts(windows)
    facts = rhythm(events, months, settings, activity_kinds)
    facts = facts[facts["member_id"].isin(members["member_id"])].reset_index(drop=True)
    joined = members.set_index("member_id")["joined_at"]
    facts["first_known"] = alive.first_known(facts, joined, windows.start, settings.startup_days)
    found = alive.by_month(facts, settings)
    facts["p_alive"] = found.p_alive
    facts["believed"] = facts["as_of"].map(found.evidence["believed"]).astype(bool)
    known = facts[["member_id", "as_of", "p_alive"]].join(stages(facts, settings, min_purchase_days))
    table = _everybody(known, members["member_id"], months)
    evidence = found.evidence.reindex(months).fillna({"doubted": 0, "believed": False})
    evidence = evidence.astype({"doubted": "int64", "believed": bool})
    evidence.insert(0, "startup", months < pd.Timestamp(windows.start) + pd.Timedelta(days=settings.startup_days))
    for column in ("believed", "startup"):
        table[column] = np.tile(evidence[column].to_numpy(bool), len(members))
    return History(table, evidence, _now(facts, found.model, evidence, min_purchase_days))


def _now(facts: pd.DataFrame, model: MbgNbd | None, evidence: pd.DataFrame, min_purchase_days: int) -> Now:
    last = evidence.index[-1]
    gap = _own_gap(facts[facts["as_of"] == last], min_purchase_days).median()
    return Now(float(gap), bool(evidence["believed"].iloc[-1]), model)


def _own_gap(rhythm: pd.DataFrame, min_purchase_days: int) -> pd.Series:
    return rhythm["usual_gap"].where(rhythm["purchase_days"] >= min_purchase_days)


def settled(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows between which moves count: month starts after the start-up, so that every step is one month."""
    return history[~history["startup"] & (history["as_of"].dt.day == 1)]


def current(history: pd.DataFrame) -> pd.Series:
    """Return the stage of every member at the last month of `history`, by member_id."""
    return at(history, "stage", history["as_of"].max())


def at(history: pd.DataFrame, column: str, day: pd.Timestamp) -> pd.Series:
    """Return `column` of every member at the last month start of `history` that is not after `day`, by member_id."""
    last = history["as_of"][history["as_of"] <= day].max()
    return history[history["as_of"] == last].set_index("member_id")[column]


def shares(history: pd.DataFrame, column: str, levels: list[str]) -> pd.DataFrame:
    """Return the share of members in each of `levels` of `column`: index as_of; rows add up to 1."""
    counts = pd.crosstab(history["as_of"], history[column]).reindex(columns=levels, fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)


def by_stage(stage: pd.Series, value: pd.DataFrame) -> pd.DataFrame:
    """Return for each stage: members, share, and the means of p_horizon, p_repurchase and value (cents)."""
    facts = value.set_index("member_id")[["p_horizon", "p_repurchase", "value"]].reindex(stage.index)
    table = facts.groupby(stage).mean().reindex(list(STAGES))
    counts = stage.value_counts().reindex(list(STAGES), fill_value=0)
    table.insert(0, "members", counts)
    table.insert(1, "share", counts / max(len(stage), 1))
    return table.rename_axis("stage")


def profile(personas: pd.DataFrame, stage: pd.Series) -> pd.DataFrame:
    """Return table `profile`: table `personas` with the stage (by member_id) of each member."""
    table = personas.copy()
    table.insert(1, "stage", personas["member_id"].map(stage))
    return table


def compare_rules(found: History, settings: Lifecycle) -> pd.DataFrame:
    """Return `found.evidence` of each month, and how far the two rules agree on the members who have bought.

    Further columns: buyers; rhythm_silent, p_alive_silent (shares at risk or lapsed by rhythm, or below
    `at_risk_p_alive`); disagree (share of buyers who are silent by only one of the two). P(alive) is shown even where
    it is not believed; null where no model could be fitted.
    """
    buyers = found.table[found.table["stage"] != "prospect"]
    silent = buyers["by_rhythm"].isin(["at_risk", "lapsed"]).astype(float)
    going = (buyers["p_alive"] < settings.at_risk_p_alive).astype(float).where(buyers["p_alive"].notna())
    said = {"buyers": 1, "rhythm_silent": silent, "p_alive_silent": going, "disagree": (going - silent).abs()}
    grouped = buyers[["as_of"]].assign(**said).groupby("as_of")
    shares = grouped[["rhythm_silent", "p_alive_silent", "disagree"]].mean()
    return found.evidence.join(grouped["buyers"].sum()).join(shares).fillna({"buyers": 0}).astype({"buyers": "int64"})


def _everybody(known: pd.DataFrame, members: pd.Series, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return `known` with a row for every member and month; those missing in it are prospects."""
    row = pd.Index(members).get_indexer(known["member_id"]) * len(months)
    row = row + months.get_indexer(pd.DatetimeIndex(known["as_of"]).as_unit("us"))
    empty = np.full(len(members) * len(months), -1)
    empty[row] = np.arange(len(known))
    return pd.DataFrame(
        {
            "member_id": np.repeat(members.array, len(months)),
            "as_of": np.tile(months, len(members)),
            "stage": known["stage"].array.take(empty, allow_fill=True),
            "by_rhythm": known["by_rhythm"].array.take(empty, allow_fill=True),
            "p_alive": known["p_alive"].array.take(empty, allow_fill=True),
        }
    ).fillna({"stage": "prospect", "by_rhythm": "prospect"})


def _active_days(events: ir.Table, kinds: Sequence[str]) -> ir.Table:
    """Days (since 1970) with activity of each member, whether something was bought, and the gaps to the days before.

    `gap` is in days since the last active day; `purchase_gap` since the last purchase day, null on other days.
    """
    active = events.filter(purchases.is_activity(events, kinds))
    days = active.group_by("member_id", day=purchases.day(active).epoch_days()).agg(
        bought=purchases.is_purchase(active).any()
    )
    earlier = ibis.window(group_by=days.member_id, order_by=days.day, preceding=(None, 1))
    before, purchase = days.day.max().over(earlier), days.day.max(where=days.bought).over(earlier)
    return days.mutate(gap=days.day - before, purchase_gap=days.bought.ifelse(days.day - purchase, None))
