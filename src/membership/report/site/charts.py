"""The site's charts: each takes stored series and returns a plotly figure and the rows that it shows.

Titles and sentences stand in the templates that show a chart. Colours of tiers look like the tiers; what is light or
dark belongs to the page, which sets it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from membership.evaluate import metrics
from membership.report import few
from membership.report.formats import CENTS
from membership.report.site import stored

COLOURS = ("#2f6fb3", "#e08a1e", "#3a9d6b", "#b5485d", "#7a5ea8", "#8a6d4b", "#3aa6b5", "#c77bb0")
ENTRY = "#8fae9b"  # of the tier that all have
METALS = {"bronze": "#b0703c", "silver": "#9aa3ad", "gold": "#d4a017", "platinum": "#5f7f95", "diamond": "#5ab0c9"}
GREY = "#8a929c"
_SURE = "rgba(47, 111, 179, .18)"  # of the band between two ends of an interval


@dataclass(frozen=True)
class Chart:
    """A figure and what it shows, a row a point, for who would rather have the numbers."""

    figure: go.Figure
    rows: pd.DataFrame


def lists() -> Chart:
    """What the challenger's lists change, each metric relative to the champion's own value, with its interval.

    What the champion hardly does at all is left out: a ratio to nothing says nothing.
    """
    rows = stored.series("result")
    share = rows[["difference", "low", "high"]].div(rows["control"].abs(), axis=0)
    kept = share.notna().all(axis=1) & (share["difference"].abs() < 1)
    shown = pd.concat([rows[["metric"]], share], axis=1)[kept]
    better = np.array([1 if metrics.of(name).higher_is_better else -1 for name in shown["metric"]])
    figure = _intervals(shown, "metric", better).update_xaxes(tickformat="+.0%")
    return Chart(figure, rows.loc[kept, ["metric", "control", "treatment", "difference", "low", "high"]])


def lists_by_tier() -> Chart:
    """What they change in the primary metric, by tier."""
    rows = stored.series("recall_by_tier")[["subgroup", "members", "difference", "low", "high"]]
    return Chart(_intervals(rows, "subgroup", np.ones(len(rows))), rows)


def next_order() -> Chart:
    """The share who have ordered by each day, expected and observed, by group of chance."""
    rows = stored.series("next_order")
    figure = go.Figure()
    for group, colour in zip(rows["group"].unique(), _shades(rows["group"].nunique()), strict=True):
        part = rows[rows["group"] == group]
        figure.add_scatter(
            x=part["day"], y=part["predicted"], name=f"group {group}, expected", line={"color": colour, "dash": "dot"}
        )
        figure.add_scatter(x=part["day"], y=part["actual"], name=f"group {group}, observed", line={"color": colour})
    return Chart(_axes(figure, "days from the day of the forecast", "have ordered", ".0%"), rows)


def chances() -> Chart:
    """Expected against observed shares of members who ordered, by the chance that was forecast."""
    rows = stored.series("repurchase_chances")
    figure = _diagonal(go.Figure(), 1.0)
    for days, colour in zip(rows["days"].unique(), _cycled(rows["days"].nunique()), strict=True):
        part = rows[rows["days"] == days]
        error = {"array": part["high"] - part["actual"], "arrayminus": part["actual"] - part["low"], "width": 0}
        figure.add_scatter(
            x=part["predicted"],
            y=part["actual"],
            error_y=error,
            mode="markers",
            name=f"within {days} days",
            marker={"color": colour, "size": 9},
        )
    return Chart(_axes(figure, "chance that was forecast", "share who ordered", ".0%", ".0%"), rows)


def value_deciles() -> Chart:
    """Mean expected and observed spend, by tenth of members in the order of the forecast."""
    rows = stored.series("value_deciles").assign(
        predicted=lambda found: found["predicted"] / CENTS, actual=lambda found: found["actual"] / CENTS
    )
    figure = go.Figure(
        [
            go.Bar(x=rows["decile"], y=rows[name], name=word)
            for name, word in (("predicted", "expected"), ("actual", "observed"))
        ]
    )
    figure.update_traces(marker={"color": GREY}, selector={"name": "observed"}).update_traces(
        marker={"color": COLOURS[0]}, selector={"name": "expected"}
    )
    return Chart(_axes(figure, "tenth of members, the best first", "mean spend, units of currency", ",.0f"), rows)


def weekly() -> Chart:
    """Orders a week, and members who placed them."""
    return _lines(stored.series("weekly_activity"), "week", ["orders", "members"], "a week")


def repurchase() -> Chart:
    """The share of known members who buy again in time, at the first of each month."""
    return _lines(stored.series("repurchase"), "start", ["share"], "buy again in time", ".0%")


def personas() -> Chart:
    """How many members each persona has."""
    counts = stored.table("personas")["persona"].value_counts()
    return _counts(counts.rename_axis("persona").reset_index(name="members"), "persona")


def stages() -> Chart:
    """The shares of members in each lifecycle stage, month by month."""
    rows = stored.series("stage_shares")
    return _areas(rows, [name for name in rows.columns if name != "as_of"], _cycled(len(rows.columns) - 1))


def moves() -> Chart:
    """How often members go from one lifecycle stage to another in a month."""
    rows = stored.series("stage_moves")
    wide = rows.pivot_table("share", "from", "to")
    order = [name for name in dict.fromkeys([*rows["from"], *rows["to"]]) if name in wide.index or name in wide.columns]
    wide = wide.reindex(index=[name for name in order if name in wide.index], columns=order)
    heat = go.Heatmap(
        z=wide,
        x=wide.columns,
        y=wide.index,
        colorscale="Blues",
        texttemplate="%{z:.0%}",
        showscale=False,
        hoverongaps=False,
        zmin=0,
        zmax=1,
    )
    figure = _axes(go.Figure(heat), "a month later", "")
    return Chart(figure.update_yaxes(autorange="reversed"), rows)


def tiers() -> Chart:
    """The shares of members in each tier, month by month."""
    rows = stored.series("tier_shares")
    names = [name for name in rows.columns if name != "as_of"]
    return _areas(rows, names, tier_colours(names))


def budget() -> Chart:
    """What benefits bring beyond their cost, by budget."""
    rows = stored.series("budget_sweep") / CENTS
    figure = _band(rows["budget"], rows["net_low"], rows["net_high"])
    figure.add_scatter(x=rows["budget"], y=rows["net"], name="net", line={"color": COLOURS[0]})
    return Chart(
        _axes(figure, "budget, units of currency", "net, units of currency", ",.0f", ",.0f"),
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
    return _counts(rows.sort_values("members", ascending=False).reset_index(), "benefit")


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
    return Chart(_axes(go.Figure(line), "items on the list that are new to the member", "recall", ".3f", ".0%"), rows)


def reliability() -> Chart:
    """Expected against observed shares of listed items that were bought, by the probability that was forecast."""
    rows = stored.series("reliability")
    figure = _diagonal(go.Figure(), float(rows[["predicted", "observed"]].max().max()))
    for source, colour in zip(rows["source"].unique(), _cycled(rows["source"].nunique()), strict=True):
        part = rows[rows["source"] == source]
        figure.add_scatter(
            x=part["predicted"], y=part["observed"], mode="lines+markers", name=source, line={"color": colour}
        )
    return Chart(_axes(figure, "probability that was forecast", "share that was bought", ".0%", ".0%"), rows)


def events() -> Chart:
    """Events of each kind a week."""
    rows = stored.series("events_by_week")
    wide = rows.pivot_table("events", "week", "kind").reset_index()
    return _lines(wide, "week", [name for name in wide.columns if name != "week"], "events a week")


def cleaning() -> Chart:
    """The rows that each rule of cleaning found."""
    rows = stored.table("quality").query("rows > 0 and step > 0")[["rule", "action", "rows", "why"]]
    bars = go.Bar(y=rows["rule"], x=rows["rows"], orientation="h", marker={"color": COLOURS[0]}, text=rows["action"])
    return Chart(_axes(go.Figure(bars), "rows", "").update_yaxes(autorange="reversed"), rows)


ALL: dict[str, Callable[[], Chart]] = {
    make.__name__: make
    for make in (
        lists, lists_by_tier, next_order, chances, value_deciles, weekly, repurchase, personas, stages, moves, tiers,
        budget, benefits, explore, reliability, events, cleaning,
    )
}  # fmt: skip


def tier_colours(names: Sequence[str]) -> list[str]:
    """Return a colour for each tier, from the entry tier up: that of its metal where it is called after one."""
    shades = [ENTRY, *_shades(max(len(names) - 1, 1))][: len(names)]
    return [METALS.get(name.lower(), shade) for name, shade in zip(names, shades, strict=True)]


def _intervals(rows: pd.DataFrame, label: str, better: np.ndarray) -> go.Figure:
    """Return a dot and its interval for each of `rows`: green where all of it is better, red worse, grey neither.

    `better` (rows,) is 1 where higher is better, -1 where lower is.
    """
    ends = rows[["low", "high"]].mul(better, axis=0)
    colours = np.select([(ends > 0).all(axis=1), (ends < 0).all(axis=1)], [COLOURS[2], COLOURS[3]], GREY)
    figure = go.Figure()
    for (_, row), colour in zip(rows.iterrows(), colours, strict=True):
        line = {"color": colour, "width": 3}
        figure.add_scatter(x=[row["low"], row["high"]], y=[row[label]] * 2, mode="lines", line=line, hoverinfo="skip")
        figure.add_scatter(x=[row["difference"]], y=[row[label]], mode="markers", marker={"color": colour, "size": 10})
    figure.add_vline(x=0, line={"color": GREY, "dash": "dash"})
    return _axes(figure, "", "").update_layout(showlegend=False).update_yaxes(autorange="reversed")


def _lines(rows: pd.DataFrame, x: str, columns: list[str], title: str, form: str = ",.0f") -> Chart:
    lines = [
        go.Scatter(x=rows[x], y=rows[name], name=name, line={"color": colour})
        for name, colour in zip(columns, _cycled(len(columns)), strict=True)
    ]
    return Chart(_axes(go.Figure(lines), "", title, form).update_yaxes(rangemode="tozero"), rows[[x, *columns]])


def _areas(rows: pd.DataFrame, names: Sequence[str], colours: Sequence[str]) -> Chart:
    figure = go.Figure()
    for name, colour in zip(names, colours, strict=True):
        look = {"line": {"color": colour, "width": 0.5}, "fillcolor": colour, "stackgroup": "all", "mode": "lines"}
        figure.add_scatter(x=rows["as_of"], y=rows[name], name=name, **look)
    return Chart(_axes(figure, "", "share of members", ".0%").update_yaxes(range=[0, 1]), rows)


def _counts(rows: pd.DataFrame, label: str) -> Chart:
    rows = few.frame(rows, few.smallest())
    bars = go.Bar(y=rows[label], x=rows["members"], orientation="h", marker={"color": COLOURS[0]})
    return Chart(_axes(go.Figure(bars), "members", "").update_yaxes(autorange="reversed"), rows)


def _band(x: pd.Series, low: pd.Series, high: pd.Series) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=x, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_SURE, name="interval", hoverinfo="skip"
    )
    return figure


def _diagonal(figure: go.Figure, end: float) -> go.Figure:
    return figure.add_scatter(
        x=[0, end], y=[0, end], mode="lines", name="as forecast", line={"color": GREY, "dash": "dash"}
    )


def _axes(figure: go.Figure, x: str, y: str, form: str = "", form_x: str = "") -> go.Figure:
    figure.update_layout(
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": -0.2},
        hovermode="closest",
        template="none",
    )
    figure.update_xaxes(title={"text": x}, tickformat=form_x, automargin=True)
    return figure.update_yaxes(title={"text": y}, tickformat=form, automargin=True)


def _cycled(many: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(many)]


def _shades(many: int) -> list[str]:
    """Return colours of things in an order, from pale to deep."""
    deep = np.linspace(0.25, 1.0, many) if many > 1 else np.array([1.0])
    pale = np.array([214, 227, 241])
    return [
        "#" + "".join(f"{round(part):02x}" for part in pale + (np.array([20, 70, 130]) - pale) * level)
        for level in deep
    ]
