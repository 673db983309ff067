"""Figures of needs, personas and lifecycle: frame -> Axes; and tables for people to read."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

MONEY = ("value", "mean_value", "reach", "keep", "cost", "gain")  # columns in cents


def needs_heatmap(centres: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `Personas.centres`: how far each persona's needs are from everybody's."""
    ax = ax or plt.subplots(figsize=(2 * len(centres) + 2, 0.34 * centres.shape[1] + 1.5))[1]
    if centres.empty:
        ax.set(title="No personas: too little is known of any member", xticks=[], yticks=[])
        return ax
    wrapped = centres.rename(index=lambda name: name.replace(", ", ",\n")).T
    label = "standard deviations from the mean member"
    sns.heatmap(wrapped, center=0, cmap="vlag", annot=True, fmt="+.1f", cbar_kws={"label": label}, ax=ax)
    ax.set(title="What sets each persona apart", xlabel="", ylabel="need")
    ax.tick_params(axis="x", rotation=0, labelsize=8)
    return ax


def shares_by_month(shares: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw `lifecycle.shares`: the share of members in each level, month by month."""
    ax = ax or plt.subplots(figsize=(9, 4.2))[1]
    table = shares.set_axis(shares.index.strftime("%Y-%m-%d"), axis=0)
    table = table.rename(columns=_words).rename_axis(columns=None)
    table.plot.bar(stacked=True, width=0.9, color=sns.color_palette("Set2", table.shape[1]), ax=ax)
    ax.set(title=title, xlabel="as of", ylabel="share of members", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.tick_params(axis="x", rotation=45)
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return ax


def readable(table: pd.DataFrame) -> Styler:
    """Return `table` for people: cents as units of currency with two digits, shares and probabilities as per cent."""
    money = {column for column in table if column in MONEY}
    formats = {column: (lambda cents: f"{cents / 100:,.2f}") for column in money}
    numbers = table.select_dtypes("float").columns.difference(list(money))
    return table.style.format({**formats, **dict.fromkeys(numbers, "{:.1%}")}, na_rep="-")


def _words(level: str) -> str:
    return level.replace("_", " ")
