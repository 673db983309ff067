"""Figures and tables of whom campaigns should have reached; None where no campaign can be judged."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from membership.campaigns import policy
from membership.campaigns.choice import Judged
from membership.campaigns.policy import DONE, POLICIES, PolicyValues
from membership.report import formats
from membership.report.figures import offpolicy

_COLOURS = dict(zip((*POLICIES, DONE), ("tab:blue", "tab:orange", "tab:grey", "black"), strict=True))
_SHIFTS = dict(zip((*POLICIES, DONE), (-0.24, -0.08, 0.08, 0.0), strict=True))
_MONEY = ["value", "bootstrap_low", "bootstrap_high"]


def values(found: PolicyValues | None, currency: str) -> Axes | None:
    """Draw each policy's value by each estimator with its bootstrap interval, units of currency a decision."""
    if found is None:
        return None
    _, ax = plt.subplots(figsize=(7.5, 3.8))
    estimators = list(found.by_policy["estimator"].unique())
    for name, rows in found.by_policy.groupby("policy", sort=False):
        place = np.array([estimators.index(estimator) for estimator in rows["estimator"]]) + _SHIFTS[name]
        low, high = rows["bootstrap_low"] / 100, rows["bootstrap_high"] / 100
        ax.hlines(place, low, high, color=_COLOURS[name], linewidth=2)
        ax.plot(rows["value"] / 100, place, "o", color=_COLOURS[name], label=name)
    ax.set_yticks(range(len(estimators)), estimators)
    ax.invert_yaxis()
    ax.set(title="Value of each choice of members, as predicted from the log")
    ax.set_xlabel(f"margin less cost, {currency} a decision, {formats.share(found.confidence, 0)} bootstrap interval")
    ax.legend(title="reached", bbox_to_anchor=(1.01, 1), loc="upper left")
    return ax


def clipping(found: PolicyValues | None, currency: str) -> Axes | None:
    """Draw how the value of the first policy changes with the limit on the weights."""
    if found is None:
        return None
    return offpolicy.clipping(found.clipping.assign(**{name: found.clipping[name] / 100 for name in _MONEY}), currency)


def choosing(found: PolicyValues | None, currency: str) -> np.ndarray | None:
    """Draw the Qini curve of the believed effects, and the gain from choosing by them at each cost of reaching."""
    if found is None:
        return None
    _, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    curve, sweep = found.curve, found.sweep / 100
    offpolicy.qini(curve.assign(qini=curve["qini"] / 100, random=curve["random"] / 100), currency, axes[0])
    axes[0].set_xlabel("share of decisions, best first")
    axes[1].axhline(0, color="grey", linewidth=1)
    axes[1].plot(sweep["cost"], sweep["gain"], "o-", color="tab:blue")
    axes[1].fill_between(sweep["cost"], sweep["low"], sweep["high"], color="tab:blue", alpha=0.15)
    axes[1].set(title="Choosing, compared with the better of everybody and nobody")
    axes[1].set(xlabel=f"cost of reaching a member ({currency})", ylabel=f"net gain, {currency} a decision")
    return axes


def gain_table(found: PolicyValues | None) -> pd.DataFrame | None:
    """Return, as text, what the first policy is worth beyond each other one, in units of currency a decision."""
    if found is None:
        return None
    gains = found.gains.set_index("over").rename_axis("compared with")
    shown = {"gain": [_signed(cents) for cents in gains["value"]], "interval": _intervals(gains, _signed)}
    return pd.DataFrame({**shown, "placebo": [_signed(cents) for cents in gains["placebo"]]}, gains.index)


def learner_table(found: PolicyValues | None) -> pd.DataFrame | None:
    """Return, as text, how well each learner ranks members by their response, in units of currency a decision."""
    if found is None:
        return None
    ranked = policy.by_learner(found)
    shown = {
        "area under the uplift curve": ranked["auuc"].map(formats.money),
        "Qini": ranked["qini"].map(formats.money),
        "interval": _intervals(ranked.rename(columns={"low": "bootstrap_low", "high": "bootstrap_high"})),
        "shuffled scores stay below": ranked["null_high"].map(formats.money),
        "p": ranked["p_value"].map(formats.p_value),
    }
    return pd.DataFrame(shown, ranked.index)


def tier_table(found: PolicyValues | None, order: list[str]) -> pd.DataFrame | None:
    """Return, as text, each policy's value in each tier, with intervals, in units of currency a decision.

    Tiers come in `order`; others, such as unknown, after them.
    """
    if found is None:
        return None
    table = found.by_tier.assign(value=found.by_tier["value"].map(formats.money))
    table["shown"] = table["value"] + " (" + _intervals(found.by_tier) + ")"
    tiers = [*order, *sorted(set(table["group"]) - set(order))]
    wide = table.pivot_table(index="group", columns="policy", values="shown", aggfunc="first")
    wide.insert(0, "decisions", table.groupby("group")["rows"].first().map(formats.number))
    names = ["decisions", *POLICIES, DONE]
    return wide.loc[[tier for tier in tiers if tier in wide.index], names].rename_axis("tier").rename_axis(columns=None)


def several_arms(judged: list[Judged], currency: str) -> np.ndarray | None:
    """Draw, by campaign, what the best arm for each member is worth by budget, and how predicted gains came true."""
    if not judged:
        return None
    _, axes = plt.subplots(len(judged), 2, figsize=(12, 4 * len(judged)), layout="constrained", squeeze=False)
    for (left, right), one in zip(axes, judged, strict=True):
        curve = one.curve / 100
        left.plot(curve["budget"], curve["worth"], color="tab:blue", label="best predicted arm")
        left.fill_between(curve["budget"], curve["low"], curve["high"], color="tab:blue", alpha=0.15)
        left.plot(curve["budget"], curve["untargeted"], "--", color="grey", label="same arms, members at random")
        left.set(title=f"{one.log.campaign}: worth by budget", xlabel=f"budget, {currency} a member")
        left.set_ylabel(f"margin less cost, {currency} a member")
        left.legend()
        for arm, rows in one.calibration.groupby("arm", sort=False):
            shown = rows.drop(columns="arm") / 100
            reach = [shown["observed"] - shown["low"], shown["high"] - shown["observed"]]
            right.errorbar(shown["predicted"], shown["observed"], yerr=reach, fmt="o", label=arm)
        right.axline((0, 0), slope=1, color="grey", linewidth=1)
        right.set(title="Predicted and observed gain, by tenth", xlabel=f"predicted, {currency} a member")
        right.set_ylabel("observed")
        right.legend()
    return axes


def _signed(cents: float) -> str:
    return formats.money(cents, sign=True)


def _intervals(table: pd.DataFrame, how=formats.money) -> pd.Series:
    ends = zip(table["bootstrap_low"], table["bootstrap_high"], strict=True)
    return pd.Series([formats.interval(low, high, how) for low, high in ends], table.index, dtype="str")
