"""Figures of trials: assignments and readings in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from membership.report import back, few, formats
from membership.report.figures.evaluate import forest
from membership.trials.effects import ADJUSTED
from membership.trials.plan import Plan
from membership.trials.reading import PRIMARY, Reading
from membership.trials.rehearsal import Repeated


def detectable(plan: Plan, ax: Axes | None = None) -> Axes:
    """Draw the smallest relative change that each arm can show, with what is worth finding."""
    rows = plan.rows.reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(7, 0.9 + 0.45 * len(rows)))[1]
    ax.barh(rows["arm"] + ", " + rows["method"], rows["detectable_relative"], color="tab:blue", alpha=0.6)
    ax.axvline(plan.worth, color="tab:red", linestyle="--", linewidth=1)
    ax.set(title="What the trial can find (dashed: worth finding)", xlim=(0, None))
    ax.set_xlabel("smallest relative change of the repurchase rate")
    ax.invert_yaxis()
    return ax


def effects(reading: Reading, ax: Axes | None = None) -> Axes | None:
    """Draw the change of the repurchase rate by arm and method; nothing where a gate is shut."""
    rows = reading.effects[reading.effects["outcome"] == PRIMARY]
    if rows.empty:
        return None
    labels = rows["arm"] + ", " + rows["method"] + " (" + rows["members"].map(formats.number) + " members)"
    ax = forest(rows, labels, ax)
    ax.set(title=f"{reading.name}: {back.word().many} within the window, by intent to treat")
    ax.set_xlabel(f"arm minus control (share of assigned members), {reading.confidence:.0%} interval")
    return ax


def groups(reading: Reading, ax: Axes | None = None) -> Axes | None:
    """Draw the change by subgroup, of those with enough units; nothing where a gate is shut."""
    rows = reading.groups[reading.groups["enough"]] if len(reading.groups) else reading.groups
    rows = few.told(rows)
    if rows.empty:
        return None
    labels = (
        rows["arm"] + ", " + rows["by"] + ": " + rows["subgroup"] + " (" + rows["members"].map(formats.number) + ")"
    )
    ax = forest(rows, labels, ax)
    ax.set(title="For whom: the change by subgroup, with CUPED")
    ax.set_xlabel(f"arm minus control, {reading.confidence:.0%} interval of each subgroup alone")
    return ax


def repeated(found: Repeated, ax: Axes | None = None) -> Axes:
    """Draw the sorted p values of trials of nothing against the line that honest tests follow."""
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    number = len(found.rows)
    ax.step(np.sort(found.rows["p_value"]), np.arange(1, number + 1) / number, where="post", color="tab:blue")
    ax.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    ax.set(title=f"A/A by {number} salts: {found.rejected} found something (allowed {found.low} to {found.high})")
    ax.set(xlabel="p value", ylabel="share of trials at or below")
    return ax


def periods(found: Repeated, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw what trials of nothing found in each of the past periods."""
    rows = found.rows.sort_values("day")
    ax = forest(rows, rows["day"].astype("str"), ax)
    ax.set(title="A/A by period: assigned on that day, read on what happened")
    ax.set_xlabel(f"arm minus control (share of assigned members), {confidence:.0%} interval")
    return ax


def watched(reading: Reading, ax: Axes | None = None) -> Axes | None:
    """Draw the effect as windows end, with bounds that hold at every look; nothing below two looks."""
    rows: pd.DataFrame = reading.watched
    if len(rows) < 2:
        return None
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    bounded = rows[np.isfinite(rows["low"])]
    ax.fill_between(bounded["look"], bounded["low"], bounded["high"], color="tab:blue", alpha=0.2)
    ax.plot(rows["look"], rows["difference"], "o-", color="tab:blue")
    ax.axhline(0, color="grey", linewidth=1)
    ax.set(title=f"{reading.name}, watched ({ADJUSTED}; the band holds at all looks)", ylabel="arm minus control")
    return ax
