"""Whose behaviour was learned from, or counted? An attempt on served models, and one on a published table.

The attacker knows all that somebody did, of people who are in the data and of as many of the same market who are not.

- Served models: the history without its last month is sent as that of a stranger; of who was learned from, the list
  should know more of what was bought in that month. By the ids of the source nobody is known at all.
- Published table (`weekly_activity`: members who bought and orders by week): own weeks are compared with it, of as few
  members as the small market has and of as many as a real one; exact weeks, and as `report/coarse` tells them.

Advantage is twice the area under the curve of true against false positives, minus 1: 0 is chance, 1 is certainty. Right
is an interval that does not lie above chance; of a table that is told coarsely, not above `privacy.told`.
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
from membership.report import coarse, few
from membership.settings import params

MONTH, MANY, DRAWS = 30, 500, 500  # days, members of a market that is not small, draws of members
GROUPS, SHRUNK = 6, 0.1  # tables that are tried, share of correlations that is not believed
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
    told = few.privacy().told
    return [*_served(root, members), *(_published(one, level) for one in (members, MANY) for level in (None, told))]


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
        sides = [np.array([hit for name, hit in hits.items() if name.startswith(side)]) for side in ("in ", "out ")]
        rows.append(_row(f"the served {alias} of {members} members", [sides]))
    unknown = {"tried": len(asked), "right": len(asked) - told["known"]}
    return [*rows, {"what": "inference: ids of the source that a served model does not know", **unknown}]


def _published(members: int, told: float | None) -> dict[str, Any]:
    """Compare own weeks with a table of each of GROUPS groups of `members`; `told` None: with exact weeks.

    The others of a group are the next group, and all further ones say what is usual. What was done is weighed by how
    the numbers vary together and by how they are rounded, as nobody can do better where they are normal.
    """
    whole = _weeks(_events(GROUPS * members))
    step, weeks = 0.0, whole.columns.get_level_values("week")
    if told is not None:
        length, step = coarse.plan(weeks.max() + 1, whole.shape[1] // (weeks.max() + 1), members, told)
        whole = whole.T.groupby([whole.columns.get_level_values(0), weeks // length * length]).mean().T
    groups = [whole.iloc[place::GROUPS] for place in range(GROUPS)]
    sides = []
    for place, inside in enumerate(groups):
        others, usual = groups[place - 1], pd.concat(groups[place + 1 :] + groups[: max(place - 1, 0)])
        wide = np.maximum(step * inside.mean() * np.sqrt(len(inside)), 1e-9)  # as `coarse` takes a standard error
        published = (inside.sum() / wide).round() * wide / len(inside) if step else inside.mean()
        toward = _weights(usual, step) @ (published - usual.mean()).to_numpy()
        sides.append([((part - usual.mean()).to_numpy() @ toward) for part in (inside, others)])
    what = f"orders and members by week of {members:,} members"
    if told is not None:
        return _row(f"{what}, as they are told", sides, told)
    found = _row(f"{what}, exact: it must be seen", sides)
    return found | {"right": 1 - found["right"]}


def _weights(usual: pd.DataFrame, step: float) -> np.ndarray:
    """Return the inverse of the covariance of what is usual and of rounding, a little towards independence."""
    spread = usual.std(ddof=0).replace(0, np.inf).to_numpy()
    together = np.nan_to_num(usual.corr().to_numpy())
    np.fill_diagonal(together, 1)
    known = (1 - SHRUNK) * together + (SHRUNK + step**2 / 12) * np.eye(len(spread))
    return np.linalg.inv(known) / np.outer(spread, spread)


def _events(members: int) -> pd.DataFrame:
    return trust_market.market(members).events


def _strangers(members: int) -> pd.DataFrame:
    """Return the events of others of the same market: same items, same kinds of people."""
    events = trust_market.market(2 * members).events
    names = np.sort(events["member_id"].unique())[-members:]
    return events[events["member_id"].isin(names)]


def _weeks(events: pd.DataFrame) -> pd.DataFrame:
    """Return orders, and whether there was any, of each member (rows) in each week (columns: what, week)."""
    bought = events[events["kind"] == "purchase"]
    week = (bought["local_at"] - bought["local_at"].min().normalize()).dt.days // 7
    orders = bought.assign(week=week).pivot_table("order_id", "member_id", "week", aggfunc="nunique", fill_value=0)
    orders = orders.reindex(columns=range(orders.columns.max() + 1), fill_value=0)
    return pd.concat({"orders": orders, "members": (orders > 0).astype(int)}, axis=1, names=["what", "week"])


def _bought(events: pd.DataFrame, end: pd.Timestamp) -> set[str]:
    last = events[(events["local_at"] >= end - pd.Timedelta(days=MONTH)) & (events["local_at"] < end)]
    return set(last.loc[last["kind"] == "purchase", "item_id"])


def _sent(events: pd.DataFrame, until: pd.Timestamp) -> list[dict[str, Any]]:
    """Return the events before `until`, of kinds that are bought or looked at, as a request has them."""
    rows = events[events["local_at"] < until]
    cells = rows[list(_FIELDS)].astype(object).where(rows[list(_FIELDS)].notna(), None)
    return cells.assign(local_at=rows["local_at"].map(pd.Timestamp.isoformat)).to_dict("records")


def _row(what: str, sides: list[list[np.ndarray]], allowed: float = 0.0) -> dict[str, Any]:
    """Return the row of an attempt: `sides` are the scores of who is inside and outside, a pair for each group."""
    rng = seeds.rng(DRAWS, "benchmark.trust.inference")
    drawn = [np.mean([advantage(*(rng.choice(one, len(one)) for one in pair)) for pair in sides]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = np.mean([advantage(*pair) for pair in sides])
    told = f"inference: advantage {found:+.3f} ({low:+.3f} to {high:+.3f}) on {what}"
    return {"what": told, "tried": 1, "right": int(low <= allowed)}


def advantage(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return by how much more often than chance the larger of two scores, one of each side, is of who is inside.

    >>> advantage(np.array([2, 3]), np.array([0, 1])), advantage(np.array([1, 2]), np.array([1, 2]))
    (1.0, 0.0)
    """
    wins = stats.mannwhitneyu(inside, outside).statistic
    return float(2 * wins / (len(inside) * len(outside)) - 1)
