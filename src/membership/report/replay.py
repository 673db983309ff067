"""What a replay showed: a figure, a table and a few sentences, as a page and as Markdown."""

from pathlib import Path

import pandas as pd
from nbconvert.filters import markdown2html

from membership.base import files, spreadsheet
from membership.report import pages, words
from membership.report.figures import monitor as plots_monitor


def write(table: pd.DataFrame, folder: Path) -> Path:
    """Write periods.csv, periods.svg, replay.md and index.html to `folder`; return the page's path.

    `table` has one row a period, as from `replay.row`.
    """
    import matplotlib as mpl

    spreadsheet.write(folder / "periods.csv", table)
    axes = plots_monitor.periods(table)
    with mpl.rc_context({"svg.hashsalt": "replay"}), files.whole(folder / "periods.svg") as temporary:
        axes[0].figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    text = words.render("replay", table=table, off=_off(table))
    files.write_text(folder / "replay.md", f"{text}\n\n![predicted and realised](periods.svg)\n")
    drawing = (folder / "periods.svg").read_text(encoding="utf-8")
    drawing = drawing[drawing.index("<svg") :]
    page = folder / "index.html"
    files.write_text(
        page, _PAGE.format(inert=pages.INERT, words=markdown2html(text), drawing=drawing, links=_links(table))
    )
    return page


def in_words(table: pd.DataFrame) -> str:
    """Say how far forecasts came true over the periods, and what became of the live policy."""
    return words.render("replay_summary", table=table, off=_off(table))


def _off(table: pd.DataFrame) -> list[str]:
    """Return the periods with drift, or with repurchase away from its forecast."""
    return table.loc[(table["drifted"] > 0) | (table["status"] != "stable"), "as_of"].astype(str).tolist()


def _links(table: pd.DataFrame) -> str:
    days = table["as_of"].astype(str)
    return "".join(f'<li><a href="../{day}/reports/index.html">the period as of {day}</a></li>' for day in days)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">{inert}<title>Replay</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #1c2330 }}
table {{ border-collapse: collapse; font-size: .9rem }} svg {{ max-width: 100%; height: auto }}
td, th {{ border-bottom: 1px solid #dde1e8; padding: .3rem .7rem; text-align: left }} a.anchor-link {{ display: none }}
</style></head><body>
{words}
{drawing}
<ul>{links}</ul>
</body></html>
"""
