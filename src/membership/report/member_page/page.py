"""Everything that is known of one member on one page: `page.show("1")` in JupyterLab, to look at and to print.

The page is `templates/member_page.html.j2`, in which everything that comes from tables is escaped.
"""

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
from IPython.display import HTML

from membership.base import graph, tables
from membership.base.errors import DataError
from membership.data import pseudonyms, purchases
from membership.profile.stated import BEHAVIOUR, SURVEY
from membership.report import words
from membership.report.figures.repurchase import MOVED
from membership.settings import params

TABLES = (
    "members", "items", "events", "survey", "repurchase", "value", "profile", "needs", "lifecycle_history", "tiers",
    "allocations", "actions",
)  # fmt: skip
ROWS = ("repurchase", "value", "profile", "tiers", "actions")  # tables with one row a member
MONTHS, ORDERS, NEEDS, ITEMS = 12, 5, 9, 6  # how much is shown


def show(member_id: str) -> HTML:
    """Return the page of `member_id` from the tables that are stored, and say which stage makes the missing ones.

    `member_id` is an id or a pseudonym; the page tells the pseudonym.

    Raises DataError, naming the nearest ids, where nobody has that id.
    """
    member_id = pseudonyms.find(str(member_id))
    frames = {name: _of(name, member_id) for name in TABLES if name != "items" and tables.ALL[name].path().exists()}
    if "events" in frames and tables.ALL["items"].path().exists():
        frames["items"] = tables.read("items").merge(frames["events"][["item_id"]].drop_duplicates())
    name = pseudonyms.of(pd.Series([member_id])).iloc[0]
    return HTML(build(member_id, frames, params.load("ingest").windows.as_of, name))


def build(member_id: str, frames: Mapping[str, pd.DataFrame], as_of: date, name: str | None = None) -> str:
    """Return the page of `member_id`, who is called `name` there, as HTML that needs nothing else.

    `frames`: tables by name, with the rows of any members. Nothing on or after `as_of` (a local day) is shown. Raises
    DataError where `frames["members"]` has no such member.
    """
    member_id, day = str(member_id), pd.Timestamp(as_of)
    known = frames.get("members", pd.DataFrame({"member_id": []}))["member_id"].astype("str")
    if not (known == member_id).any():
        raise DataError(_unknown(member_id, known))
    mine = {name: table[table["member_id"] == member_id] for name, table in frames.items() if "member_id" in table}
    facts: dict[str, Any] = {name: _row(mine[name]) if name in mine else None for name in ROWS}
    if facts.get("repurchase"):
        facts["moves"] = _moves(facts["repurchase"])
    if "needs" in mine:
        facts["needs"] = _needs(mine["needs"])
    if "lifecycle_history" in mine:
        history = mine["lifecycle_history"].sort_values("as_of")
        facts["stages"] = list(zip(history["as_of"].dt.strftime("%Y-%m-%d"), history["stage"], strict=True))
    if "allocations" in mine:
        facts["benefits"] = sorted(mine["allocations"]["benefit"])
    if "survey" in mine:
        answers = mine["survey"][~(mine["survey"]["asked_at"] >= day)]
        facts["answers"] = answers.sort_values(["question", "answer"]).to_dict("records")
    if "events" in mine:
        facts |= _purchases(mine["events"], frames.get("items"), day)
    if facts["actions"]:
        facts["items"] = _items(facts["actions"])
    makers = {name: graph.maker(f"data/{name}.parquet") for name in TABLES if name not in frames}
    return words.page("member_page", member_id=name or member_id, as_of=as_of, makers=makers, **facts)


def _of(name: str, member_id: str) -> pd.DataFrame:
    """Return the member's rows of table `name`; of `members`, every id, so that a wrong one can be corrected."""
    if name == "members":
        return pd.read_parquet(tables.existing(name), columns=["member_id", "joined_at"])
    return pd.read_parquet(tables.existing(name), filters=[("member_id", "==", str(member_id))])


def _row(table: pd.DataFrame) -> dict[str, Any] | None:
    return table.iloc[-1].to_dict() if len(table) else None


def _moves(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what moves the member's chance of an order, in words, the strongest first."""
    found = [{"need": MOVED[name], "source": BEHAVIOUR, "score": row[f"moved_{name}"]} for name in MOVED]
    return sorted(found, key=lambda one: -abs(one["score"]))


def _needs(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the needs furthest from the population mean, then those that are stated most, highest score first."""
    far = table.assign(far=table["score"].abs())
    revealed = far[far["source"] == BEHAVIOUR].nlargest(NEEDS, "far")
    stated = far[(far["source"] == SURVEY) & (far["score"] > 0)].nlargest(NEEDS // 2, "far")
    parts = [part.sort_values("score", ascending=False, kind="stable") for part in (revealed, stated)]
    return pd.concat(parts).to_dict("records")


def _purchases(events: pd.DataFrame, items: pd.DataFrame | None, as_of: pd.Timestamp) -> dict[str, Any]:
    """Return the currency, spend by month (a list of month and cents) and the last orders, before `as_of` only."""
    bought = events[purchases.is_purchase(events) & (events["local_at"] < as_of)]
    if bought.empty:
        return {"spend": [], "orders": []}
    months = pd.period_range(end=(as_of - pd.Timedelta(days=1)).to_period("M"), periods=MONTHS, freq="M")
    spend = bought.groupby(bought["local_at"].dt.to_period("M"))["amount"].sum().reindex(months, fill_value=0)
    return {
        "currency": bought["currency"].iloc[0],
        "spend": [(str(month), int(cents)) for month, cents in spend.items()],
        "orders": _orders(bought, items),
    }


def _orders(bought: pd.DataFrame, items: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the last orders: at, lines (different items), paid (cents), what (names of the dearest three items)."""
    names = pd.Series(dtype="str") if items is None else items.set_index("item_id")["name"]
    named = bought.assign(order=purchases.order, name=bought["item_id"].map(names).fillna(bought["item_id"]))
    dearest = named.sort_values(["amount", "item_id"], ascending=[False, True]).drop_duplicates(["order", "name"])
    what = dearest.groupby("order")["name"].agg(lambda found: [str(name).lower() for name in found[:3]])
    orders = named.groupby("order").agg(at=("local_at", "min"), lines=("item_id", "nunique"), paid=("amount", "sum"))
    last = orders.join(what.rename("what")).sort_values(["at", "order"], ascending=[False, True]).head(ORDERS)
    return last.to_dict("records")


def _items(action: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the recommended items, best first, each with its reason."""
    named = [f"item_{rank}" for rank in range(1, ITEMS + 1) if action.get(f"item_{rank}")]
    return [(action[name], action.get(f"{name}_reason", "")) for name in named]


def _unknown(member_id: str, known: pd.Series) -> str:
    near = difflib.get_close_matches(member_id, known.tolist(), n=5, cutoff=0.5)
    hint = f"the nearest ids are {', '.join(near)}" if near else f"there are {len(known):,} members"
    return f"member '{member_id}' is not in table 'members'; {hint}."
