"""What happened since the last decision: predictions compared with outcomes, and how far members have moved.

Outcomes depend on everything that the shop did in the period. They show how reliable forecasts are, not what a policy
caused.
"""

from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from membership.base.errors import DataError, ParamError
from membership.benefits import fairness
from membership.evaluate import verdicts
from membership.evaluate.verdicts import Check, Kind
from membership.monitor import predictions, realised
from membership.settings.monitor import Monitor, Threshold
from membership.settings.windows import Windows
from membership.stats import calibration, drift

ALL, NONE = "all", "-"
STABLE, WATCH, DRIFTED = "stable", "watch", "drifted"
_COMPARED = ["outcome", "by", "group", "members", "predicted", "realised", "ratio", "low", "high", "status"]
_CALIBRATED = [
    "outcome", "members", "intercept", "slope", "low", "high", "error", "log_loss", "expected", "chance", "status",
]  # fmt: skip
_DRIFT = ["name", "kind", "psi", "psi_chance", "ks", "ks_chance", "reference", "current", "status"]


@dataclass(frozen=True)
class Outcome:
    """What is predicted: its columns as predicted and as realised, and whether it is a probability or an amount."""

    name: str
    predicted: str
    realised: str
    probability: bool = False


OUTCOMES = (
    Outcome("repurchase", "p_repurchase", "repurchased", probability=True),
    Outcome("orders", "predicted_orders", "orders"),
    Outcome("spend", "predicted_spend", "spend"),
    Outcome("listed items bought", "predicted_hits", "hits"),
)


@dataclass(frozen=True)
class Compared:
    """Predictions of one day compared with what happened up to another.

    `table`: one row an outcome and group of members (columns outcome, by, group, members, predicted and realised means,
    ratio of realised over predicted with low and high, status). `calibrated`: one row an outcome (intercept, slope,
    low and high of the slope, error: of tenths, in the outcome's unit; of a probability log_loss, what was expected of
    it, and the rise that chance allows; status). `gone`: predicted members of whom the data know nothing any more;
    `fewest`: members below which nothing is called drifted. Empty frames, and None for the texts, where there were no
    predictions.
    """

    made: date | None
    until: date
    version: str | None
    policy: str | None
    table: pd.DataFrame
    calibrated: pd.DataFrame
    gone: int = 0
    fewest: int = 0

    def overall(self, outcome: str) -> pd.Series:
        """Return the row of `table` of all members; NaN where there is none."""
        rows = self.table[(self.table["outcome"] == outcome) & (self.table["by"] == ALL)]
        return rows.iloc[0] if len(rows) else pd.Series(np.nan, index=_COMPARED)

    def off(self) -> pd.DataFrame:
        """Return the rows of `table` of tiers and stages that are to be watched or have drifted."""
        rows = self.table[self.table["by"].isin(["tier", "stage"])]
        return rows[rows["status"].isin([WATCH, DRIFTED])]


def compare(
    made: pd.DataFrame, members: pd.Series, events: ir.Table, items: pd.DataFrame, until: date, knobs: Monitor
) -> Compared:
    """Compare predictions that were `made` (on one day, as from `predictions.earlier`) with what happened by `until`.

    `members` are those of whom the data know now. Raises DataError where none of them was predicted, or too little
    time has passed. Groups of fewer than `knobs.min_members` are shown, and never called anything but stable.
    """
    if made.empty:
        empty = (pd.DataFrame(columns=columns) for columns in (_COMPARED, _CALIBRATED))
        return Compared(None, until, None, None, *empty)
    there, first = made[made["member_id"].isin(members)], made.iloc[0]
    if there.empty:
        raise DataError(
            f"predictions of {first['as_of'].date()} ({first['model_version']}): none of their {len(made)} "
            f"members, e.g. {first['member_id']!r}, is in the data; they were made for other data. Remove "
            "reports/live/predictions.parquet, or bring those data back."
        )
    happened = realised.since(there, events, items, until)
    table = pd.concat([_outcome(happened, outcome, knobs) for outcome in OUTCOMES], ignore_index=True)
    calibrated = pd.DataFrame([_calibrated(happened, outcome, knobs) for outcome in OUTCOMES], columns=_CALIBRATED)
    gone = len(made) - len(there)
    version, policy = first["model_version"], first["policy"]
    return Compared(first["as_of"].date(), until, version, policy, table, calibrated, gone, knobs.min_members)


def drifted(reference: pd.DataFrame, current: pd.DataFrame, columns: list[str], kind: str, knobs: Monitor):
    """Return how far each of `columns` has moved from `reference` to `current`, a frame, the furthest first.

    Columns: name, kind, psi, psi_chance, ks, ks_chance (what chance stays below at `knobs.confidence`), reference,
    current (means of known values), status: the worse of psi and ks, of those that exceed chance. Raises ParamError for
    an unknown column.
    """
    unknown = [column for column in columns if column not in reference or column not in current]
    if unknown:
        raise ParamError(f"monitor.features: {', '.join(unknown)}: no such column; there are {', '.join(reference)}.")
    rows = [_moved(reference[column], current[column], kind, knobs) for column in columns]
    table = pd.DataFrame(rows, columns=_DRIFT)
    return table.sort_values(["psi", "name"], ascending=[False, True], ignore_index=True)


def of_features(features: pd.DataFrame, learned: date, as_of: date, knobs: Monitor) -> pd.DataFrame:
    """Return `drifted` of table `features` from the day up to which models learned to the day of scoring."""
    days = features["as_of"].dt.date
    return drifted(features[days == learned], features[days == as_of], knobs.features, "feature", knobs)


def of_scores(earlier: pd.DataFrame, now: pd.DataFrame, knobs: Monitor) -> pd.DataFrame:
    """Return `drifted` of `predictions.SCORES` from `earlier` predictions to those of `now`.

    Those of which nothing was kept earlier are left out.
    """
    kept = [name for name in predictions.SCORES if earlier[name].notna().any()]
    return drifted(earlier, now, kept, "forecast", knobs)


def drift_of(
    earlier: pd.DataFrame, now: pd.DataFrame, features: pd.DataFrame, windows: Windows, knobs: Monitor
) -> pd.DataFrame:
    """Return `of_scores` and `of_features` as one frame, the furthest first."""
    learned = of_features(features, windows.calibration_end, windows.as_of, knobs)
    if earlier.empty:
        return learned
    table = pd.concat([learned, of_scores(earlier, now, knobs)])
    return table.sort_values(["psi", "name"], ascending=[False, True], ignore_index=True)


def checks(found: Compared, drift: pd.DataFrame, drift_blocks: bool = False) -> list[Check]:
    """Return what stage decide looks at: drift, whether forecasts came true, and their calibration.

    Drift passes unless a feature or forecast has drifted, the second unless repurchase or spend of all members has, the
    third unless a slope has. Without earlier predictions only drift is judged. Of so few members that anything may be
    chance, a check could not fail.
    """
    moved = drift.loc[drift["status"].isin([WATCH, DRIFTED]), ["name", "psi", "ks", "status"]].to_dict("records")
    far = {"rows": len(drift), "furthest": drift["name"].iloc[0], "psi": drift["psi"].iloc[0], "moved": moved}
    far["could_fail"] = (drift["ks_chance"] < 1).any()
    still = verdicts.check("drift", Kind.DRIFT, (drift["status"] != DRIFTED).all(), drift_blocks, **far)
    if found.made is None:
        return [still]
    both = found.table[(found.table["by"] == ALL) & found.table["outcome"].isin(["repurchase", "spend"])]
    live = {"made": str(found.made), "until": str(found.until), "policy": found.policy, "version": found.version}
    came_true = not both["status"].eq(DRIFTED).any()
    known = found.calibrated[found.calibrated["status"] != NONE]
    slopes = known[["outcome", "slope", "low", "high", "status"]]
    sloped = not slopes["status"].eq(DRIFTED).any()
    forecasts, calibrated = (
        {"rows": rows.to_dict("records"), "could_fail": _could_fail(all_rows, found.fewest)}
        for rows, all_rows in ((both, both), (slopes, known))
    )
    return [
        still,
        verdicts.check("forecasts came true", Kind.FORECASTS, came_true, drift_blocks, **live, **forecasts),
        verdicts.check("calibration", Kind.CALIBRATION, sloped, drift_blocks, **calibrated),
    ]


def flat(compared: Compared, drift: pd.DataFrame) -> dict[str, float | int | None]:
    """Return the figures of the period, flat; null where there were no earlier predictions."""
    buy = compared.overall("repurchase")
    counts = {f"monitor_{word}": int((drift["status"] == word).sum()) for word in (WATCH, DRIFTED)}
    off = compared.table["status"].isin([WATCH, DRIFTED]).sum() + compared.calibrated["status"].isin([DRIFTED]).sum()
    return {
        "monitor_members": None if np.isnan(buy["members"]) else int(buy["members"]),
        "monitor_repurchase_predicted": buy["predicted"],
        "monitor_repurchase_realised": buy["realised"],
        **{f"monitor_{what}_ratio": compared.overall(what)["ratio"] for what in ("orders", "spend")},
        "monitor_hits": compared.overall("listed items bought")["realised"],
        "monitor_psi_largest": float(drift["psi"].max()),
        **counts,
        "monitor_off": int(off),
    }


def status(distance: pd.Series, limits: Threshold, sure: pd.Series) -> np.ndarray:
    """Return stable, watch or drifted for each `distance`; only what is `sure` (beyond chance) is not stable."""
    choices = [sure & (distance >= limits.drifted), sure & (distance >= limits.watch)]
    return np.select([choice.to_numpy(bool) for choice in choices], [DRIFTED, WATCH], STABLE)


def worst(words: pd.Series) -> str:
    """Return the worst of stable, watch and drifted; stable where there is none."""
    return next((word for word in (DRIFTED, WATCH) if (words == word).any()), STABLE)


def _could_fail(rows: pd.DataFrame, fewest: int) -> bool:
    return bool(((rows["status"] != NONE) & (rows["members"] >= fewest)).any())


def _outcome(happened: pd.DataFrame, outcome: Outcome, knobs: Monitor) -> pd.DataFrame:
    predicted, did = outcome.predicted, outcome.realised
    rows = happened[happened[did].notna()]
    named = rows[predicted].notna().all() and len(rows) > 0
    groups = {ALL: pd.Series(ALL, index=rows.index), "tier": rows["tier"], "stage": rows["stage"]}
    if named:
        groups["tenth"] = calibration.tenths(rows[predicted])
    parts = [_grouped(rows, groups[by], predicted, did, named, knobs).assign(by=by) for by in groups]
    table = pd.concat(parts, ignore_index=True).assign(outcome=outcome.name)
    nobody = table["realised"] == 0  # nothing varies, so there is no interval; a probability has a bound
    share = 1 - (1 - knobs.confidence) ** (1 / table["members"])
    bound = share / table["predicted"] if outcome.probability else np.nan
    table["high"] = table["high"].mask(nobody, bound)
    table["low"] = table["low"].mask(nobody, 0.0)
    sure = ((table["low"] > 1) | (table["high"] < 1)) & (table["members"] >= knobs.min_members)
    table["status"] = status((table["ratio"] - 1).abs(), knobs.ratio, sure)
    if not named:
        table["status"] = NONE
    return table[_COMPARED]


def _grouped(rows, group, predicted, did, named: bool, knobs: Monitor) -> pd.DataFrame:
    means = rows.groupby(group)[[predicted, did]].mean().set_axis(["predicted", "realised"], axis=1)
    if named:
        found = fairness.ratios(rows[did].to_numpy(), group, knobs.confidence, rows[predicted].to_numpy())
    else:
        found = pd.DataFrame({"members": group.value_counts().reindex(means.index)}).assign(
            ratio=np.nan, low=np.nan, high=np.nan
        )
    return found.join(means).rename_axis("group").reset_index().astype({"group": "str"})


def _calibrated(happened: pd.DataFrame, outcome: Outcome, knobs: Monitor) -> dict:
    predicted, did = outcome.predicted, outcome.realised
    rows = happened[[predicted, did]].dropna()
    if rows.empty:
        return {"outcome": outcome.name, "members": 0, "status": NONE}
    fit = calibration.of_chance if outcome.probability else calibration.of_amount
    found = fit(rows[did].to_numpy(), rows[predicted].to_numpy(), knobs.confidence)
    sure = (found.low > 1 or found.high < 1) and len(rows) >= knobs.min_members
    (word,) = status(pd.Series([abs(found.slope - 1)]), knobs.slope, pd.Series([sure]))
    chances = (rows[did].to_numpy(), rows[predicted].to_numpy(), knobs.confidence)
    surprise = vars(calibration.surprise(*chances)) if outcome.probability else {}
    return {"outcome": outcome.name, "members": len(rows), **vars(found), **surprise, "status": word}


def _moved(reference: pd.Series, current: pd.Series, kind: str, knobs: Monitor) -> dict:
    psi, ks = drift.psi(reference, current), drift.ks(reference, current)
    by_psi = drift.psi_chance(reference, current, knobs.confidence)
    by_ks = drift.ks_chance(reference, current, knobs.confidence)
    words = [
        *status(pd.Series([psi]), knobs.psi, pd.Series([psi > by_psi])),
        *status(pd.Series([ks]), knobs.ks, pd.Series([ks > by_ks])),
    ]
    numbers = {"psi": psi, "psi_chance": by_psi, "ks": ks, "ks_chance": by_ks}
    means = {"reference": reference.mean(), "current": current.mean()}
    return {"name": reference.name, "kind": kind, **numbers, **means, "status": worst(pd.Series(words))}
