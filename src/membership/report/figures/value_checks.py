"""Figures of the checks of a model of value: frame -> Axes. Every title says what a good model looks like."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from membership.report.figures.value import show_unit
from membership.value.accuracy import LOWER_IS_BETTER

_ACTUAL, _MODEL = "0.75", "steelblue"


def tracking(tracked: pd.DataFrame, cumulated: bool, ax: Axes | None = None) -> Axes:
    """Draw `checks.tracking`, each week's repeat purchases or, `cumulated`, all up to it."""
    ax = ax or plt.subplots(figsize=(9, 3.8))[1]
    suffix = "_total" if cumulated else ""
    ax.plot(tracked["week"], tracked[f"actual{suffix}"], color="black", label="what happened")
    ax.plot(tracked["week"], tracked[f"expected{suffix}"], color=_MODEL, linestyle="--", label="expected by the model")
    later = tracked.loc[tracked["held_out"], "week"]
    if len(later):
        ax.axvspan(later.iloc[0], later.iloc[-1], color=_ACTUAL, alpha=0.3, label="not seen when fitted", linewidth=0)
    manner = "added up" if cumulated else "week by week"
    ax.set(title=f"Repeat purchases, {manner}\nGood: the lines run together, in the grey part too")
    ax.set(xlabel="week from", ylabel="repeat purchase days" + " so far" * cumulated, ylim=(0, None))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(frameon=False)
    return ax


def expectation(groups: pd.DataFrame, by: str, unit: str, ax: Axes | None = None) -> Axes:
    """Draw `checks.by_frequency` or `checks.by_recency`: what happened as bars, each prediction as a line."""
    ax = ax or plt.subplots(figsize=(9, 4))[1]
    ax.bar(groups["group"], groups["actual"], color=_ACTUAL, label="what happened")
    predictions = groups.columns.drop(["group", "members", "actual"])
    for name, colour in zip(predictions, sns.color_palette(n_colors=len(predictions)), strict=True):
        ax.plot(groups["group"], groups[name], marker="o", color=colour, label=name)
    ax.set_xticks(
        range(len(groups)), [f"{g}\n({m:,})" for g, m in zip(groups["group"], groups["members"], strict=True)]
    )
    ax.set(title=f"What members do next, by {by}\nGood: the lines touch the tops of the bars")
    ax.set(xlabel=f"{by} (members)", ylabel=f"mean a member afterwards ({unit})", ylim=(0, None))
    show_unit(ax.yaxis, unit)
    ax.legend(frameon=False)
    return ax


def frequencies(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `checks.frequencies`: members by number of repeat purchases, as they are and as the model expects them."""
    ax = ax or plt.subplots(figsize=(9, 3.8))[1]
    ax.bar(table["repeats"], table["actual"], color=_ACTUAL, label="what happened")
    ax.plot(table["repeats"], table["expected"], "o--", color=_MODEL, label="expected by the model")
    ax.set(title="How often members came back\nGood: the points lie on the tops of the bars")
    ax.set(xlabel="repeat purchase days up to the cut-off", ylabel="members")
    ax.tick_params(axis="x", labelrotation=45)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(frameon=False)
    return ax


def reliability(table: pd.DataFrame, chance: str, outcome: str, at_most: bool = False, ax: Axes | None = None) -> Axes:
    """Draw `checks.reliability`: how often `outcome` was true of members of the same `chance`.

    `at_most`: `chance` is not that of the outcome but bounds it, as P(alive) does: who is alive need not buy at once.
    """
    ax = ax or plt.subplots(figsize=(5.2, 4.8))[1]
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as often as said")
    ax.vlines(table["predicted"], table["low"], table["high"], color=_MODEL, alpha=0.5)
    sizes = 15 + 250 * table["members"] / table["members"].sum()
    ax.scatter(table["predicted"], table["actual"], s=sizes, color=_MODEL, label="members (size: how many)", zorder=3)
    good = "rising, and not above the dotted line" if at_most else "points on the dotted line"
    ax.set(title=f"Is {chance} what it says?\nGood: {good}")
    ax.set(xlabel=f"said: {chance}", ylabel=f"happened: share who {outcome}", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def gain(curves: pd.DataFrame, what: str, ax: Axes | None = None) -> Axes:
    """Draw `checks.gain`: what share of `what` the best members by each prediction hold."""
    ax = ax or plt.subplots(figsize=(6.5, 4.8))[1]
    for name, curve in curves.groupby("candidate", sort=False):
        style = {"color": "black", "linewidth": 1} if name == curves["candidate"].iloc[-1] else {}
        ax.plot([0, *curve["share_of_members"]], [0, *curve["share"]], label=name, **style)
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="drawn by lot")
    ax.set(title=f"Who holds the {what}?\nGood: near the black line")
    ax.set(
        xlabel="share of members, highest prediction first",
        ylabel=f"share of {what} that they hold",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="lower right")
    return ax


def drift(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `checks.drift`: how far each parameter is, at each origin, from what the first origin knew."""
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    ax.axhspan(-1, 1, color=_ACTUAL, alpha=0.4, linewidth=0, label="within the interval of the first origin")
    sns.lineplot(table.astype({"origin": str}), x="origin", y="shift", hue="parameter", marker="o", ax=ax)
    ax.set(title="Do the parameters drift?\nGood: they stay in the grey band")
    ax.set(xlabel="fitted on what was known on", ylabel="shift since the first origin\n(widths of its interval)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def coverage(table: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw `checks.coverage`: the share of members within their interval, by tenth of the prediction."""
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    bottom = 0.0
    for part, colour in {"within": "lightsteelblue", "below": "indianred", "above": "goldenrod"}.items():
        label = "within the interval" if part == "within" else f"{part} it"
        ax.bar(table["decile"], table[part], bottom=bottom, color=colour, label=label)
        bottom = bottom + table[part]
    ax.axhline(confidence, color="black", linestyle="--", label=f"promised: {confidence:.0%} within")
    ax.set(title="Do intervals hold what they promise?\nGood: blue reaches the dashed line, and no further")
    ax.set(xlabel="tenth of members, from the highest prediction down", ylabel="share of members")
    ax.set(xticks=table["decile"], ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def differences(table: pd.DataFrame, metric: str, reference: str, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw the rows of `validate.differences` for `metric`: each candidate against `reference`, with its interval.

    `unit` is that of the metric, where it has one.
    """
    rows = table.loc[metric]
    ax = ax or plt.subplots(figsize=(7, 1 + 0.4 * len(rows)))[1]
    ax.axvline(0, color="grey", linestyle=":")
    ax.hlines(rows.index, rows["low"], rows["high"], color=_MODEL, linewidth=3, alpha=0.4)
    ax.plot(rows["difference"], rows.index, "o", color=_MODEL)
    side = "left" if metric in LOWER_IS_BETTER else "right"
    ax.set(title=f"{metric} against {reference}\nBetter than it: wholly to the {side} of the dotted line")
    ax.set(xlabel=f"difference in {metric}, with its interval" + f" ({unit})" * bool(unit), ylabel="")
    if unit:
        show_unit(ax.xaxis, unit)
    ax.invert_yaxis()
    return ax
