"""Figures of benefits: frame -> Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter


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
    """Draw from `payoff.break_even` each benefit's break-even uplift, by tier, and the expected one.

    The bar is the expected uplift, one and two standard deviations wide; a dot beyond it will hardly pay.
    """
    ax = ax or plt.subplots(figsize=(8, 4.5))[1]
    names = list(dict.fromkeys(table["benefit"]))
    tiers = list(dict.fromkeys(table["tier"]))
    colours = ["black", *sns.color_palette("viridis", len(tiers) - 1)]
    for place, name in enumerate(names):
        expected = table[(table["benefit"] == name) & (table["tier"] == "all")].iloc[0]
        for width, alpha in ((2, 0.25), (1, 0.45)):
            half = width * expected["uplift_sd"]
            low = max(expected["uplift"] - half, 0)
            ax.barh(place, expected["uplift"] + half - low, left=low, height=0.5, color="steelblue", alpha=alpha)
        ax.plot([expected["uplift"]] * 2, [place - 0.25, place + 0.25], color="steelblue")
    for tier, colour in zip(tiers, colours, strict=True):
        those = table[(table["tier"] == tier) & np.isfinite(table["break_even"])]
        spots = [names.index(name) for name in those["benefit"]]
        ax.plot(those["break_even"], spots, "D" if tier == "all" else "o", color=colour, label=tier, alpha=0.85)
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set(title="Break-even response of each benefit", ylabel="", xlim=(0, None))
    ax.set_xlabel("uplift of spend: break-even (dots) and expected (bars: 1 and 2 sd)")
    ax.legend(title="given to", frameon=False)
    return ax


def budget_sweep(sweep: pd.DataFrame, budget: float, ax: Axes | None = None) -> Axes:
    """Draw `sweeps.budget`: what other budgets (cents) would bring, with its range, and one more unit of each."""
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    ax.plot(sweep["budget"] / 100, sweep["net"] / 100, marker="o", color="steelblue", label="gain less cost")
    ax.fill_between(
        sweep["budget"] / 100, sweep["net_low"] / 100, sweep["net_high"] / 100, color="steelblue", alpha=0.2
    )
    ax.axvline(budget / 100, color="grey", linestyle="--", label="the budget in params.yaml")
    ax.set(title="Net value by budget, at the expected response", xlabel="budget (units of currency)")
    ax.set(ylabel="gain less cost (units of currency)", xlim=(0, None))
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
        sweep["multiple"],
        sweep["best"] / 100,
        "--",
        color="darkorange",
        label="best for the same cost, had it been known",
    )
    ax.plot(sweep["multiple"], sweep["net"] / 100, marker="o", color="steelblue", label="this allocation")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(title="Net value if members respond less or more than expected", ylabel="gain less cost (units of currency)")
    ax.set_xlabel("response, as a multiple of the expected one")
    ax.legend(frameon=False)
    return ax
