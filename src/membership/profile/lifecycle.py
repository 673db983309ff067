"""Where each member stands in the life of a membership: by the member's own rhythm and by P(alive), month by month.

History begins on one day for everybody (left truncation): a purchase in its first months may not be a first one, and
a silence cannot yet be long. The months before `startup_days` of history are marked, and left out of moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base import engine
from membership.data import purchases
from membership.lifetimes.bgnbd import MbgNbd
from membership.profile import alive
from membership.settings.lifecycle import Lifecycle
from membership.settings.windows import Windows


@dataclass(frozen=True)
class Now:
    """What the last month says of members in general: what the stage of one member on that day takes."""

    usual_gap: float  # days, of the median member who has a rhythm; NaN where nobody has one
    believed: bool  # whether P(alive) decides with the rhythm
    model: MbgNbd | None  # of P(alive); None where it could not be fitted

    def stage(self, rhythm: pd.DataFrame, settings: Lifecycle, min_purchase_days: int) -> pd.Series:
        """Return the stage of each row of `rhythm` at the last month, with its column `first_known`."""
        facts = rhythm.assign(p_alive=alive.now(self.model, rhythm), believed=self.believed)
        return stages(facts, settings, min_purchase_days, self.usual_gap)["stage"]


@dataclass(frozen=True)
class History:
    """The stage of every member at every month start.

    `table` is `lifecycle_history`: member_id, as_of, stage, by_rhythm (the stage without P(alive)), p_alive (what the
    model says; null for prospects and where none could be fitted), believed (whether P(alive) decides with the rhythm),
    startup (whether history is still shorter than the longest time that a rule looks back). `evidence`, index as_of:
    startup, and for P(alive) the columns of `alive.Alive.evidence`. `now` is what was learned for the last month.
    """

    table: pd.DataFrame
    evidence: pd.DataFrame
    now: Now


def month_starts(windows: Windows) -> pd.DatetimeIndex:
    """Return the first day of each month after `windows.start`, up to and always with `windows.as_of`."""
    first = pd.Timestamp(windows.start) + pd.Timedelta(days=1)
    months = pd.date_range(first.normalize(), windows.as_of, freq="MS")
    return months.union([pd.Timestamp(windows.as_of)]).as_unit("us").rename("as_of")


def rhythm(
    events: ir.Table, months: pd.DatetimeIndex, settings: Lifecycle, activity_kinds: Sequence[str]
) -> pd.DataFrame:
    """Return what is known of each member's rhythm at each month start, from earlier events only.

    Columns: member_id, as_of; purchase_days; recent_days (purchase days in the last `loyal_days`); age, since (days
    since the first and the last purchase day); silent (days since the last day with activity, of `activity_kinds`);
    usual_gap (days, the `rhythm_quantile` of the member's gaps between purchase days; null below two purchase days);
    broken_gap (days, the longest gap between days with activity that ended within the last `new_days`; 0 if none).
    Members without an earlier purchase have no row.
    """
    return rhythm_table(events, months, settings, activity_kinds).execute()


def rhythm_table(
    events: ir.Table, months: pd.DatetimeIndex, settings: Lifecycle, activity_kinds: Sequence[str]
) -> ir.Table:
    """Return `rhythm` before it is computed."""
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
    """Return `stage`, and `by_rhythm`, the stage without P(alive), of each row of `rhythm`; the first rule decides.

    new: the first purchase was within `new_days` and is known to be the first (column first_known); lapsed: silent for
    more than `lapsed_gaps` usual gaps, or `lapsed_days`; at_risk: silent for more than `at_risk_gaps` usual gaps;
    won_back: back within `new_days` after a silence that counts as lapsed; loyal: at least `loyal_orders` purchase
    days in `loyal_days`; else active. Where P(alive) is believed (columns p_alive, believed), lapsed must also have one
    below `lapsed_p_alive`, and is at_risk otherwise; so is everybody below `at_risk_p_alive`. Members with fewer than
    `min_purchase_days` purchase days have no rhythm of their own yet and are given the median member's (`usual_gap`,
    where it is known from others than those in `rhythm`).
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
    """Return the stage of every member at every month start, from what was before it. Without purchases: prospect.

    `members`: member_id, joined_at (null where unknown). Events of others are left out.
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
    """Return the rows whose moves count: first days of months after the start-up, so that every step is a month."""
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


def transitions(history: pd.DataFrame, column: str, levels: list[str]) -> pd.DataFrame:
    """Return from one month (rows) to the next (columns) the number of moves between `levels` of `column`."""
    ordered = history.sort_values(["member_id", "as_of"])
    following = ordered.groupby("member_id")[column].shift(-1)
    moves = pd.crosstab(ordered[column], following)
    return moves.reindex(index=levels, columns=levels, fill_value=0).rename_axis(index="from", columns="to")


def rates(moves: pd.DataFrame) -> pd.DataFrame:
    """Return `moves` as shares of each row; NaN where nobody was."""
    return moves.div(moves.sum(axis=1).where(lambda total: total > 0), axis=0)


def agreement(found: History, settings: Lifecycle) -> pd.DataFrame:
    """Return `found.evidence` of each month with what the two rules say of members who have bought.

    Further columns: buyers; rhythm_silent, p_alive_silent (shares at risk or lapsed by rhythm, or below
    `at_risk_p_alive`); disagree (share of buyers of whom only one of the two says so). P(alive) is shown where it is
    not believed too; null where no model could be fitted.
    """
    buyers = found.table[found.table["stage"] != "prospect"]
    silent = buyers["by_rhythm"].isin(["at_risk", "lapsed"]).astype(float)
    going = (buyers["p_alive"] < settings.at_risk_p_alive).astype(float).where(buyers["p_alive"].notna())
    said = {"buyers": 1, "rhythm_silent": silent, "p_alive_silent": going, "disagree": (going - silent).abs()}
    grouped = buyers[["as_of"]].assign(**said).groupby("as_of")
    shares = grouped[["rhythm_silent", "p_alive_silent", "disagree"]].mean()
    return found.evidence.join(grouped["buyers"].sum()).join(shares).fillna({"buyers": 0}).astype({"buyers": "int64"})


def _everybody(known: pd.DataFrame, members: pd.Series, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return `known` with a row for every member and month; who is not in it is a prospect."""
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
