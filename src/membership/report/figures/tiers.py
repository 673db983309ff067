"""Figures of tiers and points: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from membership.report import formats
from membership.report.figures import plain_log
from membership.settings.tiers import TierSearch
from membership.tiers.thresholds import Search


def curves(search: Search, ax: Axes | None = None) -> Axes:
    """Draw what each level would bring, at every candidate threshold, and the thresholds of the rule."""
    ax = ax or plt.subplots(figsize=(8, 4))[1]
    choices, settings = search.choices, search.choices.terms.settings
    unit = settings.unit
    colours = sns.color_palette("viridis", len(settings.levels))[1:]
    for level, net in enumerate(choices.gain - choices.cost):
        ax.plot(choices.thresholds / unit, net / 100, color=colours[level], label=settings.names[level + 1])
        ax.axvline(search.rule.thresholds[level + 1] / unit, color=colours[level], linestyle="--", linewidth=1)
    ax.axhline(0, color="black", linewidth=0.8)
    what = "spend (units of currency)" if unit == 100 else "points"
    ax.set(
        title="Net value of each step up, by its threshold (dashed: the rule)",
        ylabel="net (units of currency)",
    )
    ax.set(xlabel=f"threshold: {what} in {settings.qualifying_days} days", xscale="log")
    plain_log(ax.xaxis)
    ax.legend(title="step up to", frameon=False)
    return ax


def tradeoff(table: pd.DataFrame, limits: TierSearch, axes: np.ndarray | None = None) -> np.ndarray:
    """Draw `thresholds.tradeoff`: net, with its range, against the budget and the limit of moves.

    Dashed: `limits` as they are.
    """
    axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True)[1] if axes is None else axes
    budget = ("budget", "budget (units of currency)", 100, limits.budget)
    moves = ("moves", "moves a member and year, at most", 1, limits.max_moves_per_year)
    for ax, (limit, label, unit, today) in zip(axes, (budget, moves), strict=True):
        part = table[table["limit"] == limit]
        ax.plot(part["at"] / unit, part["net"] / 100, marker="o", color="steelblue")
        ax.fill_between(part["at"] / unit, part["net_low"] / 100, part["net_high"] / 100, color="steelblue", alpha=0.2)
        ax.axvline(today / unit, color="darkorange", linestyle="--", label="params.yaml")
        ax.set(title=f"Best net value by limit of the {limit}", xlabel=label, xlim=(0, None))
        ax.set(ylabel="net (units of currency)")
        ax.legend(frameon=False)
    return axes


def monthly_moves(moves: pd.DataFrame, settled: int, ax: Axes | None = None) -> Axes:
    """Draw `tiers.moves`: members promoted and demoted each month; grey: history begins, so moves are not counted."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    days = moves.index.map(formats.day)
    ax.bar(days, moves["up"], color="seagreen", label="promoted")
    ax.bar(days, -moves["down"], color="indianred", label="demoted")
    ax.axhline(0, color="black", linewidth=0.8)
    if settled:
        ax.axvspan(-0.5, settled + 0.5, color="lightgrey", alpha=0.5, zorder=0, label="start-up")
    ax.set(title="Moves between tiers", xlabel="as of", ylabel="members (demoted below zero)")
    ax.tick_params(axis="x", rotation=45)
    ax.legend(frameon=False)
    return ax


def cost_by_month(monthly: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `overview.by_month`: what each tier cost in each month, with its points."""
    ax = ax or plt.subplots(figsize=(8, 4))[1]
    cost = monthly.assign(cost=monthly["running"] + monthly["points"])
    wide = cost.pivot_table(index="as_of", columns="tier", values="cost")[monthly["tier"].unique()] / 100
    wide.set_axis(wide.index.map(formats.day)).plot.bar(
        stacked=True, color=sns.color_palette("viridis", wide.shape[1]), ax=ax
    )
    ax.set(title="Monthly cost of tiers and points", xlabel="month up to", ylabel="units of currency")
    ax.legend(title="", frameon=False)
    ax.tick_params(axis="x", rotation=45)
    return ax


def distance(distances: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `overview.distances`: how many members lack which share of the next tier's threshold."""
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    sns.histplot(
        distances,
        x="missing",
        hue="next_tier",
        multiple="stack",
        ax=ax,
        binrange=(0, 1),
        binwidth=0.05,
        palette="viridis",
    )
    if ax.get_legend():
        ax.get_legend().set(title="next tier", frame_on=False)
    ax.set(title="Distance to the next tier", xlabel="share of its threshold that is missing", ylabel="members")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    return ax


def outstanding(by_lot: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `Owed.by_lot`: points outstanding by the months left until they expire, and what becomes of them."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    expire = by_lot["points"] - by_lot["redeemed"]
    parts = {"will be redeemed": by_lot["redeemed"].where(by_lot["redeemed"] > 0, 0)}
    parts |= {
        f"will expire: holder {who}": expire.where(by_lot["holder"] == who, 0) for who in by_lot["holder"].unique()
    }
    months, base = by_lot["months"].round().astype(int), 0.0
    for (label, values), colour in zip(parts.items(), ("steelblue", "lightsteelblue", "lightgrey"), strict=False):
        height = values.groupby(months).sum()
        ax.bar(height.index, height, bottom=base, color=colour, label=label)
        base = base + height
    ax.set(title="Points outstanding, by months to expiry", xlabel="months until they expire", ylabel="points")
    ax.legend(frameon=False)
    return ax
