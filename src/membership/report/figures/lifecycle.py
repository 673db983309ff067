"""Figures of the lifecycle: moves with intervals, who comes back and when, what to do in each stage."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

from membership.base.member_schemas import STAGES
from membership.report import few, formats, readable
from membership.report.figures.profile import spoken
from membership.stats.survival import Curve

MOST = 7  # curves in one figure


def moves(intervals: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw `moves.intervals`: from each level (row) the share in each (column) a month later, its interval below."""
    levels, intervals = list(dict.fromkeys(intervals["from"])), few.frame(intervals, few.smallest())
    ax = ax or plt.subplots(figsize=(1.15 * len(levels) + 1.5, 0.75 * len(levels) + 1.2))[1]
    table = intervals.set_index(["from", "to"])
    words = table.apply(_cell, axis=1)
    members = table["members"].groupby(level="from").first()
    rows = [_named(level, members[level]) for level in levels]
    shares, notes = (one.to_numpy().reshape(len(levels), -1) for one in (table["share"], words))
    names = [spoken(level) for level in levels]
    style = {"vmin": 0, "vmax": 1, "cmap": "Blues", "cbar": False, "annot_kws": {"fontsize": 8}}
    sns.heatmap(pd.DataFrame(shares, rows, names), annot=notes, fmt="", ax=ax, **style)
    ax.set(title=title, xlabel="a month later", ylabel="this month (members)")
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=0)
    return ax


def separation(table: pd.DataFrame, days: int, ax: Axes | None = None) -> Axes:
    """Draw `lifecycle.separation`: the share of each stage who ordered within `days` of each month start."""
    ax = ax or plt.subplots(figsize=(8.5, 4))[1]
    for stage, colour in zip(STAGES, sns.color_palette(n_colors=len(STAGES)), strict=True):
        if table[stage].notna().any():
            ax.plot(table.index, table[stage], marker="o", markersize=3, color=colour, label=spoken(stage))
    ax.set(title=f"Who comes back within {days} days, by stage\nGood: lines far apart, in the order of the stages")
    ax.set(xlabel="as of", ylabel="share who came back", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.tick_params(axis="x", rotation=30)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def next_purchase(
    curves: dict[str, Curve], by: str, until: float, clock: str = "member", ax: Axes | None = None
) -> Axes:
    """Draw `repurchase.curves` on `clock`: the share back by day, its band, and below it the members still waiting.

    `by` names the groups; only the largest are drawn.
    """
    ax = ax or plt.subplots(figsize=(8.5, 4 + 0.22 * min(len(curves), MOST)))[1]
    marks = np.linspace(0, until, 7).round()
    for place, (name, curve) in enumerate(list(curves.items())[:MOST]):
        colour = sns.color_palette("colorblind")[place % 10]
        within = curve.times <= until
        steps = np.concatenate([[0], curve.times[within], [min(max(curve.last, *curve.times, 0), until)]])
        bands = [1 - _edges(one[within]) for one in (curve.survival, curve.low, curve.high)]
        ax.step(steps, bands[0], where="post", color=colour, label=_named(name, len(curve.exit)))
        ax.fill_between(steps, bands[1], bands[2], step="post", color=colour, alpha=0.18, linewidth=0)
        for mark, number in zip(marks, curve.risk_at(marks), strict=True):
            at = (mark, -0.19 - 0.05 * place)
            style = {"xycoords": ("data", "axes fraction"), "ha": "center", "fontsize": 7, "color": colour}
            ax.annotate(formats.number(number), at, **style)
    ax.annotate("still waiting:", (-0.04, -0.19), xycoords="axes fraction", ha="right", fontsize=7)
    title = {"member": "Members who are back", "gap": "Gaps that have ended"}[clock]
    since = {"member": "the start of follow-up", "gap": "the last purchase"}[clock]
    some = f" (the {MOST} largest of {len(curves)})" if len(curves) > MOST else ""
    ax.set(title=f"{title}, by {by}{some}", xlabel=f"days since {since}", ylabel="share", xlim=(0, until), ylim=(0, 1))
    ax.set_xticks(marks)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    if curves:
        ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return ax


def cohorts(retention: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `repurchase.retention`: the share of each cohort that buys in each month; None without a whole month."""
    retention = few.told(retention)
    if retention.empty:
        return None
    wide = retention.pivot_table(index="cohort", columns="month", values="share")
    members = retention.groupby("cohort")["members"].first()
    order = sorted(wide.index, key=lambda name: (name[:1].isdigit(), name))
    wide = wide.loc[order].rename(index=lambda name: _named(name, members[name]))
    ax = ax or plt.subplots(figsize=(1.5 + 0.7 * max(wide.shape[1], 4), 1.5 + 0.4 * max(len(wide), 2)))[1]
    sns.heatmap(wide, vmin=0, vmax=1, cmap="Blues", annot=True, fmt=".0%", cbar=False, annot_kws={"fontsize": 8}, ax=ax)
    ax.set(title="Share of each cohort that buys in each month", ylabel="first purchase (members)")
    ax.set_xlabel("months since the first purchase, or since the data began where that is unknown")
    ax.tick_params(axis="y", rotation=0)
    return ax


def retention(pooled: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `repurchase.pooled`: the share that buys in each month since the first purchase, with its interval."""
    ax = ax or plt.subplots(figsize=(7, 3.5))[1]
    pooled = few.told(pooled)
    sides = [pooled["share"] - pooled["low"], pooled["high"] - pooled["share"]]
    ax.errorbar(pooled["month"], pooled["share"], yerr=np.clip(sides, 0, None), fmt="o-", capsize=3)
    for month, members in pooled[["month", "members"]].itertuples(index=False):
        ax.annotate(formats.number(members), (month, 0.03), ha="center", fontsize=7)
    ax.set(title="Retention since the first purchase (numbers: members)", ylabel="share who buy", ylim=(0, 1.05))
    ax.set_xlabel("whole months since the first purchase; cohorts with a known first month")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def strategy(table: pd.DataFrame) -> Styler:
    """Return `strategy.table` for people: cents as whole units of currency, shares in per cent."""
    shown = table.rename(index=spoken).reset_index()
    shown["next"] = shown["next"].map(spoken)
    shown["repurchase_rate"] = _rates(shown, "repurchase_rate")
    shown = shown.drop(columns=["low", "high"]).rename(columns=spoken)
    money = dict.fromkeys(("value", "mean value"), partial(formats.money, digits=0))
    shares = dict.fromkeys(("share", "stays", "next share"), partial(formats.share, digits=0))
    return readable.styled(shown, money | shares | {"members": formats.number}, index=False)


def comparison(table: pd.DataFrame) -> Styler:
    """Return `repurchase.compare` for people: rates in per cent, times in days, with their intervals."""
    rows = table.rename(index=spoken).sort_index()
    shown = {"members": rows["members"].map(formats.number), "repurchase rate": _rates(rows, "rate")}
    for name, column in (("median wait (days)", "median"), ("mean wait, cut off (days)", "mean")):
        spans = rows[[column, f"{column}_low", f"{column}_high"]]
        shown[name] = [_with_interval(*(_days(one) for one in row)) for row in spans.to_numpy()]
    return readable.styled(pd.DataFrame(shown, index=rows.index))


def _named(name: str, members: int) -> str:
    return f"{spoken(name)} ({formats.number(members)})"


def _cell(row: pd.Series) -> str:
    if np.isnan(row["share"]):
        return ""
    ends = formats.interval(100 * row["low"], 100 * row["high"], formats.number)
    return f"{formats.share(row['share'], 0)}\n{ends.replace(' to ', '-')}"


def _rates(rows: pd.DataFrame, column: str) -> list[str]:
    """Return the rate in `column` of each row with its interval, from low to high."""
    return [_with_interval(*(formats.share(one, 0) for one in row)) for row in rows[[column, "low", "high"]].to_numpy()]


def _days(value: float) -> str:
    return "never" if np.isinf(value) else formats.number(value, 1)


def _with_interval(value: str, low: str, high: str) -> str:
    return value if value == formats.UNKNOWN else f"{value} ({low} to {high})"


def _edges(share: np.ndarray) -> np.ndarray:
    """Return `share` with the 1 before its first step, and its last value once more, where the curve ends."""
    begun = np.append(1.0, share)
    return np.append(begun, begun[-1])
