"""Figures of off-policy values, uplift, net value and weekly tests: frame in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes


def values(table: pd.DataFrame, confidence: float, unit: str, ax: Axes | None = None) -> Axes:
    """Draw each estimator's value with its bootstrap interval, from `offpolicy_checks.table`; `unit` of the reward."""
    rows = table.reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.45 * len(rows)))[1]
    known = rows[np.isfinite(rows["bootstrap_low"]) & np.isfinite(rows["bootstrap_high"])]
    ax.hlines(known.index, known["bootstrap_low"], known["bootstrap_high"], color="tab:blue", linewidth=2)
    ax.plot(rows["value"], rows.index, "o", color="tab:blue")
    ax.set_yticks(rows.index, rows["estimator"])
    ax.invert_yaxis()
    ax.set(title="What the policy would earn, as predicted from the log of another one")
    ax.set_xlabel(f"{unit} a row, {confidence:.0%} bootstrap interval")
    return ax


def weights(weight: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the weights (rows,) of a log, the rows on a logarithmic axis; their mean should be 1."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    sns.histplot(weight, bins=40, ax=ax, color="tab:blue", alpha=0.6)
    ax.axvline(weight.mean(), color="tab:red", linestyle="--", label=f"mean {weight.mean():.3f}")
    ax.set(title=f"Weights of {len(weight):,} rows, the largest {weight.max():.3g}", yscale="log")
    ax.set(xlabel="evaluated over logged probability", ylabel="rows (logarithmic)")
    ax.legend()
    return ax


def clipping(table: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """Draw each estimator's value and bootstrap interval by the limit of the weights (`offpolicy_checks.clipping`)."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    levels = np.sort(table["clip"].unique())
    for name, rows in table.sort_values("clip").groupby("estimator", sort=False):
        place = np.searchsorted(levels, rows["clip"])
        (line,) = ax.plot(place, rows["value"], "o-", label=name)
        ax.fill_between(place, rows["bootstrap_low"], rows["bootstrap_high"], color=line.get_color(), alpha=0.15)
    ax.set_xticks(range(len(levels)), ["none" if np.isinf(level) else f"{level:g}" for level in levels])
    ax.set(title="How the value moves with the limit of the weights", xlabel="weights cut at", ylabel=f"{unit} a row")
    ax.legend()
    return ax


def qini(curve: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """Draw the Qini curve against treating at random, from `uplift_curves.curve`."""
    ax = ax or plt.subplots(figsize=(6, 4))[1]
    ax.plot(curve["depth"], curve["qini"], color="tab:blue", label="by the score")
    ax.plot(curve["depth"], curve["random"], color="grey", linestyle="--", label="at random")
    ax.set(title="Does the score find whom the benefit moves?", xlabel="share of members treated, best first")
    ax.set_ylabel(f"{unit} brought, a treated member")
    ax.legend()
    return ax


def net_value(sweep: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """Draw the net value of choosing, of everybody and of nobody by the benefit's cost, from `net_value.sweep`."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    half = sweep["high"] - sweep["gain"]
    for name, style in (("policy", "o-"), ("everybody", "--"), ("nobody", ":")):
        ax.plot(sweep["cost"], sweep[name], style, label=name)
    band = "interval of what choosing adds"
    ax.fill_between(sweep["cost"], sweep["policy"] - half, sweep["policy"] + half, alpha=0.15, label=band)
    ax.set(title="Margin on spend less the benefit's cost", xlabel=f"cost of the benefit ({unit})")
    ax.set_ylabel(f"net value a member ({unit})")
    ax.legend(title="who has it")
    return ax


def watched(looks: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw the difference and its confidence sequence look by look, from `sequential.watch`; zero marked."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    known = looks[np.isfinite(looks["low"]) & np.isfinite(looks["high"])]
    ax.plot(known["look"], known["difference"], "o-", color="tab:blue")
    ax.fill_between(known["look"], known["low"], known["high"], color="tab:blue", alpha=0.15)
    ax.axhline(0, color="grey", linewidth=1)
    ax.set(title=f"Watched at every look: all bands hold the truth with {confidence:.0%}", xlabel="look")
    ax.set_ylabel("challenger minus champion")
    return ax
