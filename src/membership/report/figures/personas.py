"""Figures of personas: how many there are, what distinguishes them, and their cards."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from membership.report import formats
from membership.report.figures.profile import readable


def stability(choice: pd.DataFrame, min_stability: float, ax: Axes | None = None) -> Axes:
    """Draw how far groupings of resamples agree for each number of personas (`clusters.choose`), and the minimum."""
    ax = ax or plt.subplots(figsize=(6.5, 3.8))[1]
    ax.errorbar(
        choice.index, choice["stability"], yerr=choice["stability_sd"], marker="o", capsize=3, color="steelblue"
    )
    ax.axhline(min_stability, linestyle=":", color="grey", label="minimum")
    _mark(choice, "stability", ax)
    ax.set(title="Do resamples agree?", xlabel="personas", ylabel="adjusted Rand index", ylim=(0, 1.05))
    ax.set_xticks(choice.index)
    ax.legend(frameon=False)
    return ax


def silhouettes(choice: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how well separated the personas are for each number, and how well groups in data without any are."""
    ax = ax or plt.subplots(figsize=(6.5, 3.8))[1]
    ax.plot(choice.index, choice["silhouette"], marker="o", color="steelblue", label="members")
    low, high = choice["chance"] - 2 * choice["chance_sd"], choice["chance"] + 2 * choice["chance_sd"]
    ax.fill_between(
        choice.index, low.astype(float), high.astype(float), color="grey", alpha=0.3, label="data without groups"
    )
    _mark(choice, "silhouette", ax)
    ax.set(title="Are they better separated than by chance?", xlabel="personas", ylabel="silhouette")
    ax.set_xticks(choice.index)
    ax.legend(frameon=False)
    return ax


def heatmap(centres: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw `Personas.centres`: how far each persona's needs are from the population mean; None without personas."""
    if centres.empty:
        return None
    ax = ax or plt.subplots(figsize=(2 * len(centres) + 2, 0.34 * centres.shape[1] + 1.5))[1]
    wrapped = centres.rename(index=lambda name: name.replace(", ", ",\n")).T
    label = "standard deviations from the population mean"
    sns.heatmap(wrapped, center=0, cmap="vlag", annot=True, fmt="+.1f", cbar_kws={"label": label}, ax=ax)
    ax.set(title="What distinguishes each persona", xlabel="", ylabel="need")
    ax.tick_params(axis="x", rotation=0, labelsize=8)
    return ax


def typicality(labels: pd.Series, typicality: pd.Series, ax: Axes | None = None) -> Axes | None:
    """Draw the probability of each member's own persona, by persona; None without personas."""
    if typicality.isna().all():
        return None
    ax = ax or plt.subplots(figsize=(7, 0.5 * labels.nunique() + 1.5))[1]
    groups = typicality.dropna().groupby(labels)
    ax.boxplot([own for _, own in groups], orientation="horizontal", tick_labels=[name for name, _ in groups])
    ax.set(title="How typical members are", xlabel="probability of the own persona", xlim=(0, 1))
    return ax


def cards(cards: pd.DataFrame, bought: pd.DataFrame, answered: pd.DataFrame) -> Styler:
    """Return `personas.cards` for people, with what `personas.bought` and `personas.answered` say in words."""
    buys = [f"{row.category.lower()} x{formats.number(row.lift, 1)}" for row in bought.itertuples()]
    answers = [
        f"{row.question}: {row.answer} (+{formats.share(row.more, 0)}, n {formats.number(row.asked)})"
        for row in answered.itertuples()
    ]
    words = {"buys": bought.assign(words=buys), "answers": answered.assign(words=answers)}
    columns = {
        name: told.groupby("persona")["words"].agg(", ".join).reindex(cards.index, fill_value="")
        for name, told in words.items()
    }
    return readable(cards.assign(**columns))


def _mark(choice: pd.DataFrame, column: str, ax: Axes) -> None:
    """Circle the number that was chosen."""
    chosen = choice[choice["chosen"]]
    ax.scatter(chosen.index, chosen[column], s=160, facecolors="none", edgecolors="firebrick", zorder=3, label="chosen")
