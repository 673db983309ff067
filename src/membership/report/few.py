"""Tables of groups for many eyes: no group of fewer than k members is told, nor one that the others would give away.

In a row whose column `members` is below k all numbers are hidden. So are the number of a part of a group (columns
PARTS) that is below k and the numbers right of it, which are of that part. Where only one group is hidden, a sum would
tell it: the next smallest is hidden, too. One place for HTML and Markdown as notebooks show them, for frames, pictures
and metrics; what was hidden stays hidden when it is done again.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

from membership.base import files, paths
from membership.report import formats, language
from membership.settings import params
from membership.settings.privacy import Privacy
from membership.settings.report import SOURCE, catalogues

MEMBERS = "members"
PARTS = ("with_benefits", "with benefits", "also get benefits", "about_to_drop", "in_grace", "near_next", "assigned")
HIDDEN, NOTHING, MOST = "few", "-", "nearly all"
_NUMBER = re.compile(r"\d[\d,]*(?:\.0+)?(?= ?[(\uff08]|$)")  # also a full-width bracket
_MARKDOWN = re.compile(r"(?:^\|.*\|[ \t]*$\n?){3,}", re.MULTILINE)


def smallest() -> int:
    """Return k of the project's parameters: the fewest members who may be shown together."""
    return privacy().k


def privacy() -> Privacy:
    """Return what the project's parameters say of privacy."""
    return _privacy(paths.root())


@cache
def _privacy(root: Path) -> Privacy:
    return Privacy.model_validate(params.read(root / "params.yaml").get("privacy") or {})


def hidden(counts: Iterable[float | None], k: int) -> np.ndarray:
    """Return which of `counts`, groups whose sum is known, may not be told: bool (n,); unknown ones are None or NaN.

    >>> hidden([3, 40, 7, 0], 5).tolist()
    [True, False, True, False]
    """
    found = np.array([np.nan if one is None else one for one in counts], dtype=float)
    few = (found > 0) & (found < k)
    if few.sum() == 1 and (found >= k).any():
        few[np.nanargmin(np.where(found >= k, found, np.nan))] = True
    return few


def frame(table: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return `table` without the numbers of groups of fewer than `k` of its column `members`; others as they are."""
    if MEMBERS not in table or not pd.api.types.is_numeric_dtype(table[MEMBERS]):
        return table
    few = hidden(table[MEMBERS], k)
    if not few.any():
        return table
    numbers = table.select_dtypes("number").columns
    return table.assign(**{name: table[name].astype(float).mask(few) for name in numbers})


def told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `table` for a picture: those of groups (column `members`) large enough to be shown."""
    return table[~hidden(table[MEMBERS], smallest())] if MEMBERS in table else table


def cells(places: pd.DataFrame, largest: float = 200.0) -> pd.DataFrame:
    """Return the different rows of `places`, a row each member, that enough share: with `members` and `size`.

    So a picture shows how many are where, and nobody alone. `size` is the area of a marker, square points: that of what
    can still be seen, and up to `largest` more.

    >>> cells(pd.DataFrame({"x": [1] * 9 + [2], "y": 0}))["members"].tolist()
    []
    >>> cells(pd.DataFrame({"x": [1] * 9 + [2] * 6, "y": 0}))["members"].tolist()
    [9, 6]
    """
    found = told(places.value_counts().rename(MEMBERS).reset_index())
    return found.assign(size=15 + largest * found[MEMBERS] / max(found[MEMBERS].max(), 1))


def shares(table: pd.DataFrame, members: pd.Series, k: int) -> pd.DataFrame:
    """Return `table` (a column each group, the shares of a row add up to 1) without those of groups below `k`.

    `members`: of each row, how many members these are shares of.

    >>> shares(pd.DataFrame({"a": [0.1, 0.5], "b": [0.9, 0.5]}), pd.Series([20, 20]), 5).isna().to_numpy().tolist()
    [[True, True], [False, False]]
    """
    counts = table.mul(members, axis=0).round().to_numpy()
    return table.mask(np.array([hidden(row, k) for row in counts]).reshape(table.shape))


def metrics(found: Mapping[str, float], groups: Iterable[Mapping[str, float]], k: int) -> dict[str, float]:
    """Return the metrics `found`; what is told of a group below `k` is NaN.

    `groups`: metric -> the members that it tells of, each a mapping of groups whose sum is known.

    >>> metrics({"share_new": 0.03, "share_old": 0.97, "sold": 7.0}, [{"share_new": 3, "share_old": 97}], 5)
    {'share_new': nan, 'share_old': nan, 'sold': 7.0}
    """
    untold = {name for group in groups for name, few in zip(group, hidden(group.values(), k), strict=True) if few}
    return {name: float("nan") if name in untold else value for name, value in found.items()}


def markdown(text: str, k: int) -> str:
    """Return Markdown `text` whose pipe tables and sentences tell no group of fewer than `k`.

    >>> markdown("**3 members** left; 2 of 90 members came, and 88 of 90 members did not. 1,003 members stay.", 5)
    '**Few members** left; few of 90 members came, and nearly all of 90 members did not. 1,003 members stay.'
    """
    text = _MARKDOWN.sub(lambda found: _table(found.group(0), k), text)
    return _counted().sub(lambda found: _sentence(found, k), text)


def _sentence(found: re.Match, k: int) -> str:
    """Return what a sentence may tell of a count of members, perhaps of so many."""
    count, of = (int(told.replace(",", "")) if told else None for told in found.group("count", "of"))
    rest = found.group("rest")
    if of is not None and 0 < of < k:
        told, rest = HIDDEN, rest.replace(found.group("of"), HIDDEN, 1)
    elif 0 < count < k:
        told = HIDDEN
    elif of is not None and 0 < of - count < k:
        told = MOST
    else:
        return found.group(0)
    before = found.string[: found.start()].rstrip("*_ ")
    start = not before or before.endswith((".", "!", "?", ":**", "\n"))
    return (told.capitalize() if start else told) + rest


@cache
def _counted() -> re.Pattern:
    """Return the pattern of a count of members in a sentence, in every language."""
    nouns = {MEMBERS, MEMBERS.removesuffix("s")}
    for spoken in catalogues():
        with language.spoken(spoken):
            nouns |= {language.counted(count, MEMBERS.removesuffix("s")) for count in (1, 2)}
    either = "|".join(sorted(map(re.escape, nouns), key=len, reverse=True))
    return re.compile(rf"(?<![\d.,+-])(?P<count>\d[\d,]*)(?P<rest>(?: of (?P<of>\d[\d,]*))? (?:{either}))(?![\w])")


def html(text: str, k: int) -> str:
    """Return `text`, the HTML of tables, telling no group of fewer than `k`; without such a group it is unchanged."""
    page, changed = BeautifulSoup(text, "html.parser"), False
    for table in page.find_all("table"):
        rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
        head = [cell.get_text(strip=True) for cell in rows[0]] if rows else []
        body = [row for row in rows[1:] if any(cell.name == "td" and cell.get_text(strip=True) for cell in row)]
        shown = [[cell.get_text(strip=True) for cell in row] for row in body]
        for row, column, told in _masks(head, shown, k):
            body[row][column].string = told
            changed = True
    return str(page) if changed else text


def guard(executed: Path, k: int) -> bool:
    """Let the tables of an executed notebook tell no group of fewer than `k`; say whether any had changed."""
    notebook, changed = nbformat.read(executed, as_version=4), False
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind, hide in (("text/html", html), ("text/markdown", markdown)):
                new = hide(data.get(kind, ""), k)
                if new != data.get(kind, ""):
                    data[kind], changed = new, True
                    data.pop("text/plain", None)
            others = output.get("metadata", {}).get("text/markdown", {}).get(language.OTHERS, {})
            for spoken, text in others.items():
                others[spoken] = markdown(text, k)
                changed |= others[spoken] != text
    if changed:
        files.write_text(executed, nbformat.writes(notebook))
    return changed


def _table(text: str, k: int) -> str:
    lines = text.rstrip("\n").split("\n")
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
    head, body = rows[0], [list(row) for row in rows[2:]]
    masks = _masks(head, body, k)
    for row, column, told in masks:
        body[row][column] = told
    if not masks:
        return text
    told = [lines[0], lines[1], *("| " + " | ".join(row) + " |" for row in body)]
    return "\n".join(told) + ("\n" if text.endswith("\n") else "")


def _masks(head: list[str], rows: list[list[str]], k: int) -> list[tuple[int, int, str]]:
    """Return (row, column, what to tell instead) of what may not be told; a row counts its cells from the right."""
    found: dict[tuple[int, int], str] = {}
    head = [_heads().get(cell, cell) for cell in head]
    if MEMBERS in head:
        back = len(head) - head.index(MEMBERS)
        for row in np.flatnonzero(hidden([_count(cells, back) for cells in rows], k)):
            first = len(rows[row]) - len(head) + 1  # what comes before names the group
            for column in range(max(first, 0), len(rows[row])):
                if re.search(r"\d", rows[row][column]):
                    found[row, column] = NOTHING
            found[row, len(rows[row]) - back] = HIDDEN
    for name in (one for one in head if one in PARTS):
        back = len(head) - head.index(name)
        for row in np.flatnonzero(hidden([_count(cells, back) for cells in rows], k)):
            at = len(rows[row]) - back
            found.setdefault((row, at), HIDDEN)
            for column in range(at + 1, len(rows[row])):
                if re.search(r"\d", rows[row][column]):
                    found.setdefault((row, column), NOTHING)
    return [(int(row), column, told) for (row, column), told in found.items()]


@cache
def _heads() -> dict[str, str]:
    """Return the heads of columns whose numbers are of members, in every language -> their names in English."""
    names = (MEMBERS, *PARTS)
    return {language.said(spoken, name) or name: name for spoken in (SOURCE, *catalogues()) for name in names}


def _count(cells: list[str], back: int) -> float | None:
    cell = cells[len(cells) - back] if len(cells) >= back else ""
    number = _NUMBER.match(cell.replace(formats.separators()[0], ","))
    return float(number.group(0).replace(",", "")) if number else None
