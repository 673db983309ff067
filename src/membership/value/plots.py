"""Figures of value: frames in, matplotlib axes out. Money arrives in cents and is shown in whole units of currency."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

_MONEY = FuncFormatter(lambda cents, _: f"{cents / 100:,.0f}")


def weights(intervals: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw the RFM weights with their intervals; `intervals` is the result of `rfm.bootstrap`."""
    ax = ax or plt.subplots(figsize=(7, 2.6))[1]
    place = np.arange(len(intervals))
    ax.hlines(place, intervals["low"], intervals["high"], color="C0", linewidth=3, alpha=0.4)
    ax.plot(intervals["weight"], place, "o", color="C0")
    ax.set_yticks(place, intervals.index)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(intervals) - 0.5, -0.5), xlabel="weight (all weights add up to 1)", ylabel="")
    ax.set_title(f"What predicts spend: weights with {confidence:.0%} intervals")
    return ax


def deciles(table: pd.DataFrame, title: str, unit: str, ax: Axes | None = None) -> Axes:
    """Draw mean predicted and actual by decile of the prediction; `table` is the result of `validate.deciles`."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    long = table.melt("decile", ["predicted", "actual"], var_name="", value_name="mean")
    sns.barplot(long, x="decile", y="mean", hue="", ax=ax)
    if unit == "probability":
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    else:
        ax.yaxis.set_major_formatter(_MONEY)
    ax.set(xlabel="tenth of members, from the highest prediction down", ylabel=f"mean a member ({unit})", title=title)
    return ax


def concentration(curve: pd.DataFrame, high_value_share: float, ax: Axes | None = None) -> Axes:
    """Draw the share of value against the share of members; `curve` is the result of `score.concentration`."""
    ax = ax or plt.subplots(figsize=(5, 4.5))[1]
    ax.plot(curve["share_of_members"], curve["share_of_value"], label="members, most valuable first")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="all worth the same")
    held = float(np.interp(high_value_share, curve["share_of_members"], curve["share_of_value"]))
    ax.plot(high_value_share, held, "o", color="C3", label=f"best {high_value_share:.0%} hold {held:.0%}")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set(xlabel="share of members", ylabel="share of value", title="How concentrated value is")
    ax.legend(loc="lower right")
    return ax


def alive_map(value: pd.DataFrame, horizon_days: int, at_risk_p_alive: float, ax: Axes | None = None) -> Axes:
    """Draw each member of table `value` by P(alive) and value; members left of the line are at risk."""
    ax = ax or plt.subplots(figsize=(7, 4.5))[1]
    ax.scatter(value["p_alive"], value["value"], s=8, alpha=0.35, linewidths=0)
    ax.axvline(at_risk_p_alive, color="C3", linestyle="--", label=f"at risk: P(alive) below {at_risk_p_alive:g}")
    ax.set_yscale("symlog", linthresh=100)
    ax.set_ylim(-20, 2 * max(value["value"].max(), 100))
    ax.yaxis.set_major_formatter(_MONEY)
    ax.set(
        xlabel="P(alive): chance of still being a customer",
        ylabel=f"value over {horizon_days} days (currency units, log scale)",
        title="Who is worth much, and who may be gone",
    )
    ax.legend(loc="lower left")
    return ax
