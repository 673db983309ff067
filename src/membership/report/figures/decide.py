"""Figures of the decision: frame in, Axes out."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

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
