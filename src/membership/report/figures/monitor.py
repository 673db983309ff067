"""Figures of what happened since the last decision: frame in, Axes out."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from membership.monitor.monitor import DRIFTED, STABLE, WATCH, Compared
from membership.report import formats
from membership.settings.monitor import Monitor

COLOURS = {STABLE: "tab:blue", WATCH: "tab:orange", DRIFTED: "tab:red"}


def judged(found: Compared) -> list[Axes]:
    """Draw `ratios` and `came_true`; nothing where there were no earlier predictions, which the words say."""
    return [] if found.made is None else [ratios(found), came_true(found)]


def came_true(found: Compared, outcome: str = "repurchase", ax: Axes | None = None) -> Axes:
    """Draw predicted against realised means of tenths of members, with the diagonal on which they agree."""
    rows = found.table[(found.table["outcome"] == outcome) & (found.table["by"] == "tenth")]
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    ax.set(title=f"{outcome.capitalize()}: predicted and realised", xlabel="predicted mean", ylabel="realised mean")
    low, high = (rows["predicted"] * rows[end] for end in ("low", "high"))
    ax.vlines(rows["predicted"], low.clip(lower=0), high, color="tab:blue", alpha=0.5)
    ax.plot(rows["predicted"], rows["realised"], "o", color="tab:blue", label="a tenth of the members")
    top = max(rows["predicted"].max(), rows["realised"].max())
    ax.plot([0, top], [0, top], "--", color="grey", label="as predicted")
    ax.legend(loc="upper left")
    return ax


def ratios(found: Compared, ax: Axes | None = None) -> Axes:
    """Draw realised over predicted repurchase and spend of all members, tiers and stages, with intervals."""
    rows = found.table[found.table["outcome"].isin(["repurchase", "spend"]) & (found.table["by"] != "tenth")]
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.27 * max(len(rows), 6)))[1]
    ax.set(title="Realised over predicted", xlabel="ratio; 1: as predicted")
    rows = rows[rows["ratio"].notna()].reset_index(drop=True)
    colours = rows["status"].map(COLOURS)
    ends = rows[["low", "high"]].clip(0, max(3.0, rows["ratio"].max() * 1.1))
    ax.hlines(rows.index, ends["low"], ends["high"], color=colours, linewidth=2)
    ax.scatter(rows["ratio"], rows.index, color=colours, zorder=3)
    ax.axvline(1, color="grey", linewidth=1)
    names = rows["outcome"] + ", " + rows["group"].where(rows["by"] == "all", rows["by"] + " " + rows["group"])
    ax.set_yticks(rows.index, names + " (" + rows["members"].astype("int64").astype(str) + ")")
    ax.invert_yaxis()
    return ax


def drift(table: pd.DataFrame, knobs: Monitor, ax: Axes | None = None) -> Axes:
    """Draw the population stability index of each row, the thresholds, and what chance stays below."""
    ax = ax or plt.subplots(figsize=(7, 0.8 + 0.3 * max(len(table), 4)))[1]
    rows = table.reset_index(drop=True)
    ax.barh(rows.index, rows["psi"], color=rows["status"].map(COLOURS), height=0.6)
    ax.plot(rows["psi_chance"], rows.index, "|", color="black", markersize=10, label="chance stays below")
    for word, limit in ((WATCH, knobs.psi.watch), (DRIFTED, knobs.psi.drifted)):
        ax.axvline(limit, color=COLOURS[word], linestyle="--", label=f"{word}: {limit:g}")
    ax.set_yticks(
        rows.index,
        rows["name"] + ", KS " + rows["ks"].map(partial(formats.number, digits=2)) + " (" + rows["status"] + ")",
    )
    ax.invert_yaxis()
    ax.set(title="How far members have moved", xlabel="population stability index")
    ax.legend(loc="lower right")
    return ax


def periods(table: pd.DataFrame, axes: np.ndarray | None = None) -> np.ndarray:
    """Draw predicted and realised repurchase (left) and spend over predicted (right) of each period, with intervals.

    `table`: as_of, policy, verdict, predicted, realised, low, high (of realised), spend_ratio, spend_low, spend_high.
    """
    axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")[1] if axes is None else axes
    place = np.arange(len(table))
    names = [f"{row.as_of}\n{row.policy}\n-> {row.verdict}" for row in table.itertuples()]
    error = np.abs(table[["low", "high"]].to_numpy().T - table["realised"].to_numpy())
    axes[0].plot(place - 0.04, table["predicted"], "s--", color="tab:orange", label="predicted")
    axes[0].errorbar(place + 0.04, table["realised"], error, fmt="o-", color="tab:blue", label="realised", capsize=3)
    axes[0].set(title="Members who buy again in time", ylabel="share of members", xlabel="scored as of; live; decision")
    near = table[["predicted", "low", "high"]].to_numpy()
    axes[0].set_ylim(max(0, near.min() - 0.05), min(1, near.max() + 0.05))  # so that noise does not look like news
    axes[0].legend(loc="upper right")
    error = np.abs(table[["spend_low", "spend_high"]].to_numpy().T - table["spend_ratio"].to_numpy())
    axes[1].errorbar(place, table["spend_ratio"], error, fmt="o-", color="tab:blue", capsize=3)
    axes[1].axhline(1, color="grey", linestyle="--")
    axes[1].set(title="Spend in the period", ylabel="realised over predicted", xlabel="scored as of; live; decision")
    for ax in axes:
        ax.set_xticks(place, names)
        ax.margins(x=0.15)
    return axes
