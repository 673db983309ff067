"""What a replay showed: a figure, a table and a few sentences, as a page and as Markdown."""

from pathlib import Path

import pandas as pd
from nbconvert.filters import markdown2html

from membership.base import files
from membership.base.results import markdown
from membership.report.figures import monitor as plots_monitor


def write(table: pd.DataFrame, folder: Path) -> Path:
    """Write periods.csv, periods.svg, replay.md and index.html to `folder`; return the page's path.

    `table` has one row a period, as from `replay.row`.
    """
    import matplotlib as mpl

    files.write_text(folder / "periods.csv", table.to_csv(index=False, lineterminator="\n"))
    axes = plots_monitor.periods(table)
    with mpl.rc_context({"svg.hashsalt": "replay"}), files.whole(folder / "periods.svg") as temporary:
        axes[0].figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    words = f"# Replay of {len(table)} periods\n\n{in_words(table)}\n\n{shown(table)}\n\n{reasons(table)}\n"
    files.write_text(folder / "replay.md", f"{words}\n![predicted and realised](periods.svg)\n")
    drawing = (folder / "periods.svg").read_text(encoding="utf-8")
    drawing = drawing[drawing.index("<svg") :]
    page = folder / "index.html"
    files.write_text(page, _PAGE.format(words=markdown2html(words), drawing=drawing, links=_links(table)))
    return page


def in_words(table: pd.DataFrame) -> str:
    """Say how far what was predicted came true over the periods, and what became of the live policy."""
    error = table["predicted"] - table["realised"]
    worst = table.loc[error.abs().idxmax()]
    promoted = table[table["verdict"] == "promote"]
    moves = "; ".join(f"{row.as_of}: {row.policy} replaced" for row in promoted.itertuples()) or "none was promoted"
    off = table.loc[(table["drifted"] > 0) | (table["status"] != "stable"), "as_of"].astype(str)
    return (
        f"Over {len(table)} periods the share of members who bought again in time was {error.abs().mean():.3f} from "
        f"what had been predicted, on average, and at most {abs(worst['predicted'] - worst['realised']):.3f} "
        f"({worst['as_of']}: {worst['predicted']:.3f} predicted, {worst['realised']:.3f} realised). Challengers: "
        f"{moves}. Periods with drift or with repurchase off its forecast: {', '.join(off) or 'none'}. What was "
        "realised was realised under the shop's own doing: nobody was shown these lists, so this says how good the "
        "forecasts are, not what a policy brought."
    )


def shown(table: pd.DataFrame) -> str:
    """Return the periods as a Markdown table."""
    rows = [
        {
            "scored as of": str(row.as_of),
            "live policy": row.version,
            "buy again: predicted": f"{row.predicted:.3f}",
            "realised": f"{row.realised:.3f} ({row.low:.3f} to {row.high:.3f})",
            "forecast": row.status,
            "spend, realised over predicted": f"{row.spend_ratio:.2f} ({row.spend_low:.2f} to {row.spend_high:.2f})",
            "listed items bought": f"{row.hits:.2f}",
            "watch / drifted": f"{row.watch} / {row.drifted}",
            "decision": row.verdict,
        }
        for row in table.itertuples()
    ]
    return markdown(rows)


def reasons(table: pd.DataFrame) -> str:
    """Return why each period decided as it did, as a Markdown list."""
    lines = [f"- {row.as_of}, {row.verdict}: {row.reasons}" for row in table.itertuples()]
    return "## Why it was decided so\n\n" + "\n".join(lines)


def _links(table: pd.DataFrame) -> str:
    days = table["as_of"].astype(str)
    return "".join(f'<li><a href="../{day}/reports/index.html">the period as of {day}</a></li>' for day in days)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #1c2330 }}
table {{ border-collapse: collapse; font-size: .9rem }} svg {{ max-width: 100%; height: auto }}
td, th {{ border-bottom: 1px solid #dde1e8; padding: .3rem .7rem; text-align: left }} a.anchor-link {{ display: none }}
</style></head><body>
{words}
{drawing}
<ul>{links}</ul>
</body></html>
"""
