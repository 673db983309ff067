"""Everything that is known of one member on one page: `page.show("1")` in JupyterLab, to look at and to print."""

import difflib
from collections.abc import Mapping
from datetime import date
from html import escape

import pandas as pd
from IPython.display import HTML

from membership.base import tables
from membership.base.errors import DataError
from membership.report.member_page import cards as page_cards
from membership.report.member_page.style import STYLE
from membership.settings import params

# Table -> the stage that makes it, in the order of the pipeline.
MADE_BY = {
    "members": "ingest",
    "items": "ingest",
    "events": "ingest",
    "survey": "ingest",
    "value": "value",
    "profile": "profile",
    "needs": "profile",
    "lifecycle_history": "profile",
    "tiers": "tiers",
    "allocations": "benefits",
    "actions": "decide",
}


def show(member_id: str, until: str = "decide") -> HTML:
    """Return the page of `member_id` from the tables that stages up to `until` have stored.

    Tables that are not there are said to be missing, and which stage makes them. Raises DataError, naming the nearest
    ids, where nobody has that id.
    """
    stages = list(dict.fromkeys(MADE_BY.values()))
    if until not in stages:
        raise DataError(f"page: no stage '{until}' makes what a page shows; there are: {', '.join(stages)}.")
    wanted = [name for name, stage in MADE_BY.items() if stages.index(stage) <= stages.index(until)]
    stored = [name for name in wanted if tables.ALL[name].path().exists()]
    frames = {name: _of(name, member_id) for name in stored if name != "items"}
    if "items" in stored and "events" in frames:
        frames["items"] = tables.read("items").merge(frames["events"][["item_id"]].drop_duplicates())
    return HTML(build(member_id, frames, params.load("profile").windows.as_of))


def build(member_id: str, frames: Mapping[str, pd.DataFrame], as_of: date) -> str:
    """Return the page of `member_id` as HTML that needs nothing else.

    `frames`: tables by name, with the rows of any members; what is not among them is said to be missing. Nothing on or
    after `as_of` (a local day) is shown. Raises DataError where `frames["members"]` has no such member.
    """
    member_id = str(member_id)
    known = frames.get("members", pd.DataFrame({"member_id": []}))["member_id"].astype("str")
    if not (known == member_id).any():
        raise DataError(_unknown(member_id, known))
    mine = {
        name: table[table["member_id"] == member_id] if "member_id" in table else table
        for name, table in frames.items()
    }
    rows = _rows(mine)
    facts = {**mine, **rows, "as_of": pd.Timestamp(as_of)}
    cards = "".join(
        f'<section class="card"><h2>{escape(title)}</h2>{_card(draw, needed, facts)}</section>'
        for title, needed, draw in page_cards.CARDS
    )
    body = page_cards.top(member_id, facts) + page_cards.key_figures(facts) + f'<div class="cards">{cards}</div>'
    return f'<div class="member"><style>{STYLE}</style>{body}</div>'


def _of(name: str, member_id: str) -> pd.DataFrame:
    """Return the member's rows of table `name`; of `members`, every id, so that a wrong one can be mended."""
    if name == "members":
        return pd.read_parquet(tables.existing(name), columns=["member_id", "joined_at"])
    return pd.read_parquet(tables.existing(name), filters=[("member_id", "==", str(member_id))])


def _rows(mine: Mapping[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """Return the tables of one row a member as that row; those without a row of this member are missing."""
    single = ("value", "profile", "tiers", "actions")
    return {f"{name}_row": mine[name].iloc[-1] for name in single if name in mine and len(mine[name])}


def _card(draw, needed: tuple[str, ...], facts: Mapping) -> str:
    missing = [name for name in needed if name not in facts]
    if missing:
        stages = dict.fromkeys(MADE_BY[name] for name in missing)
        commands = " and ".join(f"<code>dvc repro {stage}</code>" for stage in stages)
        return f'<p class="missing">Not made yet: {escape(" and ".join(missing))}. Run {commands}.</p>'
    return draw(facts)


def _unknown(member_id: str, known: pd.Series) -> str:
    near = difflib.get_close_matches(member_id, known.tolist(), n=5, cutoff=0.5)
    hint = f"the nearest ids are {', '.join(near)}" if near else f"there are {len(known):,} members"
    return f"member '{member_id}' is not in table 'members'; {hint}."
