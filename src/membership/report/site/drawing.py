"""Shapes of the site's charts. Colours of tiers look like the tiers; what is light or dark belongs to the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from membership.report import few
from membership.report.language import phrase, term

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


def tier_colours(names: Sequence[str]) -> list[str]:
    """Return a colour for each tier, from the entry tier up: that of its metal where it is called after one."""
    usual = [ENTRY, *shades(max(len(names) - 1, 1))][: len(names)]
    return [METALS.get(name.lower(), shade) for name, shade in zip(names, usual, strict=True)]


def intervals(rows: pd.DataFrame, label: str, better: np.ndarray) -> go.Figure:
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
    return axes(figure, "", "").update_layout(showlegend=False).update_yaxes(autorange="reversed")


def lines(rows: pd.DataFrame, x: str, columns: Mapping[str, str], title: str, form: str = ",.0f") -> Chart:
    """Return a line for each of `columns` (column -> its name) of `rows` over `x`; the axis is called `title`."""
    drawn = [
        go.Scatter(x=rows[x], y=rows[name], name=word, line={"color": colour})
        for (name, word), colour in zip(columns.items(), cycled(len(columns)), strict=True)
    ]
    return Chart(axes(go.Figure(drawn), "", title, form).update_yaxes(rangemode="tozero"), rows[[x, *columns]])


def areas(rows: pd.DataFrame, names: Sequence[str], colours: Sequence[str]) -> Chart:
    """Return shares of members by month, one above the other: those of `rows` called `names`, in `colours`."""
    figure = go.Figure()
    for name, colour in zip(names, colours, strict=True):
        look = {"line": {"color": colour, "width": 0.5}, "fillcolor": colour, "stackgroup": "all", "mode": "lines"}
        figure.add_scatter(x=rows["as_of"], y=rows[name], name=term(name), **look)
    return Chart(axes(figure, "", phrase("share of members"), ".0%").update_yaxes(range=[0, 1]), rows)


def counts(rows: pd.DataFrame, label: str) -> Chart:
    """Return a bar of members for each `label`; groups too small to be told have none."""
    rows = few.frame(rows, few.smallest())
    bars = go.Bar(y=rows[label], x=rows["members"], orientation="h", marker={"color": COLOURS[0]})
    return Chart(axes(go.Figure(bars), phrase("members"), "").update_yaxes(autorange="reversed"), rows)


def band(x: pd.Series, low: pd.Series, high: pd.Series) -> go.Figure:
    """Return a figure of the interval between `low` and `high` along `x`."""
    figure = go.Figure()
    figure.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    look = {"fill": "tonexty", "fillcolor": _SURE, "name": phrase("interval")}
    figure.add_scatter(x=x, y=low, mode="lines", line={"width": 0}, hoverinfo="skip", **look)
    return figure


def diagonal(figure: go.Figure, end: float) -> go.Figure:
    """Draw the line from 0 to `end` on which what was forecast came true."""
    return figure.add_scatter(
        x=[0, end], y=[0, end], mode="lines", name=phrase("as forecast"), line={"color": GREY, "dash": "dash"}
    )


def axes(figure: go.Figure, x: str, y: str, form: str = "", form_x: str = "") -> go.Figure:
    """Give the figure its titles of axes, the formats of their numbers, and the looks that all share."""
    figure.update_layout(
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": -0.2},
        hovermode="closest",
        template="none",
    )
    figure.update_xaxes(title={"text": x}, tickformat=form_x, automargin=True)
    return figure.update_yaxes(title={"text": y}, tickformat=form, automargin=True)


def cycled(many: int) -> list[str]:
    """Return `many` colours of things without an order."""
    return [COLOURS[place % len(COLOURS)] for place in range(many)]


def shades(many: int) -> list[str]:
    """Return colours of things in an order, from pale to deep."""
    deep = np.linspace(0.25, 1.0, many) if many > 1 else np.array([1.0])
    pale = np.array([214, 227, 241])
    return [
        "#" + "".join(f"{round(part):02x}" for part in pale + (np.array([20, 70, 130]) - pale) * level)
        for level in deep
    ]
