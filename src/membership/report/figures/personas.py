"""Figures of how many personas there are: frame -> Axes."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes


def stability(choice: pd.DataFrame, min_stability: float, ax: Axes | None = None) -> Axes:
    """Draw how far groupings of resamples agree for each number of personas (`clusters.choose`) and what is asked."""
    ax = ax or plt.subplots(figsize=(6.5, 3.8))[1]
    ax.errorbar(
        choice.index, choice["stability"], yerr=choice["stability_sd"], marker="o", capsize=3, color="steelblue"
    )
    ax.axhline(min_stability, linestyle=":", color="grey", label="least asked")
    _mark(choice, "stability", ax)
    ax.set(title="Do resamples agree?", xlabel="personas", ylabel="adjusted Rand index", ylim=(0, 1.05))
    ax.set_xticks(choice.index)
    ax.legend(frameon=False)
    return ax


def silhouettes(choice: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how far apart the personas lie for each number, and how far groups of a cloud without any do."""
    ax = ax or plt.subplots(figsize=(6.5, 3.8))[1]
    ax.plot(choice.index, choice["silhouette"], marker="o", color="steelblue", label="members")
    low, high = choice["chance"] - 2 * choice["chance_sd"], choice["chance"] + 2 * choice["chance_sd"]
    ax.fill_between(
        choice.index, low.astype(float), high.astype(float), color="grey", alpha=0.3, label="a cloud without groups"
    )
    _mark(choice, "silhouette", ax)
    ax.set(title="Are they further apart than chance has it?", xlabel="personas", ylabel="silhouette")
    ax.set_xticks(choice.index)
    ax.legend(frameon=False)
    return ax


def typicality(labels: pd.Series, typicality: pd.Series, ax: Axes | None = None) -> Axes:
    """Draw how sure the persona of each member is, by persona."""
    ax = ax or plt.subplots(figsize=(7, 0.5 * labels.nunique() + 1.5))[1]
    groups = typicality.dropna().groupby(labels)
    ax.boxplot([own for _, own in groups], orientation="horizontal", tick_labels=[name for name, _ in groups])
    ax.set(title="How typical members are", xlabel="probability of the own persona", xlim=(0, 1))
    return ax


def _mark(choice: pd.DataFrame, column: str, ax: Axes) -> None:
    """Ring the number that was chosen."""
    chosen = choice[choice["chosen"]]
    ax.scatter(chosen.index, chosen[column], s=160, facecolors="none", edgecolors="firebrick", zorder=3, label="chosen")
