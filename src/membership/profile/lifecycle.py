"""The lifecycle stage of each member, month by month, from the chance of an order beside the member's usual one.

The chance is that of an order within `economics.repurchase_days`, by a logistic regression that is fitted at each month
start to what was known then; the usual one is the share of the member's own days from which an order came so soon. The
data start on one day for everybody (left truncation): a purchase in the first months may not be a member's first, and a
silence cannot be long yet. The first `startup_days` are marked as start-up, and moves leave them out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.member_schemas import LEFT, STAGES
from membership.repurchase import purchase_days, rhythm, usual
from membership.repurchase.logistic import Logistic
from membership.repurchase.purchase_days import NEVER, PurchaseDays, entry
from membership.repurchase.rules import OwnRate
from membership.settings.lifecycle import Lifecycle
from membership.settings.windows import Windows

_RISING = {"lapsed": 0, "prospect": 1, "at_risk": 1, "won_back": 2, "new": 2, "active": 2, "loyal": 3}  # of the chance


@dataclass(frozen=True)
class Borders:
    """What the stage of a member on a day depends on, besides the member: fitted to what was known on some day."""

    model: Logistic | OwnRate  # of the chance of an order
    usual_share: float  # the usual chance of all members together
    days: int  # within which an order counts: economics.repurchase_days
    start: int  # first day of the data, days since 1970

    @classmethod
    def fit(cls, history: PurchaseDays, day: int, days: int, start: int) -> "Borders":
        """Fit to what was known on `day`; where that teaches nothing, a member's own rate is the chance."""
        try:
            model = Logistic.fit(history, day, [days])
        except DataError:
            model = OwnRate()
        return cls(model, usual.pooled(history, day, days), days, start)

    def chances(self, history: PurchaseDays, day: int) -> pd.DataFrame:
        """Return `chance` of an order within `days`, and the `usual` one, of each member on `day`."""
        known = rhythm.at(history, day)
        return pd.DataFrame(
            {
                "chance": self.model.chances(known, day, [self.days])[:, 0],
                "usual": usual.share(history, day, self.days, self.usual_share),
            },
            index=history.members,
        )

    def stages(self, history: PurchaseDays, day: int, settings: Lifecycle) -> pd.DataFrame:
        """Return `stage`, `chance` and `usual` of each member on `day`, from the days before it; the first that fits.

        left: is no member any more; prospect: no purchase yet; new: the first purchase was within `new_days` and is
        known to be the first; lapsed: the chance is below `lapsed_share` of the usual one, or there was no activity for
        `lapsed_days`; at_risk: below `at_risk_share` of it; won_back: bought again within `new_days` after having
        lapsed; loyal: at least `loyal_orders` purchase days in `loyal_days`; else active. Who showed other activity
        than purchases since the last one, within `new_days`, has neither lapsed nor is at risk; nor has and is who has
        a contract that runs. Whose contract has ended, and no other runs, has lapsed.
        """
        known = self.chances(history, day)
        ends, first = history.before(day), history.starts[:-1]
        bought, ratio = ends > first, (known["chance"] / known["usual"]).to_numpy()
        earlier, runs = day - settings.new_days, _runs(history, day)
        rules = {
            LEFT: history.gone(day),
            "prospect": ~bought,
            "new": self._first_known(history, settings) & (day - entry(history.days, first) <= settings.new_days),
            "lapsed": self._lapsed(history, day, ratio, settings),
            "at_risk": (ratio < settings.at_risk_share) & ~_browsing(history, day, settings) & ~runs,
            "won_back": self._lapsed_on(history, earlier, settings) & (ends > history.before(earlier)),
            "loyal": ends - history.before(day - settings.loyal_days) >= settings.loyal_orders,
        }
        return known.assign(stage=np.select(list(rules.values()), list(rules), "active"))

    def _lapsed_on(self, history: PurchaseDays, day: int, settings: Lifecycle) -> np.ndarray:
        known = self.chances(history, day)
        lapsed = self._lapsed(history, day, (known["chance"] / known["usual"]).to_numpy(), settings)
        return lapsed & (history.before(day) > history.starts[:-1])

    def _lapsed(self, history: PurchaseDays, day: int, ratio: np.ndarray, settings: Lifecycle) -> np.ndarray:
        gone = ((ratio < settings.lapsed_share) & ~_browsing(history, day, settings)) | (
            _silent(history, day) > settings.lapsed_days
        )
        return (gone | _over(history, day)) & ~_runs(history, day)

    def _first_known(self, history: PurchaseDays, settings: Lifecycle) -> np.ndarray:
        """Return whether the first purchase in the data is the member's first, (members,).

        It is if the member joined after the data began, or if it comes after `startup_days` without any.
        """
        first = entry(history.days, history.starts[:-1])
        return (history.joined > self.start) | (first - self.start >= settings.startup_days)


@dataclass(frozen=True)
class History:
    """The stage of every member at every month start, as table `lifecycle_history`, and the borders of the last."""

    table: pd.DataFrame
    now: Borders


def month_starts(windows: Windows) -> pd.DatetimeIndex:
    """Return the first day of each month after `windows.start`, and `windows.as_of` as the last day."""
    first = pd.Timestamp(windows.start) + pd.Timedelta(days=1)
    months = pd.date_range(first.normalize(), windows.as_of, freq="MS")
    return months.union([pd.Timestamp(windows.as_of)]).as_unit("us").rename("as_of")


def history(known: PurchaseDays, windows: Windows, settings: Lifecycle, days: int) -> History:
    """Return the stage of every member at every month start, each from what was known then.

    `known`: purchase days, with the days of activity as visits; `days`: economics.repurchase_days.
    """
    start, parts = purchase_days.number(windows.start), []
    months = month_starts(windows)
    for month in months:
        day = purchase_days.number(month.date())
        borders = Borders.fit(known.until(day), day, days, start)
        parts.append(borders.stages(known, day, settings).assign(as_of=month))
    table = pd.concat(parts).rename_axis("member_id").reset_index()
    table["startup"] = table["as_of"] < pd.Timestamp(windows.start) + pd.Timedelta(days=settings.startup_days)
    columns = ["member_id", "as_of", "stage", "chance", "usual", "startup"]
    return History(table[columns].sort_values(["member_id", "as_of"], ignore_index=True), borders)


def separation(table: pd.DataFrame, known: PurchaseDays, days: int) -> pd.DataFrame:
    """Return how well stages tell who orders within `days` of each month start whose `days` are over, by as_of.

    Columns: auc (of the order lapsed, at risk or prospect, then new, active or won back, then loyal), auc_chance (of
    the chance itself), and the share who ordered of each stage; NaN where nobody is in it. `known` ends where nothing
    more is seen. Start-up months are left out.
    """
    from sklearn.metrics import roc_auc_score  # seconds that serving need not wait for

    last, rows = int(known.days.max(initial=0)) + 1, {}
    for month, part in table[~table["startup"] & (table["stage"] != LEFT)].groupby("as_of"):
        day = purchase_days.number(month.date())
        if day + days > last:
            continue
        waited = pd.Series(known.since(day), known.members).reindex(part["member_id"]).to_numpy()
        came = (waited >= 0) & (waited < days)
        both = 0 < came.sum() < len(came)
        aucs = {"auc": part["stage"].map(_RISING), "auc_chance": part["chance"]}
        row = {name: roc_auc_score(came, by) if both else np.nan for name, by in aucs.items()}
        rows[month] = row | pd.Series(came).groupby(part["stage"].to_numpy()).mean().to_dict()
    columns = ["auc", "auc_chance", *STAGES]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).rename_axis("as_of")


def _runs(history: PurchaseDays, day: int) -> np.ndarray:
    """Return whether a contract of each member runs on `day`, (members,): what is paid up is no silence."""
    if history.contracts is None:
        return np.zeros(len(history.members), bool)
    return history.contracts.running(purchase_days.date_of(day), history.members)


def _over(history: PurchaseDays, day: int) -> np.ndarray:
    """Return whether the last contract of each member has ended by `day`, (members,)."""
    if history.contracts is None:
        return np.zeros(len(history.members), bool)
    return history.standing(day)["ended_days"].notna().to_numpy()


def _silent(history: PurchaseDays, day: int) -> np.ndarray:
    """Return the days since the last activity, (members,); since joining where there was none."""
    last = history.last(day)
    return day - np.maximum(np.where(last == NEVER, history.joined, last), _last_visit(history, day))


def _browsing(history: PurchaseDays, day: int, settings: Lifecycle) -> np.ndarray:
    """Return who was active, but not by a purchase, since the last one and within `new_days`."""
    visit = _last_visit(history, day)
    return (visit > history.last(day)) & (day - visit <= settings.new_days)


def _last_visit(history: PurchaseDays, day: int) -> np.ndarray:
    return history.visits.last(day) if history.visits else np.full(len(history.members), NEVER)


def settled(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows between which moves count: month starts after the start-up, so that every step is one month."""
    return history[~history["startup"] & (history["as_of"].dt.day == 1)]


def current(history: pd.DataFrame) -> pd.Series:
    """Return the stage of everybody who is a member at the last month of `history`, by member_id."""
    return at(history, "stage", history["as_of"].max())


def at(history: pd.DataFrame, column: str, day: pd.Timestamp) -> pd.Series:
    """Return `column` of each member at the last month start of `history` that is not after `day`, by member_id.

    Whoever has left by then is not there.
    """
    last = history["as_of"][history["as_of"] <= day].max()
    return history[(history["as_of"] == last) & (history[column] != LEFT)].set_index("member_id")[column]


def levels(history: pd.DataFrame) -> list[str]:
    """Return the stages that `history` shows: those of members, and, where anybody has left, that."""
    return [*STAGES, *([LEFT] if (history["stage"] == LEFT).any() else [])]


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
