"""Figures of needs and of the survey: frame -> Axes, or None where there is nothing to draw."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from membership.profile.needs import LOW_PRICES
from membership.report import few, formats


def reliability(evidence: pd.DataFrame, least: float, ax: Axes | None = None) -> Axes:
    """Draw the reliability of each preference; below `least` it is no need."""
    ax = ax or plt.subplots(figsize=(7.5, 0.27 * len(evidence) + 1.5))[1]
    table = evidence.sort_values("reliability", ascending=False, kind="stable")
    colors = np.where(table["kept"], "steelblue", "lightgrey")
    ax.barh(table.index, table["reliability"], color=colors)
    ax.axvline(least, color="firebrick", linestyle="--", linewidth=1, label=f"minimum: {formats.share(least, 0)}")
    ax.set(title="How reliable each preference is", xlabel="mean reliability", xlim=(0, 1))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.invert_yaxis()
    ax.legend(frameon=False, loc="lower right")
    return ax


def prices_and_discounts(natural: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw how many members have which price level and discount; None where the data do not distinguish members."""
    if not {"bargains", LOW_PRICES} <= set(natural):
        return None
    ax = ax or plt.subplots(figsize=(7.5, 4.8))[1]
    ax.set(
        title="Two ways to save: cheaper goods and discounts (size: how many members)",
        xlabel="discount, share of list price",
    )
    ax.set(ylabel="list price relative to the subcategory's")
    known = natural[["bargains", LOW_PRICES]].dropna()
    cells = few.cells((50 * known).round() / 50)
    ax.scatter(cells["bargains"], -cells[LOW_PRICES], s=cells["size"], alpha=0.5, color="steelblue", edgecolors="none")
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.axvline(known["bargains"].mean(), color="grey", linewidth=0.8)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:+.0%}")
    return ax


def non_response(response: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `Survey.response`: how many members answered each question, and how many did not; None without a survey."""
    if response.empty:
        return None
    ax = ax or plt.subplots(figsize=(7.5, 0.4 * len(response) + 1.6))[1]
    ax.barh(response.index, response["answered"], color="steelblue", label="answered")
    ax.barh(response.index, response["no_answer"], left=response["answered"], color="lightgrey", label="no answer")
    for row, (answered, share) in enumerate(zip(response["answered"], response["share"], strict=True)):
        ax.text(answered, row, f" {formats.share(share, 0)}", va="center")
    ax.set(title="Who answered", xlabel="members")
    ax.invert_yaxis()
    ax.legend(frameon=False, bbox_to_anchor=(1.01, 1), loc="upper left")
    return ax


def agreement(agreed: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `stated.agreement`: the correlation of stated and revealed needs; None where none is known."""
    known = agreed.dropna(subset=["correlation"]).sort_values("correlation", ascending=False, kind="stable")
    if known.empty:
        return None
    ax = ax or plt.subplots(figsize=(7.5, 0.32 * len(known) + 1.6))[1]
    sides = [known["correlation"] - known["low"], known["high"] - known["correlation"]]
    ax.errorbar(known["correlation"], known.index, xerr=sides, fmt="o", color="steelblue", capsize=3)
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set(title="Do members do what they say?", xlabel="rank correlation of stated and revealed need", xlim=(-1, 1))
    ax.invert_yaxis()
    return ax


def main_needs(main_need: pd.Series, ax: Axes | None = None) -> Axes:
    """Draw how many members have each main need."""
    counts = main_need.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    ax = ax or plt.subplots(figsize=(7.5, 0.25 * len(counts) + 1.5))[1]
    sns.barplot(x=counts.to_numpy(), y=counts.index, color="steelblue", ax=ax)
    ax.set(title="Main needs: furthest above the population mean", xlabel="members", ylabel="")
    return ax
