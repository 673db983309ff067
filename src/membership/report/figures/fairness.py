"""Figures of fairness: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from membership.report import few, formats


def by_group(
    table: pd.DataFrame, value: str, low: str, high: str, title: str, label: str, scale: float = 1.0
) -> list[Axes]:
    """Draw one panel an attribute of `table` (attribute, group, members, ...): `value` of each group, with interval.

    Values are divided by `scale` (100: cents to units). Groups that are not `limited` are grey.
    """
    attributes, table = list(dict.fromkeys(table["attribute"])), few.told(table)
    axes = np.atleast_1d(plt.subplots(1, max(len(attributes), 1), figsize=(5.5 * max(len(attributes), 1), 4.5))[1])
    for ax, attribute in zip(axes, attributes, strict=False):
        part = table[table["attribute"] == attribute].reset_index(drop=True)
        shown = part[[value, low, high]] / scale
        full = part["limited"] if "limited" in part else part["group"] != "unknown"
        for those, colour in ((full, "steelblue"), (~full, "grey")):
            spots = part.index[those]
            errors = np.abs(shown.loc[those, [low, high]].to_numpy().T - shown.loc[those, value].to_numpy())
            errors = np.where(np.isfinite(errors), errors, 0)
            ax.errorbar(shown.loc[those, value], spots, xerr=errors, fmt="o", color=colour, capsize=2)
        ax.set_yticks(range(len(part)), [f"{row.group} ({formats.number(row.members)})" for row in part.itertuples()])
        ax.invert_yaxis()
        ax.set(title=attribute.replace("_", " "), xlabel=label, ylabel="")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        if not scale > 1:
            ax.xaxis.set_major_formatter(PercentFormatter(1))
    axes[0].figure.suptitle(title)
    axes[0].figure.tight_layout()
    return list(axes)


def price_of_fairness(ratios: pd.DataFrame, min_ratio: float, ax: Axes | None = None) -> Axes:
    """Draw `sweeps.ratio`: the share of the net that each limit costs; the present one is marked."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    sns.lineplot(ratios, x="min_ratio", y="lost", marker="o", color="steelblue", ax=ax)
    ax.axvline(min_ratio, color="darkorange", linestyle="--", label="the limit in params.yaml")
    ax.set(title="Cost of limiting differences between groups", ylabel="share of net value lost")
    ax.set_xlabel("least benefits a member of one group, as a share of any other group's")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    ax.legend(frameon=False)
    return ax
