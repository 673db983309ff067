"""The page about single members: a table to search, sort and filter, and what is known of whoever is chosen in it.

It lies in `reports/private/`, by pseudonym. Rows are drawn as they come into view, so that there may be 100,000.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from membership.base import absent, files, tables
from membership.data import pseudonyms
from membership.report import language, phrases, words
from membership.report.formats import CENTS
from membership.report.language import marked, phrase
from membership.report.site import build
from membership.report.site.drawing import COLOURS
from membership.settings.report import SOURCE

ITEMS = 3  # of a member's list that are shown, with their reasons
_COLUMNS = ("tier", "stage", "persona", "next_action", "benefits", "next_tier", "main_need", "rfm_segment", "arm")
_HORIZON = "p_{}_days"


def write(folder: Path, spoken: str = SOURCE) -> Path | None:
    """Write `folder`/members.html, in the language `spoken`, from table `actions` and what says more of its members.

    Return the page; None without that table.
    """
    stored = tables.ALL["actions"].path()
    if not stored.exists() or absent.reason(stored) is not None:
        (folder / "members.html").unlink(missing_ok=True)
        return None
    with language.spoken(spoken):
        return _written(folder, _data(pd.read_parquet(stored)))


def _written(folder: Path, data: dict[str, Any]) -> Path:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    files.write_text(folder / "members.data.js", f"const MEMBERS = {text};\n")
    for name in ("site.css", "members.js"):
        files.write_text(folder / name, build.part(name))
    filters = [(name, phrase(word)) for name, word in _FILTERS]
    said = {text: phrase(text) for text in phrases.scripted(build.part("members.js"))}
    page = words.page(
        "site/members", policy=build.POLICY, title=phrase("Members"), filters=filters, said=said, colours=COLOURS
    )
    files.write_text(folder / "members.html", page)
    return folder / "members.html"


_FILTERS = (("tier", marked("Tier")), ("stage", marked("Stage")), ("persona", marked("Persona")))


def _data(actions: pd.DataFrame) -> dict[str, Any]:
    """Return column by column what the page shows: money in units of currency, text as numbers of its words."""
    known = actions.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    found: dict[str, Any] = {
        "member": pseudonyms.of(known["member_id"]).to_list(),
        "chance": _numbers(known["p_repurchase"], 3),
        "value": _numbers(known["value"] / CENTS, 2),
        "points": _numbers(known["points"], 0),
        "to_next": _numbers(known["spend_to_next"] / CENTS, 2),
    }
    shown = [f"item_{rank}{part}" for rank in range(1, ITEMS + 1) for part in ("", "_reason")]
    found["words"] = {name: _coded(known[name]) for name in (*_COLUMNS, *shown) if name in known}
    return found | _of("repurchase", known, _chances) | _of("lifecycle_history", known, _stages)


def _of(name: str, known: pd.DataFrame, what: Any) -> dict[str, Any]:
    """Return what `what` makes of table `name`, in the order of `known`; nothing where there is no such table."""
    path = tables.ALL[name].path()
    return what(pd.read_parquet(path), known["member_id"]) if path.exists() and absent.reason(path) is None else {}


def _chances(table: pd.DataFrame, members: pd.Series) -> dict[str, Any]:
    days = sorted(int(name.split("_")[1]) for name in table if name.startswith("p_") and name.endswith("_days"))
    rows = table.set_index("member_id").reindex(members)
    return {"days": days, "chances": {str(day): _numbers(rows[_HORIZON.format(day)], 3) for day in days}}


def _stages(table: pd.DataFrame, members: pd.Series) -> dict[str, Any]:
    wide = table.pivot_table("stage", "member_id", "as_of", aggfunc="last").reindex(members)
    return {"months": [day.strftime("%Y-%m-%d") for day in wide], "history": [_coded(wide[day]) for day in wide]}


def _numbers(column: pd.Series, digits: int) -> list[float | None]:
    rounded = column.astype(float).round(digits)
    return [None if pd.isna(value) else (int(value) if digits == 0 else value) for value in rounded]


def _coded(column: pd.Series) -> dict[str, Any]:
    """Return the different words of `column` and, for each row, which of them it is."""
    codes, known = pd.factorize(column.fillna("").astype("str"), sort=True)
    return {"words": [language.term(word) for word in known], "codes": codes.tolist()}
