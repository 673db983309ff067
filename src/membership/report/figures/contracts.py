"""Figures of members who buy in rounds or renew a contract: frame -> Axes."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter


def worth(table: pd.DataFrame, yearly_rate: float, ax: Axes | None = None) -> Axes:
    """Draw discounted purchases to come; `table`: rows are rounds bought in, columns the round of the last purchase."""
    ax = ax or plt.subplots(figsize=(7, 4.2))[1]
    sns.heatmap(table, annot=True, fmt=".1f", cmap="Blues", cbar=False, ax=ax)
    ax.invert_yaxis()
    ax.set(xlabel="round of the last purchase", ylabel="rounds bought in")
    ax.set_title(f"Purchases still to come, discounted at {yearly_rate:.0%} a year\nDark: who bought often, and lately")
    return ax


def survival(observed: pd.Series, predicted: pd.Series, known: int, periods: str, ax: Axes | None = None) -> Axes:
    """Draw the share of members left by tenure in `periods` (a name), as it was and as predicted after `known`."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    ax.step(observed.index, observed, where="post", color="black", label="what happened")
    ax.plot(predicted.index, predicted, "o--", color="steelblue", label=f"predicted after {known}")
    ax.axvspan(known, observed.index.max(), color="0.75", alpha=0.3, linewidth=0, label="not seen when fitted")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set(title="Who is still there\nGood: the points lie on the steps, in the grey part too")
    ax.set(xlabel=f"tenure ({periods})", ylabel="share of members", ylim=(0, 1.02))
    ax.legend(frameon=False)
    return ax
