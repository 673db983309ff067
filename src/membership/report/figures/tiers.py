"""Figures of tiers and points: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

from membership.settings.tiers import TierSearch
from membership.tiers.thresholds import Search

MONEY = ("cost_month", "gain", "cost", "net", "best_net", "value")  # cents
SHARES = ("share", "value_share", "uplift")


def readable(table: pd.DataFrame, thresholds: bool = False) -> Styler:
    """Return `table` for people: cents as units of currency, shares per cent; with `thresholds`, all else is cents."""
    formats = dict.fromkeys(table.select_dtypes("number"), "{:,.0f}")
    money = table.select_dtypes("number").columns if thresholds else MONEY
    formats |= {column: (lambda cents: f"{cents / 100:,.2f}") for column in money if column in table}
    formats |= {column: "{:.1%}" for column in SHARES if column in table}
    days = {"as_of": "{:%Y-%m-%d}"} if table.index.name == "as_of" else {}
    return table.style.format(formats, na_rep="-").format_index(days.get(table.index.name))


def curves(search: Search, ax: Axes | None = None) -> Axes:
    """Draw what each level would bring, at every candidate threshold, and the thresholds of the rule."""
    ax = ax or plt.subplots(figsize=(8, 4))[1]
    choices, settings = search.choices, search.choices.terms.settings
    unit = 100 if settings.qualify_by == "spend" else 1
    colours = sns.color_palette("viridis", len(settings.levels))[1:]
    for level, net in enumerate(choices.gain - choices.cost):
        ax.plot(choices.thresholds / unit, net / 100, color=colours[level], label=settings.names[level + 1])
        ax.axvline(search.rule.thresholds[level + 1] / unit, color=colours[level], linestyle="--", linewidth=1)
    ax.axhline(0, color="black", linewidth=0.8)
    what = "spend (units of currency)" if unit == 100 else "points"
    ax.set(title="What each step up would bring, by its threshold (dashed: the rule)", ylabel="net (units of currency)")
    ax.set(xlabel=f"threshold: {what} in {settings.qualifying_days} days", xscale="log")
    ax.legend(title="step up to", frameon=False)
    return ax


def tradeoff(table: pd.DataFrame, limits: TierSearch, axes: np.ndarray | None = None) -> np.ndarray:
    """Draw `thresholds.tradeoff`: net against the budget and the limit of moves; dashed: `limits` as they are."""
    axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True)[1] if axes is None else axes
    budget = ("budget", "budget (units of currency)", 100, limits.budget)
    moves = ("moves", "moves a member and year, at most", 1, limits.max_moves_per_year)
    for ax, (limit, label, unit, today) in zip(axes, (budget, moves), strict=True):
        part = table[table["limit"] == limit]
        ax.plot(part["at"] / unit, part["net"] / 100, marker="o", color="steelblue")
        ax.axvline(today / unit, color="darkorange", linestyle="--", label="params.yaml")
        ax.set(title=f"What the {limit} allow{'s' if limit == 'budget' else ''}", xlabel=label, xlim=(0, None))
        ax.set(ylabel="net (units of currency)", ylim=(0, None))
        ax.legend(frameon=False)
    return axes


def members_and_value(by_tier: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw from `tier_summary.by_tier` each tier's share of members and of value."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    table = by_tier[["share", "value_share"]].rename(columns={"share": "members", "value_share": "value"}).reset_index()
    long = table.melt("tier", var_name="of", value_name="share")
    sns.barplot(long, x="tier", y="share", hue="of", palette=["steelblue", "darkorange"], ax=ax)
    ax.set(title="Who is in each tier, and what they are worth", xlabel="", ylabel="share of all")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(title="share of", frameon=False)
    return ax


def monthly_moves(moves: pd.DataFrame, settled: int, ax: Axes | None = None) -> Axes:
    """Draw `tiers.moves`: members promoted and demoted each month; grey: history begins, so moves are not counted."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    days = moves.index.strftime("%Y-%m-%d")
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
    """Draw `tier_summary.by_month`: what each tier cost in each month, with its points."""
    ax = ax or plt.subplots(figsize=(8, 4))[1]
    cost = monthly.assign(cost=monthly["running"] + monthly["points"])
    wide = cost.pivot_table(index="as_of", columns="tier", values="cost")[monthly["tier"].unique()] / 100
    wide.set_axis(wide.index.strftime("%Y-%m-%d")).plot.bar(
        stacked=True, color=sns.color_palette("viridis", wide.shape[1]), ax=ax
    )
    ax.set(title="What tiers and points cost each month", xlabel="month up to", ylabel="units of currency")
    ax.legend(title="", frameon=False)
    ax.tick_params(axis="x", rotation=45)
    return ax


def distance(distances: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `tier_summary.distances`: how many members lack which share of the next tier's threshold."""
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
    ax.set(title="How far from the next tier", xlabel="share of its threshold that is missing", ylabel="members")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    return ax


def outstanding(owed: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `tier_summary.owed`: points outstanding by the months left until they expire."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    ax.bar(owed["months"].round().astype(int), owed["cost"] / 100, color="steelblue")
    ax.set(title="Points outstanding, by age", xlabel="months until they expire")
    ax.set(ylabel="expected cost (units of currency)")
    return ax
