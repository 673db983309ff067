"""The site's charts: each takes stored series and returns a plotly figure and the rows that it shows.

Titles and sentences stand in the templates that show a chart.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from membership.evaluate import metrics
from membership.report import back, formats, pages
from membership.report.called import called
from membership.report.formats import CENTS
from membership.report.language import phrase, term
from membership.report.site import stored
from membership.report.site.drawing import (
    COLOURS,
    GREY,
    Chart,
    areas,
    axes,
    band,
    counts,
    cycled,
    diagonal,
    intervals,
    lines,
    shades,
    tier_colours,
)
from membership.settings import params

RESPONSES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)  # of what is believed
MARGINS = (0.6, 0.8, 1.0, 1.2, 1.4)  # of economics.margin_rate


def lists() -> Chart:
    """What the challenger's lists change, each metric relative to the champion's own value, with its interval.

    What the champion hardly does at all is left out: a ratio to nothing says nothing.
    """
    rows = stored.series("result")
    share = rows[["difference", "low", "high"]].div(rows["control"].abs(), axis=0)
    kept = share.notna().all(axis=1) & (share["difference"].abs() < 1)
    shown = pd.concat([rows[["metric"]], share], axis=1)[kept]
    better = np.array([1 if metrics.of(name).higher_is_better else -1 for name in shown["metric"]])
    named = shown.assign(metric=shown["metric"].map(called))
    figure = intervals(named, "metric", better).update_xaxes(tickformat="+.0%", range=_frame(shown))
    return Chart(figure, rows.loc[kept, ["metric", "control", "treatment", "difference", "low", "high"]])


def _frame(rows: pd.DataFrame) -> tuple[float, float] | None:
    """Return what to show of the axis: the intervals that leave out 0, and half as much again; None: all."""
    told_apart = rows.loc[rows["low"] * rows["high"] > 0, ["low", "high"]].abs().to_numpy()
    return (-1.5 * told_apart.max(), 1.5 * told_apart.max()) if len(told_apart) else None


def lists_by_tier() -> Chart:
    """What they change in the primary metric, by tier."""
    rows = stored.series("recall_by_tier")[["subgroup", "members", "difference", "low", "high"]]
    return Chart(intervals(rows, "subgroup", np.ones(len(rows))), rows)


def next_order() -> Chart:
    """The share who have ordered by each day, expected and observed, by group of chance."""
    rows = stored.series("next_order")
    figure = go.Figure()
    for group, colour in zip(rows["group"].unique(), shades(rows["group"].nunique()), strict=True):
        part = rows[rows["group"] == group]
        figure.add_scatter(
            x=part["day"],
            y=part["predicted"],
            name=phrase("group {group}, expected").format(group=group),
            line={"color": colour, "dash": "dot"},
        )
        figure.add_scatter(
            x=part["day"],
            y=part["actual"],
            name=phrase("group {group}, observed").format(group=group),
            line={"color": colour},
        )
    return Chart(axes(figure, phrase("days from the day of the forecast"), phrase("have come back"), ".0%"), rows)


def chances() -> Chart:
    """Expected against observed shares of members who ordered, by the chance that was forecast."""
    rows = stored.series("repurchase_chances")
    figure = diagonal(go.Figure(), 1.0)
    for days, colour in zip(rows["days"].unique(), cycled(rows["days"].nunique()), strict=True):
        part = rows[rows["days"] == days]
        error = {"array": part["high"] - part["actual"], "arrayminus": part["actual"] - part["low"], "width": 0}
        figure.add_scatter(
            x=part["predicted"],
            y=part["actual"],
            error_y=error,
            mode="markers",
            name=phrase("within {days} days").format(days=days),
            marker={"color": colour, "size": 9},
        )
    return Chart(axes(figure, phrase("chance that was forecast"), phrase("share who came back"), ".0%", ".0%"), rows)


def value_deciles() -> Chart:
    """Mean expected and observed spend, by tenth of members in the order of the forecast."""
    expected, observed = phrase("expected"), phrase("observed")
    rows = stored.series("value_deciles").assign(
        predicted=lambda found: found["predicted"] / CENTS, actual=lambda found: found["actual"] / CENTS
    )
    figure = go.Figure(
        [
            go.Bar(x=rows["decile"], y=rows[name], name=word)
            for name, word in (("predicted", expected), ("actual", observed))
        ]
    )
    figure.update_traces(marker={"color": GREY}, selector={"name": observed}).update_traces(
        marker={"color": COLOURS[0]}, selector={"name": expected}
    )
    return Chart(
        axes(figure, phrase("tenth of members, the best first"), phrase("mean spend, units of currency"), ",.0f"),
        rows,
    )


def weekly() -> Chart:
    """Orders a week, and members who placed them."""
    return lines(
        stored.series("weekly_activity"),
        "week",
        {"orders": back.word().many, "members": phrase("members")},
        phrase("a week"),
    )


def repurchase() -> Chart:
    """The share of known members who buy again in time, at the first of each month."""
    return lines(stored.series("repurchase"), "start", {"share": phrase("share")}, phrase("buy again in time"), ".0%")


def personas() -> Chart:
    """How many members each persona has."""
    found = stored.table("personas")["persona"].value_counts()
    return counts(found.rename_axis("persona").reset_index(name="members"), "persona")


def stages() -> Chart:
    """The shares of members in each lifecycle stage, month by month."""
    rows = stored.series("stage_shares")
    return areas(rows, [name for name in rows.columns if name != "as_of"], cycled(len(rows.columns) - 1))


def moves() -> Chart:
    """How often members go from one lifecycle stage to another in a month."""
    rows = stored.series("stage_moves")
    wide = rows.pivot_table("share", "from", "to")
    order = [name for name in dict.fromkeys([*rows["from"], *rows["to"]]) if name in wide.index or name in wide.columns]
    wide = wide.reindex(index=[name for name in order if name in wide.index], columns=order)
    heat = go.Heatmap(
        z=wide,
        x=wide.columns.map(term),
        y=wide.index.map(term),
        colorscale="Blues",
        texttemplate="%{z:.0%}",
        showscale=False,
        hoverongaps=False,
        zmin=0,
        zmax=1,
    )
    figure = axes(go.Figure(heat), phrase("a month later"), "")
    return Chart(figure.update_yaxes(autorange="reversed"), rows)


def tiers() -> Chart:
    """The shares of members in each tier, month by month."""
    rows = stored.series("tier_shares")
    names = [name for name in rows.columns if name != "as_of"]
    return areas(rows, names, tier_colours(names))


def budget() -> Chart:
    """What benefits bring beyond their cost, by budget."""
    rows = stored.series("budget_sweep") / CENTS
    figure = band(rows["budget"], rows["net_low"], rows["net_high"])
    figure.add_scatter(x=rows["budget"], y=rows["net"], name=phrase("net"), line={"color": COLOURS[0]})
    return Chart(
        axes(figure, phrase("budget, units of currency"), phrase("net, units of currency"), ",.0f", ",.0f"),
        rows.drop(columns="shadow_price"),
    )


def benefits() -> Chart:
    """How many members get each benefit."""
    rows = (
        stored.table("allocations")
        .groupby("benefit")
        .agg(members=("member_id", "nunique"), cost=("cost", "sum"), gain=("gain", "sum"))
    )
    rows[["cost", "gain"]] /= CENTS
    return counts(rows.sort_values("members", ascending=False).reset_index(), "benefit")


def what_if() -> Chart:
    """What tiers and benefits bring, were responses another share of what is believed and the margin another one.

    Who gets what, and what it costs, stay: gain follows responses and margin in proportion.
    """
    spent, net = (sum(_stored(f"{name}_{part}") for name in ("tiers", "benefit")) for part in ("cost", "net"))
    believed = params.load("report").economics.margin_rate
    rows = pd.MultiIndex.from_product([RESPONSES, MARGINS], names=["response", "margin"]).to_frame(index=False)
    rows["margin"] *= believed
    rows["net"] = ((net + spent) * rows["response"] * rows["margin"] / believed - spent) / CENTS
    wide = rows.pivot_table("net", "response", "margin")
    heat = go.Heatmap(
        z=wide,
        x=[formats.share(margin) for margin in wide.columns],
        y=[formats.share(response, 0) for response in wide.index],
        colorscale=[[0, COLOURS[3]], [0.5, "#f4f4f4"], [1, COLOURS[2]]],
        zmid=0,
        texttemplate="%{z:,.0f}",
        showscale=False,
    )
    figure = axes(go.Figure(heat), phrase("margin over spend"), phrase("responses, of what is believed"))
    return Chart(figure.update_xaxes(type="category").update_yaxes(type="category"), rows)


def _stored(name: str) -> float:
    """Return the metric `name` of tiers or benefits, in cents. Raises NotMade where it has not been made."""
    value = (pages.metrics("tiers") | pages.metrics("benefits")).get(name)
    if value is None:
        raise stored.NotMade(f"{name} has not been made yet; run `dvc repro`, which makes it.")
    return value


def explore() -> Chart:
    """Recall against the share of new items, as the knob `recommend.explore` is turned."""
    rows = stored.series("explore")
    line = go.Scatter(
        x=rows["explore_share"],
        y=rows["recall"],
        text=rows["explore"],
        mode="lines+markers",
        line={"color": COLOURS[0]},
        hovertemplate="explore %{text}: %{x:.1%} new, recall %{y:.3f}<extra></extra>",
    )
    return Chart(
        axes(go.Figure(line), phrase("items on the list that are new to the member"), "recall", ".3f", ".0%"),
        rows,
    )


def reliability() -> Chart:
    """Expected against observed shares of listed items that were bought, by the probability that was forecast."""
    rows = stored.series("reliability")
    figure = diagonal(go.Figure(), float(rows[["predicted", "observed"]].max().max()))
    for source, colour in zip(rows["source"].unique(), cycled(rows["source"].nunique()), strict=True):
        part = rows[rows["source"] == source]
        figure.add_scatter(
            x=part["predicted"], y=part["observed"], mode="lines+markers", name=source, line={"color": colour}
        )
    return Chart(
        axes(figure, phrase("probability that was forecast"), phrase("share that was bought"), ".0%", ".0%"),
        rows,
    )


def events() -> Chart:
    """Events of each kind a week."""
    rows = stored.series("events_by_week")
    wide = rows.pivot_table("events", "week", "kind").reset_index()
    return lines(wide, "week", {name: term(name) for name in wide.columns if name != "week"}, phrase("events a week"))


def cleaning() -> Chart:
    """The rows that each rule of cleaning found."""
    rows = stored.table("quality").query("rows > 0 and step > 0")[["rule", "action", "rows", "why"]]
    bars = go.Bar(y=rows["rule"], x=rows["rows"], orientation="h", marker={"color": COLOURS[0]}, text=rows["action"])
    return Chart(axes(go.Figure(bars), phrase("rows"), "").update_yaxes(autorange="reversed"), rows)


ALL: dict[str, Callable[[], Chart]] = {
    make.__name__: make
    for make in (
        lists, lists_by_tier, next_order, chances, value_deciles, weekly, repurchase, personas, stages, moves, tiers,
        budget, benefits, what_if, explore, reliability, events, cleaning,
    )
}  # fmt: skip
