"""How much a training varies from seed to seed: `python -m benchmarks.seeds --out JSON`, after `dvc repro`.

The stored settings are trained with the project's seed and with others, each of which draws its own rows, first weights
and order, and judged on the validation window as the search judges: by the mean over members, and by the paired
interval of the difference from a peer. The holdout, on which the decision rests, is never seen.
"""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from membership.base import engine, files, tables
from membership.base.errors import ProjectError
from membership.base.progress import bar
from membership.recommend import baskets, metrics, policies, train, tune
from membership.recommend.model import Settings
from membership.recommend.peers import registry
from membership.settings import params
from membership.stats import resample


def run(seeds: int, against: str) -> pd.DataFrame:
    """Return a row a seed: seed, recall, ndcg, difference (of recall, from the peer `against`), low, high."""
    p = params.load("tune")
    items = tables.read("items")
    events = baskets.of_products(engine.load(engine.connect(), "events"), items)
    return pd.DataFrame(
        {"seed": seed, **_judged(events, items, against, p.model_copy({"seed": seed}))}
        for seed in bar(range(p.seed, p.seed + seeds), "seeds")
    )


def _judged(events, items: pd.DataFrame, against: str, p: params.Stage) -> dict[str, float]:
    task = tune.task(events, items, p)
    settings = Settings(**p.train.settings.model_dump())
    ours = task.judged(train.network(task.samples, settings, p.train, p.seed, p.device).model)
    knobs = registry.settings(p.recommend.peers)[against].model_dump()
    ids, _ = policies.peer(against, knobs, task.now.baskets, items, p.seed).recommend(task.targets.members, task.k)
    theirs = metrics.per_member(ids, task.targets, task.now.baskets, task.k)
    gains = ours[task.metric].to_numpy() - theirs[task.metric].to_numpy()
    low, high, _ = resample.student(gains, p.tune.confidence)
    means = {"recall": ours[task.metric].mean(), "ndcg": ours[f"ndcg_at_{task.k}"].mean()}
    return {**means, "difference": gains.mean(), "low": low, "high": high}


def summary(found: pd.DataFrame) -> dict[str, float]:
    """Return mean and sd over seeds of recall, ndcg and difference, and the half width of the first seed's interval.

    `share` is the sd of the difference over that half width: how much of the interval training alone takes up.
    """
    told = {}
    for name in ("recall", "ndcg", "difference"):
        told |= {f"{name}_mean": found[name].mean(), f"{name}_sd": found[name].std()}
    half = (found["high"].iloc[0] - found["low"].iloc[0]) / 2
    return told | {"half_width": half, "share": told["difference_sd"] / half}


def main() -> None:
    """Train with each seed, write the JSON, print rows and summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seeds", type=int, default=5, help="seeds, 2 and up: the project's and those that follow it")
    parser.add_argument("--against", default="gp_topfreq", help="peer that the paired difference is taken from")
    given = parser.parse_args()
    try:
        found = run(given.seeds, given.against)
    except ProjectError as error:
        sys.exit(str(error))
    told, versions = summary(found), {"torch": version("torch"), "numpy": version("numpy")}
    rows = found.to_dict(orient="records")
    files.write_json(given.out, {"against": given.against, "rows": rows, "summary": told, "versions": versions})
    sys.stdout.write(f"{found.to_string(index=False)}\n\n{pd.Series(told).to_string()}\n")


if __name__ == "__main__":
    main()
