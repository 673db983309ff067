"""Figures of value: frame -> Axes. Money arrives in cents and is shown in whole units of currency."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, PercentFormatter, StrMethodFormatter

_MONEY = FuncFormatter(lambda cents, _: f"{cents / 100:,.0f}")
_PLAIN = {"probability": PercentFormatter(1), "purchase days": StrMethodFormatter("{x:,g}")}
_GROUPS = {"high value": "seagreen", "high value at risk": "firebrick", "at risk": "goldenrod", "others": "silver"}


def show_unit(axis: Axis, unit: str) -> None:
    """Write the ticks of `axis` in `unit`: "probability", "purchase days", or a currency, whose cents are the data."""
    axis.set_major_formatter(_PLAIN.get(unit, _MONEY))


def weights(intervals: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw the RFM weights with their intervals; `intervals` is `rfm.Weighing.weights`, maybe without rows."""
    ax = ax or plt.subplots(figsize=(7, 2.6))[1]
    if intervals.empty:
        ax.set(title="What predicts spend cannot be told from these data", xticks=[], yticks=[])
        return ax
    place = np.arange(len(intervals))
    ax.hlines(place, intervals["low"], intervals["high"], color="C0", linewidth=3, alpha=0.4)
    ax.plot(intervals["weight"], place, "o", color="C0")
    ax.set_yticks(place, intervals.index)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(intervals) - 0.5, -0.5), xlabel="weight (all weights add up to 1)", ylabel="")
    ax.set_title(f"What predicts spend: weights with {confidence:.0%} intervals")
    return ax


def deciles(table: pd.DataFrame, title: str, unit: str, ax: Axes | None = None) -> Axes:
    """Draw mean predicted and actual by tenth of the prediction; `table` is the result of `validate.deciles`."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    names = {"predicted": "predicted", "actual": "what happened"}
    long = table.rename(columns=names).melt("decile", list(names.values()), var_name="", value_name="mean")
    sns.barplot(long, x="decile", y="mean", hue="", palette=["steelblue", "0.75"], ax=ax)
    show_unit(ax.yaxis, unit)
    ax.set(title=f"{title}\nGood: both bars equally high, falling from left to right")
    ax.set(xlabel="tenth of members, from the highest prediction down", ylabel=f"mean a member ({unit})")
    return ax


def worked_case(table: pd.DataFrame, days: int, ax: Axes | None = None) -> Axes:
    """Draw `worked_case.Case.deciles`: what each set of values says of the next `days`, and what happened."""
    ax = ax or plt.subplots(figsize=(8, 4.2))[1]
    for (name, part), colour in zip(table.groupby("values", sort=False), ("indianred", "steelblue"), strict=True):
        ax.plot(part["decile"], part["predicted"], marker="o", color=colour, label=f"{name}: what it says")
        ax.plot(part["decile"], part["actual"], marker="s", linestyle=":", color=colour, label=f"{name}: what happened")
    ax.set(title="What calibration changes\nGood: the solid line of a colour lies on its dotted one")
    ax.set(xticks=table["decile"].unique(), xlabel="tenth of customers, from the highest value down")
    ax.set(ylabel=f"mean spend in the next {days} days\n(units of currency; simulated)")
    ax.legend(frameon=False)
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


def alive_map(
    value: pd.DataFrame, horizon_days: int, at_risk_p_alive: float, currency: str, ax: Axes | None = None
) -> Axes:
    """Draw each member of table `value` by P(alive) and value, coloured by `value_group`, with the groups' borders."""
    ax = ax or plt.subplots(figsize=(8, 4.8))[1]
    for name, colour in _GROUPS.items():
        part = value[value["value_group"] == name]
        label = f"{name}: {len(part):,} members"
        ax.scatter(part["p_alive"], part["value"], s=10, alpha=0.5, linewidths=0, color=colour, label=label)
    high = value.loc[value["value_group"].str.startswith("high value"), "value"]
    ax.axhline(high.min(), color="grey", linestyle=":")
    ax.axvline(at_risk_p_alive, color="grey", linestyle=":")
    ax.set_yscale("symlog", linthresh=100)
    ax.set(ylim=(-20, 2 * max(value["value"].max(), 100)), xlim=(-0.03, 1.03))
    show_unit(ax.yaxis, currency)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_title("Who is worth much (above the dotted line), and who may be gone (left of it)")
    ax.set_xlabel("P(alive): chance of still being a customer")
    ax.set_ylabel(f"value over {horizon_days} days ({currency}, log scale)")
    legend = ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), markerscale=2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    return ax
