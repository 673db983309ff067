"""Figures of the response to campaigns: frame -> Axes; None, and nothing drawn, where there is nothing to show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

_EFFECTS = {  # outcome -> title and unit of its effects
    "spend": ("Extra spend while a campaign runs", "share of expected spend"),
    "ordered": ("More members who come back", "share of the chance of it without the campaign"),
}


def overlap(propensities: pd.DataFrame, trim: float) -> np.ndarray | None:
    """Draw `Estimates.propensities`, one Axes a kind: who was reached, who was not, and who is not compared."""
    kinds = sorted(propensities["kind"].unique())
    if not kinds:
        return None
    figure, axes = plt.subplots(1, len(kinds), figsize=(4 * len(kinds) + 1, 3.4), squeeze=False)
    bins = np.linspace(0, 1, 26)
    for ax, kind in zip(axes[0], kinds, strict=True):
        rows = propensities[propensities["kind"] == kind]
        for treated, word, colour in ((False, "not reached", "grey"), (True, "reached", "darkorange")):
            sample = rows.loc[rows["treated"] == treated, "propensity"]
            ax.hist(sample, bins, weights=np.full(len(sample), 1 / len(sample)), alpha=0.6, color=colour, label=word)
        for outside in ((0, trim), (1 - trim, 1)):
            ax.axvspan(*outside, color="lightgrey", alpha=0.5, zorder=0)
        ax.set(title=kind, xlabel="propensity of being reached", xlim=(0, 1))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0, 0].set_ylabel("share of its members")
    axes[0, -1].legend(frameon=False)
    figure.suptitle("Chance of being reached, for members who were and were not (grey: not compared)")
    figure.tight_layout()
    return axes[0]


def balance(table: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `Estimates.balance`: how far those reached differ from the others, before and after weighting."""
    if table.empty:
        return None
    ax = ax or plt.subplots(figsize=(8, 4.6))[1]
    words = {"before": "as they are", "after": "compared and weighted"}
    long = table.rename(columns=words).melt(["kind", "covariate"], list(words.values()), "members", "difference")
    style = {"style": "members", "markers": {"as they are": "X", "compared and weighted": "o"}, "s": 55}
    sns.scatterplot(long, x="difference", y="covariate", hue="kind", palette="Set2", ax=ax, **style)
    for at, line in ((-0.1, ":"), (0, "-"), (0.1, ":")):
        ax.axvline(at, color="grey", linestyle=line, linewidth=0.8, zorder=0)
    ax.set(
        title="Differences before the campaign, reached less not reached (dotted: 0.1)",
        xlabel="standard deviations",
        ylabel="",
    )
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return ax


def effects(
    table: pd.DataFrame, by: str, order: list[str] | None = None, outcome: str = "spend", ax: Axes | None = None
) -> Axes | None:
    """Draw from `Estimates.effects` the usable uplifts of an outcome and grouping, with their placebos.

    Bars are intervals for sampling error and the bias that placebos reveal; hollow marks are the placebos.
    """
    shown = table[(table["by"] == by) & (table["outcome"] == outcome) & table["usable"]] if len(table) else table
    if shown.empty:
        return None
    group = shown["kind"] if by == "all" else shown[by]
    names, kinds = _ordered(group, order), sorted(shown["kind"].unique())
    ax = ax or plt.subplots(figsize=(8, 1.4 + 0.5 * len(names) * (1 if by == "all" else max(len(kinds) / 2, 1))))[1]
    for number, (kind, colour) in enumerate(zip(kinds, sns.color_palette("Set2", len(kinds)), strict=True)):
        rows = shown[shown["kind"] == kind]
        shift = 0 if by == "all" else 0.7 * ((number + 0.5) / len(kinds) - 0.5)
        y = [names.index(name) + shift for name in group[rows.index]]
        bars = [rows["uplift"] - rows["low"], rows["high"] - rows["uplift"]]
        ax.errorbar(rows["uplift"], y, xerr=bars, fmt="o", color=colour, capsize=3, label=kind)
        ax.plot(rows["placebo"], np.array(y) + 0.08, "o", color=colour, markerfacecolor="none", markersize=8)
    ax.plot([], [], "o", color="grey", markerfacecolor="none", label="placebo: just before")
    ax.axvline(0, color="grey", linewidth=0.8)
    title, unit = _EFFECTS[outcome]
    ax.set(title=title, xlabel=unit, ylabel="")
    return _listed(ax, names)


def redemption(table: pd.DataFrame, by: str, order: list[str] | None = None, ax: Axes | None = None) -> Axes | None:
    """Draw from `response.redemption` the rate of one grouping (persona or tier) and its interval, kind by kind."""
    shown = table[table["by"] == by]
    if shown.empty:
        return None
    ax = ax or plt.subplots(figsize=(8, 1.4 + 0.5 * max(shown["group"].nunique(), 3)))[1]
    names, kinds = _ordered(shown["group"], order), sorted(shown["kind"].unique())
    for number, (kind, colour) in enumerate(zip(kinds, sns.color_palette("Set2", len(kinds)), strict=True)):
        rows = shown[shown["kind"] == kind]
        y = [names.index(name) + 0.6 * ((number + 0.5) / len(kinds) - 0.5) for name in rows["group"]]
        ax.errorbar(rows["rate"], y, xerr=[rows["rate"] - rows["low"], rows["high"] - rows["rate"]], fmt="o",
                    color=colour, capsize=3, label=kind)  # fmt: skip
    ax.set(title="Who redeems, of those reached", xlabel="share", ylabel="")
    return _listed(ax, names)


def beliefs(table: pd.DataFrame, z: float = 1.96, ax: Axes | None = None) -> Axes:
    """Draw each benefit's uplift: assumed, as campaigns say, and believed, with `z` standard deviations each side.

    Index benefit; columns assumed, campaigns (NaN without), uplift, each also with _sd.
    """
    ax = ax or plt.subplots(figsize=(8, 1.2 + 0.6 * len(table)))[1]
    marks = {"assumed": (-0.2, "grey"), "campaigns": (0.0, "darkorange"), "uplift": (0.2, "steelblue")}
    for name, (shift, colour) in marks.items():
        rows = table[name].notna().to_numpy()
        y, error = np.flatnonzero(rows) + shift, z * table.loc[rows, f"{name}_sd"]
        label = {"campaigns": "campaigns, on orders", "uplift": "believed"}.get(name, name)
        ax.errorbar(table.loc[rows, name], y, xerr=error, fmt="o", color=colour, capsize=3, label=label)
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set(title="Response to each benefit", xlabel="uplift, share of expected spend", ylabel="")
    return _listed(ax, [name.replace("_", " ") for name in table.index])


def _ordered(groups: pd.Series, order: list[str] | None) -> list[str]:
    """Return the different `groups`: those in `order` first, the others by name."""
    return sorted(groups.unique(), key=lambda name: (order.index(name), "") if name in (order or []) else (1e9, name))


def _listed(ax: Axes, names: list[str]) -> Axes:
    """Write `names` down the side, the first on top, shares along the foot, and the kinds beside."""
    ax.margins(y=0.12)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return ax
