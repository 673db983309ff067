"""Data that lack almost everything: `python -m benchmarks.degenerate --out JSON [--case NAME]`.

Tiny shops of which something is missing or all alike: views alone, no items, one member, one day, one order a member.
Each is run in a folder of its own with small budgets and the windows that `data.suggest` gives it. A case is good where
`dvc repro` (with `--cells` every stage's cells, in one process) ends with 0 and the memo is there; a row says how many
stages were not possible.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import cells, fields
from membership.base import absent, files, graph
from membership.data.suggest import suggest
from membership.pipeline import sandbox

TINY = (
    fields.SMALL
    | fields.FEWER
    | {
        "dataset.source": "files",
        "dataset.timezone": "UTC",
        "dataset.max_members": None,
        "recommend.min_item_purchases": None,
        "tiers.search.budget": None,
        "tiers.search.round_to": None,
        "benefits.budget": None,
        "decide.training_sd": None,
    }
)
START, DAYS = pd.Timestamp("2017-01-01"), 365


def shop(members: int = 60, seed: int = 1) -> pd.DataFrame:
    """Return order lines of a small shop over a year: member_id, kind, at, item_id, amount, category, order_id."""
    rng, rows = np.random.default_rng(seed), []
    for member in range(members):
        day, gap = rng.uniform(0, 30), rng.gamma(1.5, 8.0)
        while day < DAYS:
            order = f"o{member}-{int(day * 100)}"
            for item in rng.choice(30, size=rng.integers(1, 5), replace=False):
                amount = round(float(rng.gamma(2.0, 3.0)) + 0.5, 2)
                at = START + pd.Timedelta(days=day)
                rows.append((f"m{member:03}", "purchase", at, f"i{item:03}", amount, f"c{item % 5}", order))
            day += rng.exponential(gap) + 0.5
    return pd.DataFrame(rows, columns=["member_id", "kind", "at", "item_id", "amount", "category", "order_id"])


def _blanks(lines: pd.DataFrame) -> pd.DataFrame:
    rng, with_blanks = np.random.default_rng(2), lines.assign(channel="web", quantity=1.0, discount=0.0)
    for column in ("item_id", "amount", "category", "order_id", "channel", "quantity", "discount"):
        with_blanks[column] = with_blanks[column].astype(object).mask(rng.random(len(lines)) < 0.5)
    return with_blanks


def _left(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines until a day before that of scoring, on which every member leaves."""
    day = START + pd.Timedelta(days=DAYS - 40)
    gone = pd.DataFrame({"member_id": lines["member_id"].unique(), "kind": "cancel", "at": day})
    last = lines.tail(1).assign(at=START + pd.Timedelta(days=DAYS - 1), kind="view")  # the data go on
    return pd.concat([lines[lines["at"] < day], gone, last], ignore_index=True)


def _contracts(lines: pd.DataFrame) -> pd.DataFrame:
    """Return monthly contracts of the members, of which half have ended, and no event."""
    rng, members = np.random.default_rng(3), lines["member_id"].unique()
    starts = START + pd.to_timedelta(rng.integers(0, DAYS - 60, len(members)), unit="D")
    ends = pd.Series(starts + pd.Timedelta(days=60)).where(rng.random(len(members)) < 0.5)
    plan = {"plan": "basic", "period": "month", "price": 9.9}
    return pd.DataFrame({"member_id": members, "starts_at": starts, "ends_at": ends, **plan})


CASES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as_it_is": lambda lines: lines,
    "views_only": lambda lines: lines.assign(kind="view").drop(columns=["amount", "order_id"]),
    "no_items": lambda lines: lines.drop(columns=["item_id", "category"]),
    "no_amounts": lambda lines: lines.drop(columns="amount"),
    "nothing_but_times": lambda lines: lines[["member_id", "kind", "at"]],
    "one_category": lambda lines: lines.assign(category="all"),
    "one_item": lambda lines: lines.assign(item_id="i1", category="c1"),
    "few_items": lambda lines: lines.assign(item_id=lines["item_id"].str[-1]),
    "numeric_ids": lambda lines: lines.assign(item_id=lines["item_id"].str[1:].astype(int) + 4006381333000),
    "one_member": lambda lines: lines[lines["member_id"] == "m003"],
    "members_30": lambda lines: lines[lines["member_id"] < "m030"],
    "one_line_each": lambda lines: lines.sort_values("at").drop_duplicates("member_id"),
    "one_order_each": lambda lines: lines[lines["order_id"].isin(lines.drop_duplicates("member_id")["order_id"])],
    "one_day": lambda lines: lines.assign(at="2017-11-15 10:00:00"),
    "joined_yesterday": lambda lines: lines.assign(at=pd.Timestamp("2017-11-14") + (lines["at"] - START) / DAYS * 2),
    "blanks": _blanks,
    "all_left": _left,
    "contracts_only": _contracts,
    "only_returns": lambda lines: lines.assign(kind="return", amount=-lines["amount"]),
}


def overrides(name: str, frame: pd.DataFrame) -> dict:
    """Return the parameters of a case: small budgets, its mapping, and the windows that fit it."""
    if "at" in frame:
        days = pd.to_datetime(frame["at"]).dt.normalize()
        by_day = pd.DataFrame({"member": frame["member_id"], "day": days}).drop_duplicates().sort_values("day")
        gap = by_day.groupby("member")["day"].diff().dt.days.groupby(by_day["member"]).median().median()
        found = suggest(days.min().date(), days.max().date(), None if pd.isna(gap) else float(gap))
    else:
        found = suggest(START.date(), frame["starts_at"].max().date(), 30.0)  # the last day of which the file tells
    mapping = {"paths": [f"data/raw/{name}.csv"], "columns": {column: column for column in frame}}
    dates = {key: value.isoformat() if isinstance(value, date) else value for key, value in found.changes.items()}
    return TINY | dates | {"dataset.files": {"events" if "at" in frame else "contracts": mapping}}


def prepare(name: str, folder: Path) -> None:
    """Copy the project to `folder` with the data and parameters of the case `name`."""
    frame = CASES[name](shop())
    sandbox.copy(folder, overrides(name, frame))
    raw = folder / "data" / "raw" / f"{name}.csv"
    raw.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(raw, index=False)


def run(name: str, folder: Path, *, in_process: bool) -> dict:
    """Return case, rc, in_process, not_possible (stages), memo (is it there?), error (the first), seconds."""
    prepare(name, folder)
    began = time.perf_counter()
    errors = _in_process(folder) if in_process else _repro(folder)
    stages = [node.name for node in graph.nodes()]
    lacking = [one for one in stages if absent.reason(folder / "reports" / "metrics" / f"{one}.json") is not None]
    return {
        "case": name,
        "rc": int(bool(errors)),
        "in_process": in_process,
        "not_possible": lacking,
        "memo": (folder / "reports" / "summary.md").is_file(),
        "error": next(iter(errors), ""),
        "seconds": round(time.perf_counter() - began),
    }


def _in_process(folder: Path) -> list[str]:
    with fields.at(folder):
        return [f"stage {stage}: {why}" for stage, why in cells.run(folder).items()]


def _repro(folder: Path) -> list[str]:
    """Run `dvc repro`; return the lines that tell what failed, none where it ended with 0."""
    log = folder / "repro.log"
    done = sandbox.repro(folder, "--keep-going", log=log)
    told = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("stage ")]
    told = [line for line in told if "not possible with these data" not in line]
    return told or [f"dvc repro ended with {done.returncode}"] if done.returncode else []


def main() -> int:
    """Run the cases, write the JSON after each and print a table; 1 where one did not end with 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add cases to")
    parser.add_argument("--case", choices=CASES, action="append", help="this case only; may be given again")
    parser.add_argument("--cells", action="store_true", help="run code cells in one process: no pages, no MLflow")
    parser.add_argument("--keep", type=Path, help="folder in which the runs stay, to be looked at")
    given = parser.parse_args()
    found = files.read_json(given.out) if given.out.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.case or CASES:
            found[name] = run(name, (given.keep or Path(temporary)) / name, in_process=given.cells)
            files.write_json(given.out, found)
            sys.stdout.write(f"{found[name]}\n")
    table = pd.DataFrame(found.values()).assign(not_possible=lambda rows: rows["not_possible"].str.len())
    good = sum(row["rc"] == 0 and row["memo"] for row in found.values())
    sys.stdout.write(f"{table.to_string(index=False)}\n{good} of {len(found)} end with 0 and a memo\n")
    return 0 if good == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
