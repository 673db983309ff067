"""Figures of data and behaviour: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from membership.report import back
from membership.report.figures import plain_log
from membership.settings.windows import Windows


def events_by_week(weeks: pd.DataFrame, windows: Windows, ax: Axes | None = None) -> Axes:
    """Draw `ingest.by_week`: events of each kind, with the ends of the windows; a scale of powers for several kinds."""
    ax = ax or plt.subplots(figsize=(9, 3.8))[1]
    sns.lineplot(weeks, x="week", y="events", hue="kind", errorbar=None, marker=".", ax=ax)
    for name in ("calibration_end", "validation_end", "holdout_end"):
        end = pd.Timestamp(getattr(windows, name))
        ax.axvline(end, color="grey", linestyle=":")
        ax.annotate(f"{_words(name)} ", (end, 0.05), xycoords=("data", "axes fraction"), rotation=90, ha="right")
    several = len(weeks["kind"].unique()) > 1
    ax.set(title="Events by week", xlabel="week from", ylabel="events a week" + " (log scale)" * several)
    ax.set(yscale="log") if several and (weeks["events"] > 0).any() else ax.set(ylim=(0, None))
    plain_log(ax.yaxis)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.legend(frameon=False)
    return ax


def quality(rules: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the table `quality`: the rows that each rule found, and what became of them."""
    ax = ax or plt.subplots(figsize=(9, 4))[1]
    found = rules[rules["step"] > 0].assign(rule=lambda rows: rows["rule"].str.replace("_", " "))
    colours = {"kept": "lightgrey", "corrected": "steelblue", "dropped": "indianred", "united": "goldenrod"}
    sns.barplot(found, x="rows", y="rule", hue="action", hue_order=list(colours), palette=colours, dodge=False, ax=ax)
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:,.0f}", padding=3)
    ax.set(title=f"What cleaning found in {rules['rows'].iloc[0]:,} rows", xlabel="rows found (log scale)", ylabel="")
    ax.set(xscale="symlog", xlim=(0, 5 * found["rows"].max() + 1))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    sns.move_legend(ax, "upper right", title=None)
    return ax


def distribution(values: pd.Series, label: str, log: bool = False, ax: Axes | None = None) -> Axes:
    """Draw how many members have which value, with the median; `log` for values that span orders of magnitude."""
    ax = ax or plt.subplots(figsize=(5, 3.5))[1]
    shown = values[values > 0] if log else values.dropna()
    if shown.min() < shown.max():
        sns.histplot(shown, bins=40, log_scale=log, color="steelblue", ax=ax)
        ax.axvline(shown.median(), color="black", linestyle="--", label=f"median {shown.median():,.0f}")
        ax.legend(frameon=False)
    ax.set(title=label.partition(",")[0].capitalize(), xlabel=label, ylabel="members")
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    return ax


def gaps(features: pd.DataFrame, days: int, ax: Axes | None = None) -> Axes:
    """Draw the share of members whose usual gap between purchase days is at most so long; `days` is marked."""
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    sns.ecdfplot(features["median_gap_days"].dropna(), color="steelblue", ax=ax)
    ax.axvline(days, color="black", linestyle="--", label=f"{days} days")
    ax.set(title="How often members come back", xlabel="median gap between a member's purchase days, days (log scale)")
    ax.set(xscale="log", ylabel="share of members")
    plain_log(ax.xaxis)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False)
    return ax


def weekly(weeks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `activity.weekly`: the members who bought and their orders, week by week."""
    ax = ax or plt.subplots(figsize=(9, 3.8))[1]
    ax.plot(weeks["week"], weeks["orders"], marker=".", color="lightsteelblue", label=back.word().many)
    ax.plot(weeks["week"], weeks["members"], marker=".", color="steelblue", label="members who bought")
    ax.set(title="Activity by week", xlabel="week from", ylabel="in the week", ylim=(0, None))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.legend(frameon=False)
    return ax


def repurchase(monthly: pd.DataFrame, days: int, ax: Axes | None = None) -> Axes:
    """Draw `activity.repurchase`: the share of known members who buy within `days` of each first of a month."""
    ax = ax or plt.subplots(figsize=(9, 3.8))[1]
    ax.plot(monthly["start"], monthly["share"], marker="o", color="steelblue")
    ax.set(title=f"Members who buy within {days} days", xlabel="from", ylabel="share of members known by then")
    ax.set(ylim=(0, 1))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def correlations(matrix: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a matrix of rank correlations between features."""
    ax = ax or plt.subplots(figsize=(0.6 * len(matrix) + 3, 0.45 * len(matrix) + 2))[1]
    words = matrix.rename(index=_words, columns=_words).iloc[1:, :-1]
    above = np.triu(np.ones(words.shape, bool), k=1)
    sns.heatmap(words, mask=above, vmin=-1, vmax=1, cmap="vlag", annot=True, fmt="+.1f", cbar=False, ax=ax)
    ax.set(title="Rank correlation between features")
    return ax


def categories(spend: pd.Series, top: int = 15, ax: Axes | None = None) -> Axes:
    """Draw the `top` categories of `spend` (cents, by category) as shares of it all."""
    ax = ax or plt.subplots(figsize=(8, 4.5))[1]
    shares = (spend / spend.sum()).sort_values(ascending=False, kind="stable").head(top)
    sns.barplot(x=shares.to_numpy(), y=shares.index, color="steelblue", ax=ax)
    ax.set(title=f"The {len(shares)} largest categories", xlabel="share of all members' spend", ylabel="")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    return ax


def _words(name: str) -> str:
    return name.replace("_", " ")
