"""What is done for each member, for many of them: `python -m benchmarks.many_members --out JSON`, after `dvc repro`.

`scores`: table `repurchase` by boosted trees, of drawn members of 20 orders (`repurchase_speed`). `worth`: the
forecasts of table `value` by the stored model, of copies of the members there are. `lists`: 20 of 20,000 items for each
member of a drawn market of 50 events a member (`big_market`), by a network that has not learned, which costs the same.
`actions`: the next steps of copies of the members there are, and the files for the campaign tool. Each is measured in a
fresh process: CPU seconds, and the peak memory with imports and the members themselves. What is said of a million
members is extrapolated from the two largest sizes where it is not measured, and marked so.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import big_market, fresh, repurchase_speed, scale
from membership.base import files, paths, seeds, stored, tables
from membership.evaluate import actions
from membership.recommend import policy
from membership.recommend.candidates import Candidates
from membership.recommend.model import NextBasket, Settings
from membership.recommend.situation import View
from membership.repurchase import score as orders
from membership.settings import params
from membership.value import panel, score

ITEMS, LISTED = 20_000, 20


def main() -> None:
    """Measure each step at each size, write the JSON after each, and print growth."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--members", default="10000,100000", help="sizes, separated by commas")
    parser.add_argument("--only", choices=STEPS, action="append", help="this step only; may be given again")
    parser.add_argument("--out", type=Path, help="JSON file to write, or to add to")
    parser.add_argument("--measure", choices=STEPS, help=argparse.SUPPRESS)  # the fresh process
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(_measured(asked.measure, int(asked.members))))
        return
    rows = files.read_json(asked.out)["rows"] if asked.out and asked.out.exists() else []
    for members in map(int, asked.members.split(",")):
        for step in asked.only or STEPS:
            row = fresh.measure("benchmarks.many_members", "--measure", step, "--members", members)
            rows = [one for one in rows if (one["stage"], one["members"]) != (step, members)] + [row]
            print(json.dumps(row), flush=True)
            if asked.out:
                files.write_json(asked.out, {"rows": rows, "growth": _growth(rows)})
    print(pd.DataFrame(_growth(rows)).to_string(index=False))


def _growth(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return scale.growth(pd.DataFrame(rows)).reset_index().to_dict("records")


def _measured(step: str, members: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    p, clock = params.parse(params.read(), {"device": "cpu"}), fresh.Clock()
    clock.take(step, STEPS[step](members, p))
    found = clock.sums()
    return {"stage": step, "members": members, "cpu_s": found["cpu_s"], "peak_mb": found["peak_mib"]}


def _scores(members: int, p: params.Stage) -> Callable[[], object]:
    history = repurchase_speed.draw(members, seeds.rng(p.seed, "many-members"))
    day, settings = repurchase_speed.BEGINS + repurchase_speed.SEEN, p.repurchase
    forecast = repurchase_speed.scorer("boosted", history, day, settings, p.seed)
    return lambda: orders.table(forecast, history, day, p.economics.repurchase_days, settings.horizons)


def _worth(members: int, p: params.Stage) -> Callable[[], object]:
    known = panel.snapshot(tables.read("features"), p.windows.as_of, tables.read("members"))
    features = _copies(known.reset_index(), members).set_index("member_id")
    chances = orders.chances(_copies(tables.read("repurchase"), members), p.value.horizon_days)
    worth = stored.load(paths.models("worth"), score.STORED)
    return lambda: score.forecasts(worth, features, chances, p.value, p.economics)


def _lists(members: int, p: params.Stage) -> Callable[[], object]:
    known, items = big_market.draw(members, ITEMS, p.seed), pd.DataFrame(columns=["item_id", "name", "category"])

    def work():
        view = View(Candidates(known, p.train.candidates))
        recommender = policy.of_model(NextBasket(view.names, Settings(**p.train.settings.model_dump())), view)
        for start in range(0, len(known.members), policy.MEMBERS):
            policy.listed(recommender, items, known.members[start : start + policy.MEMBERS], LISTED)

    return work


def _actions(members: int, p: params.Stage) -> Callable[[], object]:
    names = ("value", "profile", "tiers", "allocations", "recommendations")
    value, profile, tiers, given, listed = (_copies(tables.read(name), members) for name in names)
    listed = listed[listed["policy"] == "champion"].drop(columns="policy")
    items, strategy = tables.read("items"), p.lifecycle.strategy
    arms = pd.DataFrame({"arm": "", "propensity": 1.0}, index=pd.Index([], name="member_id"))

    def work():
        steps = actions.steps(profile, tiers, given, listed, items, strategy, p.benefits.catalogue)
        todo = actions.assemble(value, profile, tiers, steps, listed, items, arms)
        with tempfile.TemporaryDirectory() as folder:
            tables.write("actions", todo, Path(folder))
            actions.publish(tables.ALL["actions"].path(Path(folder)), Path(folder))

    return work


def _copies(table: pd.DataFrame, members: int) -> pd.DataFrame:
    """Return the rows of so many members: copies of those in `table`, with ids of their own, sorted by them."""
    ids = pd.Index(table["member_id"].unique())
    rows = table.set_index("member_id")
    parts = [ids[: members - start] for start in range(0, members, len(ids))]
    made = [
        rows[rows.index.isin(part)].rename(lambda one, number=n: f"{one}-{number:04d}") for n, part in enumerate(parts)
    ]
    return pd.concat(made).sort_index(kind="stable").rename_axis("member_id").reset_index()


STEPS = {"scores": _scores, "worth": _worth, "lists": _lists, "actions": _actions}


if __name__ == "__main__":
    sys.exit(main())
