"""What several notebooks show of members: shares by month, and tables in units that people read."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

from membership.report import formats
from membership.report import readable as tables

MONEY = ("value", "mean_value", "reach", "keep", "cost", "gain")  # columns in cents


def shares_by_month(shares: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw `lifecycle.shares`: the share of members in each level, month by month."""
    ax = ax or plt.subplots(figsize=(9, 4.2))[1]
    table = shares.set_axis(shares.index.strftime("%Y-%m-%d"), axis=0)
    table = table.rename(columns=spoken).rename_axis(columns=None)
    table.plot.bar(stacked=True, width=0.9, color=sns.color_palette("Set2", table.shape[1]), ax=ax)
    ax.set(title=title, xlabel="as of", ylabel="share of members", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.tick_params(axis="x", rotation=45)
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return ax


def readable(table: pd.DataFrame) -> Styler:
    """Return `table` for people: cents as units of currency with two digits, shares and probabilities as per cent."""
    money = table.columns.intersection(list(MONEY))
    shares = table.select_dtypes("float").columns.difference(money)
    return tables.styled(table, dict.fromkeys(money, formats.money) | dict.fromkeys(shares, formats.share))


def spoken(name: str) -> str:
    """Return a stage or column as people say it: at_risk is "at risk"."""
    return str(name).replace("_", " ")
