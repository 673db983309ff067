"""Figures of the next order: candidates compared, reliability, the curve by day, and what moves a chance."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from membership.report import back, few

_MODEL, _ACTUAL = "#1f77b4", "#333333"
MOVED = {
    "silence": "how long they have been silent",
    "pace": "how often they buy",
    "latest": "the last days and weeks",
    "regularity": "how regular their gaps are",
    "spend": "what they spend",
    "weekdays": "which weekdays they come on",
}


def differences(table: pd.DataFrame, reference: str | None, ax: Axes | None = None) -> Axes | None:
    """Draw `judge.differences`: how much worse each candidate's log loss is than that of `reference`.

    Nothing is drawn where nothing was judged.
    """
    if table.empty:
        return None
    ax = ax or plt.subplots(figsize=(7.5, 0.4 * len(table) + 1.4))[1]
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["low"], table["high"], color=_MODEL)
    ax.plot(table["difference"], rows, "o", color=_MODEL)
    ax.axvline(0, color="grey", linestyle=":")
    ax.set_yticks(rows, table.index)
    ax.set(title=f"Log loss above that of {reference}\nRight of the dotted line: worse", xlabel="difference a member")
    return ax


def reliability(table: pd.DataFrame, axes: np.ndarray | None = None) -> np.ndarray:
    """Draw `Holdout.reliability`: how often members of the same chance ordered, one panel a number of days."""
    spans = list(table["days"].unique())
    axes = np.atleast_1d(
        plt.subplots(1, len(spans), figsize=(3.9 * len(spans), 3.9), sharey=True)[1] if axes is None else axes
    )
    for ax, days in zip(axes, spans, strict=True):
        part = few.told(table[table["days"] == days])
        ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
        ax.vlines(part["predicted"], part["low"], part["high"], color=_MODEL, alpha=0.6)
        ax.scatter(part["predicted"], part["actual"], s=15 + 250 * part["members"] / part["members"].sum(), zorder=3)
        ax.set(title=f"within {days} days", xlabel=f"predicted chance of {back.word().a}", xlim=(-0.03, 1.03))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
    axes[0].set(ylabel="share of members who came back", ylim=(-0.03, 1.03))
    axes[0].figure.suptitle("Does it happen as often as predicted? Good: on the dotted line", y=1.02)
    return axes


def next_order(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `Holdout.next_order`: who had ordered by each day, predicted (dashed) and what happened, in five groups."""
    ax = ax or plt.subplots(figsize=(8.5, 4.4))[1]
    groups = list(table["group"].unique())
    for colour, group in zip(sns.color_palette("viridis", len(groups)), groups, strict=True):
        part = table[table["group"] == group]
        ax.plot(part["day"], part["actual"], color=colour)
        ax.plot(part["day"], part["predicted"], color=colour, linestyle="--")
        ax.annotate(f"fifth {group}", (part["day"].iloc[-1], part["actual"].iloc[-1]), xytext=(4, -3),
                    textcoords="offset points", color=colour)  # fmt: skip
    ax.plot([], [], color=_ACTUAL, label="what happened")
    ax.plot([], [], color=_ACTUAL, linestyle="--", label="predicted")
    ax.set(title="Who has come back by each day\nGood: the lines run together", xlabel="days after scoring")
    ax.set(ylabel="share of members", ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="lower right")
    return ax


def moved(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw table `repurchase`: how far each respect moves the log-odds of members, as boxes from their 5th to 95th."""
    ax = ax or plt.subplots(figsize=(8.5, 3.6))[1]
    bought = table[table["moved_silence"] != 0]
    columns = [bought[f"moved_{name}"].to_numpy() for name in MOVED]
    if len(bought):
        ax.boxplot(columns[::-1], orientation="horizontal", whis=(5, 95), showfliers=False,
                   tick_labels=list(MOVED.values())[::-1])  # fmt: skip
    ax.axvline(0, color="grey", linestyle=":")
    ax.set(title=f"What moves a member's chance of {back.word().a} (box: half of the members; lines: nine in ten)")
    ax.set(xlabel="change of the log-odds; 1 is about a quarter more in the middle")
    return ax


def member(row: pd.Series, ax: Axes | None = None) -> Axes:
    """Draw what moves one member's chance: `row` of table `repurchase`."""
    ax = ax or plt.subplots(figsize=(6.5, 2.6))[1]
    found = pd.Series({label: row[f"moved_{name}"] for name, label in MOVED.items()})[::-1]
    ax.barh(found.index, found, color=np.where(found >= 0, _MODEL, "#d62728"))
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set(xlabel=f"raises (right) or lowers (left) the chance of {back.word().a}: log-odds")
    return ax
