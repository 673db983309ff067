"""The site: pages of aggregates from stored results, for who decides; they open from disk and fetch nothing."""

import hashlib
import shutil
from collections.abc import Mapping
from importlib.resources import files as package
from pathlib import Path
from typing import Any

import pandas as pd
from babel import Locale
from markupsafe import Markup
from nbconvert.filters import markdown2html

from membership.base import absent, files, graph, paths, spreadsheet
from membership.base.errors import ProjectError
from membership.report import few, formats, language, pages, words
from membership.report.language import marked, phrase, term
from membership.report.site import charts, stored
from membership.settings import params
from membership.settings.report import SOURCE

PAGES = (  # template, and the name in the menu
    ("index", marked("Summary")),
    ("value", marked("Value and repurchase")),
    ("needs", marked("Needs and personas")),
    ("lifecycle", marked("Lifecycle")),
    ("tiers", marked("Tiers and benefits")),
    ("recommendations", marked("Recommendations")),
    ("decision", marked("Decision and trials")),
    ("quality", marked("Data quality")),
    ("made", marked("How it was made")),
)
# A page runs the two scripts beside it, and nothing from elsewhere. Pages on disk have no origin, hence `file:`.
POLICY = (
    "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline' file: 'self'; "
    "script-src file: 'self'; base-uri 'none'; form-action 'none'"
)


class Page:
    """What the templates of pages call: a chart, the conclusion of a stage, a table; each says where there is none."""

    def __init__(self, folder: Path):
        self._folder = folder

    def chart(self, name: str, title: str, sentence: str) -> Markup:
        """Return the chart `name` of `charts.ALL` under its `title`, which says what it shows, and a `sentence`."""
        try:
            made = charts.ALL[name]()
        except ProjectError as error:
            return words.markup("site/missing", title=title, why=str(error))
        spreadsheet.write(self._folder / "data" / f"{name}.csv", made.rows)
        drawn = Markup(made.figure.to_json().replace("<", "\\u003c"))  # JSON in a page: no tag can begin in it
        shown = _cells(made.rows.head(200))
        return words.markup(
            "site/chart", name=name, title=title, sentence=sentence, drawn=drawn, rows=shown, more=len(made.rows) > 200
        )

    def told(self, stage: str) -> Markup:
        """Return what the notebook of `stage` concludes, and a link to all of it."""
        told = stored.conclusion(stage)
        link = f"../{stored.page(stage).name}" if stored.page(stage).exists() else None
        return words.markup("site/told", told=Markup(told) if told else None, link=link, stage=stage)

    def memo(self) -> Markup:
        """Return the memo of one page."""
        path = paths.reports("summary.md")
        text = path.read_text(encoding="utf-8") if path.exists() else phrase("No memo yet: run `dvc repro`.")
        return Markup(markdown2html(text.replace("](figures/", "](../figures/")))

    def actions(self) -> list[tuple[str, int, float, float]]:
        """Return the next actions that most members get: action, members, mean chance of an order, value (cents)."""
        try:
            found = stored.table("actions").groupby("next_action")
        except ProjectError:
            return []
        rows = found.agg(members=("member_id", "size"), chance=("p_repurchase", "mean"), value=("value", "sum"))
        rows = rows[rows["members"] >= few.smallest()]
        return list(rows.sort_values("members", ascending=False).head(12).itertuples(name=None))

    def cards(self) -> list[Mapping[str, Any]]:
        """Return of each persona of members enough: name, members, what most of them need first and buy most."""
        try:
            found = stored.table("personas")
        except ProjectError:
            return []
        usual = {"need": "main_need", "category": "top_category"}
        shown = [(name, part) for name, part in found.groupby("persona") if len(part) >= few.smallest()]
        return [
            {"name": name, "members": len(part)} | {word: _usual(part[column]) for word, column in usual.items()}
            for name, part in sorted(shown, key=lambda each: -len(each[1]))
        ]


def build() -> Path:
    """Write `reports/site/`, whole, from what is stored, in the language of the settings; return its first page."""
    with language.spoken(params.load("report").report.language):
        return _build()


def _build() -> Path:
    folder = paths.reports("site")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    shutil.copy(str(package("plotly").joinpath("package_data/plotly.min.js")), folder / "plotly.min.js")
    for name in ("site.css", "site.js"):
        files.write_text(folder / name, part(name))
    page, common = Page(folder), _common()
    for name, title in common["menu"]:
        files.write_text(
            folder / f"{name}.html", words.page(f"site/{name}", page=page, here=name, title=title, **common)
        )
    return folder / "index.html"


def signs() -> Mapping[str, Any]:
    """Return how plotly is to write dates and numbers in the language that is spoken; nothing in English."""
    if language.current() == SOURCE:
        return {}
    spoken = Locale.parse(language.current())
    group, decimal = formats.separators()
    names = {
        "months": spoken.months["format"]["wide"].values(),
        "shortMonths": spoken.months["format"]["abbreviated"].values(),
        "days": _from_sunday(spoken.days["format"]["wide"]),
        "shortDays": _from_sunday(spoken.days["format"]["abbreviated"]),
    }
    return {"decimal": decimal, "thousands": group, "grouping": [3]} | {key: list(each) for key, each in names.items()}


def _from_sunday(days: Mapping[int, str]) -> list[str]:
    return [days[(place - 1) % 7] for place in range(7)]


def part(name: str) -> str:
    """Return the script or style sheet `name`, which pages have beside them."""
    return package("membership.report").joinpath(f"templates/site/{name}").read_text(encoding="utf-8")


def _common() -> dict[str, Any]:
    """Return what every page may show: numbers of stages, their states, settings."""
    nodes = graph.nodes()
    numbers = {node.name: pages.metrics(node.name) for node in nodes}
    stages = [
        {
            "name": node.name,
            "page": f"../{node.notebook.stem}.html",
            "title": term(pages.title(node.notebook)),
            "numbers": numbers[node.name],
        }
        for node in nodes
    ]
    possible = {name: found if absent.KEY not in found else {} for name, found in numbers.items()}
    return {
        "menu": [(name, phrase(title)) for name, title in PAGES],
        "signs": signs(),
        "policy": POLICY,
        "numbers": possible,
        "stages": stages,
        "absent": absent.KEY,
        "settings": _settings(),
        "version": _version(),
        "private": paths.reports("private", "members.html").exists(),
    }


def _settings() -> Mapping[str, Any]:
    p = params.load("report")
    return {
        "currency": p.dataset.currency,
        "as_of": p.windows.as_of,
        "days": p.value.horizon_days,
        "within": p.economics.repurchase_days,
        "flat": {key: str(value) for key, value in p.flat().items()},
    }


def _version() -> str:
    lock = paths.root() / "dvc.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:12] if lock.exists() else formats.UNKNOWN


def _usual(column: pd.Series) -> str:
    known = column.dropna()
    return str(known.mode().iloc[0]) if len(known) else formats.UNKNOWN


def _cells(rows: pd.DataFrame) -> Markup:
    """Return `rows` as a table of a page, numbers with few digits, all text escaped."""
    shown = rows.map(lambda value: f"{value:,.4g}" if isinstance(value, float) else value)
    return Markup(shown.to_html(index=False, border=0, escape=True, na_rep=formats.UNKNOWN))
