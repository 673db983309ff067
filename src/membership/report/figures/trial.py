"""Figures of the randomised reading, of subgroups, of weekly looks and of the live test's plan: frame in, Axes out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from membership.evaluate.arms import BALANCED
from membership.evaluate.live_plan import Plan
from membership.evaluate.randomised import ADJUSTED, PLAIN
from membership.evaluate.subgroups import Subgroups
from membership.evaluate.validity import Validity
from membership.report import few, formats
from membership.report.figures.evaluate import forest

LARGE = 30  # members that a subgroup needs to set the scale of the figure


def readings(table: pd.DataFrame, metric: str, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw the primary metric's difference as each reading has it, from `randomised.readings`."""
    labels = table["reading"] + ", " + table["method"] + " (" + table["members"].map(formats.number) + " members)"
    ax = forest(table, labels, ax)
    ax.set(title=f"{metric}: the same lists and baskets, read in two ways")
    ax.set_xlabel(f"challenger minus champion, {confidence:.0%} interval")
    return ax


def balance(table: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw how far the arms are apart on what was known before, from `arms.balance`, with the common limit.

    Nothing is drawn where nothing was known.
    """
    if table.empty:
        return None
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.35 * len(table)))[1]
    ax.plot(table["apart"], table["known"], "o", color="tab:blue")
    ax.axvline(0, color="grey", linewidth=1)
    for limit in (-BALANCED, BALANCED):
        ax.axvline(limit, color="tab:red", linestyle="--", linewidth=1)
    limit = 1.2 * max(BALANCED, table["apart"].abs().max())
    ax.set(title="Before the test: how far the arms are apart", xlim=(-limit, limit))
    ax.set_xlabel("challenger minus champion, standard deviations (dashed: common limit)")
    ax.invert_yaxis()
    return ax


def subgroups(found: Subgroups, ax: Axes | None = None) -> Axes | None:
    """Draw the metric's difference in every subgroup that has as many members as may be shown, with its t interval.

    Nothing is drawn, and None returned, where no subgroup has.
    """
    rows = few.told(found.effects[found.effects["members"] > 1])
    if rows.empty:
        return None
    labels = rows["by"] + ": " + rows["subgroup"] + " (" + rows["members"].map(formats.number) + ")"
    ax = forest(rows, labels, ax)
    large = rows[rows["members"] >= LARGE]  # a few members may be anywhere, and would hide the others
    limit = (1.1 * large[["low", "high"]].abs().max(axis=None) if len(large) else 0.0) or 1.0
    ax.set(title=f"For whom: {found.metric} by subgroup (members)", xlim=(-limit, limit))
    ax.set_xlabel(f"challenger minus champion, {found.confidence:.0%} interval of each subgroup alone")
    return ax


def weekly(watched: pd.DataFrame, metric: str, confidence: float) -> np.ndarray:
    """Draw both readings of `weekly.watch` with bounds that hold at every look: (2,) Axes."""
    names = watched["reading"].unique()
    axes = plt.subplots(1, len(names), figsize=(10, 3.5), sharey=True, layout="constrained")[1]
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        rows = watched[watched["reading"] == name]
        bounded = rows[np.isfinite(rows["low"])]
        ax.fill_between(bounded["week"], bounded["low"], bounded["high"], color="tab:blue", alpha=0.2)
        ax.plot(rows["week"], rows["difference"], "o-", color="tab:blue")
        ax.axhline(0, color="grey", linewidth=1)
        members, p_value = rows["members"].iloc[-1], rows["p_value"].iloc[-1]
        ax.set(
            title=f"{name}: {formats.plural(members, 'member')} in the end, p {formats.p_value(p_value)}",
            xlabel="week",
            xticks=rows["week"],
        )
    np.atleast_1d(axes)[0].set_ylabel(f"{metric}, difference so far\n(band holds at all looks, {confidence:.0%})")
    return axes


def aa(found: Validity, ax: Axes | None = None) -> Axes:
    """Draw the p values of the A/A draws of each test against the line that an honest test follows."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    for row in found.aa.itertuples():
        label = f"{row.contrast}: {row.rejections} of {row.repeats} (allowed {row.low} to {row.high})"
        ax.step(np.sort(row.p_values), np.arange(1, row.repeats + 1) / row.repeats, label=label, linewidth=1)
    ax.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    ax.set(title="A/A: p values where there is nothing to find", xlabel="p value", ylabel="share of draws at or below")
    ax.legend(title="rejected", fontsize="small")
    return ax


def coverage(found: Validity, ax: Axes | None = None) -> Axes:
    """Draw how often each interval held the truth, with the band that chance allows."""
    table = found.coverage
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.4 * len(table)))[1]
    repeats = table["repeats"].iloc[0]
    ax.axvspan(table["low"].iloc[0] / repeats, table["high"].iloc[0] / repeats, color="tab:green", alpha=0.15)
    ax.plot(table["share"], table["contrast"], "o", color="tab:blue")
    ax.set(
        title=f"Coverage in {repeats} resampled markets (band: what chance allows)", xlabel="share that hold the truth"
    )
    ax.invert_yaxis()
    return ax


def detectable(plan: Plan, worth: list[float], ax: Axes | None = None) -> Axes:
    """Draw the smallest difference that a live test finds by weeks, and what would be worth finding."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    named = {PLAIN: "read once", ADJUSTED: "read once, with CUPED", "watched": "read every week, with CUPED"}
    long = plan.detectable.melt("week", list(named), var_name="how", value_name="difference")
    sns.lineplot(long.assign(how=long["how"].map(named)), x="week", y="difference", hue="how", marker="o", ax=ax)
    for one in worth:
        ax.axhline(one, color="grey", linestyle="--", linewidth=1)
    ax.set(title="The live test: what it can find by when (dashed: worth finding)", xlabel="weeks")
    ax.set(ylabel=f"smallest difference in {plan.metric}", ylim=(0, None))
    ax.legend(title=None)
    return ax
