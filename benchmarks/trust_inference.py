"""Whose behaviour was learned from, or counted? An attempt on served models, and one on a published table.

The attacker knows all that somebody did, of people who are in the data and of as many of the same market who are not.

- Served models: the history without its last month is sent as that of a stranger; of who was learned from, the list
  should know more of what was bought in that month. By the ids of the source nobody is known at all.
- Published table (`weekly_activity`: orders and spend by week): own weeks are compared with it, after Homer et al.
  (2008), "Resolving individuals contributing trace amounts of DNA to highly complex mixtures": of as few members as the
  small market has, and of as many as a real one.

Advantage is twice the area under the curve of true against false positives, minus 1: 0 is chance, 1 is certainty. Right
is an interval that does not lie above chance.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import trust_market
from benchmarks.trust_kills import environment
from membership.base import seeds
from membership.settings import params

MONTH, MANY, DRAWS = 30, 500, 500  # days, members of a market that is not small, draws of members
_FIELDS = ("kind", "item_id", "order_id", "channel", "quantity", "amount", "discount")
_ASK = """
import json, sys
import pandas as pd
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from membership.pipeline import serve, track
track.connect()
asked, found = json.load(sys.stdin), {"known": 0}
for alias in ("champion", "challenger"):
    model = pyfunc.load_model(f"models:/{serve.MODEL}@{alias}")
    rows = pd.DataFrame({"member_id": [f"somebody {name}" for name in asked], "events": list(asked.values())})
    found[alias] = [[item["item_id"] for item in one["items"]] for one in model.predict(rows)]
for name in asked:
    try:
        found["known"] += len(model.predict(pd.DataFrame({"member_id": [name.split()[1]], "events": [None]})))
    except MlflowException:
        pass
print(json.dumps(found))
"""


def measure(work: Path) -> list[dict[str, Any]]:
    """Return the table for the project in `work`/market, which is made and run where it is not there."""
    root, members = trust_market.ready(work / "market"), trust_market.MEMBERS
    return [*_served(root, members), _published(members), _published(MANY)]


def _served(root: Path, members: int) -> list[dict[str, Any]]:
    end = pd.Timestamp(params.parse(params.read(root / "params.yaml")).windows.as_of)
    inside, outside = _events(members), _strangers(members)
    people = {f"{side} {one}": part for side, part_of in (("in", inside), ("out", outside))
              for one, part in part_of.groupby("member_id")}  # fmt: skip
    bought = {name: _bought(part, end) for name, part in people.items()}
    asked = {name: _sent(part, end - pd.Timedelta(days=MONTH)) for name, part in people.items() if bought[name]}
    done = subprocess.run(
        [sys.executable, "-c", _ASK],
        cwd=root, env=environment(root), input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, rows = json.loads(done.stdout.splitlines()[-1]), []
    for alias in ("champion", "challenger"):
        lists = dict(zip(asked, told[alias], strict=True))
        hits = {name: len(bought[name] & set(listed)) / len(bought[name]) for name, listed in lists.items()}
        sides = ([hit for name, hit in hits.items() if name.startswith(side)] for side in ("in ", "out "))
        rows.append(_row(f"the served {alias} of {members} members", *sides))
    unknown = {"tried": len(asked), "right": len(asked) - told["known"]}
    return [*rows, {"what": "inference: ids of the source that a served model does not know", **unknown}]


def _published(members: int) -> dict[str, Any]:
    """Compare own weeks with the table published of as many `members`; half of the strangers say what is usual."""
    inside, outside = _weeks(_events(members)), _weeks(_strangers(2 * members))
    others, usual = outside.iloc[:members], outside.iloc[members:]
    both = inside.columns.union(outside.columns)
    inside, others, usual = (part.reindex(columns=both, fill_value=0) for part in (inside, others, usual))
    published = inside.sum() / len(inside)  # what the table says, by member
    toward = (published - usual.mean()) / usual.var().replace(0, np.inf)
    sides = (((part - usual.mean()) @ toward).tolist() for part in (inside, others))
    return _row(f"a table by week of {members:,} members", *sides)


def _events(members: int) -> pd.DataFrame:
    return trust_market.market(members).events


def _strangers(members: int) -> pd.DataFrame:
    """Return the events of others of the same market: same items, same kinds of people."""
    events = trust_market.market(2 * members).events
    names = np.sort(events["member_id"].unique())[-members:]
    return events[events["member_id"].isin(names)]


def _weeks(events: pd.DataFrame) -> pd.DataFrame:
    """Return orders and spend of each member (rows) in each week (columns)."""
    bought = events[events["kind"] == "purchase"]
    week = bought["local_at"].dt.to_period("W").astype(str)
    told = {"orders": ("order_id", "nunique"), "spend": ("amount", "sum")}
    found = bought.groupby(["member_id", week.rename("week")]).agg(**told).reset_index()
    return found.pivot_table(list(told), "member_id", "week", fill_value=0)


def _bought(events: pd.DataFrame, end: pd.Timestamp) -> set[str]:
    last = events[(events["local_at"] >= end - pd.Timedelta(days=MONTH)) & (events["local_at"] < end)]
    return set(last.loc[last["kind"] == "purchase", "item_id"])


def _sent(events: pd.DataFrame, until: pd.Timestamp) -> list[dict[str, Any]]:
    """Return the events before `until`, of kinds that are bought or looked at, as a request has them."""
    rows = events[events["local_at"] < until]
    cells = rows[list(_FIELDS)].astype(object).where(rows[list(_FIELDS)].notna(), None)
    return cells.assign(local_at=rows["local_at"].map(pd.Timestamp.isoformat)).to_dict("records")


def _row(what: str, inside: list[float], outside: list[float]) -> dict[str, Any]:
    low, high = np.quantile(_drawn(np.array(inside), np.array(outside)), [0.025, 0.975])
    found = advantage(np.array(inside), np.array(outside))
    told = f"inference: advantage {found:+.2f} ({low:+.2f} to {high:+.2f}) on {what}"
    return {"what": told, "tried": 1, "right": int(low <= 0)}


def advantage(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return by how much more often than chance the larger of two scores, one of each side, is of who is inside.

    >>> advantage(np.array([2, 3]), np.array([0, 1])), advantage(np.array([1, 2]), np.array([1, 2]))
    (1.0, 0.0)
    """
    wins = stats.mannwhitneyu(inside, outside).statistic
    return float(2 * wins / (len(inside) * len(outside)) - 1)


def _drawn(inside: np.ndarray, outside: np.ndarray) -> list[float]:
    rng = seeds.rng(DRAWS, "benchmark.trust.inference")
    return [advantage(rng.choice(inside, len(inside)), rng.choice(outside, len(outside))) for _ in range(DRAWS)]
