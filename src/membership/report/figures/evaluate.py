"""Figures of the comparison and of what follows for members: frame in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from membership.evaluate.experiment import Experiment


def effects(experiment: Experiment, ax: Axes | None = None) -> Axes:
    """Draw the difference of each metric that is a share, over all members, with its t interval, zero marked."""
    shares = experiment.headline[experiment.headline[["control", "treatment"]].max(axis=1).fillna(0) <= 1]
    ax = forest(shares, shares["metric"], ax)
    ax.set(title="What changes with the challenger, all members")
    ax.set_xlabel(f"challenger minus champion (share), {experiment.confidence:.0%} interval")
    return ax


def differences(experiment: Experiment, ax: Axes | None = None) -> Axes:
    """Draw how many members gain and lose on the primary metric, and by how much."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    values = experiment.differences[experiment.primary].dropna()
    edges = np.linspace(-1, 1, 42)
    sns.histplot(values, bins=edges, ax=ax, color="tab:blue", alpha=0.6)
    ax.axvline(values.mean(), color="tab:red", linestyle="--", label=f"mean {values.mean():+.4f}")
    ax.set(title=f"Paired differences of {len(values)} members", ylabel="members (logarithmic)", yscale="log")
    ax.set_xlabel(f"{experiment.primary}, challenger minus champion")
    ax.legend()
    return ax


def money(programme: pd.DataFrame, currency: str, days: int, ax: Axes | None = None) -> Axes:
    """Draw the assumed gain and the cost of benefits by tier, from `summary.programme` (cents over `days`)."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    tiers = programme.iloc[:-1]
    long = tiers.melt("tier", ["gain", "cost"], var_name="what", value_name="cents")
    long["amount"] = long["cents"] / 100
    long["what"] = long["what"].map({"gain": "assumed gain in margin", "cost": "expected cost"})
    sns.barplot(long, x="tier", y="amount", hue="what", ax=ax)
    ax.set(title="Benefits by tier: what they cost, and what they are assumed to bring", xlabel="tier")
    ax.set_ylabel(f"{currency} over {days} days")
    ax.legend(title=None, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def next_actions(actions: pd.DataFrame, tiers: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many members of each tier (table `tiers`, from the entry tier up) get each next action."""
    ax = ax or plt.subplots(figsize=(8, 3.5))[1]
    order = tiers.sort_values("tier_rank")["tier"].unique()
    counts = pd.crosstab(actions["next_action"], actions["tier"])[order]
    sns.heatmap(counts, annot=True, fmt="d", cmap="Blues", cbar=False, ax=ax)
    ax.set(title=f"Next action by tier, {len(actions)} members", xlabel="tier", ylabel="")
    return ax


def forest(rows: pd.DataFrame, labels: pd.Series, ax: Axes | None) -> Axes:
    """Draw difference, low and high of `rows`, one under the other, zero marked; of shares, so -1 to 1 at most."""
    rows, labels = rows.reset_index(drop=True), labels.reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.45 * len(rows)))[1]
    bounded = rows.assign(low=rows["low"].clip(lower=-1), high=rows["high"].clip(upper=1))
    ax.hlines(bounded.index, bounded["low"], bounded["high"], color="tab:blue", linewidth=2)
    ax.plot(rows["difference"], rows.index, "o", color="tab:blue")
    ax.axvline(0, color="grey", linewidth=1)
    ax.set_yticks(rows.index, labels)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    return ax
