"""Figures of tiers and benefits: frame -> Axes."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter


def members_and_value(by_tier: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw from `summary.by_tier` each tier's share of members, as planned and as it is, and of value."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    words = {"planned": "members, planned", "share": "members", "value_share": "value"}
    table = by_tier[list(words)].rename(columns=words).reset_index()
    long = table.melt("tier", var_name="of", value_name="share")
    sns.barplot(long, x="tier", y="share", hue="of", palette=["lightgrey", "steelblue", "darkorange"], ax=ax)
    ax.set(title="Who is in each tier, and what they are worth", xlabel="", ylabel="share of all")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(title="share of", frameon=False)
    return ax


def monthly_moves(moves: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `tiers.moves`: members promoted (up) and demoted (down) each month."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    days = moves.index.strftime("%Y-%m-%d")
    ax.bar(days, moves["up"], color="seagreen", label="promoted")
    ax.bar(days, -moves["down"], color="indianred", label="demoted")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(title="Moves between tiers", xlabel="as of", ylabel="members (demoted below zero)")
    ax.tick_params(axis="x", rotation=45)
    ax.legend(frameon=False)
    return ax


def cost_by_tier(by_tier_and_benefit: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each tier's benefits cost: index tier, one column a benefit, cents."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    colours = sns.color_palette("Set2", by_tier_and_benefit.shape[1])
    table = (by_tier_and_benefit / 100).rename(columns=lambda name: name.replace("_", " "))
    table.plot.bar(stacked=True, color=colours, rot=0, ax=ax)
    ax.set(title="What the benefits cost, by tier", xlabel="", ylabel="expected cost (units of currency)")
    ax.legend(title="benefit", frameon=False)
    return ax


def budget_sweep(sweep: pd.DataFrame, budget: float, ax: Axes | None = None) -> Axes:
    """Draw `benefits.sweep`: what other budgets (cents) would bring; the present one is marked."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    ax.plot(sweep["budget"] / 100, sweep["net"] / 100, marker="o", color="steelblue")
    ax.axvline(budget / 100, color="darkorange", linestyle="--", label="the budget in params.yaml")
    ax.set(title="What the budget brings, if the assumed response holds", xlabel="budget (units of currency)")
    ax.set(ylabel="gain less cost (units of currency)", ylim=(0, None), xlim=(0, None))
    ax.legend(frameon=False)
    return ax
