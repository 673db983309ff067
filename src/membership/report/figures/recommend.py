"""Figures of the search, the training and the recommendations: frame -> Axes."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from mpl_toolkits.axes_grid1 import make_axes_locatable

from membership.report.figures import plain_log


def search(history: pd.DataFrame, k: int, ax: Axes | None = None) -> Axes:
    """Draw the recall of every trial and the best so far; `history` as from `tune.history`."""
    ax = ax or plt.gca()
    sns.scatterplot(history, x="trial", y="recall", ax=ax, label="run to the end", color="C0")
    pruned = history.loc[history["recall"].isna(), "trial"]
    below = ax.get_xaxis_transform()  # what was stopped has no recall: it is marked at the foot
    ax.plot(pruned, [0.02] * len(pruned), "x", transform=below, color="C7", label="stopped early")
    ax.step(history["trial"], history["best"], where="post", color="C1", label="best so far")
    ax.set(title=f"The search: {len(history)} trials, {len(pruned)} stopped early", xlabel="Trial")
    ax.set_ylabel(f"Validation recall@{k}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def learning(curves: pd.DataFrame, k: int, ax: Axes | None = None) -> Axes:
    """Draw the recall of every trial after each epoch; `curves` as from `tune.learning`."""
    ax = ax or plt.gca()
    colours, names = {"complete": "C0", "pruned": "C7"}, {"complete": "run to the end", "pruned": "stopped early"}
    shown = curves.assign(fate=curves["state"].map(names))
    palette = {names[state]: colour for state, colour in colours.items()}
    line = {"estimator": None, "units": "trial", "marker": "o", "hue": "fate", "palette": palette}
    sns.lineplot(shown, x="epoch", y="recall", ax=ax, alpha=0.7, **line)
    ax.set(title="How the trials learned", xlabel="Epoch (pass over the training rows)")
    ax.set_ylabel(f"Validation recall@{k}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(title=None)
    return ax


def importances(shares: pd.Series, ax: Axes | None = None) -> Axes | None:
    """Draw how much of the differences between trials each setting explains; `shares` as from `tune.importances`.

    Nothing is drawn where they are empty.
    """
    if shares.empty:
        return None
    ax = ax or plt.gca()
    bars = ax.barh(shares.index.str.replace("_", " "), shares)
    ax.bar_label(bars, fmt="{:.0%}", padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set(title="Which settings matter", xlabel="Share of the differences in recall between trials")
    return ax


def peers(compared: pd.DataFrame, k: int, ax: Axes | None = None) -> Axes:
    """Draw the recall of the model and of the baselines; `compared` as from `choice.compare`."""
    ax = ax or plt.gca()
    colours = ["C1" if name == "model" else "C0" for name in compared.index]
    bars = ax.barh(compared.index, compared[f"recall_at_{k}"], color=colours)
    ax.bar_label(bars, fmt="%.3f", padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(title="The model and the baselines on the validation window")
    ax.set_xlabel(f"Recall@{k} (share of the next basket), mean over members")
    return ax


def losses(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the training loss; `frame` has columns epoch and loss."""
    ax = ax or plt.gca()
    sns.lineplot(frame, x="epoch", y="loss", marker="o", ax=ax)
    ax.set(title="Training loss", xlabel="Epoch (pass over the training rows)", ylabel="Binary cross-entropy (nats)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def recommended(listed: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one member's list with its probabilities and reasons; `listed` as from `policy.listed`, of one member.

    Nothing is drawn of an empty list, as of a member who holds every product where none is listed twice.
    """
    ax = ax or plt.gca()
    if listed.empty:
        ax.set_axis_off()
        return ax
    labels = listed["rank"].astype(str) + ". " + listed["name"].fillna(listed["item_id"]).str.capitalize().str[:40]
    bars = ax.barh(labels, listed["score"], color=listed["source"].map({"repeat": "C0", "explore": "C1"}))
    ax.bar_label(bars, listed["reason"], padding=3, fontsize="small")
    ax.set_xlim(right=2.4 * listed["score"].max())  # room for the words
    ax.set_xticks(ax.get_xticks()[ax.get_xticks() <= listed["score"].max()])
    sns.despine(ax=ax)
    ax.invert_yaxis()
    ax.set(title=f"What member {listed['member_id'].iloc[0]} is expected to buy next, and why")
    ax.set_xlabel("Probability that the item is in the next basket (orange: never bought before)")
    return ax


def reliability(reliable: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often probabilities came true, above how many there are; `reliable` as from `behaviour.reliability`."""
    ax = ax or plt.gca()
    below = make_axes_locatable(ax).append_axes("bottom", "30%", pad=0.1, sharex=ax)
    for source, part in reliable[reliable["source"] != "all"].groupby("source", sort=False):
        colour = {"repeat": "C0", "explore": "C1"}[source]
        spread = (part["observed"] - part["low"], part["high"] - part["observed"])
        ax.errorbar(part["predicted"], part["observed"], spread, fmt="o-", color=colour, label=source)
        below.bar(part["predicted"], part["pairs"], width=0.15 * part["predicted"], color=colour, alpha=0.6)
    ends = reliable["predicted"].min(), reliable["predicted"].max()
    ax.plot(ends, ends, color="grey", linestyle="--", label="as predicted")
    ax.set(xscale="log", yscale="log", title="Do the probabilities come true?")
    plain_log(ax.xaxis, ax.yaxis)
    ax.set_ylabel("Share that was bought")
    ax.tick_params(labelbottom=False)
    ax.legend()
    below.set(yscale="log", ylabel="Items", xlabel="Predicted probability that the item is in the next basket")
    plain_log(below.xaxis, below.yaxis)
    below.set_ylim(bottom=reliable["pairs"].min() / 3)
    return ax


def knobs(turned: pd.DataFrame, k: int, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw what each knob of the reranker costs in recall; `turned` as from `knobs.frontiers`. An Axes a knob."""
    names = turned["knob"].unique()
    if axes is None:
        rows = -(-len(names) // 3)
        figure, panels = plt.subplots(rows, 3, figsize=(12, 3.2 * rows), sharey=True, squeeze=False)
        figure.set_layout_engine("constrained")
        figure.suptitle("What each knob of recommend.rerank costs, for each value in purchases (ringed: in use)")
        axes = panels.ravel()
        for empty in axes[len(names) :]:
            empty.set_axis_off()
    for name, ax in zip(names, axes, strict=False):
        its = turned[turned["knob"] == name]
        spread = (its["recall_gain"] - its["recall_low"], its["recall_high"] - its["recall_gain"])
        ax.errorbar(its["metric"], its["recall"], spread, fmt="o-", color="C0", capsize=2)
        used = its[its["in_use"]]
        ax.scatter(used["metric"], used["recall"], s=150, facecolors="none", edgecolors="C0")
        for row in its.itertuples():
            place = row.metric, row.recall
            ax.annotate(f"{row.value:g}", place, xytext=(4, 7), textcoords="offset points")
        ax.set_xlabel("Popularity bias (less to the left)" if name == "popularity" else name.capitalize())
        ax.set_ylabel(f"Recall@{k}" if ax.get_subplotspec().is_first_col() else "")
        ax.margins(0.12)
        ax.locator_params(axis="x", nbins=4)
    return axes


def frontier(tradeoff: pd.DataFrame, explore: float, k: int, ax: Axes | None = None) -> Axes:
    """Draw what explore costs in recall; `tradeoff` as from `behaviour.frontier`, `explore` is the value in use."""
    ax = ax or plt.gca()
    right = ax.twinx()
    for axes, name, colour in ((ax, "recall", "C0"), (right, "explore_recall", "C1")):
        axes.plot(tradeoff["explore_share"], tradeoff[name], "o-", color=colour)
        axes.tick_params(axis="y", colors=colour)
    used = tradeoff[tradeoff["explore"] == explore]
    ax.scatter(used["explore_share"], used["recall"], s=150, facecolors="none", edgecolors="C0", label="in use")
    for row in tradeoff.itertuples():
        place = row.explore_share, row.recall
        ax.annotate(f"{row.explore:g}", place, xytext=(0, 9), textcoords="offset points", ha="center")
    ax.set_xscale("symlog", linthresh=0.01)
    ax.set_xticks(tradeoff["explore_share"])
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(title="What explore costs, for each log-odds added", xlabel="Share of listed items new to the member")
    ax.set_ylabel(f"Recall@{k} of all items", color="C0")
    ax.margins(y=0.15)
    right.set_ylabel(f"Recall@{k} of items new to the member", color="C1")
    ax.legend(loc="center left")
    return ax
