"""Figures of value and of the diagnostics of its models: frame -> Axes. Money arrives in cents."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, PercentFormatter, StrMethodFormatter

from membership.report import back, few
from membership.value.accuracy import LOWER_IS_BETTER
from membership.value.subscriptions import Subscriptions

_MONEY = FuncFormatter(lambda cents, _: f"{cents / 100:,.0f}")
_PLAIN = {"probability": PercentFormatter(1), "purchase days": StrMethodFormatter("{x:,g}")}
_ACTUAL, _MODEL = "0.75", "steelblue"
_GROUPS = {
    "high value": "seagreen",
    "high value, may be gone": "firebrick",
    "may be gone": "goldenrod",
    "others": "silver",
}


def show_unit(axis: Axis, unit: str) -> None:
    """Write the ticks of `axis` in `unit`: "probability", "purchase days", or a currency, whose cents are the data."""
    axis.set_major_formatter(_PLAIN.get(unit, _MONEY))


def weights(intervals: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes | None:
    """Draw the RFM weights with their intervals, `rfm.Weighing.weights`; nothing where there are none."""
    if intervals.empty:
        return None
    ax = ax or plt.subplots(figsize=(7, 2.6))[1]
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
    """Draw `worked_case.Case.deciles`: what each parameter table predicts for the next `days`, and what happened."""
    ax = ax or plt.subplots(figsize=(8, 4.2))[1]
    for (name, part), colour in zip(table.groupby("values", sort=False), ("indianred", "steelblue"), strict=True):
        ax.plot(part["decile"], part["predicted"], marker="o", color=colour, label=f"{name}: predicted")
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


def gone_map(
    value: pd.DataFrame, horizon_days: int, may_be_gone_chance: float, currency: str, ax: Axes | None = None
) -> Axes:
    """Draw how many members have which chance of an order and value, coloured by `value_group`, with their borders."""
    ax = ax or plt.subplots(figsize=(8, 4.8))[1]
    counts = value["value_group"].value_counts().reindex(list(_GROUPS), fill_value=0)
    untold = few.hidden(counts, few.smallest())
    places = {"chance": value["p_horizon"].round(1), "value": _thirds(value["value"])}
    cells = few.cells(value[["value_group"]].assign(**places))
    for (name, colour), small in zip(_GROUPS.items(), untold, strict=True):
        label = f"{name}: {few.HIDDEN if small else f'{counts[name]:,}'} members"
        part = cells[cells["value_group"] == name]
        ax.scatter("chance", "value", s="size", data=part, alpha=0.6, linewidths=0, color=colour, label=label)
    high = value.loc[value["value_group"].str.startswith("high value"), "value"]
    ax.axhline(float(f"{high.min():.2g}"), color="grey", linestyle=":")
    ax.axvline(may_be_gone_chance, color="grey", linestyle=":")
    ax.set_yscale("symlog", linthresh=100)
    ax.set(ylim=(-20, 2 * max(100, cells["value"].max())), xlim=(-0.03, 1.03))
    show_unit(ax.yaxis, currency)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_title("Who is worth much (above the dotted line), and who may be gone (left of it)\nSize: how many")
    ax.set_xlabel(f"chance of {back.word().a} within {horizon_days} days")
    ax.set_ylabel(f"value over {horizon_days} days ({currency}, log scale)")
    legend = ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    for handle in legend.legend_handles:
        handle.set(alpha=1, sizes=[40])
    return ax


def _thirds(cents: pd.Series) -> pd.Series:
    """Return `cents` in thirds of a power of ten, what is below 100 as 0."""
    return (10 ** (np.log10(cents.clip(lower=100)) * 3).round().div(3)).where(cents >= 100, 0.0)


def tracking(tracked: pd.DataFrame, cumulated: bool, ax: Axes | None = None) -> Axes:
    """Draw `diagnostics.tracking`, each week's repeat purchases or, `cumulated`, all up to it."""
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
    """Draw `diagnostics.by_frequency` or `diagnostics.by_recency`: what happened as bars, each prediction as a line."""
    ax = ax or plt.subplots(figsize=(9, 4))[1]
    groups = few.told(groups)
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
    """Draw `diagnostics.frequencies`: members by number of repeat purchases, observed and expected."""
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
    """Draw `diagnostics.reliability`: how often `outcome` was true of members of the same `chance`.

    `at_most`: `chance` is an upper bound for the outcome, as P(alive) is: a member who is alive need not buy at once.
    """
    ax = ax or plt.subplots(figsize=(5.2, 4.8))[1]
    table = few.told(table)
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as often as predicted")
    ax.vlines(table["predicted"], table["low"], table["high"], color=_MODEL, alpha=0.5)
    sizes = 15 + 250 * table["members"] / table["members"].sum()
    ax.scatter(table["predicted"], table["actual"], s=sizes, color=_MODEL, label="members (size: how many)", zorder=3)
    good = "rising, and not above the dotted line" if at_most else "points on the dotted line"
    ax.set(title=f"Is {chance} right?\nGood: {good}")
    ax.set(xlabel=f"predicted: {chance}", ylabel=f"happened: share who {outcome}")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def gain(curves: pd.DataFrame, what: str, ax: Axes | None = None) -> Axes:
    """Draw `diagnostics.gain`: what share of `what` the best members by each prediction hold."""
    ax = ax or plt.subplots(figsize=(6.5, 4.8))[1]
    for name, curve in curves.groupby("candidate", sort=False):
        style = {"color": "black", "linewidth": 1} if name == curves["candidate"].iloc[-1] else {}
        ax.plot([0, *curve["share_of_members"]], [0, *curve["share"]], label=name, **style)
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="members in random order")
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


def drift(table: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `diagnostics.drift`: how far each parameter is, at each origin, from its value at the first.

    Nothing where there is no lifetime model.
    """
    if table.empty:
        return None
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    ax.axhspan(-1, 1, color=_ACTUAL, alpha=0.4, linewidth=0, label="within the interval of the first origin")
    sns.lineplot(table.astype({"origin": str}), x="origin", y="shift", hue="parameter", marker="o", ax=ax)
    ax.set(title="Do the parameters drift?\nGood: they stay in the grey band")
    ax.set(xlabel="fitted on what was known on", ylabel="shift since the first origin\n(widths of its interval)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def coverage(table: pd.DataFrame | None, confidence: float, over: str = "", ax: Axes | None = None) -> Axes | None:
    """Draw `diagnostics.coverage`: the share of members within their interval, by tenth of the prediction.

    `over` names the time. Nothing is drawn where it is not known.
    """
    if table is None:
        return None
    ax = ax or plt.subplots(figsize=(8, 3.8))[1]
    bottom = 0.0
    for part, colour in {"within": "lightsteelblue", "below": "indianred", "above": "goldenrod"}.items():
        label = "within the interval" if part == "within" else f"{part} it"
        ax.bar(table["decile"], table[part], bottom=bottom, color=colour, label=label)
        bottom = bottom + table[part]
    ax.axhline(confidence, color="black", linestyle="--", label=f"expected: {confidence:.0%} within")
    title = f"Do intervals {over} hold as many as they should?".replace("  ", " ")
    ax.set(title=f"{title}\nGood: blue reaches the dashed line, and no further")
    ax.set(xlabel="tenth of members, from the highest prediction down", ylabel="share of members")
    ax.set(xticks=table["decile"], ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def differences(table: pd.DataFrame, metric: str, reference: str, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw the rows of `Resampled.against` for `metric`: each candidate against `reference`, with its interval.

    `unit` is that of the metric, where it has one.
    """
    rows = table.loc[metric]
    ax = ax or plt.subplots(figsize=(7, 1 + 0.4 * len(rows)))[1]
    ax.axvline(0, color="grey", linestyle=":")
    ax.hlines(rows.index, rows["low"], rows["high"], color=_MODEL, linewidth=3, alpha=0.4)
    ax.plot(rows["difference"], rows.index, "o", color=_MODEL)
    side = "left" if metric.endswith(LOWER_IS_BETTER) else "right"
    ax.set(title=f"{metric} against {reference}\nBetter than it: wholly to the {side} of the dotted line")
    ax.set(xlabel=f"difference in {metric}, with its interval" + f" ({unit})" * bool(unit), ylabel="")
    if unit:
        show_unit(ax.xaxis, unit)
    ax.invert_yaxis()
    return ax


def subscriptions(found: Subscriptions | None, currency: str) -> list[Axes]:
    """Draw monthly recurring revenue by plan, the share of each cohort still paying, and retention by plan.

    Nothing where `found` is None: nobody has a contract.
    """
    if found is None:
        return []
    revenue, cohorts, retention = found.revenue, found.cohorts, found.retention
    axes = plt.subplots(1, 3, figsize=(15, 4))[1]
    axes[0].stackplot(revenue.index, revenue.T.to_numpy() / 100, labels=list(revenue.columns))
    axes[0].set(title="Monthly recurring revenue", ylabel=currency)
    sns.heatmap(cohorts, cmap="Blues", vmin=0, vmax=1, cbar=False, ax=axes[1])
    axes[1].set(title="Share still paying\nby quarter of the first paid month", xlabel="months later", ylabel="")
    for number, (plan, rows) in enumerate(retention.groupby("plan")):
        axes[2].step(rows["period"], rows["observed"], where="post", color=f"C{number}", label=plan)
        axes[2].plot(rows["period"], rows["expected"], "o", markersize=3, color=f"C{number}")
    axes[2].set(title="Retention by plan\nGood: the points lie on the steps", xlabel="periods paid", ylim=(0, 1.02))
    axes[2].yaxis.set_major_formatter(PercentFormatter(1))
    for ax in (axes[0], axes[2]):
        ax.legend(frameon=False)
    axes[0].tick_params(axis="x", rotation=30)
    return list(axes)
