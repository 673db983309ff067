"""Figures of off-policy values and of uplift: frame in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes


def clipping(table: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """Draw each estimator's value and bootstrap interval by the limit on the weights (`offpolicy_checks.clipping`)."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    levels = np.sort(table["clip"].unique())
    for name, rows in table.sort_values("clip").groupby("estimator", sort=False):
        place = np.searchsorted(levels, rows["clip"])
        (line,) = ax.plot(place, rows["value"], "o-", label=name)
        ax.fill_between(place, rows["bootstrap_low"], rows["bootstrap_high"], color=line.get_color(), alpha=0.15)
    ax.set_xticks(range(len(levels)), ["none" if np.isinf(level) else f"{level:g}" for level in levels])
    ax.set(title="Value by the limit on the weights", xlabel="weights cut at", ylabel=f"{unit} a row")
    ax.legend()
    return ax


def qini(curve: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """Draw the Qini curve against treating at random, from `uplift_curves.curve`."""
    ax = ax or plt.subplots(figsize=(6, 4))[1]
    ax.plot(curve["depth"], curve["qini"], color="tab:blue", label="by the score")
    ax.plot(curve["depth"], curve["random"], color="grey", linestyle="--", label="at random")
    ax.set(title="Gain from treating in order of the score", xlabel="share of members treated, best first")
    ax.set_ylabel(f"{unit} brought, a treated member")
    ax.legend()
    return ax
