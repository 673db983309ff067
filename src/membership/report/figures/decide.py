"""Figures of the decision and of what follows for members: frame in, Axes out."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from membership.evaluate.programme import ALL
from membership.report import formats

_FURTHEST = 4  # margins; what is further is cut off


def guardrails(moved: pd.DataFrame, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw `guardrails.in_margins`: the interval of each guardrail, and the line that it may not cross."""
    ax = ax or plt.subplots(figsize=(8, 1.2 + 0.4 * len(moved)))[1]
    inside = moved[["difference", "low", "high"]].clip(-_FURTHEST, _FURTHEST)
    ax.axvspan(-_FURTHEST, -1, color="tab:red", alpha=0.12, label="worse than allowed")
    ax.hlines(moved.index, inside["low"], inside["high"], color="tab:blue", linewidth=2)
    ax.plot(inside["difference"], moved.index, "o", color="tab:blue")
    ax.axvline(0, color="grey", linewidth=1)
    ax.axvline(-1, color="tab:red", linewidth=1)
    labels = [f"{row.metric} (margin {row.margin:g})" for row in moved.itertuples()]
    ax.set_yticks(moved.index, labels)
    ax.set(xlim=(-_FURTHEST, _FURTHEST), ylim=(max(len(moved), 1) - 0.5, -0.5))
    ax.set(title="Guardrails: is a loss of more than the margin ruled out?")
    ax.set_xlabel(f"better to the right, in margins; {confidence:.0%} interval, cut off at {_FURTHEST}")
    ax.legend(loc="lower right")
    return ax


def money(programme: pd.DataFrame, currency: str, days: int, ax: Axes | None = None) -> Axes:
    """Draw the assumed gain and the cost of benefits by tier, of table `programme` (cents over `days`)."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    long = (
        programme[programme["tier"] != ALL]
        .sort_values("tier_rank")
        .melt("tier", ["gain", "cost"], var_name="what", value_name="cents")
    )
    long["amount"] = long["cents"] / formats.CENTS
    long["what"] = long["what"].map({"gain": "assumed gain in margin", "cost": "expected cost"})
    sns.barplot(long, x="tier", y="amount", hue="what", ax=ax)
    ax.set(title="Benefits by tier: expected cost and assumed gain", xlabel="tier")
    ax.set_ylabel(f"{currency} over {days} days")
    ax.legend(title=None, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def next_actions(steps: pd.DataFrame, tiers: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many members of each tier (table `tiers`, from the entry tier up) get each step of `actions.steps`."""
    placed = steps.merge(tiers[["member_id", "tier"]], on="member_id")
    order = tiers.sort_values("tier_rank")["tier"].unique()
    rows = placed.sort_values(["benefit", "step"])["step"].unique()
    counts = pd.crosstab(placed["step"], placed["tier"]).reindex(index=rows, columns=order, fill_value=0)
    ax = ax or plt.subplots(figsize=(8, 1.5 + 0.32 * len(rows)))[1]
    sns.heatmap(counts, annot=True, fmt="d", cmap="Blues", cbar=False, ax=ax)
    title = f"Next actions by tier, {formats.plural(steps['member_id'].nunique(), 'member')}"
    ax.set(title=title, xlabel="tier", ylabel="")
    return ax
