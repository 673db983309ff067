"""Figures of whom campaigns should have reached; without campaigns that can be judged there is no figure."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from membership.campaigns.policy import POLICIES, Judged
from membership.report.figures import offpolicy as plots_offpolicy

_COLOURS = dict(zip((*POLICIES, "what was done"), ("tab:blue", "tab:orange", "tab:grey", "black"), strict=True))


def values(judged: Judged | None, currency: str, confidence: float) -> Axes | None:
    """Draw each policy's value by each estimator with its bootstrap interval, units of currency a decision."""
    if judged is None:
        return None
    _, ax = plt.subplots(figsize=(7.5, 3.8))
    estimators = list(judged.by_policy["estimator"].unique())
    for shift, (name, rows) in zip(
        (-0.24, -0.08, 0.08, 0.24), judged.by_policy.groupby("policy", sort=False), strict=True
    ):
        own = 0.0 if name == "what was done" else shift
        place = np.array([estimators.index(estimator) for estimator in rows["estimator"]]) + own
        low, high = rows["bootstrap_low"] / 100, rows["bootstrap_high"] / 100
        ax.hlines(place, low, high, color=_COLOURS[name], linewidth=2)
        ax.plot(rows["value"] / 100, place, "o", color=_COLOURS[name], label=name)
    ax.set_yticks(range(len(estimators)), estimators)
    ax.invert_yaxis()
    ax.set(title="What each choice of members would have brought, as predicted from the log")
    ax.set_xlabel(f"margin less cost, {currency} a decision, {confidence:.0%} bootstrap interval")
    ax.legend(title="reached", bbox_to_anchor=(1.01, 1), loc="upper left")
    return ax


def clipping(judged: Judged | None, currency: str) -> Axes | None:
    """Draw how the value of reaching those for whom it is believed to pay moves with the limit of the weights."""
    if judged is None:
        return None
    money = ["value", "bootstrap_low", "bootstrap_high"]
    table = judged.clipping.assign(**{name: judged.clipping[name] / 100 for name in money})
    return plots_offpolicy.clipping(table, currency)


def choosing(judged: Judged | None, currency: str) -> np.ndarray | None:
    """Draw the Qini curve of the believed effects, and what choosing by them adds as reaching costs more."""
    if judged is None:
        return None
    _, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    curve, sweep = judged.curve, judged.sweep
    plots_offpolicy.qini(curve.assign(qini=curve["qini"] / 100, random=curve["random"] / 100), currency, axes[0])
    axes[0].set_xlabel("share of decisions, best first")
    axes[1].axhline(0, color="grey", linewidth=1)
    axes[1].plot(sweep["cost"] / 100, sweep["gain"] / 100, "o-", color="tab:blue")
    axes[1].fill_between(sweep["cost"] / 100, sweep["low"] / 100, sweep["high"] / 100, color="tab:blue", alpha=0.15)
    axes[1].set(title="Choosing, against the better of everybody and nobody")
    axes[1].set(xlabel=f"cost of reaching a member ({currency})", ylabel=f"net gain, {currency} a decision")
    return axes
