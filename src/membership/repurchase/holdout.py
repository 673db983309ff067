"""What the holdout shows of the forecast: opened once, only to judge."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.repurchase import judge, rhythm
from membership.repurchase.candidates import Fitted
from membership.repurchase.choose import Choice
from membership.repurchase.judge import Judged
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.repurchase import Repurchase
from membership.stats import calibration

FLOOR = "logistic"  # nothing that is used may be below it


@dataclass(frozen=True)
class Holdout:
    """What members did from the day of scoring on, and what candidates fitted before it expected."""

    judged: dict[int, Judged]  # days -> chances within them; those of repurchase_days and of horizons that fit
    curves: pd.DataFrame  # members; columns 1, 2, ... days: P(order by then), of the chosen candidate
    waited: pd.Series  # days to the next order, 0 on the day itself; -1: none seen
    orders: pd.Series  # purchase days within repurchase_days

    @classmethod
    def of(
        cls, fitted: Fitted, choice: Choice, history: PurchaseDays, end: int, days: int, settings: Repurchase
    ) -> "Holdout":
        """Observe `history` from the day of `fitted` to `end` (days since 1970); `days` is repurchase_days."""
        day, last = fitted.day, end - fitted.day
        spans = sorted({days, *(one for one in settings.horizons if one <= last)})
        judged = {span: judge.observe(fitted, history, [day], span) for span in spans}
        here = history.present(day)
        known = rhythm.at(history, day)[here]
        steps = np.arange(1, last + 1)
        curves = pd.DataFrame(fitted.candidates[choice.name].chances(known, day, steps), known.index, steps)
        orders = (history.before(day + days) - history.before(day))[here]
        return cls(judged, curves, pd.Series(history.since(day)[here], known.index), pd.Series(orders, known.index))

    def scores(self, days: int, confidence: float) -> pd.DataFrame:
        """Return `judge.table` within `days`."""
        return judge.table(self.judged[days], confidence)

    def reliability(self, name: str, confidence: float) -> pd.DataFrame:
        """Return `calibration.reliability` of the candidate `name` within each number of `days`."""
        parts = {
            days: calibration.reliability(one.came, one.chances[name], confidence) for days, one in self.judged.items()
        }
        return pd.concat(parts, names=["days"]).reset_index(level="days").reset_index(drop=True)

    def next_order(self, days: int, groups: int = 5) -> pd.DataFrame:
        """Return by day and group of the chance: `predicted` and `actual`, the share of members who ordered by then.

        Groups are by the chance of an order within `days`.

        Columns: group (1 has the least chance), members, day, predicted, actual. Everybody is followed to the end.
        """
        last = self.curves.shape[1]
        place = self.curves[days].rank(method="first")
        group = np.ceil(place / len(place) * groups).astype(int).rename("group")
        waited = self.waited.where(self.waited >= 0, last)
        by_then = pd.DataFrame({day: waited < day for day in self.curves}, index=self.curves.index)
        shares = {"predicted": self.curves.groupby(group).mean(), "actual": by_then.groupby(group).mean()}
        long = [frame.melt(var_name="day", value_name=name, ignore_index=False) for name, frame in shares.items()]
        table = long[0].assign(actual=long[1]["actual"].to_numpy()).reset_index()
        table["day"] = table["day"].astype("int64")
        table.insert(1, "members", table["group"].map(group.value_counts()))
        return table


def observed(table: pd.DataFrame, history: PurchaseDays, day: int, days: int) -> Judged:
    """Return the p_repurchase of table `repurchase` and what `history` shows of the `days` from `day` on."""
    waited = pd.Series(history.since(day), history.members).reindex(table["member_id"]).to_numpy()
    index = pd.MultiIndex.from_product([[day], table["member_id"]], names=["day", "member_id"])
    chances = pd.DataFrame({"p_repurchase": table["p_repurchase"].to_numpy()}, index)
    return Judged(days, chances, pd.Series((waited >= 0) & (waited < days), index, name="came"))


def by_group(judged: Judged, name: str, groups: pd.Series, confidence: float) -> pd.DataFrame:
    """Return `judge.scores` of the candidate `name`, members, predicted and actual share, in each of `groups`.

    `groups`: member_id, or day and member_id -> label. Rows without a label are left out.
    """
    rows = judged.came.index
    label = rows.map(groups) if groups.index.nlevels > 1 else rows.get_level_values("member_id").map(groups)
    rows = {}
    for group in sorted(label.dropna().unique()):
        came, chance = judged.came[label == group], judged.chances[name][label == group]
        found = judge.scores(came, chance, confidence)
        rows[group] = {"members": len(came), "predicted": chance.mean(), "actual": came.mean()} | found
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def metrics(choice: Choice, held: Holdout, table: pd.DataFrame, days: int, confidence: float) -> dict[str, float]:
    """Return the metrics of the stage; `days` is repurchase_days, `table` is table `repurchase`.

    validation_...: on the days on which candidates were judged; holdout_...: on the holdout, where `_logistic` is the
    floor and holdout_gain the log loss above it (below 0 is better), with its interval over members.
    """
    scores, judged = held.scores(days, confidence), held.judged[days]
    found = {}
    if choice.best:
        found |= {f"validation_{name}": number for name, number in choice.table.loc[choice.name].items()}
    found |= {f"holdout_{name}": number for name, number in scores.loc[choice.name].items()}
    if FLOOR in scores.index:
        found |= {f"holdout_{name}_{FLOOR}": scores.loc[FLOOR, name] for name in ("log_loss", "brier", "auc")}
        if choice.name != FLOOR:
            gain = judge.differences(judged, FLOOR, confidence).loc[choice.name]
            names = {"difference": "gain", "low": "gain_low", "high": "gain_high"}
            found |= {f"holdout_{named}": gain[name] for name, named in names.items()}
    found["p_repurchase_mean"] = table["p_repurchase"].mean()
    found["repurchase_rate"] = judged.came.mean()
    found["expected_orders_mean"] = table["expected_orders"].mean()
    found["orders_mean"] = held.orders.mean()
    return {name: float(number) for name, number in found.items() if pd.notna(number)}


def runs(choice: Choice, held: Holdout, days: int, confidence: float) -> pd.DataFrame:
    """Return the metrics of every candidate (rows), named like those of the stage, for MLflow to compare."""
    parts = [choice.table.add_prefix("validation_"), held.scores(days, confidence).add_prefix("holdout_")]
    return pd.concat(parts, axis=1)


def tenure(history: PurchaseDays, judged: Judged) -> pd.Series:
    """Return how long members had been buying on each day that is `judged`, in words: index day, member_id.

    A later day would tell who bought in between: a member without a purchase until then certainly did not come.
    """
    labels = ["under 60 days", "60 to 180 days", "180 days and more"]
    since = [pd.Series(dtype=object, index=judged.came.index[:0])]
    for day in judged.came.index.unique("day"):
        known = rhythm.at(history, day)
        found = pd.cut(known["age_days"], [0, 60, 180, np.inf], labels=labels, right=False).astype(object)
        since.append(pd.concat({day: found.where(known["bought"] > 0, "never bought")}, names=["day"]))
    return pd.concat(since)
