"""The figure of the tier designer: a choice beside the saved policy; frame -> Axes."""

import re
from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from membership.designer.what_if import Outcome
from membership.report import formats

_SAVED, _CHOSEN, _BENEFITS, _LOSS = "lightgrey", "steelblue", "darkorange", "indianred"


def svg(chosen: Outcome, saved: Outcome) -> str:
    """Return `outcome` as SVG that fills the width of a widget."""
    drawn = StringIO()
    outcome(chosen, saved).savefig(drawn, format="svg")
    text = drawn.getvalue()
    return re.sub(
        r'width="[^"]*" height="[^"]*"', 'style="width:100%;max-width:52em"', text[text.index("<svg") :], count=1
    )


def outcome(chosen: Outcome, saved: Outcome) -> Figure:
    """Draw who is in each tier and what the tiers bring, for `chosen` beside `saved`."""
    figure = Figure(figsize=(7.6, 2.9), layout="constrained")  # a pyplot figure would have to be closed
    left, right = figure.subplots(1, 2)
    members(chosen.by_tier, saved.by_tier, left)
    net(chosen.by_tier, saved.by_tier, right)
    handles = [Patch(color=colour) for colour in (_SAVED, _CHOSEN, _BENEFITS)]
    figure.legend(
        handles, ["saved policy", "this choice: tiers", "benefits"], loc="outside lower center", ncols=3, frameon=False
    )
    return figure


def members(by_tier: pd.DataFrame, saved: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `Outcome.by_tier`: members of each tier, who rose or fell into it compared with the saved rule."""
    ax = ax or plt.subplots(figsize=(4, 3))[1]
    _pairs(ax, by_tier.index, saved["members"], by_tier["members"])
    for place, row in enumerate(by_tier.itertuples()):
        moved = ", ".join(f"{count} {word}" for count, word in ((row.rise, "rose"), (row.fall, "fell")) if count)
        ax.annotate(moved, (row.members, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set(title="Members", xlim=(0, 1.35 * max(by_tier["members"].max(), saved["members"].max(), 1)))
    return ax


def net(by_tier: pd.DataFrame, saved: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `Outcome.by_tier`: net value of each tier and of the benefits in it, together with its interval."""
    ax = ax or plt.subplots(figsize=(4, 3))[1]
    _pairs(ax, by_tier.index, (saved["net"] + saved["benefit_net"]) / 100, by_tier["net"] / 100)
    ax.barh(
        range(len(by_tier)), by_tier["benefit_net"] / 100, 0.45, by_tier["net"].clip(lower=0) / 100, color=_BENEFITS
    )
    off = [by_tier[f"{name}_high"] - by_tier[name] for name in ("net", "benefit_net")]
    together, half = by_tier["net"] + by_tier["benefit_net"], np.hypot(*off)
    ax.errorbar(together / 100, range(len(by_tier)), xerr=half / 100, fmt="none", ecolor="black", linewidth=1)
    ax.set(title="Net value if members respond as assumed")
    ax.axvline(0, color="black", linewidth=0.8)
    return ax


def _pairs(ax: Axes, names: pd.Index, saved: pd.Series, chosen: pd.Series) -> None:
    places = range(len(names))
    ax.barh(places, saved, 0.8, color=_SAVED)
    ax.barh(places, chosen, 0.45, color=[_CHOSEN if value >= 0 else _LOSS for value in chosen])
    ax.set_yticks(places, names)
    ax.xaxis.set_major_formatter(lambda value, _: formats.number(value))
    ax.spines[["top", "right"]].set_visible(False)
