"""Whose behaviour was learned from, or counted? Attempts on served models, here, and on published tables.

The attacker knows all that somebody did, of people who are in the data and of as many of the same market who are not.
Of served models, the history without its last month is sent as that of a stranger; of who was learned from, the list
should know more of what was bought in that month. By the ids of the source nobody is known at all. Right is an
interval of the advantage (`trust_tables`) that does not lie above chance.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import trust_market, trust_tables
from benchmarks.trust_kills import environment
from membership.settings import params

MONTH = 30  # days
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
    return [*_served(root, members), *trust_tables.measure(members)]


def _served(root: Path, members: int) -> list[dict[str, Any]]:
    end = pd.Timestamp(params.parse(params.read(root / "params.yaml")).windows.as_of)
    inside, outside = trust_market.market(members).events, _strangers(members)
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
        rows.append(trust_tables.row(f"the served {alias} of {members} members", [sides]))
    unknown = {"tried": len(asked), "right": len(asked) - told["known"]}
    return [*rows, {"what": "inference: ids of the source that a served model does not know", **unknown}]


def _strangers(members: int) -> pd.DataFrame:
    """Return the events of others of the same market: same items, same kinds of people."""
    events = trust_market.market(2 * members).events
    names = np.sort(events["member_id"].unique())[-members:]
    return events[events["member_id"].isin(names)]


def _bought(events: pd.DataFrame, end: pd.Timestamp) -> set[str]:
    last = events[(events["local_at"] >= end - pd.Timedelta(days=MONTH)) & (events["local_at"] < end)]
    return set(last.loc[last["kind"] == "purchase", "item_id"])


def _sent(events: pd.DataFrame, until: pd.Timestamp) -> list[dict[str, Any]]:
    """Return the events before `until`, of kinds that are bought or looked at, as a request has them."""
    rows = events[events["local_at"] < until]
    cells = rows[list(_FIELDS)].astype(object).where(rows[list(_FIELDS)].notna(), None)
    return cells.assign(local_at=rows["local_at"].map(pd.Timestamp.isoformat)).to_dict("records")
