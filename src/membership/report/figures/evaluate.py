"""Figures of the comparison: frame in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from membership.evaluate import metrics
from membership.evaluate.metrics import Unit
from membership.report import formats
from membership.report.called import called
from membership.report.figures import plain_log


def effects(rows: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw the difference of each metric that is a share, with its interval, zero marked.

    `rows`: metric, difference, low, high, one row a metric over all members.
    """
    rows = metrics.in_order(rows)
    shares = rows[rows["unit"] == Unit.SHARE]
    ax = forest(shares, shares["metric"].map(called), ax)
    ax.set(title="What changes with the challenger, all members")
    ax.set_xlabel(f"challenger minus champion (share), {confidence:.0%} interval")
    return ax


def differences(changes: pd.Series, ax: Axes | None = None) -> Axes:
    """Draw how many members gain and lose on a metric, and by how much; `changes`: one number a member, -1 to 1."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    sns.histplot(changes, bins=np.linspace(-1, 1, 42), ax=ax, color="tab:blue", alpha=0.6)
    ax.axvline(changes.mean(), color="tab:red", linestyle="--", label=f"mean {formats.signed(changes.mean())}")
    ax.set(title=f"Paired differences of {formats.plural(len(changes), 'member')}", yscale="log")
    plain_log(ax.yaxis)
    ax.set(ylabel="members (logarithmic)", xlabel=f"{changes.name}, challenger minus champion")
    ax.legend()
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
