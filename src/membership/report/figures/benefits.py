"""Figures of benefits: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

MONEY = ("cost", "gain", "net")  # columns in cents


def readable(table: pd.DataFrame) -> Styler:
    """Return `table` for people: cents as units of currency, other numbers with digits as per cent."""
    formats = dict.fromkeys(table.select_dtypes("float"), "{:.1%}")
    formats |= {column: (lambda cents: f"{cents / 100:,.0f}") for column in MONEY if column in table}
    return table.style.format(formats, na_rep="-", thousands=",")


def cost_by_tier(by_tier_and_benefit: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each tier's benefits cost: index tier, one column a benefit, cents."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    colours = sns.color_palette("Set2", by_tier_and_benefit.shape[1])
    table = (by_tier_and_benefit / 100).rename(columns=lambda name: name.replace("_", " "))
    table.plot.bar(stacked=True, color=colours, rot=0, ax=ax)
    ax.set(title="What the benefits cost, by tier", xlabel="", ylabel="expected cost (units of currency)")
    ax.legend(title="benefit", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def break_even(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw from `benefits.break_even` the uplift from which each benefit pays, by tier, and what is believed.

    The bar is what is believed, one and two standard deviations wide; a dot above all of it can hardly pay.
    """
    ax = ax or plt.subplots(figsize=(8, 4.5))[1]
    names = list(dict.fromkeys(table["benefit"]))
    tiers = list(dict.fromkeys(table["tier"]))
    colours = ["black", *sns.color_palette("viridis", len(tiers) - 1)]
    for place, name in enumerate(names):
        believed = table[(table["benefit"] == name) & (table["tier"] == "all")].iloc[0]
        for width, alpha in ((2, 0.25), (1, 0.45)):
            half = width * believed["uplift_sd"]
            low = max(believed["uplift"] - half, 0)
            ax.barh(place, believed["uplift"] + half - low, left=low, height=0.5, color="steelblue", alpha=alpha)
        ax.plot([believed["uplift"]] * 2, [place - 0.25, place + 0.25], color="steelblue")
    for tier, colour in zip(tiers, colours, strict=True):
        those = table[(table["tier"] == tier) & np.isfinite(table["break_even"])]
        spots = [names.index(name) for name in those["benefit"]]
        ax.plot(those["break_even"], spots, "D" if tier == "all" else "o", color=colour, label=tier, alpha=0.85)
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set(title="From which response does a benefit pay?", ylabel="", xlim=(0, None))
    ax.set_xlabel("uplift of spend: what is needed (dots) and what is believed (bars: 1 and 2 sd)")
    ax.legend(title="given to", frameon=False)
    return ax


def budget_sweep(sweep: pd.DataFrame, budget: float, ax: Axes | None = None) -> Axes:
    """Draw `sweeps.budget`: what other budgets (cents) would bring, and one more unit of each; `budget` is marked."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    ax.plot(sweep["budget"] / 100, sweep["net"] / 100, marker="o", color="steelblue", label="gain less cost")
    ax.axvline(budget / 100, color="grey", linestyle="--", label="the budget in params.yaml")
    ax.set(title="What the budget brings, if the response is as believed", xlabel="budget (units of currency)")
    ax.set(ylabel="gain less cost (units of currency)", ylim=(0, None), xlim=(0, None))
    price = ax.twinx()
    price.plot(sweep["budget"] / 100, sweep["shadow_price"], color="darkorange", marker=".", label="one more unit")
    price.set(ylabel="what one more unit brings", ylim=(0, None))
    lines = [*ax.get_lines(), *price.get_lines()]
    ax.legend(lines, [line.get_label() for line in lines], frameon=False, loc="center right")
    return ax


def response_sweep(sweep: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `sweeps.response`: what the allocation brings under another response, and the best then."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    ax.plot(
        sweep["multiple"], sweep["best"] / 100, "--", color="darkorange", label="the best for that money, had one known"
    )
    ax.plot(sweep["multiple"], sweep["net"] / 100, marker="o", color="steelblue", label="this allocation")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(title="If members respond less or more than believed", ylabel="gain less cost (units of currency)")
    ax.set_xlabel("response, as a multiple of what is believed")
    ax.legend(frameon=False)
    return ax
